"""Generations: what is read, what is committed, what is kept, and what is refused."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from ccsync.core.plan import StateRef
from ccsync.core.spec import AccountId, ConnectionName, ListId, OnDelete, OnLeave
from ccsync.errors import InvalidError, LockedError, StaleError, StorageError
from ccsync.state import mending
from ccsync.state.opening import State

from tests.state.world import FakeClock, QuickDisk, contents, contents_of, generation, ledger, state_at

NONE = StateRef("", 0, "")


def grown(tmp_path: Path, *texts: str, plan_ids: bool = True) -> State:
    """A state with one generation for each text."""
    state = state_at(tmp_path / "s")
    ref = state.generations.snapshot().ref
    for number, text in enumerate(texts, ref.serial + 1):
        plan_id = f"plan-{text}" if plan_ids else ""
        ref = state.generations.commit(ref, generation(tmp_path / "t", text, f"run-{number}", plan_id))
    return state


def code_of(error: pytest.ExceptionInfo[StaleError]) -> str:
    return error.value.diagnostics[0].code


# ---------------------------------------------------------------- first use


def test_nothing_at_all_is_a_first_use(tmp_path: Path) -> None:
    snapshot = state_at(tmp_path / "s").generations.snapshot()
    assert (snapshot.ref, snapshot.ledgers, snapshot.optouts, snapshot.run) == (NONE, {}, None, "")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("names", [[], ["lock"], ["lock", "lock.json", "HEAD.lock", ".tmp-0123456789ab-HEAD"]])
def test_a_folder_with_nothing_but_lock_files_is_a_first_use(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "s").mkdir()
    for name in names:
        (tmp_path / "s" / name).touch()
    assert state_at(tmp_path / "s").generations.snapshot().ref == NONE


@pytest.mark.parametrize("name", ["runs.jsonl", "generations", "journal", "notes.txt", ".hidden"])
def test_a_folder_without_head_that_holds_anything_else_is_lost_state(tmp_path: Path, name: str) -> None:
    (tmp_path / "s" / name).mkdir(parents=True)
    state = state_at(tmp_path / "s")
    with pytest.raises(StaleError, match=r"E710.*HEAD is missing") as caught:
        state.generations.snapshot()
    assert "state restore" in (caught.value.diagnostics[0].hint or "")
    with pytest.raises(StaleError, match="E710"):
        state.generations.commit(NONE, generation(tmp_path / "t", "a"))
    assert not (tmp_path / "s" / "HEAD").exists()


def test_a_state_folder_that_is_a_file_is_no_first_use(tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    with pytest.raises(StorageError, match="E713"):
        state_at(tmp_path / "s").generations.snapshot()


def test_what_others_put_beside_generations_and_journals_is_overlooked(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    (tmp_path / "s" / "journal").mkdir()
    for place in ("generations", "journal"):
        for name in (".DS_Store", "nächste", "000009-é", "1-2", "x y"):
            (tmp_path / "s" / place / name).touch()
    assert [listed.serial for listed in state.history()] == [1]
    assert state.journals.pending() is None
    assert {finding.code for finding in state.check()} == {"W711"}
    assert grown(tmp_path, "b").restore(1).serial == 3


# ---------------------------------------------------------------- commit and snapshot


def test_a_commit_is_read_back_with_everything_it_said(tmp_path: Path) -> None:
    state = state_at(tmp_path / "s")
    made = generation(tmp_path / "t", "a", "run-1", "plan-1")
    other = replace(made.ledgers[1], on_leave=OnLeave.KEEP, on_delete=OnDelete.REMOVE_MEMBERS, list_name="Ünïcödé\n🙂")
    ref = state.generations.commit(NONE, replace(made, ledgers=(made.ledgers[0], other)))
    snapshot = state_at(tmp_path / "s").generations.snapshot()
    assert (ref.lineage, ref.serial, snapshot.ref) == ("lineage-1", 1, ref)
    assert (snapshot.run, snapshot.plan_id, snapshot.accounts) == ("run-1", "plan-1", made.accounts)
    assert contents(snapshot) == contents_of("a")
    for name, given in (("news", made.ledgers[0]), ("vips", other)):
        found = snapshot.ledgers[given.export]
        assert replace(found, path=given.path) == given
        assert found.path == tmp_path / "s" / "generations" / f"000001-{ref.digest[:12]}" / "ledger" / f"{name}.parquet"


def test_head_says_where_the_state_is(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b")
    head = json.loads((tmp_path / "s" / "HEAD").read_bytes())
    ref = state.generations.snapshot().ref
    assert head == {
        "format": 1,
        "lineage": ref.lineage,
        "serial": 2,
        "digest": ref.digest,
        "generation": f"000002-{ref.digest[:12]}",
        "accounts": {"newsletter": "account-1"},
    }


def test_serials_count_and_the_lineage_stays(tmp_path: Path) -> None:
    refs = [grown(tmp_path, text).generations.snapshot().ref for text in "abc"]
    assert [ref.serial for ref in refs] == [1, 2, 3]
    assert len({ref.lineage for ref in refs}) == 1
    assert len({ref.digest for ref in refs}) == 3


def test_a_first_commit_that_another_one_overtakes_says_so(tmp_path: Path) -> None:
    """Both make HEAD: whoever is second must not lose its unfinished file to the first, and call that a broken disk."""

    class Overtaken(QuickDisk):
        done = False

        def _overtake(self, target: Path) -> None:
            if target.name == "HEAD" and not self.done:
                self.done = True
                with pytest.raises(LockedError):  # we are the one who replaces HEAD
                    other.generations.commit(NONE, generation(tmp_path / "t", "other"))

        def link(self, source: Path, target: Path) -> None:
            self._overtake(target)
            super().link(source, target)

        def rename(self, source: Path, target: Path) -> None:
            self._overtake(target)
            super().rename(source, target)

    other = state_at(tmp_path / "s")
    disk = Overtaken()
    state_at(tmp_path / "s", disk).generations.commit(NONE, generation(tmp_path / "t", "ours"))
    assert disk.done
    with pytest.raises(StaleError, match="E712"):
        other.generations.commit(NONE, generation(tmp_path / "t", "other"))
    assert contents(other.generations.snapshot()) == contents_of("ours")


def test_the_same_content_makes_no_new_serial(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    ref = state.generations.snapshot().ref
    assert state.generations.commit(ref, generation(tmp_path / "t", "a", "run-9", "plan-9")) == ref
    assert state.generations.snapshot().run == "run-1"


def test_nothing_on_nothing_makes_no_generation(tmp_path: Path) -> None:
    empty = replace(generation(tmp_path / "t", "a"), ledgers=(), optouts=None, accounts={})
    assert state_at(tmp_path / "s").generations.commit(NONE, empty) == NONE


@pytest.mark.parametrize(
    "change",
    [
        {"accounts": {ConnectionName("newsletter"): AccountId("another")}},
        {"optouts": None},
        {"ledgers": ()},
    ],
)
def test_other_content_makes_a_new_serial(tmp_path: Path, change: dict[str, object]) -> None:
    state = grown(tmp_path, "a")
    ref = state.generations.snapshot().ref
    changed = replace(generation(tmp_path / "t", "a"), **change)  # type: ignore[arg-type]  # parts of one value
    assert state.generations.commit(ref, changed).serial == 2


def test_another_fact_of_a_ledger_makes_a_new_serial(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    made = generation(tmp_path / "t", "a")
    moved = replace(made, ledgers=(made.ledgers[0], replace(made.ledgers[1], list_id=ListId("another"))))
    assert state.generations.commit(state.generations.snapshot().ref, moved).serial == 2


def test_the_ledgers_of_the_generation_before_can_be_committed_again(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    before = state.generations.snapshot()
    fresh = ledger(tmp_path / "t", "news", b"fresh")
    kept = [one for name, one in before.ledgers.items() if name != "news"]
    made = replace(generation(tmp_path / "t", "x"), ledgers=(fresh, *kept), optouts=before.optouts)
    state.generations.commit(before.ref, made)
    assert contents(state.generations.snapshot()) == {**contents_of("a"), "news": b"fresh"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda ref: NONE,
        lambda ref: replace(ref, serial=1),
        lambda ref: replace(ref, serial=3),
        lambda ref: replace(ref, digest="0" * 64),
        lambda ref: replace(ref, lineage="other"),
    ],
)
def test_a_commit_from_anywhere_but_head_changes_nothing(tmp_path: Path, wrong: object) -> None:
    state = grown(tmp_path, "a", "b")
    before = sorted(path for path in (tmp_path / "s").rglob("*"))
    base = wrong(state.generations.snapshot().ref)  # type: ignore[operator]  # one of the functions above
    with pytest.raises(StaleError, match="E712"):
        state.generations.commit(base, generation(tmp_path / "t", "c"))
    assert sorted(path for path in (tmp_path / "s").rglob("*")) == before
    assert contents(state.generations.snapshot()) == contents_of("b")


def test_a_commit_that_was_overtaken_while_it_copied_takes_its_files_away(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    base = state.generations.snapshot().ref
    made = generation(tmp_path / "t", "mine")
    store = state.generations.store
    real, done = store.put_file, []

    def overtaken(name: str, path: Path, sha256: str) -> None:
        real(name, path, sha256)
        if not done:
            done.append(
                state_at(tmp_path / "s").generations.commit(base, generation(tmp_path / "t", "theirs", "run-2"))
            )

    store.put_file = overtaken  # type: ignore[method-assign]  # somebody else's commit, at the worst moment
    with pytest.raises(StaleError, match="E712"):
        state.generations.commit(base, made)
    assert contents(state_at(tmp_path / "s").generations.snapshot()) == contents_of("theirs")
    assert len(list((tmp_path / "s" / "generations").iterdir())) == 2


def test_the_last_thirty_generations_are_kept(tmp_path: Path) -> None:
    state = grown(tmp_path, *(f"text {number}" for number in range(1, 34)))
    assert [listed.serial for listed in state.history()] == list(range(33, 3, -1))
    assert len(list((tmp_path / "s" / "generations").iterdir())) == 30
    assert state.history()[0].current
    assert list(state.check()) == []


def test_a_generation_that_was_never_head_is_not_listed_and_is_swept(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    (tmp_path / "s" / "generations" / "000002-0123456789ab" / "ledger").mkdir(parents=True)
    (tmp_path / "s" / "generations" / "000001-0123456789ab").mkdir()
    assert [listed.serial for listed in state.history()] == [1]
    grown(tmp_path, "b")
    assert len(list((tmp_path / "s" / "generations").iterdir())) == 2


def test_what_a_killed_commit_of_the_same_content_left_is_not_built_upon(tmp_path: Path) -> None:
    twin = grown(tmp_path / "twin", "a", "b")
    grown(tmp_path, "a")
    debris = tmp_path / "s" / "generations" / twin.history()[0].folder / "meta.json"
    debris.parent.mkdir()
    debris.write_bytes(b"half of it")
    state = grown(tmp_path, "b")
    assert state.history()[0].folder == twin.history()[0].folder
    assert contents(state_at(tmp_path / "s").generations.snapshot()) == contents_of("b")


def test_a_generation_that_somebody_else_is_writing_is_not_swept(tmp_path: Path) -> None:
    grown(tmp_path, "a")
    being_written = tmp_path / "s" / "generations" / "000003-0123456789ab" / "ledger"
    being_written.mkdir(parents=True)
    grown(tmp_path, "b")
    assert being_written.is_dir()


# ---------------------------------------------------------------- applied plans


def test_an_applied_plan_is_known_by_its_serial(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b", "c")
    assert [state.generations.applied_as(f"plan-{text}") for text in "abc"] == [1, 2, 3]
    assert state.generations.applied_as("plan-d") is None
    assert state.generations.applied_as("") is None


def test_a_plan_whose_commit_was_killed_before_head_moved_was_not_applied(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b")
    head = (tmp_path / "s" / "HEAD").read_bytes()
    grown(tmp_path, "c")
    (tmp_path / "s" / "HEAD").write_bytes(head)
    assert state.generations.applied_as("plan-c") is None
    assert state.generations.applied_as("plan-b") == 2


# ---------------------------------------------------------------- damage


def damaged(data: bytes, how: str) -> bytes | None:
    match how:
        case "flipped":
            return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
        case "cut":
            return data[:-1]
        case "emptied":
            return b""
        case _:
            return None


def test_damage_to_any_file_of_the_newest_generation_is_seen(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b")
    newest = state.history()[0].folder
    files = [tmp_path / "s" / "HEAD", *(p for p in (tmp_path / "s/generations" / newest).rglob("*") if p.is_file())]
    assert len(files) == 5
    for path in files:
        data = path.read_bytes()
        for how in ("flipped", "cut", "emptied", "deleted"):
            bad = damaged(data, how)
            if bad is None:
                path.unlink()
            else:
                path.write_bytes(bad)
            with pytest.raises(StaleError) as caught:
                state_at(tmp_path / "s").generations.snapshot()
            assert code_of(caught) == ("E710" if how == "deleted" else "E709"), (path, how)
            assert "state restore" in (caught.value.diagnostics[0].hint or "")
            assert code_of(caught) in {finding.code for finding in state_at(tmp_path / "s").check()}
            path.write_bytes(data)
            path.chmod(0o600)
    assert list(state.check()) == []


def test_every_single_byte_of_head_and_meta_counts(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    for path in (tmp_path / "s" / "HEAD", tmp_path / "s/generations" / state.history()[0].folder / "meta.json"):
        data = path.read_bytes()
        for at in range(len(data)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 2]) + data[at + 1 :])
            with pytest.raises(StaleError) as caught:
                state_at(tmp_path / "s").generations.snapshot()
            assert code_of(caught) in ("E709", "E711"), (path, at)
        path.write_bytes(data)


def test_a_generation_that_is_gone_is_lost_state(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    folder = tmp_path / "s" / "generations" / state.history()[0].folder
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StaleError, match="E710"):
        state_at(tmp_path / "s").generations.snapshot()


@pytest.mark.parametrize("where", ["HEAD", "meta.json"])
def test_state_of_a_newer_format_is_left_alone(tmp_path: Path, where: str) -> None:
    state = grown(tmp_path, "a")
    path = tmp_path / "s" / ("HEAD" if where == "HEAD" else f"generations/{state.history()[0].folder}/meta.json")
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))
    before = path.read_bytes()
    for deed in (
        lambda: state_at(tmp_path / "s").generations.snapshot(),
        lambda: state_at(tmp_path / "s").generations.commit(NONE, generation(tmp_path / "t", "b")),
        lambda: state_at(tmp_path / "s").restore(),
    ):
        with pytest.raises(StaleError) as caught:
            deed()
        assert code_of(caught) in ("E711", "E712")
    assert path.read_bytes() == before


def test_a_verified_file_is_not_read_again_by_the_same_process_until_it_changes(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    path = state.generations.snapshot().ledgers["news"].path  # type: ignore[index]  # a plain string will do
    facts = path.stat()
    path.write_bytes(b"x" * facts.st_size)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    with pytest.raises(StaleError, match="E709"):
        state.generations.snapshot()


# ---------------------------------------------------------------- looking after it


def test_an_older_generation_can_be_looked_at(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b")
    assert contents(mending.snapshot_of(state.generations, 1)) == contents_of("a")
    with pytest.raises(InvalidError, match="E716"):
        mending.snapshot_of(state.generations, 7)


def test_damage_to_an_older_generation_is_a_warning_and_stops_nothing(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b")
    mending.snapshot_of(state.generations, 1).optouts.write_bytes(b"")  # type: ignore[union-attr]  # there is one
    state = state_at(tmp_path / "s")
    assert [finding.code for finding in state.check()] == ["W709"]
    assert contents(state.generations.snapshot()) == contents_of("b")
    with pytest.raises(StaleError, match="E709"):
        state.restore(1)


def test_a_restore_is_a_new_generation_with_the_old_content(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b", "c")
    ref = state.restore(1)
    snapshot = state.generations.snapshot()
    assert (ref.serial, snapshot.ref, snapshot.plan_id) == (4, ref, "")
    assert contents(snapshot) == contents_of("a")
    assert [(one.serial, one.meta.restored_from if one.meta else None) for one in state.history()] == [
        (4, 1),
        (3, None),
        (2, None),
        (1, None),
    ]
    assert [state.generations.applied_as(f"plan-{text}") for text in "abc"] == [1, 2, 3]
    assert list(state.check()) == []


@pytest.mark.parametrize("how", ["flipped", "cut", "emptied", "deleted"])
def test_a_damaged_head_is_mended_to_point_at_the_newest_generation(tmp_path: Path, how: str) -> None:
    state = grown(tmp_path, "a", "b")
    ref, head = state.generations.snapshot().ref, tmp_path / "s" / "HEAD"
    bad = damaged(head.read_bytes(), how)
    if bad is None:
        head.unlink()
    else:
        head.write_bytes(bad)
    state = state_at(tmp_path / "s")
    assert state.restore() == ref
    assert state.generations.snapshot().ref == ref
    assert list(state.check()) == []


@pytest.mark.parametrize("serial", [None, 1])
def test_a_damaged_newest_generation_is_followed_by_a_copy_of_the_one_before(
    tmp_path: Path, serial: int | None
) -> None:
    state = grown(tmp_path, "a", "b")
    state.generations.snapshot().ledgers["news"].path.write_bytes(b"bad")  # type: ignore[index]  # a plain string
    state = state_at(tmp_path / "s")
    assert state.restore(serial).serial == 3
    assert contents(state.generations.snapshot()) == contents_of("a")
    assert [finding.code for finding in state.check()] == ["W709"]


def test_with_head_and_newest_generation_lost_the_serial_still_goes_on(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b")
    state.generations.snapshot().ledgers["news"].path.unlink()  # type: ignore[index]  # a plain string will do
    (tmp_path / "s" / "HEAD").unlink()
    assert state_at(tmp_path / "s").restore().serial == 3
    assert contents(state_at(tmp_path / "s").generations.snapshot()) == contents_of("a")


def test_run_records_keep_the_serial_from_going_back(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    (tmp_path / "s" / "HEAD").unlink()
    assert mending.restore(state.generations, FakeClock(), floor=7).serial == 8


def test_a_restore_with_nothing_wrong_changes_nothing(tmp_path: Path) -> None:
    state = grown(tmp_path, "a", "b")
    assert state.restore() == state.restore(2) == state.generations.snapshot().ref
    assert len(state.history()) == 2


def test_a_restore_from_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(StaleError, match="E710"):
        state_at(tmp_path / "s").restore()
    state = grown(tmp_path, "a")
    with pytest.raises(InvalidError, match="E716"):
        state.restore(5)


def test_two_generations_with_one_serial_and_no_head_are_not_chosen_between(tmp_path: Path) -> None:
    grown(tmp_path, "a")
    base = (tmp_path / "s" / "HEAD").read_bytes()
    grown(tmp_path, "b")
    lost = next((tmp_path / "s" / "generations").glob("000002-*"))
    lost.rename(tmp_path / lost.name)
    (tmp_path / "s" / "HEAD").write_bytes(base)
    state = grown(tmp_path, "c")
    (tmp_path / lost.name).rename(lost)
    assert [listed.serial for listed in state.history()] == [2, 1]
    (tmp_path / "s" / "HEAD").unlink()
    with pytest.raises(StaleError, match=r"E709.*one serial"):
        state_at(tmp_path / "s").restore()


def test_files_that_others_may_read_are_reported(tmp_path: Path) -> None:
    state = grown(tmp_path, "a")
    assert list(state.check()) == []
    (tmp_path / "s" / "HEAD").chmod(0o644)
    assert [finding.code for finding in state.check()] == ["W711"]
