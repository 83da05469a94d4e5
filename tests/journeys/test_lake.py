"""The folder that Customer Insights writes, from its model to the members of a list, on good days and bad."""

import json

from tests.cli.conftest import Run
from tests.cli.world import World
from tests.engine.lake import FOLDER, HEADER, JOSE, LEAVER, MODEL, MONICA, TABLE, entity, model, partition

CONFIG = f"""\
version: 1
workspace: {{name: lake}}
connections:
  newsletter:
    type: constant_contact
    display_name: "Newsletter account"
    consent: {{data_privacy: agreed, agreed_by: anna@example.com, agreed_on: "2026-10-01"}}
    auth: {{flow: access_token, access_token: "${{env:CC_ACCESS_TOKEN}}"}}
    endpoints: {{api: "${{env:CC_API}}", auth: "${{env:CC_AUTH}}"}}
    limits: {{requests_per_second: 1000, poll_seconds: [0.01, 0.05]}}
sources:
  lake: {{type: cdm, path: {MODEL}}}
segments:
  high_value: {{source: lake, table: {TABLE}}}
exports:
  weekly:
    connection: newsletter
    list: {{name: "Weekly", create: true}}
    segments: [high_value]
    data_matching: {{email: EMail}}
    attributes: {{first_name: FirstName, last_name: LastName}}
    guards: {{max_remove: {{percent: 50}}}}
"""


def export_run(world: World, day: str, rows: str, header: str = HEADER) -> None:
    """What an export run of Customer Insights does: a new folder, then a new model; the old folder stays."""
    run = f"2026/08/{day}/1433"
    file = world.folder / FOLDER / TABLE / run / f"{TABLE}_1.csv"
    file.parent.mkdir(parents=True)
    file.write_text(header + rows, encoding="utf-8")
    (world.folder / MODEL).write_text(model(entity(partition(1, run=run))), encoding="utf-8")


def test_a_lake_from_the_model_to_the_members(world: World, run: Run) -> None:
    (world.folder / "ccsync.yaml").write_text(CONFIG, encoding="utf-8")
    export_run(world, "24", MONICA + LEAVER)
    done = run("apply", "--auto-approve")
    assert done.code == 0, done
    assert world.members("Weekly") == {"monica.thomson@example.com", "lea@example.com"}
    assert world.ask("people/monica.thomson@example.com")["fields"]["last_name"] == "Thomson"

    export_run(world, "25", MONICA + JOSE + JOSE.replace("Pepe", "Pepito"))
    planned = run("plan", "--json")
    (export,) = json.loads(planned.out)["exports"]
    assert [finding["code"] for finding in export["findings"]] == ["W431"]
    assert (export["counts"]["add"], export["counts"]["remove"]) == (1, 1)
    assert "W431" in run("plan").out
    assert run("apply", "--auto-approve").code == 0
    assert world.members("Weekly") == {"monica.thomson@example.com", "jose@example.com"}
    assert run("plan", "--detailed-exitcode").code == 0


def test_a_lake_that_drifts_is_refused_and_nothing_is_sent(world: World, run: Run) -> None:
    (world.folder / "ccsync.yaml").write_text(CONFIG, encoding="utf-8")
    export_run(world, "24", MONICA + LEAVER)
    assert run("apply", "--auto-approve").code == 0
    export_run(world, "25", MONICA, HEADER.replace("EMail", "Phone"))
    refused = run("apply", "--auto-approve")
    assert refused.code == 7
    assert "E413" in refused.err
    assert "+Phone -EMail" in refused.err
    assert world.members("Weekly") == {"monica.thomson@example.com", "lea@example.com"}
