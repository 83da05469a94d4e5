"""Everything in any order: people, data, settings, commands, kills, faults. Nobody is put back, nothing is lost."""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.crash.machine import Machine

SHARDS, EXAMPLES, STEPS = 4, 50, 5
LONG_SHARDS, LONG_EXAMPLES, LONG_STEPS = 20, 150, 16


@pytest.mark.parametrize("shard", range(SHARDS))
def test_whatever_happens_the_promises_hold(shard: int) -> None:
    run(shard, EXAMPLES, STEPS)


@pytest.mark.long
@pytest.mark.parametrize("shard", range(LONG_SHARDS))
def test_whatever_happens_the_promises_hold_thousands_of_times(shard: int) -> None:
    run(1000 + shard, LONG_EXAMPLES, LONG_STEPS)


def run(number: int, examples: int, steps: int) -> None:
    machine = seed(number)(type("Machine", (Machine,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
