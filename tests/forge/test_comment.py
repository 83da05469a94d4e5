"""One comment on a pull request, whatever happens on the way."""

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ccsync.errors import CcsyncError, DeniedError, ExitCode
from ccsync.forge.comments import comments_of
from ccsync.forge.http import ForgeClient
from ccsync.forge.place import find_place
from ccsync.forge.sticky import Posted, post
from werkzeug.wrappers import Request, Response

from tests.forge.fake import TOKEN, Fault, Forge, reply, serving
from tests.support.world import StillClock

MADE = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Iterator[Forge]:
    with serving(Forge(gitlab=request.param == "gitlab")) as made:
        yield made


def comment(
    forge: Forge,
    text: str = "hello",
    *,
    name: str = "contoso",
    made: datetime = MADE,
    clock: StillClock | None = None,
    environ: Mapping[str, str] | None = None,
    max_bytes: int = 65_536,
) -> Posted:
    place = find_place(environ or forge.environment(), None)
    with ForgeClient(place, clock or StillClock()) as client:
        return post(comments_of(place, client), name, made, lambda most: text[:most], max_bytes)[0]


def refused(forge: Forge, code: str, **given: object) -> CcsyncError:
    with pytest.raises(CcsyncError) as caught:
        comment(forge, **given)  # type: ignore[arg-type]  # a test's own keywords
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert TOKEN not in f"{diagnostic}"
    return caught.value


def test_a_comment_is_made_once_and_then_written_anew(forge: Forge) -> None:
    forge.say("a person's remark")
    assert comment(forge, "first") is Posted.CREATED
    assert comment(forge, "second", made=MADE + timedelta(hours=1)) is Posted.UPDATED
    assert comment(forge, "other", name="other --> project") is Posted.CREATED
    assert len(forge.comments) == 3
    said = forge.bodies()
    assert said[1] == "<!-- ccsync:plan contoso 2026-11-24T07:00:00Z -->\nsecond"
    assert said[2].startswith("<!-- ccsync:plan other%20%2D%2D%3E%20project 2026")
    assert comment(forge, "again", name="other --> project") is Posted.UPDATED


def test_ours_is_found_on_a_later_page(forge: Forge) -> None:
    forge.per_page = 10
    for number in range(25):
        forge.say(f"remark {number}")
    comment(forge, "first")
    assert comment(forge, "second") is Posted.UPDATED
    assert len(forge.ours()) == 1
    assert not [path for _, path in forge.requests if "elsewhere" in path], "addresses in answers are not followed"


def test_a_comment_of_somebody_else_with_our_mark_is_left_alone(forge: Forge) -> None:
    forged = forge.say("<!-- ccsync:plan contoso 2026-11-24T06:00:00Z -->\nall is well", "mallory")
    assert comment(forge, "removes 12,000 people") is Posted.CREATED
    assert forge.comments[forged]["body"].endswith("all is well")
    assert comment(forge, "removes 12,001 people") is Posted.UPDATED
    assert len(forge.ours()) == 2


def test_a_person_s_token_knows_its_own_comments() -> None:
    with serving(Forge(app=False)) as forge:
        forge.say("<!-- ccsync:plan contoso 2026-11-24T06:00:00Z -->\nof another bot", "robot", "Bot")
        assert comment(forge) is Posted.CREATED
        assert comment(forge) is Posted.UPDATED


def test_an_older_plan_does_not_replace_a_newer_one(forge: Forge) -> None:
    comment(forge, "newer", made=MADE + timedelta(minutes=5))
    assert comment(forge, "older") is Posted.KEPT
    assert forge.bodies()[0].endswith("newer")


def test_two_runs_at_once_leave_one_comment(forge: Forge) -> None:
    both = threading.Barrier(2)
    forge.before_create = lambda: both.wait(10) and None
    threads = [threading.Thread(target=comment, args=(forge, f"run {number}")) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(forge.ours()) == 1
    (body,) = forge.bodies()
    assert body.rpartition("\n")[2] in ("run 0", "run 1")


@pytest.mark.parametrize("done", [True, False])
def test_a_comment_whose_answer_was_lost_is_not_doubled(forge: Forge, done: bool) -> None:
    if done:
        forge.lose = 1
    else:
        forge.faults.append(on("POST", reply(502, {})))
    comment(forge, "hello")
    assert len(forge.ours()) == 1


def test_a_text_that_is_too_long_is_shortened(forge: Forge) -> None:
    forge.max_chars = 20_000
    assert comment(forge, "x" * 65_536) is Posted.CREATED
    (body,) = forge.bodies()
    assert len(body) == 65_536 // 4
    forge.max_chars = 10
    refused(forge, "E775", text="x" * 65_536)


def test_a_forge_that_is_throttled_is_waited_for() -> None:
    with serving(Forge()) as forge:
        clock = StillClock()
        reset = str(int(clock.now().timestamp()) + 12)
        spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
        forge.faults += [
            on("GET", reply(403, {"message": "API rate limit exceeded"}, **spent)),
            on("POST", reply(429, {"message": "You have exceeded a secondary rate limit"}, **{"Retry-After": "30"})),
            on("POST", reply(503, {})),
        ]
        before = clock.monotonic()
        assert comment(forge, clock=clock) is Posted.CREATED
        assert clock.monotonic() - before == pytest.approx(42, abs=1)
        assert len(forge.ours()) == 1
        forge.faults.append(on("GET", reply(429, {}, **{"Retry-After": "3600"})))
        error = refused(forge, "E774")
        assert "3,600 s" in str(error)
        forge.faults += [on("GET", reply(500, {}))] * 4
        refused(forge, "E774")


def test_a_missing_right_is_told_from_a_throttle(forge: Forge) -> None:
    forge.may_comment = False
    error = refused(forge, "E772")
    assert error.exit_code is ExitCode.DENIED
    assert forge.comments == {}
    key = "GITLAB_TOKEN" if forge.gitlab else "GITHUB_TOKEN"
    assert isinstance(refused(forge, "E772", environ=forge.environment(**{key: "wrong"})), DeniedError)


def test_what_is_not_there_and_what_is_no_answer(forge: Forge) -> None:
    other = {"CI_PROJECT_ID": "13"} if forge.gitlab else {"GITHUB_REPOSITORY": "anna/nothing"}
    refused(forge, "E773", environ=forge.environment(**other))
    elsewhere = Response(status=301, headers={"Location": "http://evil.example/"})
    forge.app = False
    for answer in (elsewhere, reply(200, {"a": 1}), reply(200, [1]), Response("<html>", 200)):
        forge.faults.append(on("GET", answer))
        refused(forge, "E775")
    forge.faults.append(on("POST", reply(201, {})))
    refused(forge, "E775")


def test_a_comment_that_was_taken_away_is_made_again(forge: Forge) -> None:
    comment(forge, "first")
    (id_,) = forge.ours()
    method = "PUT" if forge.gitlab else "PATCH"
    forge.faults.append(on(method, reply(404, {"message": "Not Found"})))
    assert comment(forge, "second") is Posted.CREATED
    assert len(forge.ours()) == 2
    assert comment(forge, "third") is Posted.UPDATED
    assert forge.ours() == [id_]


def on(method: str, answer: Response) -> Fault:
    def fault(request: Request) -> Response | None:
        return answer if request.method == method else None

    return fault


# ---------------------------------------------------------------- where


def test_the_pull_request_is_found_where_ci_says(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 31}}))
    base = {"GITHUB_REPOSITORY": "anna/audiences", "GITHUB_TOKEN": TOKEN}
    found = find_place({**base, "GITHUB_EVENT_PATH": str(event), "GITHUB_RUN_ID": "9"}, None)
    assert (found.number, found.api) == (31, "https://api.github.com")
    assert found.run_url == "https://github.com/anna/audiences/actions/runs/9"
    assert TOKEN not in repr(found)
    assert find_place({**base, "GITHUB_REF": "refs/pull/4/merge"}, None).number == 4
    assert find_place(base, 8).number == 8


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"GITHUB_REPOSITORY": ""}, "E770"),
        ({"GITHUB_REPOSITORY": "../../user"}, "E770"),
        ({"GITHUB_REF": "refs/heads/main"}, "E770"),
        ({"GITHUB_API_URL": "http://api.example"}, "E770"),
        ({"GITHUB_API_URL": "https://user@api.example"}, "E770"),
        ({"GITHUB_TOKEN": ""}, "E771"),
        ({"GITHUB_TOKEN": "two\nlines"}, "E771"),
        ({"GITLAB_CI": "true"}, "E770"),
        ({"GITLAB_CI": "true", "CI_PROJECT_ID": "1"}, "E770"),
        ({"GITLAB_CI": "true", "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "2"}, "E771"),
    ],
)
def test_what_can_not_be_meant_is_refused_before_anything_is_asked(change: dict[str, str], code: str) -> None:
    base = {"GITHUB_REPOSITORY": "anna/audiences", "GITHUB_TOKEN": TOKEN, "GITHUB_REF": "refs/pull/4/merge"}
    with pytest.raises(CcsyncError) as caught:
        find_place({**base, **change}, None)
    assert caught.value.diagnostics[0].code == code
