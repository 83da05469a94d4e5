"""What is told when: once a change of state, and once when it is well again."""

from ccsync.core.notice import Condition, Topic, after_telling, changed, is_spike
from ccsync.core.spec import Trouble
from hypothesis import given
from hypothesis import strategies as st

states = st.lists(st.sampled_from([None, Trouble.FAILURE, Trouble.GUARD]), max_size=12)


def condition(trouble: Trouble | None) -> Condition:
    return Condition(Topic.RUN, "weekly", trouble, "")


@given(states, st.sets(st.sampled_from(Trouble)))
def test_each_change_that_is_wanted_is_told_once(history: list[Trouble | None], events: set[Trouble]) -> None:
    told: dict[str, str] = {}
    heard: list[Trouble | None] = []
    for trouble in history:
        for found, about in changed([condition(trouble)], told, events):
            assert about in events
            heard.append(found.trouble)
            told = after_telling(told, found)
        assert not changed([condition(trouble)], told, events), "the same thing is not told twice"
    wanted = [trouble for trouble in history if trouble is None or trouble in events]
    runs = [each for at, each in enumerate([None, *wanted][1:]) if each != [None, *wanted][at]]
    assert heard == runs


def test_what_is_recovered_was_told_before() -> None:
    assert changed([condition(None)], {}, Trouble) == ()
    assert changed([condition(None)], {"run:weekly": "guard"}, []) == ((condition(None), Trouble.GUARD),)
    assert changed([condition(None)], {"run:weekly": "of another version"}, Trouble) == ()
    assert after_telling({"run:weekly": "guard", "run:vip": "guard"}, condition(None)) == {"run:vip": "guard"}


def test_a_spike_is_a_rise_of_more_than_ten_and_more_than_a_twentieth() -> None:
    assert not is_spike(None, 1000, 0)
    assert not is_spike(5, 15, 0)
    assert is_spike(5, 16, 200)
    assert not is_spike(5, 55, 1000)
    assert is_spike(5, 56, 1000)
