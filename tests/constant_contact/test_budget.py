"""The request budget of an API key: spacing, the day, several processes, clocks and files that can't be trusted."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from ccsync.constant_contact.budget import RequestBudget
from ccsync.constant_contact.folder import user_folder
from ccsync.core.spec import ConnectionLimits
from ccsync.errors import Diagnostic, QuotaError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.constant_contact.world import StillClock

KEY = "5a4d0b0c-key"


class Bench:
    """Budgets of one key on one clock, and what they warned of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = StillClock()
        self.warnings: list[Diagnostic] = []

    def budget(self, rate: float = 4, day: int = 10_000, key: str = KEY) -> RequestBudget:
        limits = ConnectionLimits(requests_per_second=rate, requests_per_day=day)
        return RequestBudget(self.folder, key, limits, self.clock, self.warnings.append)

    @property
    def file(self) -> Path:
        (file,) = (self.folder / "budget").iterdir()
        return file


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "home")


def spend(budget: RequestBudget, clock: StillClock, count: int) -> list[float]:
    """Sends so many requests; returns the moments."""
    moments = []
    for _ in range(count):
        clock.forward(budget.take())
        moments.append(clock.monotonic())
    return moments


@pytest.mark.parametrize("rate", [0.5, 4, 20, 100, 1000])
def test_no_second_holds_more_requests_than_the_rate(bench: Bench, rate: float) -> None:
    moments = spend(bench.budget(rate), bench.clock, 300)
    for moment in moments:
        assert sum(moment <= other < moment + 1 - 1e-9 for other in moments) <= max(1, rate)


def test_requests_of_two_budgets_take_turns(bench: Bench) -> None:
    one, two = bench.budget(), bench.budget()
    start = bench.clock.monotonic()
    assert [round(b.take(), 6) for b in (one, two, one, two, two)] == [0, 0.25, 0.5, 0.75, 1.0]
    assert bench.clock.monotonic() == start
    assert one.left_today() == 9_995


def test_other_keys_have_their_own_budget(bench: Bench) -> None:
    bench.budget().take()
    assert bench.budget(key="other").take() == 0
    assert bench.budget(key="other").left_today() == 9_999


def test_the_key_is_not_in_the_file_nor_its_name(bench: Bench) -> None:
    bench.budget().take()
    assert KEY not in bench.file.name
    assert KEY not in bench.file.read_text()


def test_the_day_ends_at_midnight_utc(bench: Bench) -> None:
    budget = bench.budget(day=3)
    spend(budget, bench.clock, 3)
    assert budget.left_today() == 0
    with pytest.raises(QuotaError, match="E604") as caught:
        budget.take()
    assert "in 12 h 0 min" in str(caught.value.diagnostics[0].detail)
    bench.clock.wall += timedelta(hours=11, minutes=59)
    with pytest.raises(QuotaError):
        budget.take()
    bench.clock.wall += timedelta(minutes=1)
    assert budget.left_today() == 3
    budget.take()
    assert budget.left_today() == 2


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(days=1), timedelta(days=400)])
def test_a_clock_that_goes_back_forgets_nothing(bench: Bench, back: timedelta) -> None:
    budget = bench.budget(day=100)
    spend(budget, bench.clock, 30)
    bench.clock.wall -= back
    assert budget.left_today() == 70
    budget.take()
    assert budget.left_today() == 69
    bench.clock.wall += timedelta(days=1)
    assert budget.left_today() in (69, 100)


def test_a_clock_that_steps_over_midnight_and_back_forgets_nothing(bench: Bench) -> None:
    budget = bench.budget(day=100)
    spend(budget, bench.clock, 30)
    bench.clock.wall += timedelta(days=1)
    spend(budget, bench.clock, 5)
    bench.clock.wall -= timedelta(days=1)
    budget.take()
    assert budget.left_today() == 100 - 36


def test_a_wrong_clock_does_not_block_for_long(bench: Bench) -> None:
    """A year ahead, then right again: a day later the count starts anew."""
    budget = bench.budget(day=10)
    bench.clock.wall += timedelta(days=365)
    spend(budget, bench.clock, 10)
    bench.clock.wall -= timedelta(days=365)
    with pytest.raises(QuotaError):
        budget.take()
    bench.clock.wall += timedelta(days=1)
    budget.take()


def test_after_another_boot_the_old_moments_are_not_waited_for(bench: Bench) -> None:
    spend(bench.budget(), bench.clock, 3)
    bench.clock.passed_s = 5.0  # the steady clock starts anew with the machine
    assert bench.budget().take() == 0


def test_what_the_vendor_says_counts_for_everybody(bench: Bench) -> None:
    one, two = bench.budget(), bench.budget()
    one.hold(30)
    assert two.take() == pytest.approx(30)
    one.exhaust()
    assert two.left_today() == 0
    with pytest.raises(QuotaError):
        two.take()


def test_the_token_endpoint_has_its_own_second(bench: Bench) -> None:
    one, two = bench.budget(), bench.budget()
    assert [one.take_token_call(), two.take_token_call(), one.take()] == [0, 1, 0]
    assert one.left_today() == 9_999


def test_what_was_taken_ahead_and_not_used_is_given_back(bench: Bench) -> None:
    budget = bench.budget(rate=1000)
    spend(budget, bench.clock, 7)
    assert budget.left_today() == 9_993
    budget.close()
    assert bench.budget().left_today() == 9_993


def test_taking_ahead_never_goes_beyond_the_day(bench: Bench) -> None:
    budget = bench.budget(rate=1000, day=7)
    spend(budget, bench.clock, 7)
    with pytest.raises(QuotaError):
        budget.take()


@pytest.mark.parametrize(
    "content",
    [b"{", b"null", b"[]", b"{}", b"\x00" * 256, b"x" * 10_000, b'{"day": "2026-10-01"}', b'{"day": 5}', b"\xff\xfe"],
    ids=range(9),
)
def test_a_damaged_file_counts_as_half_a_day_and_is_told(bench: Bench, content: bytes) -> None:
    budget = bench.budget(day=100)
    budget.take()
    bench.file.write_bytes(content)
    assert budget.left_today() == 50
    assert {warning.code for warning in bench.warnings} == {"W601"}
    bench.warnings.clear()
    budget.take()
    assert budget.left_today() == 49
    assert bench.warnings == []


def test_numbers_that_make_no_sense_are_damage(bench: Bench) -> None:
    budget = bench.budget(day=100)
    budget.take()
    for change in ({"used": -5}, {"used": "many"}, {"day": "yesterday"}, {"free_at": []}):
        document = json.loads(bench.file.read_text()) | change
        bench.file.write_bytes(json.dumps(document).encode().ljust(255) + b"\n")
        bench.warnings.clear()
        assert budget.left_today() == 50
        assert [warning.code for warning in bench.warnings] == ["W601"]


def test_a_folder_that_can_not_be_written_is_told_once_and_counting_goes_on(bench: Bench) -> None:
    bench.folder.write_text("a file where the folder should be")
    budget = bench.budget()
    assert [round(wait, 6) for wait in (budget.take(), budget.take(), budget.take())] == [0, 0.25, 0.5]
    assert budget.left_today() == 9_997
    assert [warning.code for warning in bench.warnings] == ["W602"]


def test_a_link_in_the_place_of_the_file_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    bench.budget().take()
    file, victim = bench.file, tmp_path / "victim"
    victim.write_text("precious")
    file.unlink()
    file.symlink_to(victim)
    bench.budget().take()
    assert victim.read_text() == "precious"
    assert {warning.code for warning in bench.warnings} == {"W602"}


def test_the_file_is_private_whatever_the_umask(bench: Bench) -> None:
    before = os.umask(0)
    try:
        bench.budget().take()
    finally:
        os.umask(before)
    assert bench.file.stat().st_mode & 0o777 == 0o600
    assert bench.file.parent.stat().st_mode & 0o777 == 0o700
    assert bench.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"CCSYNC_HOME": "/srv/cc", "HOME": "/home/a"}, "/srv/cc"),
        ({"HOME": "/home/a"}, "/home/a/.local/state/ccsync"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "/var/x"}, "/var/x/ccsync"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "relative"}, "/home/a/.local/state/ccsync"),
        ({"HOME": "/home/a", "CCSYNC_HOME": ""}, "/home/a/.local/state/ccsync"),
    ],
)
@pytest.mark.skipif(sys.platform == "darwin", reason="the XDG folders are Linux's")
def test_the_users_folder(environ: dict[str, str], folder: str) -> None:
    assert user_folder(environ) == Path(folder)


@settings(max_examples=60, deadline=None)
@given(
    rates=st.lists(st.sampled_from([0.5, 4.0, 30.0, 1000.0]), min_size=1, max_size=3),
    steps=st.lists(st.tuples(st.integers(0, 2), st.floats(0, 0.5)), max_size=60),
)
def test_every_request_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, rates: list[float], steps: list[tuple[int, float]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("budget"))
    budgets = [bench.budget(rate) for rate in rates]
    for which, pause in steps:
        bench.clock.forward(pause)
        assert budgets[which % len(budgets)].take() >= 0
    for budget in budgets:
        budget.close()
    assert bench.budget().left_today() == 10_000 - len(steps)


PROCESS = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from ccsync.constant_contact.budget import RequestBudget
from ccsync.core.spec import ConnectionLimits

class Real:
    now = staticmethod(lambda: datetime(2026, 10, 1, tzinfo=UTC))
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

budget = RequestBudget(Path(sys.argv[1]), "key", ConnectionLimits(requests_per_second=100), Real, print)
for _ in range(int(sys.argv[2])):
    time.sleep(budget.take())
    print(time.monotonic())
budget.close()
"""


def test_processes_share_one_budget(tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), "40"], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in started]
    moments = sorted(float(line) for output in outputs for line in output.split())
    assert len(moments) == 160
    assert moments[-1] - moments[0] >= 159 / 100 - 0.05
    clock = StillClock()
    budget = RequestBudget(tmp_path, "key", ConnectionLimits(), clock, lambda _: None)
    assert budget.left_today() == 10_000 - 160


def test_the_file_of_another_process_is_waited_for(bench: Bench) -> None:
    budget = bench.budget()
    budget.take()
    waiting = threading.Thread(target=budget.take)
    with bench.file.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join(10)
    assert not waiting.is_alive()
    assert budget.left_today() == 9_998


def test_a_thousand_a_second_cost_little(tmp_path: Path) -> None:
    """At most 0.3 ms a call; here with room for a busy machine."""
    clock = StillClock()
    budget = RequestBudget(tmp_path, "key", ConnectionLimits(1000, 10**9), clock, lambda _: None)
    started = time.process_time()
    for _ in range(2000):
        clock.forward(budget.take())
    assert (time.process_time() - started) / 2000 < 0.0003
