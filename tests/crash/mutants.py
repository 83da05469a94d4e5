"""Hand-made faults in ccsync, each of which a named test must notice. By hand: `python -m tests.crash.mutants`.

A mutant is one change of text in a copy of the package. No test runs here by itself; the copies are thrown away.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault. old: stands exactly once in the file. test: what notices it."""

    name: str
    file: str
    old: str
    new: str
    test: str


PROTOCOL = "tests/crash/test_protocol.py::"
FIREWALL = "tests/applier/test_firewall.py::"
APPLY = "tests/applier/test_apply.py::"

MUTANTS = (
    Mutant(
        "a POST is not written to the journal before it is sent",
        "applier/send.py",
        "    deck.record(intended)\n",
        "    from ccsync.core.record import advanced\n\n    deck.progress = advanced(deck.progress, intended)\n",
        PROTOCOL + "test_every_post_is_intended_before_and_accepted_before_it_is_looked_at",
    ),
    Mutant(
        "the journal keeps nothing at all",
        "applier/deck.py",
        "        self.journal.append(record)\n",
        "",
        PROTOCOL + "test_an_import_killed_right_after_its_post_is_not_sent_again",
    ),
    Mutant(
        "a POST whose answer was lost is sent again unseen",
        "applier/send.py",
        "        return _found(deck, parcel, intended, lost)\n",
        '        deck.record(Concluded(intended.attempt, Verdict.NOT_SENT, why="lost"))\n        return lost\n',
        PROTOCOL + "test_an_import_whose_answer_was_lost_is_found_by_its_name_and_not_sent_again",
    ),
    Mutant(
        "no barrier between removals and imports",
        "applier/apply.py",
        "        send_all(deck, connection, parcels(deck, connection, BatchKind.REMOVAL))\n"
        "        send_all(deck, connection, parcels(deck, connection, BatchKind.IMPORT))\n",
        "        send_all(deck, connection, [p for kind in (BatchKind.REMOVAL, BatchKind.IMPORT)"
        " for p in parcels(deck, connection, kind)])\n",
        PROTOCOL + "test_no_import_is_sent_while_a_removal_runs",
    ),
    Mutant(
        "jobs are not waited for",
        "applier/send.py",
        "    while queue or deck.open_attempts(connection):\n",
        "    while queue:\n",
        PROTOCOL + "test_no_import_is_sent_while_a_removal_runs",
    ),
    Mutant(
        "`completed` is taken for success",
        "applier/watch.py",
        "    if _accounts_for_all(intended, activity.counters):\n",
        "    if True:\n",
        PROTOCOL + "test_completed_is_not_success_when_rows_were_cut_off",
    ),
    Mutant(
        "a failed removal is not tried again",
        "engine/outcomes.py",
        "CASE WHEN on_list THEN 'still_there' ELSE 'applied' END",
        "'applied'",
        "tests/applier/test_second_tries.py::test_a_removal_whose_job_failed_is_sent_once_more[failed]",
    ),
    Mutant(
        "who left the list is added again",
        "engine/diff.py",
        "            WHEN NOT on_list AND (out OR known) THEN 'held_back opted_out'\n",
        "",
        FIREWALL + "test_who_left_the_list_is_held_back",
    ),
    Mutant(
        "the memory of who left is not kept",
        "engine/outcomes.py",
        '        return path if session.scalar("SELECT count(*) FROM read_parquet($1)", [str(path)]) else None\n',
        "        return None\n",
        FIREWALL + "test_who_left_and_left_the_segment_too_is_forgotten_and_remembered",
    ),
    Mutant(
        "who leaves before they are forgotten is not noted",
        "engine/firewall.py",
        "OR op = 'forget' AND reason <> 'removed_by_sibling'\n",
        "OR op = 'forget' AND reason = 'already_gone'\n",
        FIREWALL + "test_who_leaves_before_they_are_forgotten_is_remembered",
    ),
    Mutant(
        "who may have arrived and left counts as never arrived",
        "engine/outcomes.py",
        "persons IS NOT NULL AND shortfall IS NOT NULL AND explained = 0 AND persons >= added\n",
        "persons IS NOT NULL OR persons IS NULL OR explained = 0 AND persons >= added\n",
        "tests/applier/test_leavers.py::test_who_left_is_not_sent_again_because_another_row_was_refused",
    ),
    Mutant(
        "who unsubscribed from the account is not looked for",
        "engine/firewall.py",
        "                    WHEN unsubscribed THEN 'unsubscribed'\n",
        "",
        FIREWALL + "test_who_unsubscribes_between_plan_and_apply_is_dropped",
    ),
    Mutant(
        "what the firewall drops is sent all the same",
        "applier/send.py",
        "    changes, drops = deck.changes[name], deck.drops(name)\n",
        "    changes, drops = deck.changes[name], ()\n",
        FIREWALL + "test_who_leaves_between_plan_and_apply_is_dropped",
    ),
    Mutant(
        "one look is enough for a whole run, however long",
        "applier/prepare.py",
        "LOOK_FRESH_S = 60.0\n",
        "LOOK_FRESH_S = 1e9\n",
        PROTOCOL + "test_who_leaves_while_the_removals_run_is_dropped_from_the_imports",
    ),
    Mutant(
        "who was there before us is removed when they leave the segment",
        "engine/diff.py",
        "            WHEN own AND (sibling_remover IS NULL OR",
        "            WHEN member AND (sibling_remover IS NULL OR",
        APPLY + "test_members_who_were_there_before_us_are_adopted_and_never_removed",
    ),
    Mutant(
        "a removal is not told to the other exports on the list",
        "applier/close.py",
        "    if not removed:\n",
        "    if True:\n",
        "tests/applier/test_shared_lists.py::"
        "test_who_is_removed_by_one_export_planned_alone_did_not_leave_by_themselves",
    ),
    Mutant(
        "an empty value is a change",
        "engine/diff.py",
        '    return f"{_d(field)} IS NOT NULL AND {_d(field)} IS DISTINCT FROM {_l(field)}"\n',
        '    return f"{_d(field)} IS DISTINCT FROM {_l(field)}"\n',
        APPLY + "test_a_blank_field_leaves_the_remote_value_alone",
    ),
    Mutant(
        "an export that is too short is believed",
        "constant_contact/live.py",
        "            if items is not None and shape.rows + 1 < items:\n",
        "            if False:\n",
        "tests/constant_contact/test_live.py::test_an_export_of_the_unsubscribed_that_is_cut_off_is_not_used",
    ),
    Mutant(
        "a file with fewer rows than announced is believed",
        "engine/live.py",
        "    if file.rows is not None and rows < file.rows:\n",
        "    if False:\n",
        "tests/engine/test_live.py::test_a_file_that_is_not_whole_is_refused_without_a_word_of_its_data",
    ),
    Mutant(
        "the lock is not checked before a POST",
        "applier/send.py",
        "    deck.means.lease.check()\n",
        "",
        PROTOCOL + "test_who_lost_the_lock_sends_and_writes_nothing_more",
    ),
    Mutant(
        "guards are for looking at only",
        "applier/apply.py",
        "    if blocked:\n",
        "    if False:\n",
        PROTOCOL + "test_a_blocked_plan_sends_nothing",
    ),
    Mutant(
        "a plan can be applied twice",
        "core/staleness.py",
        "    if applied_as is not None:\n",
        "    if False:\n",
        PROTOCOL + "test_a_plan_is_applied_once",
    ),
    Mutant(
        "state is written whatever state is there",
        "state/store.py",
        "                if (now.version if now else None) != expected:\n",
        "                if False:\n",
        "tests/state/test_generations.py::test_a_commit_that_was_overtaken_while_it_copied_takes_its_files_away",
    ),
    Mutant(
        "files are renamed before they are synced",
        "state/files.py",
        "            disk.sync(descriptor)\n",
        "",
        "tests/state/test_faults.py::test_a_later_commit_leaves_the_old_generation_or_the_new_one",
    ),
    Mutant(
        "a folder is not synced after HEAD was replaced in it",
        "state/files.py",
        "        raise\n    disk.sync_folder(path.parent)\n",
        "        raise\n",
        "tests/state/test_faults.py::test_a_later_commit_leaves_the_old_generation_or_the_new_one",
    ),
    Mutant(
        "a folder is not synced after a record was put into it",
        "state/files.py",
        "            disk.unlink(temp)\n    disk.sync_folder(path.parent)\n    return True\n",
        "            disk.unlink(temp)\n    return True\n",
        "tests/state/test_faults.py::test_every_record_that_was_written_is_read_and_none_is_torn",
    ),
    Mutant(
        "a job that doesn't end is given up at once",
        "applier/watch.py",
        "ABANDON_AFTER = timedelta(hours=24)\n",
        "ABANDON_AFTER = timedelta(0)\n",
        "tests/applier/test_leavers.py::test_a_job_that_never_ends_is_given_up_after_a_day_and_not_waited_for_before",
    ),
    Mutant(
        "the day's quota is not looked at again before an apply",
        "applier/prepare.py",
        "    _check_quota(deck, connection)\n",
        "",
        PROTOCOL + "test_a_plan_that_no_longer_fits_into_the_day_says_so_before_anything_is_sent",
    ),
    Mutant(
        "the day's quota is forgotten when it runs out",
        "constant_contact/http.py",
        "            self._budget.exhaust()\n",
        "",
        PROTOCOL + "test_until_the_next_day_recovery_says_when_to_come_back",
    ),
    Mutant(
        "newcomers are sent on an old look although one of them joined and may have left",
        "applier/send.py",
        "        if _writes_members(deck, parcel) and _look_age_s",
        "        if parcel.batch.members and _look_age_s",
        FIREWALL + "test_who_joined_and_leaves_while_the_removals_run_is_not_added",
    ),
    Mutant(
        "the time of a POST is told by our own clock",
        "applier/deck.py",
        "        return self.means.clock.now() - timedelta(seconds=self.destination(connection).clock_ahead_s())\n",
        "        return self.means.clock.now()\n",
        "tests/applier/test_leavers.py::test_a_clock_of_ours_that_is_ahead_hides_no_job_that_a_kill_cut_off",
    ),
    Mutant(
        "any refusal is blamed on the row that stood alone in it",
        "applier/send.py",
        "    except UnfitError:\n",
        "    except RejectedError:\n",
        "tests/applier/test_unfit_rows.py::test_a_refusal_that_says_nothing_of_the_row_is_not_held_against_it",
    ),
)


def main(names: Sequence[str]) -> int:
    """Runs the mutants whose name holds one of these words, or all; returns how many survived."""
    chosen = [mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names)]
    survived = 0
    for mutant in chosen:
        killed = is_killed(mutant)
        survived += not killed
        sys.stdout.write(f"{'killed  ' if killed else 'SURVIVED'} {mutant.name}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - survived} of {len(chosen)} killed\n")
    return survived


def is_killed(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory(prefix="ccsync-mutant-") as folder:
        copy = Path(folder)
        for part in ("ccsync", "tests", "schemas"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        apply(mutant, copy / "ccsync")
        environ = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not long", mutant.test]
        done = subprocess.run(command, cwd=copy, env=environ, check=False, capture_output=True, text=True)
        if done.returncode not in (0, 1):  # 1: tests failed; anything else is no verdict
            raise RuntimeError(f"{mutant.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.returncode == 1


def apply(mutant: Mutant, package: Path) -> None:
    """Changes the copy. Raises ValueError when the text to change doesn't stand there exactly once."""
    path = package / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: {mutant.file} has {text.count(mutant.old)} places to change")
    path.write_text(text.replace(mutant.old, mutant.new))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
