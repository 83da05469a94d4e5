"""What an answer is taken for, whatever its status and the shape of its body."""

import pytest
from ccsync.constant_contact.answers import Answer, Kind, clean, kind_of, problem_of, retry_after_s

from tests.constant_contact.world import CANARY, START


@pytest.mark.parametrize(
    ("status", "body", "makes_a_job", "kind"),
    [
        (429, b'{"error_key":"throttled","error_message":"Too Many Requests"}', True, Kind.THROTTLED),
        (429, b'{"error_key":"quota_exceeded","error_message":"Limit Exceeded"}', True, Kind.QUOTA),
        (429, b"Limit Exceeded", False, Kind.QUOTA),
        (429, b'[{"error_message":"You exceeded 1,000 queued activities"}]', True, Kind.QUEUE_FULL),
        (429, b'[{"error_message":"You exceeded 1,000 queued activities"}]', False, Kind.THROTTLED),
        (429, b"<html>slow down</html>", True, Kind.THROTTLED),
        (429, b"", True, Kind.THROTTLED),
        (201, b"", True, Kind.DONE),
        (304, b"", False, Kind.ELSEWHERE),
        (400, b"", False, Kind.REFUSED),
        (418, b"", False, Kind.REFUSED),
        (500, b"", False, Kind.BROKEN),
        (599, b"", False, Kind.BROKEN),
    ],
)
def test_kinds_of_answers(status: int, body: bytes, makes_a_job: bool, kind: Kind) -> None:
    assert kind_of(Answer(status, body), makes_a_job=makes_a_job) is kind


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'[{"error_key":"contacts.api.not_found","error_message":"Gone."}]', "contacts.api.not_found: Gone."),
        (b'{"error_key":"unauthorized","error_message":"Unauthorized"}', "unauthorized: Unauthorized"),
        (b'{"error":"invalid_grant","error_description":"Too old."}', "invalid_grant: Too old."),
        (b"<html><body>502</body></html>", ""),
        (b"", ""),
        (b"[]", ""),
        (b"null", ""),
        (b'["text"]', ""),
        (b'{"error_key": 5, "error_message": ["x"]}', ""),
    ],
)
def test_error_bodies_of_every_shape(body: bytes, text: str) -> None:
    assert str(problem_of(Answer(400, body))) == text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"{CANARY} is no address", "(address) is no address"),
        ("mail%3Da%40b.example twice", "(address) twice"),
        ("token eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc bad", "token (token) bad"),
        ("list 123a3f10-01ab-11e6-8106-00163e6dbd8c is gone", "list 123a3f10-01ab-11e6-8106-00163e6dbd8c is gone"),
        ("a\x1b[31mb\u202ec\nd", "a [31mb c d"),
        ("x " * 400, ("x " * 400)[:299] + "…"),
        (None, ""),
    ],
)
def test_the_vendors_words_are_cleaned(said: object, told: str) -> None:
    assert clean(said) == told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("7", 7.0), ("Thu, 01 Oct 2026 12:00:30 GMT", 30.0), ("Thu, 01 Oct 2026 11:00:00 GMT", 0.0),
     ("soon", None), ("-3", None), ("1e9", None), ("99999999999", None)],
)  # fmt: skip
def test_retry_after_in_both_forms(text: str | None, seconds: float | None) -> None:
    assert retry_after_s(text, START) == seconds
