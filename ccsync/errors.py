"""Diagnostics, the exception tree and the exit codes; nothing here prints, logs or knows a room above it.

The catalogue of every code, with what a user should do about it, is `ccsync/catalogue/`.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """What the process tells its caller; printed by `ccsync exit-codes`. Source: the public contract, section 8."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    GUARD = 3
    LOCKED = 4
    STALE = 5
    PARTIAL = 6
    INVALID = 7
    DENIED = 8
    DECLINED = 9
    USAGE = 64
    INTERRUPTED = 130
    TERMINATED = 143


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file of the user's. `line` and `column` count from 1; None where a whole file is meant."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something a user can act on. Never holds a contact's e-mail address, a token or a field's value; a refusal may
    name the users of the workspace who may do what was refused.

    code: stable, listed in the catalogue. hint: the next thing to do, or None. where: None when no file is to blame.
    guard: the guard's name as it stands in the configuration, for findings that a guard made.
    """

    code: str
    summary: str
    severity: Severity = Severity.ERROR
    detail: str | None = None
    hint: str | None = None
    where: Where | None = None
    guard: str | None = None


class CcsyncError(Exception):
    """The root of everything ccsync raises on purpose. Carries diagnostics; the exit code belongs to the class."""

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics = diagnostics
        super().__init__("; ".join(f"{d.code} {d.summary}" for d in diagnostics))


class InvalidError(CcsyncError):
    """The configuration or the data can't be used (7)."""

    exit_code = ExitCode.INVALID


class DeniedError(CcsyncError):
    """Authentication, permission, consent or the wrong account (8)."""

    exit_code = ExitCode.DENIED


class GuardError(CcsyncError):
    """A guard blocks; nothing was sent (3)."""

    exit_code = ExitCode.GUARD


class LockedError(CcsyncError):
    """Somebody else holds the lock (4)."""

    exit_code = ExitCode.LOCKED


class StaleError(CcsyncError):
    """The plan or the state can't be trusted: edited, expired, applied, damaged or moved on (5)."""

    exit_code = ExitCode.STALE


class DeclinedError(CcsyncError):
    """The person said no, or could not be asked (9)."""

    exit_code = ExitCode.DECLINED


class UsageError(CcsyncError):
    """The command line is wrong (64)."""

    exit_code = ExitCode.USAGE


class StorageError(CcsyncError):
    """The disk would not take or give what was asked (1)."""


class RemoteError(CcsyncError):
    """The remote side failed. One of the three kinds below decides what may be done about it."""


class TransientError(RemoteError):
    """Did not happen and may work later: throttled, 503, no connection. Raised once retries are used up (1)."""


class RejectedError(RemoteError):
    """Refused with a reason; asking again changes nothing (1)."""


class UnfitError(RejectedError):
    """Refused for what was in it: another body may be taken (1)."""


class NotFoundError(RejectedError):
    """The thing asked for isn't there: a list that was deleted, an activity older than its history (1)."""


class OutcomeUnknownError(RemoteError):
    """A request that changes something was sent and its answer is missing. Settled by looking, never by re-sending."""


class QuotaError(RemoteError):
    """The day's requests are used up; nothing more can be asked until 00:00 UTC (6)."""

    exit_code = ExitCode.PARTIAL


class PartialError(CcsyncError):
    """A part was applied and recorded; planning again finds the rest (6)."""

    exit_code = ExitCode.PARTIAL


class StoppedError(CcsyncError):
    """A signal asked to stop; what was sent is in the journal. `exit_code` is 130 or 143."""

    def __init__(self, exit_code: ExitCode, *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.exit_code = exit_code
