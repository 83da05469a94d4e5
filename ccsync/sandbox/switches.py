"""Every behaviour the vendor leaves undocumented, as a named switch with its default and the evidence for it.

What a setting does is coded where the behaviour lives; here are only the names, the values and the reasons.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from ccsync.sandbox.options import SandboxUsageError


@dataclass(frozen=True, slots=True)
class Switch:
    """One unknown. ``allowed`` lists the values; ``number`` instead allows any number between its bounds."""

    name: str
    default: str
    allowed: tuple[str, ...]
    meaning: str
    evidence: str
    number: tuple[float, float] | None = None

    def accepts(self, value: str) -> bool:
        """Tell whether ``value`` is a setting of this switch."""
        if self.number is None:
            return value in self.allowed
        try:
            return self.number[0] <= float(value) <= self.number[1]
        except ValueError:
            return False


_ALL = (
    Switch(
        "empty_value", "ignore", ("ignore", "clear", "reject"),
        "An empty string in an import row leaves the field alone, clears it, or spoils the row.",
        "The V2 API ignored blanks unless blanks_enabled was set; V3 has no such setting.",
    ),
    Switch(
        "unknown_cf", "ignore", ("ignore", "reject"),
        "An import column or key cf:NAME of a field that does not exist is skipped, or refused with 400.",
        "Not documented; the text only says that the field must already exist.",
    ),
    Switch(
        "bad_cf_value", "reject", ("reject", "ignore"),
        "A value that its custom field doesn't take (no date, no choice offered, …) spoils the row of an import, or is"
        " skipped.",
        "Not documented: neither how an import reads typed values nor what a bad one does (FACTS 5).",
    ),
    Switch(
        "multi_select_separator", "comma", ("comma", "semicolon"),
        "What stands between the choices of a multi select in an import.",
        "Not documented; the vendor's own exports join list names by commas.",
    ),
    Switch(
        "dup_winner", "first", ("first", "last"),
        "Which row of one import wins when an address occurs twice.",
        "Duplicates are seen to collapse (community post 278498); which one wins is not documented.",
    ),
    Switch(
        "over_rows", "truncate", ("truncate", "reject"),
        "More than 40,000 rows in an import: the rest is not processed, or the request is refused with 400.",
        "Stated for files ('lines above the maximum are not processed'); silent for JSON.",
    ),
    Switch(
        "mb", "4_000_000", ("4_000_000", "4_194_304"),
        "How many bytes the documented 4 MB are. What is beyond is dropped.",
        "Not documented; the smaller reading is the one that hurts.",
    ),
    Switch(
        "unsub_fields", "updated", ("updated", "untouched"),
        "Whether an import updates the other fields of a globally unsubscribed person.",
        "Only 'cannot be added to a list' is documented.",
    ),
    Switch(
        "revoke_endpoint", "missing", ("missing", "present"),
        "Whether the sign-in server ends a grant when asked at /revoke (RFC 7009), or answers 404.",
        "Not documented; the addresses are those of a product that has it.",
    ),
    Switch(
        "refresh_grace_s", "0", ("0", "30"),
        "Seconds for which a rotated refresh token may be used once more.",
        "Developers report a dead grant after a lost answer (community post 332029); a grace is not documented.",
        number=(0, 3_600),
    ),
    Switch(
        "old_access_token_after_rotation", "valid", ("valid", "dead"),
        "Whether a refresh also ends the access token issued before it.",
        "Current staff text speaks of refresh tokens only (402882); older text of all tokens (332029).",
    ),
    Switch(
        "unknown_contact_id_in_removal", "ignore", ("ignore", "fail"),
        "An id that names nobody, in remove_list_memberships, is skipped or fails the job.",
        "Not documented; 404 is declared on the call, no report per id exists.",
    ),
    Switch(
        "fifty_list_overflow", "skip_row", ("skip_row", "fail_job"),
        "An import that would put somebody on more than 50 lists skips the row or fails the job.",
        "Not documented; the limit of 50 is.",
    ),
    Switch(
        "membership_bumps_updated_at", "yes", ("yes", "no"),
        "Whether joining or leaving a list changes the contact's updated_at.",
        "Not documented.",
    ),
    Switch(
        "role_address", "accept", ("accept", "correctable"),
        "Role addresses (sales@, admin@, ...) in an import are taken, or counted as correctable.",
        "They may sit on a list and are never mailed (knowledge base 5538); refusal is not documented.",
    ),
    Switch(
        "non_ascii_address", "correctable", ("correctable", "accept"),
        "Addresses with letters beyond ASCII in an import are counted as correctable, or taken.",
        "What makes an address invalid is not published (community post 417628).",
    ),
    Switch(
        "invalid_address", "correctable", ("correctable", "refuse"),
        "An invalid address in an import is counted as correctable, or the whole request is refused with 400.",
        "The contract has the counter, and declares 400 for a body that is not valid; which of them is not said.",
    ),
    Switch(
        "retry_after", "absent", ("absent", "present"),
        "Whether 429 answers carry a Retry-After header.",
        "None is documented; one third-party description assumes it without evidence.",
    ),
    Switch(
        "delete_list_in_use", "allow", ("allow", "409"),
        "Deleting a list that a scheduled campaign uses is done, or refused with 409.",
        "Not documented; one daily mailer waits for the send 'to avoid errors'.",
    ),
    Switch(
        "export_has_contact_id", "no", ("no", "yes"),
        "Whether export files have a column with the contact id.",
        "Documented nowhere and seen in no export file.",
    ),
    Switch(
        "job_order", "shuffled", ("shuffled", "fifo"),
        "Whether activities may overtake each other.",
        "DOC bulk_activities: jobs are not run in order and a later one may finish first.",
    ),
    Switch(
        "lost_reply_after_enqueue", "0", ("0", "1"),
        "Probability that the answer to a bulk POST is lost after the job was queued.",
        "Networks do this; the vendor has no idempotency key to help.",
        number=(0, 1),
    ),
)  # fmt: skip

SWITCHES: Mapping[str, Switch] = {switch.name: switch for switch in _ALL}
"""All switches by name, in the order in which they are listed to a user."""


class SwitchBoard:
    """The switches as they are set now."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._values = {name: switch.default for name, switch in SWITCHES.items()}
        for name, value in settings.items():
            self.set(name, value)

    def __getitem__(self, name: str) -> str:
        with self._lock:
            return self._values[name]

    def number(self, name: str) -> float:
        """Return a numeric switch as a number."""
        return float(self[name])

    def set(self, name: str, value: str) -> None:
        """Set one switch; raises ``SandboxUsageError`` for a name or value that does not exist."""
        switch = SWITCHES.get(name)
        if switch is None:
            raise SandboxUsageError(f"no switch is called {name!r}; there are: {', '.join(SWITCHES)}")
        if name == "mb" and value.isdigit():
            value = f"{int(value):_}"
        if not switch.accepts(value):
            raise SandboxUsageError(f"switch {name} takes {' or '.join(switch.allowed)}, not {value!r}")
        with self._lock:
            self._values[name] = value

    def as_dict(self) -> dict[str, str]:
        """Return all settings."""
        with self._lock:
            return dict(self._values)
