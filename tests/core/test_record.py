"""The journal's records: each survives being written and read, and adding them up gives the run's progress."""

import json

import pytest
from ccsync.core.batch import BatchKind, Transport
from ccsync.core.record import (
    Accepted,
    ActivityId,
    AttemptId,
    Concluded,
    Counters,
    IdsResolved,
    Intended,
    ListCreated,
    ListIntended,
    Looked,
    Record,
    Verdict,
    progress_of,
    record_document,
    record_from,
)
from ccsync.core.spec import ExportName, ListId

NEWS = ExportName("news")
SENT = Intended(AttemptId("news-1-1"), NEWS, BatchKind.IMPORT, 1, 1, 10, "2026-01-01T00:00:00Z", Transport.CSV, "f.csv")
RECORDS: list[Record] = [
    Looked(1, "2026-01-01T00:00:00Z", {"news": "look-1-news.parquet"}, {"news": 2}),
    ListIntended(NEWS, "VIP"),
    ListCreated(NEWS, ListId("1")),
    IdsResolved(NEWS, "ids-news.parquet"),
    SENT,
    Intended(AttemptId("news-2-1"), NEWS, BatchKind.REMOVAL, 2, 1, 3, "2026-01-01T00:00:00Z"),
    Accepted(AttemptId("news-1-1"), ActivityId("a")),
    Concluded(AttemptId("news-1-1"), Verdict.DOUBTFUL, Counters(items=11, persons=9, errors=1), "why"),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_survives_being_written_and_read(record: Record) -> None:
    assert record_from(json.loads(json.dumps(record_document(record)))) == record


def test_progress_is_the_sum_of_the_records() -> None:
    progress = progress_of(RECORDS)
    assert progress.created_lists == {"news": "1"}
    assert progress.resolved == {"news": "ids-news.parquet"}
    assert [attempt.intended.attempt for attempt in progress.open] == ["news-2-1"]
    assert progress.attempts[AttemptId("news-1-1")].activity == "a"


@pytest.mark.parametrize("bad", [{}, {"record": "Nonsense"}, {"record": "Accepted"}, {"record": "Accepted", "x": 1}])
def test_what_is_no_record_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        record_from(bad)
