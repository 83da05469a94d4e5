"""Whether anything may be sent over a connection, and to which text somebody agreed."""

from dataclasses import replace

from ccsync.core.consent import consent_text, sending_obstacles, text_version
from ccsync.core.spec import Connection, ConnectionName, Consent, Endpoints, Project
from ccsync.errors import Severity

NAME = ConnectionName("newsletter")
STATEMENT = "https://example.com/privacy"
AGREED = Connection(NAME, "Newsletter", consent=Consent(data_privacy=True))


def codes(connection: Connection, severity: Severity = Severity.ERROR, statement: str | None = STATEMENT) -> list[str]:
    project = Project("/tmp/x", "w", ".ccsync", statement, None, {NAME: connection}, {}, {}, {}, "digest")
    return [each.code for each in sending_obstacles(project, [NAME, NAME], severity)]


def agreed_to(connection: Connection, text: str | None) -> Connection:
    return replace(connection, consent=Consent(data_privacy=True, text=text))


def test_without_consent_a_plan_warns_and_an_apply_refuses() -> None:
    none = replace(AGREED, consent=Consent())
    assert (codes(none), codes(none, Severity.WARNING)) == (["E210"], ["W210"])
    assert codes(AGREED) == []


def test_a_changed_text_asks_again_and_a_consent_by_hand_holds_for_any() -> None:
    signed = agreed_to(AGREED, text_version(AGREED, STATEMENT))
    assert codes(signed) == []
    assert codes(signed, statement="https://example.com/new") == ["E211"]
    elsewhere = replace(signed, endpoints=Endpoints(api="https://other.example/v3"))
    assert (codes(elsewhere), codes(elsewhere, Severity.WARNING)) == (["E211"], ["W211"])
    assert codes(agreed_to(elsewhere, None)) == []
    assert codes(replace(signed, display_name="Another name")) == []


def test_an_address_that_is_not_known_yet_is_no_changed_text() -> None:
    offline = replace(AGREED, endpoints=Endpoints(api="${env:CC_API}"))
    assert codes(agreed_to(offline, "0123456789ab")) == []


def test_a_sandbox_on_another_port_is_the_same_place() -> None:
    one, two = (replace(AGREED, endpoints=Endpoints(api=f"http://127.0.0.1:{port}/v3")) for port in (1, 2))
    assert text_version(one, STATEMENT) == text_version(two, STATEMENT)


def test_a_connection_that_is_switched_off_sends_nothing() -> None:
    off = replace(AGREED, enabled=False)
    assert (codes(off), codes(off, Severity.WARNING)) == (["E212"], ["W212"])


def test_the_text_names_the_host_the_statement_and_the_way_out() -> None:
    text = "\n".join(consent_text(AGREED, STATEMENT))
    for part in ("api.cc.email", STATEMENT, "on your instruction", "ccsync connections disable newsletter"):
        assert part in text
