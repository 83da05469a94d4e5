"""Profiles beside segments in Common Data Model folders: fields, membership lists, and SQL over them."""

import duckdb
import pytest
from ccsync.core.spec import Column, Duplicates, OrderBy
from ccsync.errors import InvalidError

from tests.engine.lake import (
    MODEL,
    MONICA_ROW,
    TABLE,
    WEEKLY,
    csv_file,
    desired,
    entity,
    found,
    model,
    partition,
    people,
    refused,
    the_example,
)
from tests.engine.projects import Bench, Option, export, source, table

# Any: JSON documents.

PROFILES = ("CustomerId", "FirstName", "LastName", "EMail")
PROFILE_ROWS = (
    "CustomerId,FirstName,LastName,EMail\n"
    "c1,Monica,Thomson,monica.thomson@example.com\n"
    'C1,José,"García, Jr.",jose@example.com\n'
    "c3,Lea,Left,lea@example.com\n"
)


def with_profiles(bench: Bench, members: str, columns: tuple[str, ...] = ("CustomerId", "Tier")) -> None:
    bench.write(
        MODEL,
        model(
            entity(partition(1, "Vips"), name="Vips", columns=columns),
            entity(partition(1, "Customer"), name="Customer", columns=PROFILES),
        ),
    )
    csv_file(bench, 1, ",".join(columns) + "\n" + members, "Vips")
    csv_file(bench, 1, PROFILE_ROWS, "Customer")


def test_fields_come_from_the_profile_of_a_member(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\nC1,silver\n")
    options = {"profile_table": "Customer", "key": "CustomerId"}
    assert people(bench, "Vips", **options) == [("jose@example.com", "José", "García, Jr."), MONICA_ROW]
    wanted = export(email=Column("EMail"), fields={"first_name": "Tier"})
    rows = bench.people(source("cdm", MODEL, **options), table(table="Vips"), wanted)
    assert rows == [("jose@example.com", "silver"), ("monica.thomson@example.com", "gold")]


def test_a_column_of_both_tables_is_the_profiles(bench: Bench) -> None:
    with_profiles(bench, "c1,old@example.com\n", ("CustomerId", "EMail"))
    assert people(bench, "Vips", profile_table="Customer") == [MONICA_ROW]


def test_a_member_without_a_profile_is_a_row_that_can_not_be_used(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\nc9,gold\n")
    result = desired(bench, "Vips", profile_table="Customer")
    assert (result.size, result.rows, result.unusable["missing_email"]) == (1, 2, 1)


def test_the_profiles_themselves_are_a_segment_too(bench: Bench) -> None:
    with_profiles(bench, "")
    assert len(people(bench, "Customer", profile_table="Customer")) == 3


def test_who_left_the_segment_is_still_a_profile(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\n")
    lake = source("cdm", MODEL, profile_table="Customer")
    engine = bench.engine(lake, [table(table="Vips")], [WEEKLY])
    bench.session.execute("CREATE TABLE leavers AS SELECT unnest(['lea@example.com', 'gone@example.com']) AS key")
    assert bench.rows(engine.in_source(WEEKLY, "leavers")) == [("lea@example.com",)]  # type: ignore[arg-type]
    engine.close()


def test_a_key_that_a_table_does_not_have_is_named(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\n")
    assert "CustomerId" in str(refused(bench, "E411", "Vips", profile_table="Customer", key="Nope").diagnostics[0].hint)
    refused(bench, "E410", "Vips", profile_table="Custmer")


@pytest.mark.parametrize("membership", ["msdynci_segmentmembership", "SegmentMembership", "Own"])
def test_names_in_membership_lists_are_exact(bench: Bench, membership: str) -> None:
    prefix = "msdynci_" if membership.startswith("msdynci") else ""
    columns = (f"{prefix}customerid", f"{prefix}segments", f"{prefix}segmentmembershiptype")
    bench.write(
        MODEL,
        model(
            entity(partition(1, membership), name=membership, columns=columns, annotations=[]),
            entity(partition(1, "Customer"), name="Customer", columns=PROFILES, annotations=[]),
        ),
    )
    rows = (
        'c1,"[""HighValue"",""Other""]",Customer\n'
        'C1,"[""HighValueSegment""]",\n'
        "c3,[],Customer\n"
        "c4,,Customer\n"
        'c3,"[""HighValue""]",Account\n'
        'c1,"[""HighValue""]",Customer\n'
    )
    csv_file(bench, 1, ",".join(columns) + "\n" + rows, membership)
    csv_file(bench, 1, PROFILE_ROWS, "Customer")
    options: dict[str, Option] = {"profile_table": "Customer"}
    if membership == "Own":
        options["membership_table"] = "Own"
    assert people(bench, "HighValue", **options) == [MONICA_ROW]
    assert people(bench, "HighValueSegment", **options) == [("jose@example.com", "José", "García, Jr.")]
    nobody = desired(bench, "highvalue", **options)
    assert (nobody.size, found(nobody)) == (0, ["W442"])


def test_membership_lists_need_profiles_and_to_be_lists(bench: Bench) -> None:
    name, columns = "msdynci_segmentmembership", ("msdynci_customerid", "msdynci_segments")
    bench.write(
        MODEL,
        model(
            entity(partition(1, name), name=name, columns=columns, annotations=[]),
            entity(partition(1, "Customer"), name="Customer", columns=PROFILES),
        ),
    )
    csv_file(bench, 1, ",".join(columns) + '\nc1,"[""HighValue"""\n', name)
    csv_file(bench, 1, PROFILE_ROWS, "Customer")
    refused(bench, "E410", "HighValue")
    refused(bench, "E415", "HighValue", profile_table="Customer")


def test_several_rows_a_customer_are_told_and_the_duplicates_rule_decides(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\nc1,silver\nC1,gold\n")
    wanted = export(email=Column("EMail"), fields={"first_name": "Tier"})
    ordered = Duplicates(order_by=(OrderBy("Tier", descending=True),))
    result = bench.desired(
        source("cdm", MODEL, profile_table="Customer"),
        table(table="Vips"),
        type(wanted)(**{**{n: getattr(wanted, n) for n in wanted.__dataclass_fields__}, "duplicates": ordered}),
    )
    assert bench.rows(result.relation) == [("jose@example.com", "gold"), ("monica.thomson@example.com", "silver")]
    assert found(result) == ["W431"]
    assert "1 customers" in result.findings[0].summary


# ---------------------------------------------------------------- user SQL


def test_a_users_sql_sees_the_relation_and_not_the_folder(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\n")
    lake = source("cdm", MODEL, profile_table="Customer")
    chosen = table(table="Vips", query="SELECT EMail AS email, upper(FirstName) AS first FROM source")
    assert bench.people(lake, chosen) == [("monica.thomson@example.com", "MONICA")]
    reading = f"SELECT content AS email, 'x' AS first FROM read_text('{bench.root}/{MODEL}')"
    with pytest.raises(InvalidError, match="E403"):
        bench.people(lake, table(table="Vips", query=reading))


def test_the_second_wall_keeps_the_description_of_the_folder_out_of_reach(bench: Bench) -> None:
    the_example(bench)
    engine = bench.engine(source("cdm", MODEL), [table(table=TABLE)], [WEEKLY])
    engine.desired(WEEKLY)
    (opened,) = engine._opened.values()
    with pytest.raises(duckdb.PermissionException):
        opened.connection.execute(f"SELECT content FROM read_text('{bench.root}/{MODEL}')")
    engine.close()
