"""`explain` and `rejects`: why one person is where they are, and who was refused."""

import csv
import json
import stat
from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.world import World


def told(run: Run, email: str) -> dict[str, object]:
    done = run("explain", email, "--json")
    assert done.code == 0, done.err
    (chapter,) = json.loads(done.out)["exports"]
    return dict(chapter)


def test_a_newcomer_would_be_added(world: World, run: Run) -> None:
    chapter = told(run, "anna@example.com")
    assert chapter["facts"]["op"] == "add"  # type: ignore[index]
    assert chapter["on_list"] is False


def test_a_member_is_unchanged(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    chapter = told(run, " ANNA@example.com ")
    facts = chapter["facts"]
    assert (facts["op"], facts["ledger"]["status"], chapter["on_list"]) == ("", "member", True)  # type: ignore[index]
    done = run("explain", "anna@example.com")
    assert "a***@e***.com" in done.out
    assert "anna@example.com" not in done.out
    assert "unchanged" in done.out


def test_who_left_is_told_why_they_are_held_back_and_what_lets_them_in(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    world.control("people/leave", emails=["bob@example.com"], list="Weekly newsletter")
    done = run("explain", "bob@example.com", "--reveal")
    assert "held back" in done.out
    assert "ccsync readmit" in done.out
    assert "not on the list" in done.out


def test_another_row_with_the_address_of_a_member_is_no_verdict_on_them(world: World, run: Run) -> None:
    with (world.folder / "people.csv").open("a", newline="") as file:
        file.write("bob@example.com,Robert,Example\r\n" * 3)
    assert run("apply", "--auto-approve").code == 0
    facts = told(run, "bob@example.com")["facts"]
    assert (facts["op"], facts["unusable"]) == ("", "duplicate")  # type: ignore[index]
    world.control("people/leave", emails=["bob@example.com"], list="Weekly newsletter")
    assert told(run, "bob@example.com")["facts"]["op"] == "held_back"  # type: ignore[index]


def test_who_is_left_out_is_told_why_in_the_segments_or_not(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    file = world.folder / "ccsync.yaml"
    text = file.read_text().replace("    limits:", "    suppress: [{source: gone, email: who}]\n    limits:", 1)
    text = text.replace("  crm:", "  gone: {type: csv, path: gone.csv}\n  crm:", 1)
    file.write_text(text.replace("    segments:", "    require: \"first_name <> 'Anna'\"\n    segments:", 1))
    (world.folder / "gone.csv").write_text("who\nbob@example.com\nnobody@example.com\n")
    for email, op, why in (
        ("anna@example.com", "remove", "consent_missing"),
        ("bob@example.com", "remove", "suppressed"),
        ("nobody@example.com", "", "suppressed"),
    ):
        facts = told(run, email)["facts"]
        assert (facts["op"], facts["filtered"]) == (op, why)  # type: ignore[index]
    assert "the consent that `require` asks for" in run("explain", "anna@example.com").out
    assert "never sent: they are suppressed" in run("explain", "nobody@example.com").out


def test_a_stranger_is_not_touched(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    world.control("people/join", emails=["eve.stranger@example.com"], list="Weekly newsletter")
    chapter = told(run, "eve.stranger@example.com")
    assert (chapter["on_list"], chapter["facts"]["op"]) == (True, "")  # type: ignore[index]


def test_no_refresh_asks_nobody(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    before = len(world.ask("requests"))
    done = run("explain", "anna@example.com", "--no-refresh")
    assert done.code == 0, done.err
    assert "not asked" in done.out
    assert len(world.ask("requests")) == before


def test_what_is_no_address_is_wrong_usage(world: World, run: Run) -> None:
    assert run("explain", "nobody").code == 64


def test_refused_rows_are_written_with_their_data_and_the_reason(world: World, run: Run, tmp_path: Path) -> None:
    world.control("switches", role_address="correctable")
    world.people(["anna", "admin"])
    assert run("apply", "--auto-approve").code == 0
    done = run("rejects", "weekly_newsletter", "-o", str(tmp_path / "refused.csv"))
    assert done.code == 0, done.err
    with (tmp_path / "refused.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["email"], row["first_name"], row["reason"]) == ("admin@example.com", "Admin", "rejected")
    assert stat.S_IMODE((tmp_path / "refused.csv").stat().st_mode) == 0o600


def test_an_export_never_applied_has_no_rejects(world: World, run: Run, tmp_path: Path) -> None:
    assert run("rejects", "weekly_newsletter", "-o", str(tmp_path / "refused.csv")).code == 7
