"""Any plan survives its plan file, byte for byte the same each time, and any change of a byte is seen."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import jsonschema
import pytest
from ccsync.core.batch import Batch, BatchKind, Transport
from ccsync.core.change import Counts
from ccsync.core.plan import Estimate, ExportPlan, ListAction, ListTarget, Plan, SourceRead, StateRef, sealed
from ccsync.core.spec import AccountId, ConnectionName, ExportName, ListId, OnDelete, OnLeave
from ccsync.errors import Diagnostic, Severity, StaleError, Where
from ccsync.state.files import sha256_of
from ccsync.state.planjson import plan_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.state.world import QuickDisk, plan_with
from tests.support.states import read_plan, write_plan

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))

DISK = QuickDisk()

names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.integers(0, 2**40)
tallies = st.dictionaries(texts, numbers, max_size=3)
moments = st.integers(1_600_000_000, 3_600_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
places = st.builds(Where, texts, st.none() | st.integers(1, 99), st.none() | st.integers(1, 99))
findings = st.lists(
    st.builds(
        Diagnostic,
        st.from_regex(r"[EW][0-9]{3}", fullmatch=True),
        texts,
        st.sampled_from(Severity),
        st.none() | texts,
        st.none() | texts,
        st.none() | places,
        st.none() | texts,
    ),
    max_size=2,
).map(tuple)
batches = st.lists(
    st.builds(
        Batch,
        st.integers(1, 99),
        st.sampled_from(BatchKind),
        numbers,
        numbers,
        numbers,
        st.none() | st.sampled_from(Transport),
    ),
    max_size=2,
).map(tuple)
sources = st.lists(
    st.builds(SourceRead, texts, numbers, st.lists(st.tuples(texts, numbers), max_size=2).map(tuple)), max_size=2
).map(tuple)
targets = st.builds(ListTarget, st.just(ListId("1")), texts) | st.builds(
    ListTarget, st.none(), texts, st.just(ListAction.CREATE)
)


def export_plans(name: str, sha256: str) -> st.SearchStrategy[ExportPlan]:
    return st.builds(
        ExportPlan,
        name=st.just(ExportName(name)),
        connection=names.map(ConnectionName),
        account=texts.map(AccountId),
        list=targets,
        fields=st.lists(texts, max_size=2).map(tuple),
        mapping=st.dictionaries(texts, texts, max_size=2),
        on_leave=st.sampled_from(OnLeave),
        on_delete=st.sampled_from(OnDelete),
        members_before=numbers,
        members_after=numbers,
        desired=numbers,
        source_rows=numbers,
        managed=numbers,
        counts=st.builds(Counts, numbers, numbers, numbers, numbers, numbers, numbers, numbers),
        held_back=tallies,
        unusable=tallies,
        fields_changed=tallies,
        reasons=tallies,
        drift=tallies,
        findings=findings,
        batches=batches,
        unresolved=numbers,
        people=numbers,
        sources=sources,
        estimate=st.builds(Estimate, numbers, numbers, numbers),
        deleted=st.booleans(),
        changes_sha256=st.just(sha256),
    )


@st.composite
def plans(draw: st.DrawFn, folder: Path) -> tuple[Plan, dict[ExportName, Path]]:
    changes, exports = {}, []
    for name in sorted(draw(st.sets(names, max_size=3))):
        path = folder / f"{name}.parquet"
        path.write_bytes(draw(st.binary(max_size=40)))
        changes[ExportName(name)] = path
        exports.append(draw(export_plans(name, sha256_of(path))))
    created_at = draw(moments)
    plan = Plan(
        ccsync=draw(texts),
        created_at=created_at,
        expires_at=created_at + timedelta(seconds=draw(st.integers(0, 10**6))),
        workspace=draw(texts),
        refreshed=draw(st.booleans()),
        complete=draw(st.booleans()),
        base=StateRef(draw(texts), draw(numbers), draw(texts)),
        config_digest=draw(texts),
        accounts=draw(st.dictionaries(names.map(ConnectionName), texts.map(AccountId), max_size=2)),
        exports=tuple(exports),
        allowed=draw(st.lists(texts, max_size=2).map(tuple)),
        findings=draw(findings),
    )
    return sealed(plan), changes


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_plan_survives_its_file(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        plan, changes = data.draw(plans(folder))
        write_plan(folder / "one.ccplan", plan, changes, DISK)
        write_plan(folder / "two.ccplan", plan, dict(reversed(changes.items())), DISK)
        assert (folder / "one.ccplan").read_bytes() == (folder / "two.ccplan").read_bytes()
        found, unpacked = read_plan(folder / "one.ccplan", folder / "work", DISK)
        assert found == plan
        assert {n: p.read_bytes() for n, p in unpacked.items()} == {n: p.read_bytes() for n, p in changes.items()}
        jsonschema.Draft7Validator(SCHEMA).validate(json.loads(plan_bytes(plan)))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_edit_is_seen(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        plan, changes = plan_with(folder / "plan", {"news": b"PAR1 rows PAR1"})
        path = folder / "x.ccplan"
        write_plan(path, plan, changes, DISK)
        whole = path.read_bytes()
        start = data.draw(st.integers(0, len(whole)))
        stop = data.draw(st.integers(start, min(len(whole), start + 9)))
        edited = whole[:start] + data.draw(st.binary(max_size=9)) + whole[stop:]
        path.write_bytes(edited)
        if edited == whole:
            assert read_plan(path, folder / "work", DISK)[0] == plan
        else:
            with pytest.raises(StaleError, match="E702"):
                read_plan(path, folder / "work", DISK)
