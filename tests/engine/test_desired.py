"""The people an export wants: duplicates, unusable rows, conflicts, who is still in the source."""

import subprocess
import sys
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from ccsync.core.change import zero_unusable
from ccsync.core.spec import (
    Column,
    CombinedSegment,
    Duplicates,
    Export,
    ExportName,
    Field,
    Keep,
    OnNull,
    OnTooLong,
    OrderBy,
    SegmentName,
    SetOperation,
    Source,
    Sql,
    Value,
)
from ccsync.errors import InvalidError
from ccsync.ports.desired import Desired, Relation

from tests.engine.projects import Bench, codes, everything_said, export, source, table

HEADER = "email,first,age,day"


def csv(bench: Bench, *rows: str) -> Source:
    return source("csv", bench.write("a.csv", "\n".join([HEADER, *rows]) + "\n"))


def wanted(keep: Keep = Keep.FIRST, *order_by: str) -> Export:
    by = tuple(OrderBy(it.removesuffix(" desc"), it.endswith(" desc")) for it in order_by)
    return replace(export(), duplicates=Duplicates(keep, by))


# ---------------------------------------------------------------- unusable rows


def test_every_reason_is_counted_and_listed_with_the_address_as_it_stood(bench: Bench) -> None:
    rows = [
        "Good@B.example ,Gus",
        ",N",
        " \u00a0,N",
        " Bad ,N",
        f"{'a' * 40}@b.example.org,N",
        f"long@b.example,{'é' * 51}",
    ]
    desired = bench.desired(csv(bench, *(f"{row},1,1" for row in rows)))
    assert bench.rows(desired.relation) == [("good@b.example", "Gus")]
    assert bench.rows(desired.unusable_relation) == [
        (" Bad ", "invalid_email"),
        (" \u00a0", "missing_email"),
        (f"{'a' * 40}@b.example.org", "email_too_long"),
        ("long@b.example", "field_too_long:first_name"),
        (None, "missing_email"),
    ]
    assert desired.unusable == zero_unusable() | {
        "missing_email": 2,
        "invalid_email": 1,
        "email_too_long": 1,
        "field_too_long": 1,
    }
    assert (desired.rows, desired.size, desired.blocking) == (6, 1, 5)


def test_values_lose_the_space_around_them_and_blank_is_no_value(bench: Bench) -> None:
    rows = ["a@b.example,\u3000 An na\t,1,1", 'c@d.example,"\u00a0 ",1,1', "e@f.example,,1,1"]
    people = bench.people(csv(bench, *rows))
    assert people == [("a@b.example", "An na"), ("c@d.example", None), ("e@f.example", None)]


@pytest.mark.parametrize(("limit", "target"), [(50, "first_name"), (255, "street"), (255, "cf:tier")])
def test_the_limit_of_a_field_counts_characters(bench: Bench, limit: int, target: str) -> None:
    rows = [f"a@b.example,{'€' * limit},1,1", f"c@d.example,{'€' * (limit + 1)},1,1"]
    desired = bench.desired(csv(bench, *rows), table(), export(fields={target: "first"}))
    assert [key for key, _ in bench.rows(desired.relation)] == ["a@b.example"]
    assert desired.unusable["field_too_long"] == 1


def test_fields_keep_their_order_and_names(bench: Bench) -> None:
    fields = {"cf:tier": "age", "last_name": Value("O'Neil; --"), "first_name": "first", "city": Value(" ")}
    desired = bench.desired(csv(bench, "a@b.example,A,7,1"), table(), export(fields=fields))
    columns = bench.session.rows(f"SELECT column_name FROM (DESCRIBE {desired.relation})")
    assert [name for (name,) in columns] == ["key", "cf:tier", "last_name", "first_name", "city"]
    assert bench.rows(desired.relation) == [("a@b.example", "7", "O'Neil; --", "A", None)]


def test_an_address_can_be_an_expression(bench: Bench) -> None:
    of = export(email=Sql("first || '@b.example'"))
    assert bench.people(csv(bench, "x,Anna,1,1"), table(), of) == [("anna@b.example", "Anna")]


def test_an_export_without_fields_is_keys_alone(bench: Bench) -> None:
    rows = ["a@b.example,A,1,1", "A@b.example,B,1,1"]
    desired = bench.desired(csv(bench, *rows), table(), export(fields={}))
    assert bench.rows(desired.relation) == [("a@b.example",)]
    assert desired.unusable["duplicate"] == 1


@pytest.mark.parametrize(("day", "sent"), [("7", "7"), ("07", "7"), ("31", "31"), ("", None)])
def test_a_birthday_is_a_whole_number(bench: Bench, day: str, sent: str | None) -> None:
    of = export(fields={"birthday_day": "day"})
    assert bench.people(csv(bench, f"a@b.example,A,1,{day}"), table(), of) == [("a@b.example", sent)]


def test_a_row_with_half_a_birthday_or_none_is_unusable(bench: Bench) -> None:
    fields = {"birthday_month": "age", "birthday_day": "day"}
    rows = ["a@b.example,A,13,1", "c@d.example,A,1.5,2", "e@f.example,A,12,32", "g@h.example,A,12,31"]
    rows.append("i@j.example,A,1,")
    desired = bench.desired(csv(bench, *rows), table(), export(fields=fields))
    assert bench.rows(desired.relation) == [("g@h.example", "12", "31")]
    assert bench.rows(desired.unusable_relation) == [
        ("a@b.example", "invalid_number:birthday_month"),
        ("c@d.example", "invalid_number:birthday_month"),
        ("e@f.example", "invalid_number:birthday_day"),
        ("i@j.example", "invalid_date:birthday_month"),
    ]


def test_all_problems_of_a_mapping_are_told_at_once(bench: Bench) -> None:
    fields = {
        "first_name": "frist",
        "last_name": "nowhere",
        "city": Sql("nope + 1"),
        "cf:x": Sql("1 +"),
        "state": "day",
    }
    of = replace(export(fields=fields, email=Column("e_mail")), duplicates=Duplicates(order_by=(OrderBy("updated"),)))
    with pytest.raises(InvalidError) as caught:
        bench.desired(csv(bench, "a@b.example,A,1,1"), table(), of)
    assert codes(caught.value) == ["E411", "E411", "E411", "E402", "E402", "E411"]
    hints = [str(d.hint) for d in caught.value.diagnostics]
    assert hints[0].startswith("did you mean email? there are: email, first, age, day")
    assert hints[1].startswith("did you mean first?")
    assert "export weekly, cf:x" in caught.value.diagnostics[4].summary
    assert "a@b" not in everything_said(caught.value)


# ---------------------------------------------------------------- duplicates

COPIES = ["a@b.example,Zoe,9,1", "A@B.example ,Anna,10,2", "a@b.example,Mia,,3", "other@b.example,Otto,1,1"]


@pytest.mark.parametrize(
    ("order_by", "kept"),
    [
        ([], "Anna"),
        (["day"], "Zoe"),
        (["day desc"], "Mia"),
        (["age"], "Anna"),
        (["age desc"], "Zoe"),
    ],
)
def test_the_copy_that_is_kept_does_not_depend_on_the_order_of_rows(
    bench: Bench, order_by: list[str], kept: str
) -> None:
    for rows in list(permutations(COPIES))[::5]:
        desired = bench.desired(csv(bench, *rows), table(), wanted(Keep.FIRST, *order_by))
        assert bench.rows(desired.relation) == [("a@b.example", kept), ("other@b.example", "Otto")]
        assert (desired.unusable["duplicate"], desired.blocking) == (2, 0)
        assert bench.rows(desired.unusable_relation) == [("a@b.example", "duplicate")] * 2


def test_copies_are_compared_as_the_type_of_the_source_and_empty_comes_last(bench: Bench) -> None:
    lines = ['{"email":"a@b.example","first":"nine","age":9}', '{"email":"a@b.example","first":"ten","age":10}']
    lines.append('{"email":"a@b.example","first":"none"}')
    one = source("json", bench.write("a.json", "\n".join(lines)))
    for order, kept in (("age", "nine"), ("age desc", "ten")):
        assert bench.people(one, table(), wanted(Keep.FIRST, order)) == [("a@b.example", kept)]


def test_with_keep_none_all_copies_are_unusable_and_block(bench: Bench) -> None:
    desired = bench.desired(csv(bench, *COPIES), table(), wanted(Keep.NONE))
    assert bench.rows(desired.relation) == [("other@b.example", "Otto")]
    assert (desired.unusable["duplicate"], desired.blocking, desired.rows) == (3, 3, 4)


def test_rows_that_are_the_same_are_copies_too(bench: Bench) -> None:
    desired = bench.desired(csv(bench, *["a@b.example,A,1,1"] * 3))
    assert bench.rows(desired.relation) == [("a@b.example", "A")]
    assert (desired.unusable["duplicate"], desired.blocking) == (2, 0)


def test_a_usable_copy_stands_for_a_person_whose_other_copy_is_too_long(bench: Bench) -> None:
    rows = [f"a@b.example,{'A' * 60},1,1", "a@b.example,Short,2,2"]
    desired = bench.desired(csv(bench, *rows))
    assert bench.rows(desired.relation) == [("a@b.example", "Short")]
    assert (desired.unusable["field_too_long"], desired.unusable["duplicate"]) == (1, 0)


# ---------------------------------------------------------------- conflicts


def pair(bench: Bench, one: str, other: str, fields: dict[str, object] | None = None) -> dict[ExportName, Desired]:
    bench.write("one.csv", f"email,first,last\n{one}")
    bench.write("other.csv", f"email,first,last\n{other}")
    sources = [source("csv", "one.csv", "one"), source("csv", "other.csv", "other")]
    segments = [table("one", "one"), table("other", "other")]
    both = {"first_name": "first", "last_name": "last"}
    exports = [export("one", name="e1", fields=both), export("other", name="e2", fields=fields or both)]
    engine = bench.engine(sources, segments, exports)
    return {of.name: engine.desired(of) for of in exports}


def conflicts(bench: Bench, desires: dict[ExportName, Desired]) -> object:
    return bench.engine([], [], []).conflicts(desires)


def test_a_disputed_field_is_blanked_in_both_and_counted(bench: Bench) -> None:
    one = "a@b.example,Anna,Smith\nc@d.example,Cleo,Roe\ne@f.example,Eve,\n"
    other = "A@b.example,Anne,Smith\nc@d.example,,Row\nz@b.example,Zoe,Zed\ne@f.example,Eve,New\n"
    desires = pair(bench, one, other)
    assert conflicts(bench, desires) == {
        "e1": {"first_name": 1, "last_name": 1},
        "e2": {"first_name": 1, "last_name": 1},
    }
    first, second = (bench.rows(it.relation) for it in desires.values())
    assert first == [("a@b.example", None, "Smith"), ("c@d.example", "Cleo", None), ("e@f.example", "Eve", None)]
    assert second == [
        ("a@b.example", None, "Smith"),
        ("c@d.example", None, None),
        ("e@f.example", "Eve", "New"),
        ("z@b.example", "Zoe", "Zed"),
    ]


@pytest.mark.parametrize("fields", [None, {"city": "first"}])
def test_where_nothing_is_disputed_nothing_changes(bench: Bench, fields: dict[str, object] | None) -> None:
    other = "a@b.example,Anna,\n" if fields is None else "a@b.example,Utrecht,\n"
    desires = pair(bench, "a@b.example,Anna,Smith\n", other, fields)
    assert conflicts(bench, desires) == {}
    assert bench.rows(desires[ExportName("e1")].relation) == [("a@b.example", "Anna", "Smith")]


def test_a_third_export_loses_the_field_although_it_agrees_with_one(bench: Bench) -> None:
    desires = pair(bench, "a@b.example,Anna,\n", "a@b.example,Anne,\n")
    third = bench.desired(source("csv", "one.csv"), table(), export(name="e3", fields={"first_name": "first"}))
    everyone = {**desires, ExportName("e3"): third}
    assert conflicts(bench, everyone) == {name: {"first_name": 1} for name in ("e1", "e2", "e3")}
    assert bench.rows(third.relation) == [("a@b.example", None)]


def test_a_single_export_disputes_nothing(bench: Bench) -> None:
    desired = bench.desired(csv(bench, "a@b.example,A,1,1"))
    assert conflicts(bench, {ExportName("weekly"): desired}) == {}


# ---------------------------------------------------------------- who is still in the source


def asked(bench: Bench, *keys: str) -> Relation:
    name = bench.session.fresh_name("asked")
    bench.session.execute(f"CREATE TABLE {name} AS SELECT unnest(CAST(? AS VARCHAR[])) AS key", [list(keys)])
    return name


def test_people_whom_a_condition_leaves_out_are_still_in_the_source(bench: Bench) -> None:
    of = export("old", "young")
    segments = [table("old", where="age::INT > 60"), table("young", query="SELECT * FROM source WHERE age::INT < 20")]
    engine = bench.engine(csv(bench, "A@b.example,A,40,1", "a@b.example,A,41,1"), segments, [of])
    keys = asked(bench, "a@b.example", "gone@b.example")
    assert bench.rows(engine.in_source(of, keys)) == [("a@b.example",)]


def test_where_a_query_makes_the_address_its_rows_stand_for_the_source(bench: Bench) -> None:
    of = export("some", email=Column("mail"))
    ones = table("ones", query="SELECT email AS mail, first FROM source WHERE age = '1'")
    twos = table("twos", query="SELECT email AS mail, first FROM source WHERE first = 'A'")
    some = CombinedSegment(SegmentName("some"), SetOperation.EXCEPT, (ones.name, twos.name))
    rows = csv(bench, "a@b.example,A,1,1", "c@d.example,C,2,1")
    engine = bench.engine(rows, [ones, twos, some], [of])
    assert bench.rows(engine.in_source(of, asked(bench, "a@b.example", "c@d.example"))) == [("a@b.example",)]


def test_a_source_that_is_taken_whole_is_not_read_again_for_who_left_it(bench: Bench) -> None:
    some, everyone = export("old"), export("old", "all")
    segments = [table("all"), table("old", where="age::INT > 60")]
    engine = bench.engine(csv(bench, "a@b.example,A,1,1"), segments, [some])
    keys = asked(bench, "c@d.example")
    assert bench.rows(engine.in_source(everyone, keys)) == []
    csv(bench, "c@d.example,C,1,1", "e@f.example,E,1,1")
    assert bench.rows(engine.in_source(everyone, keys)) == []
    with pytest.raises(InvalidError, match="E421"):
        engine.in_source(some, keys)
    engine.close()


# ---------------------------------------------------------------- the end of the process

READS_AND_ENDS = """
import sys
from pathlib import Path
from ccsync.engine.session import Session
from tests.engine.projects import Bench, export, source, table
root = Path(sys.argv[1])
with Session(root / "work", threads=2) as session:
    bench = Bench(root, session)
    of = export()
    segment = table(where=sys.argv[3])
    engine = bench.engine(source("csv", "a.csv"), [segment], [of])
    if sys.argv[2] == "exit":
        try:
            engine.desired(of)
        except Exception as error:
            raise SystemExit(7) from error
    desired = engine.desired(of)
    engine.in_source(of, desired.relation)
"""


@pytest.mark.parametrize(
    ("end", "where", "code"), [("return", "true", 0), ("exit", "cast(first AS INT) = 1", 7), ("exit", "first", 7)]
)
def test_a_process_that_read_sources_ends_without_a_word(bench: Bench, end: str, where: str, code: int) -> None:
    csv(bench, "a@b.example,A,1,1")
    command = [sys.executable, "-c", READS_AND_ENDS, str(bench.root), end, where]
    here = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


# ---------------------------------------------------------------- what a field asks of its values


@pytest.mark.parametrize(
    ("require", "code"),
    [
        ("(SELECT count(*) FROM read_csv('/etc/hostname')) > 0", "E403"),
        ("count(*) > 1", "E402"),
        ("getenv('HOME') <> ''", "E403"),
        ("true; SELECT 1", "E403"),
        ("first", "E403"),
        ("frist = 'a'", "E402"),
    ],
)
def test_the_condition_of_require_passes_the_same_walls_as_any_sql(bench: Bench, require: str, code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(csv(bench, "a@b.example,A,1,1"), table(), replace(export(), require=require))
    assert set(codes(caught.value)) <= {code, "E411"}


def test_a_text_that_is_too_long_is_cut_where_that_was_chosen(bench: Bench) -> None:
    field = Field("first_name", Column("first"), OnTooLong.TRUNCATE)
    of = replace(export(), fields=(field, Field("birthday_day", Column("day"), OnTooLong.TRUNCATE)))
    rows = [f"a@b.example,{'é' * 49} x,1,1", "c@d.example,short,1,32"]
    desired = bench.desired(csv(bench, *rows), table(), of)
    assert bench.rows(desired.relation) == [("a@b.example", "é" * 49, "1")]
    assert bench.rows(desired.unusable_relation) == [("c@d.example", "invalid_number:birthday_day")]


def test_a_row_without_a_value_can_be_left_out_and_stops_no_plan(bench: Bench) -> None:
    of = replace(export(), fields=(Field("first_name", Column("first"), on_null=OnNull.SKIP_ROW),))
    desired = bench.desired(csv(bench, "a@b.example,A,1,1", "c@d.example, ,1,1"), table(), of)
    assert bench.rows(desired.relation) == [("a@b.example", "A")]
    assert bench.rows(desired.unusable_relation) == [("c@d.example", "missing_value:first_name")]
    assert (desired.unusable["missing_value"], desired.blocking) == (1, 0)


@pytest.mark.parametrize(("on_too_long", "people"), [(OnTooLong.UNUSABLE, 1), (OnTooLong.TRUNCATE, 2)])
def test_a_contact_has_three_phones(bench: Bench, on_too_long: OnTooLong, people: int) -> None:
    kinds = {"home_phone": "first", "work_phone": "age", "mobile_phone": "day", "phone": "email"}
    of = replace(export(), fields=tuple(Field(kind, Column(name), on_too_long) for kind, name in kinds.items()))
    rows = bench.desired(csv(bench, "a@b.example,1,2,3", "c@d.example,1,,3"), table(), of)
    assert rows.size == people
    assert rows.unusable["too_many_phones"] == 2 - people
    assert [row[-1] for row in bench.rows(rows.relation)] == [None, "c@d.example"][2 - people :]
