"""The journal of a run: begun whole or not at all, every record whole, no damage unseen, one writer."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ccsync.core.plan import StateRef
from ccsync.core.record import AttemptId, Concluded, Counters, IdsResolved, ListCreated, ListIntended, Verdict
from ccsync.core.spec import ExportName, ListId
from ccsync.errors import StaleError
from ccsync.state.journal import StoredJournal
from ccsync.state.opening import State

from tests.state.world import FakeClock, QuickDisk, plan_with, records, state_at
from tests.support.states import open_state


def begun(tmp_path: Path, run: str = "run-1") -> tuple[State, StoredJournal]:
    state = state_at(tmp_path / "s")
    plan, changes = plan_with(tmp_path / f"plan of {run}", {"news": b"news of " + run.encode(), "vips": b""})
    return state, state.journals.begin(run, plan, changes)


def rows(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    return path


def pending(tmp_path: Path) -> StoredJournal:
    journal = state_at(tmp_path / "s").journals.pending()
    assert journal is not None
    return journal


def test_without_an_interrupted_run_nothing_is_pending(tmp_path: Path) -> None:
    assert state_at(tmp_path / "s").journals.pending() is None
    assert not (tmp_path / "s").exists()


def test_a_journal_gives_back_its_plan_records_and_rows(tmp_path: Path) -> None:
    _, journal = begun(tmp_path)
    news = ExportName("news")
    written = [
        *records(5),
        ListIntended(news, "VIP “1”"),
        ListCreated(news, ListId("1")),
        IdsResolved(news, "ids.parquet"),
        Concluded(AttemptId("news-1-1"), Verdict.DOUBTFUL, Counters(items=3, errors=1), "counters do not add up"),
    ]
    for record in written:
        journal.append(record)
    kept = journal.keep(rows(tmp_path, b"ids"), "ids.parquet")
    found = pending(tmp_path)
    plan, changes = plan_with(tmp_path / "again", {"news": b"news of run-1", "vips": b""})
    assert (found.run, found.plan()[0], list(found.records())) == ("run-1", plan, written)
    assert {name: path.read_bytes() for name, path in found.plan()[1].items()} == {
        name: path.read_bytes() for name, path in changes.items()
    }
    assert found.file("ids.parquet") == kept
    assert kept.read_bytes() == b"ids"
    assert not (tmp_path / "rows.parquet").exists()


def test_a_name_kept_twice_stands_for_the_newer_rows(tmp_path: Path) -> None:
    _, journal = begun(tmp_path)
    journal.keep(rows(tmp_path, b"one"), "look.parquet")
    journal.keep(rows(tmp_path, b"two"), "look.parquet")
    assert journal.file("look.parquet").read_bytes() == b"two"
    assert pending(tmp_path).file("look.parquet").read_bytes() == b"two"
    with pytest.raises(KeyError):
        journal.file("other.parquet")


def test_a_recovery_goes_on_where_the_run_stopped(tmp_path: Path) -> None:
    _, journal = begun(tmp_path)
    first, second, third = records(3)
    journal.append(first)
    journal.append(second)
    recovering = pending(tmp_path)
    recovering.append(third)
    assert list(pending(tmp_path).records()) == [first, second, third]


def test_a_closed_journal_is_gone(tmp_path: Path) -> None:
    state, journal = begun(tmp_path)
    journal.append(records(1)[0])
    journal.close()
    assert state.journals.pending() is None
    assert list((tmp_path / "s" / "journal").iterdir()) == []
    journal.close()


def test_a_journal_needs_the_changes_of_its_plan(tmp_path: Path) -> None:
    plan, changes = plan_with(tmp_path / "plan", {"news": b"news"})
    changes[ExportName("news")].write_bytes(b"other")
    with pytest.raises(ValueError, match="not those of the plan"):
        state_at(tmp_path / "s").journals.begin("run-1", plan, changes)
    assert state_at(tmp_path / "s").journals.pending() is None


def test_a_journal_is_never_without_a_head(tmp_path: Path) -> None:
    state, _ = begun(tmp_path)
    assert state.generations.snapshot().ref.serial == 0
    assert json.loads((tmp_path / "s" / "HEAD").read_bytes())["serial"] == 0


# ---------------------------------------------------------------- one run at a time, one writer


def test_no_run_is_begun_while_another_may_have_sent_something(tmp_path: Path) -> None:
    _, journal = begun(tmp_path)
    journal.append(records(1)[0])
    with pytest.raises(StaleError, match=r"E712 run run-1 is not settled yet"):
        begun(tmp_path, "run-2")
    assert pending(tmp_path).run == "run-1"


def test_a_run_that_stopped_before_its_first_record_is_in_nobodys_way(tmp_path: Path) -> None:
    begun(tmp_path)
    assert pending(tmp_path).run == "run-1"
    begun(tmp_path, "run-2")
    assert pending(tmp_path).run == "run-2"


def test_a_half_begun_journal_is_ignored_and_swept(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / "s" / "journal" / "run-1" / "plan.json").unlink()
    assert state_at(tmp_path / "s").journals.pending() is None
    begun(tmp_path, "run-2")
    assert [path.name for path in (tmp_path / "s" / "journal").iterdir()] == ["run-2"]


def test_two_writers_of_one_journal_collide(tmp_path: Path) -> None:
    _, journal = begun(tmp_path)
    other = pending(tmp_path)
    journal.append(records(1)[0])
    with pytest.raises(StaleError, match="E712"):
        other.append(records(2)[1])
    assert list(pending(tmp_path).records()) == records(1)


def test_a_run_that_was_settled_by_another_process_can_neither_write_nor_close(tmp_path: Path) -> None:
    _, journal = begun(tmp_path)
    journal.append(records(1)[0])
    pending(tmp_path).close()
    with pytest.raises(StaleError, match="E712"):
        journal.append(records(2)[1])
    assert list((tmp_path / "s" / "journal").iterdir()) == []
    _, other = begun(tmp_path, "run-1")
    journal.close()
    assert pending(tmp_path).run == other.run


def test_discarding_drops_what_cannot_be_read(tmp_path: Path) -> None:
    state, journal = begun(tmp_path)
    journal.append(records(1)[0])
    (tmp_path / "s" / "journal" / "run-1" / "plan.json").unlink()
    with pytest.raises(StaleError, match="E710"):
        state.journals.pending()
    assert state.journals.discard() == ("run-1",)
    assert state.journals.pending() is None


def test_a_journal_that_is_closed_while_it_is_read_is_not_pending(tmp_path: Path) -> None:
    state, journal = begun(tmp_path)
    journal.append(records(1)[0])
    store = state.journals._store
    real = store.get

    def closed_meanwhile(name: str) -> object:
        if name.endswith("000001.json"):
            journal.close()
        return real(name)

    store.get = closed_meanwhile  # type: ignore[method-assign, assignment]  # its run ends at the worst moment
    assert state.journals.pending() is None


# ---------------------------------------------------------------- damage


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "name", ["plan.json", "changes/news.parquet", "000001.json", "000003.json", "rows/000004-look"]
)
@pytest.mark.parametrize("harm", [flip, cut, empty, Path.unlink])
def test_no_damage_to_a_journal_goes_unseen(tmp_path: Path, name: str, harm: Callable[[Path], None]) -> None:
    state, journal = begun(tmp_path)
    for record in records(3):
        journal.append(record)
    journal.keep(rows(tmp_path, b"some rows"), "look")
    harm(tmp_path / "s" / "journal" / "run-1" / name)
    with pytest.raises(StaleError) as caught:
        state.journals.pending()
    code = caught.value.diagnostics[0].code
    assert code == ("E710" if harm is Path.unlink else "E709")
    assert "journal" in (caught.value.diagnostics[0].hint or "")
    assert [finding.code for finding in state.check()] == [code]


def test_every_byte_of_a_record_counts(tmp_path: Path) -> None:
    state, journal = begun(tmp_path)
    journal.append(records(2)[1])
    path = tmp_path / "s" / "journal" / "run-1" / "000001.json"
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(StaleError, match=r"E709|E711"):
            state.journals.pending()


def test_records_cannot_be_swapped_or_moved_from_another_run(tmp_path: Path) -> None:
    state, journal = begun(tmp_path)
    for record in records(3):
        journal.append(record)
    folder = tmp_path / "s" / "journal" / "run-1"
    second, third = (folder / "000002.json").read_bytes(), (folder / "000003.json").read_bytes()
    (folder / "000002.json").write_bytes(third)
    (folder / "000003.json").write_bytes(second)
    with pytest.raises(StaleError, match="E709"):
        state.journals.pending()


def test_a_journal_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    state, journal = begun(tmp_path)
    journal.append(records(1)[0])
    path = tmp_path / "s" / "journal" / "run-1" / "000001.json"
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))
    with pytest.raises(StaleError, match="E711"):
        state.journals.pending()


def test_a_journal_of_another_state_is_refused(tmp_path: Path) -> None:
    other = open_state(tmp_path / "other", FakeClock(), lambda: "another", QuickDisk())
    plan, changes = plan_with(tmp_path / "plan", {"news": b"news"}, base=StateRef("another", 3, "digest"))
    other.journals.begin("run-1", plan, changes).append(records(1)[0])
    begun(tmp_path)[1].close()
    (tmp_path / "other" / "journal" / "run-1").rename(tmp_path / "s" / "journal" / "run-1")
    with pytest.raises(StaleError, match="journal/run-1 belongs to another state"):
        state_at(tmp_path / "s").journals.pending()
