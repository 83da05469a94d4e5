"""Policy rules and approvals, over the real program: what is said, what blocks, what lets it pass, what is recorded."""

import json
from datetime import UTC, datetime, timedelta

from tests.cli.conftest import Run
from tests.cli.world import Configuration, World

TODAY = datetime.now(UTC).date()
TOMORROW = (TODAY + timedelta(days=1)).isoformat()

RULES = """
policy:
  few_adds:
    level: soft
    message: Ask before adding many
    sql: SELECT export, 'add' AS op, add AS count FROM plan_summary WHERE add > 3
  look_out:
    level: advisory
    message: Somebody of example.com
    sql: SELECT export FROM plan_changes WHERE domain = 'example.com'
"""
HARD = """
policy:
  never: {level: hard, message: "Nobody is added", sql: queries/never.sql}
"""


def configure(world: World, more: str, roles: str = "") -> None:
    world.configure(Configuration(more=more, roles=roles))


def approval(**given: object) -> str:
    told = {"allow": "weekly_newsletter:few_adds", "by": "anna@example.com", "reason": "the first import"} | given
    return f"approvals:\n  first_import: {json.dumps(told)}\n"


def plan_of(run: Run, *args: str) -> tuple[int, dict[str, object]]:
    done = run("plan", "--json", *args)
    return done.code, json.loads(done.out)


def findings(document: dict[str, object]) -> list[tuple[str, str, str]]:
    (export,) = document["exports"]  # type: ignore[misc, attr-defined]  # JSON
    return [(each["code"], each["severity"], each["detail"]) for each in export["findings"]]


def test_a_soft_rule_blocks_until_it_is_allowed_and_an_advisory_one_only_speaks(world: World, run: Run) -> None:
    configure(world, RULES)
    code, document = plan_of(run)
    assert code == 3
    assert findings(document) == [
        ("E510", "error", "finding few_adds/weekly_newsletter/add"),
        ("W515", "warning", "finding look_out/weekly_newsletter"),
    ]
    blocked = run("apply", "--auto-approve")
    assert blocked.code == 3
    assert "Ask before adding many" in blocked.out
    assert "Blocked by E510 few_adds" in blocked.out
    assert world.members_or_none() is None
    assert run("apply", "--auto-approve", "--allow", "weekly_newsletter:look_out").code == 64
    assert run("apply", "--auto-approve", "--allow", "weekly_newsletter:few_adds").code == 0
    assert len(world.members()) == 5
    (line,) = json.loads(run("history", "--json").out)["runs"]
    assert (line["allowed"], line["approvals"]) == (["weekly_newsletter:few_adds"], [])
    assert run("plan").out.endswith("No changes. Constant Contact matches the configuration.\n")


def test_a_hard_rule_can_neither_be_allowed_nor_approved(world: World, run: Run) -> None:
    (world.folder / "queries").mkdir()
    (world.folder / "queries" / "never.sql").write_text("FROM plan_summary SELECT * WHERE add > 0;\n")
    configure(world, HARD + approval(allow="weekly_newsletter:never", op="add", max_count=9, expires=TOMORROW))
    code, document = plan_of(run)
    assert (code, findings(document)) == (3, [("E511", "error", "finding never/weekly_newsletter")])
    assert run("apply", "--auto-approve", "--allow", "weekly_newsletter:never").code == 64
    assert run("apply", "--auto-approve").code == 3


def test_an_approval_of_a_count_until_a_day_lets_it_pass_and_is_recorded(world: World, run: Run) -> None:
    configure(world, RULES + approval(op="add", max_count=4, expires=TOMORROW))
    code, document = plan_of(run)
    assert (code, [each["code"] for each in document["warnings"]]) == (3, ["W516"])  # type: ignore[attr-defined, index]  # JSON
    assert "it covers 4 to add; there are 5" in document["warnings"][0]["summary"]  # type: ignore[index]  # JSON
    configure(world, RULES + approval(op="add", max_count=5, expires=TODAY.isoformat()))
    assert run("apply", "--auto-approve").code == 0
    (line,) = json.loads(run("history", "--json").out)["runs"]
    assert line["approvals"] == ["first_import: weekly_newsletter:few_adds by anna@example.com: the first import"]


def test_an_approval_of_one_plan_is_written_after_it_and_does_not_make_it_stale(world: World, run: Run) -> None:
    configure(world, RULES)
    assert run("plan", "-o", "p.ccplan").code == 3
    plan_id = json.loads(run("show", "p.ccplan", "--json").out)["plan_id"]
    assert run("verify", "p.ccplan").code == 3
    configure(world, RULES + approval(plan=plan_id))
    assert run("plan").code == 0
    assert run("verify", "p.ccplan").code == 0
    assert json.loads(run("show", "p.ccplan", "--json").out)["applyable"]
    assert run("apply", "p.ccplan", "--auto-approve").code == 0
    assert len(world.members()) == 5


def test_an_approval_lets_a_guard_pass_too(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    world.people(())
    assert run("plan").code == 3
    cover = approval(allow="weekly_newsletter:min_rows", op="remove", max_count=5, expires=TOMORROW)
    configure(world, f"guards: {{max_source_drop: {{percent: 100}}}}\n{cover}")
    assert run("apply", "--auto-approve").code == 0
    assert world.members() == set()


def test_rules_are_asked_again_when_a_saved_plan_is_applied(world: World, run: Run) -> None:
    rule = "SELECT export FROM plan_summary WHERE add > 0 AND checked_at > TIMESTAMP '{}'"
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    sql = rule.format(soon.strftime("%Y-%m-%d %H:%M:%S.%f"))
    configure(world, f'\npolicy:\n  late: {{level: soft, message: "Too late", sql: "{sql}"}}\n')
    code = run("plan", "-o", "p.ccplan").code
    while datetime.now(UTC) <= soon:  # the program's clock is the machine's
        pass
    done = run("apply", "p.ccplan", "--auto-approve")
    assert (code in (0, 3), done.code) == (True, 3)
    assert "Too late" in done.out


BROKEN = {
    "a file": ("SELECT * FROM read_csv('people.csv')", "calls read_csv()"),
    "another table": ("SELECT * FROM duckdb_settings", "reads another table"),
    "a setting": ("SELECT getenv('HOME') AS export FROM plan_summary", "calls getenv()"),
    "a column": ("SELECT exports FROM plan_summary", "exports"),
    "no select": ("DELETE FROM plan_summary", "is not a SELECT"),
    "a value": ("SELECT CAST(export AS INTEGER) AS count FROM plan_summary", "ConversionException"),
    "an address": ("SELECT email AS export FROM plan_changes", "no export of the plan"),
    "an op": ("SELECT email AS op FROM plan_changes", "no op"),
    "a count": ("SELECT NULL AS count FROM plan_summary", "`count` is NULL"),
}


def test_a_rule_that_can_not_be_run_is_an_error_and_never_a_pass(world: World, run: Run) -> None:
    rules = "\n".join(
        f"  r{number}: {{level: advisory, message: broken, sql: {json.dumps(sql)}}}"
        for number, (sql, _) in enumerate(BROKEN.values())
    )
    configure(world, f"\npolicy:\n{rules}\n")
    done = run("apply", "--auto-approve")
    assert done.code == 7
    assert done.err.count("error[E512]") == len(BROKEN)
    for _, said in BROKEN.values():
        assert said in done.err
    assert "@example.com" not in done.err
    assert world.members_or_none() is None


def test_a_finding_about_the_whole_plan_is_allowed_by_a_star(world: World, run: Run) -> None:
    sql = "SELECT sum(add) AS count FROM plan_summary HAVING sum(add) > 3"
    configure(world, f'\npolicy:\n  total: {{level: soft, message: "Many at once", sql: "{sql}"}}\n')
    code, document = plan_of(run)
    assert (code, [each["detail"] for each in document["findings"]]) == (3, ["finding total/*"])  # type: ignore[index, attr-defined]  # JSON
    assert run("plan", "--allow", "*:total").code == 0
    assert run("plan", "--allow", "weekly_newsletter:total").code == 3


def test_an_undoing_plan_is_judged_saved_and_applied_like_any_other(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    first = json.loads(run("history", "--json").out)["runs"][0]["run"]
    sql = "SELECT export, 'remove' AS op, remove AS count FROM plan_summary WHERE remove > 0"
    configure(world, f'\npolicy:\n  removals: {{level: soft, message: "Ask first", sql: "{sql}"}}\n')
    blocked = run("undo", first, "-o", "undo.ccplan")
    assert blocked.code == 3
    assert "[E510]" in blocked.out
    assert f"this plan undoes run {first}" in " ".join(blocked.out.split())
    assert run("undo", first, "-o", "undo.ccplan", "--allow", "weekly_newsletter:removals", "--json").code == 0
    assert run("apply", "undo.ccplan", "--auto-approve").code == 0
    assert world.members() == set()
    assert json.loads(run("plan", "--json").out)["summary"]["add"] == 5
    assert run("undo", "never").code == 7


def test_declarations_that_are_none_are_refused_all_at_once(world: World, run: Run) -> None:
    rule = 'message: "m", sql: "FROM plan_summary"'
    rules = f"\npolicy:\n  max_remove: {{level: soft, {rule}}}\n  b: {{level: strict, {rule}}}\n"
    both = approval(plan="0123456789abcdef", op="add", max_count=1, expires="2026-13-01")
    configure(world, rules + both)
    done = run("validate")
    assert done.code == 7
    for said in ("is the name of a guard", "advisory, soft or hard", "must be bound to a plan, or", "must be a day"):
        assert said in done.err + done.out, said
