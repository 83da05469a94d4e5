"""Plan files: the same plan is the same bytes, and no other bytes are taken for it."""

import hashlib
import json
import os
import stat
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ccsync.core.plan import Plan, canonical_json, sealed, to_document
from ccsync.core.spec import ExportName
from ccsync.errors import CcsyncError, InvalidError, StaleError, StorageError
from ccsync.state.archive import archive_bytes, directory, local_header, measured
from ccsync.state.planjson import plan_bytes

from tests.state.world import NOW, QuickDisk, plan_with
from tests.support.states import read_plan, write_plan

ROWS = {"news": b"PAR1 news rows PAR1", "vips": b""}


def written(tmp_path: Path, name: str = "x.ccplan", **parts: object) -> tuple[Path, Plan]:
    plan, changes = plan_with(tmp_path / "plan", ROWS, **parts)
    write_plan(tmp_path / name, plan, changes)
    return tmp_path / name, plan


def code_of(path: Path, workdir: Path) -> str:
    with pytest.raises(CcsyncError) as caught:
        read_plan(path, workdir, QuickDisk())
    return caught.value.diagnostics[0].code


def test_a_plan_file_gives_back_the_plan_and_its_changes(tmp_path: Path) -> None:
    path, plan = written(tmp_path)
    found, changes = read_plan(path, tmp_path / "work")
    assert found == plan
    assert {name: file.read_bytes() for name, file in changes.items()} == ROWS
    assert {stat.S_IMODE(file.stat().st_mode) for file in changes.values()} == {0o600}
    assert stat.S_IMODE((tmp_path / "work").stat().st_mode) == 0o700


def test_any_zip_tool_reads_it(tmp_path: Path) -> None:
    path, plan = written(tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["changes/news.parquet", "changes/vips.parquet", "plan.json"]
        assert json.loads(archive.read("plan.json")) == json.loads(canonical_json(to_document(plan)))
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100600}


def test_the_same_plan_is_the_same_bytes(tmp_path: Path) -> None:
    one, _ = written(tmp_path / "1")
    two, _ = written(tmp_path / "2")
    assert one.read_bytes() == two.read_bytes()


def test_the_container_is_the_same_bytes_for_good() -> None:
    """So that a plan written with another Python, or another ccsync of the same format, is the same file."""
    member = measured("plan.json", iter((b"{}\n",)))
    packed = local_header(member) + b"{}\n" + directory([member])
    assert len(packed) == archive_bytes([member])
    assert hashlib.sha256(packed).hexdigest() == "2ac4a60a41fc93842da942e81cadbfebe0ce7f56c11f39172b3e4a74e3400fc7"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_plan_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    plan, changes = plan_with(tmp_path / "plan", ROWS)
    former = os.umask(umask)
    try:
        write_plan(tmp_path / "x.ccplan", plan, changes)
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "x.ccplan").stat().st_mode) == 0o600


def test_a_plan_file_is_replaced_and_leftovers_of_it_are_swept(tmp_path: Path) -> None:
    path, _ = written(tmp_path, workspace="one")
    (tmp_path / ".tmp-0123456789ab-x.ccplan").write_bytes(b"half")
    (tmp_path / ".tmp-0123456789ab-other").write_bytes(b"not ours")
    written(tmp_path, workspace="two")
    assert read_plan(path, tmp_path / "work")[0].workspace == "two"
    assert sorted(p.name for p in tmp_path.glob(".tmp*")) == [".tmp-0123456789ab-other"]


def test_an_export_without_a_changes_file_has_none_in_the_plan_file(tmp_path: Path) -> None:
    plan, changes = plan_with(tmp_path / "plan", ROWS)
    bare = sealed(replace(plan, exports=(plan.exports[0], replace(plan.exports[1], changes_sha256=""))))
    write_plan(tmp_path / "x.ccplan", bare, changes)
    assert set(read_plan(tmp_path / "x.ccplan", tmp_path / "work")[1]) == {"news"}


def test_a_plan_that_is_not_sealed_or_lacks_rows_is_not_written(tmp_path: Path) -> None:
    plan, changes = plan_with(tmp_path / "plan", ROWS)
    with pytest.raises(ValueError, match="does not have the digest"):
        write_plan(tmp_path / "x.ccplan", replace(plan, workspace="other"), changes)
    with pytest.raises(ValueError, match="not given"):
        write_plan(tmp_path / "x.ccplan", plan, {})
    changes[ExportName("news")].write_bytes(b"other rows")
    with pytest.raises(StorageError, match="E713"):
        write_plan(tmp_path / "x.ccplan", plan, changes)
    assert not (tmp_path / "x.ccplan").exists()


# ---------------------------------------------------------------- what is refused


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"E715.*no plan file"):
        read_plan(tmp_path / "none.ccplan", tmp_path / "work")


def test_what_is_no_file_is_no_plan(tmp_path: Path) -> None:
    assert code_of(tmp_path, tmp_path / "work") == "E702"
    assert code_of(Path("/dev/null"), tmp_path / "work") == "E702"


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"\0" * 22, b"PK\5\6" + b"\0" * 18, b"PK\5\6" + b"\xff" * 18, b"x" * 9999]
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert code_of(tmp_path / "x", tmp_path / "work") == "E702"


def test_every_byte_counts(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    data = path.read_bytes()
    outside = [at for at in range(len(data)) if at % 23 == 0 or not data.index(b"{") < at < data.rindex(b"}")]
    for at in outside:
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])
        assert code_of(path, tmp_path / "work") == "E702", at


def test_a_cut_off_or_longer_file_is_refused(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    data = path.read_bytes()
    for other in (*(data[:length] for length in range(0, len(data), 97)), data[:-1], data + b"\0", b"\0" + data):
        path.write_bytes(other)
        assert code_of(path, tmp_path / "work") == "E702"


Change = Callable[[dict[str, bytes]], object]


def repacked(path: Path, change: Change, method: int = zipfile.ZIP_STORED) -> None:
    """The archive, packed anew by somebody else after a change of its members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def edited(members: dict[str, bytes], old: bytes, new: bytes) -> None:
    assert old in members["plan.json"]
    members["plan.json"] = members["plan.json"].replace(old, new)


@pytest.mark.parametrize(
    "change",
    [
        lambda members: None,
        lambda members: edited(members, b'"add": 1', b'"add": 2'),
        lambda members: edited(members, b'"expires_at": "2026-10-02', b'"expires_at": "2036-10-02'),
        lambda members: edited(members, b'"add": 1,', b'"add": 1, "add": 1,'),
        lambda members: edited(members, b'"accounts": {', b'"more": 1, "accounts": {'),
        lambda members: members.update({"plan.json": b"[" * 100_000}),
        lambda members: members.update({"plan.json": b"\xff\xfe"}),
        lambda members: members.update({"plan.json": b'{"format": 1}'}),
        lambda members: members.update({"plan.json": b'{"format": "2"}'}),
        lambda members: members.update({"changes/news.parquet": b"other rows"}),
        lambda members: members.pop("changes/news.parquet"),
        lambda members: members.pop("plan.json"),
        lambda members: members.update({"../evil": b""}),
        lambda members: members.update({"/etc/evil": b""}),
        lambda members: members.update({"changes/../../evil.parquet": b""}),
    ],
)
def test_an_archive_packed_by_anybody_else_is_refused(
    tmp_path: Path, change: Callable[[dict[str, bytes]], object]
) -> None:
    path, _ = written(tmp_path)
    repacked(path, change)
    (tmp_path / "private" / "work").mkdir(parents=True)
    assert code_of(path, tmp_path / "private" / "work") == "E702"
    assert list((tmp_path / "private").rglob("evil*")) == []


def test_a_member_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("plan.json", b"{}")
    assert code_of(path, tmp_path / "work") == "E702"


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.ccplan"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("changes/news.parquet", "w") as member,
    ):
        for _ in range(200):
            member.write(b"\0" * 1_000_000)
    assert code_of(path, tmp_path / "work") == "E702"
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_plan_of_another_format_version_is_said_to_be_one(tmp_path: Path, method: int) -> None:
    path, _ = written(tmp_path)
    repacked(path, lambda members: edited(members, b'"format": 1', b'"format": 2'), method)
    with pytest.raises(StaleError, match=r"E708.*format 2"):
        read_plan(path, tmp_path / "work")


def test_a_refusal_says_nothing_of_the_rows(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    repacked(path, lambda members: members.update({"changes/anna@example.com": b""}))
    with pytest.raises(StaleError) as caught:
        read_plan(path, tmp_path / "work")
    assert "anna" not in str(caught.value)


def packed(path: Path, members: dict[str, bytes]) -> None:
    """An archive exactly as ccsync writes it, by somebody who knows how."""
    measures = [measured(name, iter((content,))) for name, content in sorted(members.items())]
    headed = b"".join(local_header(measure) + members[measure.name] for measure in measures)
    path.write_bytes(headed + directory(measures))


def forged(path: Path, rows: bytes = ROWS["news"], **parts: object) -> Plan:
    """A plan whose digests are right, by somebody who knows how they are made. parts: of its one export."""
    plan, _ = plan_with(path.parent / "forged", ROWS)
    export = replace(plan.exports[0], **parts)  # type: ignore[arg-type]  # a test's own keywords
    plan = sealed(replace(plan, exports=(export,)))
    packed(path, {"plan.json": plan_bytes(plan), f"changes/{export.name}.parquet": rows})
    return plan


def test_the_forger_of_these_tests_can_make_a_good_plan(tmp_path: Path) -> None:
    plan = forged(tmp_path / "x")
    assert read_plan(tmp_path / "x", tmp_path / "work")[0] == plan


def test_other_rows_are_seen_by_their_digest(tmp_path: Path) -> None:
    forged(tmp_path / "x", rows=b"other rows")
    assert code_of(tmp_path / "x", tmp_path / "work") == "E702"


@pytest.mark.parametrize(
    "edit", [{"expires_at": NOW + timedelta(days=99)}, {"workspace": "other"}, {"plan_id": "0" * 16}]
)
def test_an_edit_is_seen_by_the_digest_of_the_plan(tmp_path: Path, edit: dict[str, object]) -> None:
    plan = forged(tmp_path / "x")
    edited_plan = replace(plan, **edit)  # type: ignore[arg-type]  # a test's own keywords
    packed(tmp_path / "x", {"plan.json": plan_bytes(edited_plan), "changes/news.parquet": ROWS["news"]})
    assert code_of(tmp_path / "x", tmp_path / "work") == "E702"


@pytest.mark.parametrize("others", [["changes/vips.parquet"], ["changes/.parquet"], ["plan.json.bak"]])
def test_a_member_too_many_is_refused(tmp_path: Path, others: list[str]) -> None:
    plan = forged(tmp_path / "x")
    members = {"plan.json": plan_bytes(plan), "changes/news.parquet": ROWS["news"]}
    packed(tmp_path / "x", members | dict.fromkeys(others, b""))
    assert code_of(tmp_path / "x", tmp_path / "work") == "E702"


@pytest.mark.parametrize(
    "parts",
    [
        {"name": "../../evil"},
        {"name": "/evil"},
        {"name": "News"},
        {"name": 5},
        {"counts": None},
        {"desired": "2"},
        {"desired": True},
        {"fields": ("a", 1)},
        {"mapping": {"a": 1}},
        {"list": ("1", "VIP")},
        {"people": 1.0},
    ],
)
def test_a_forged_plan_of_a_wrong_shape_is_refused(tmp_path: Path, parts: dict[str, object]) -> None:
    forged(tmp_path / "x", **parts)
    (tmp_path / "private" / "work").mkdir(parents=True)
    assert code_of(tmp_path / "x", tmp_path / "private" / "work") == "E702"
    assert list((tmp_path / "private").rglob("*.parquet")) == []
