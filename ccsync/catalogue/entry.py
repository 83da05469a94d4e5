"""What is told about a code."""

from dataclasses import dataclass

from ccsync.errors import ExitCode


@dataclass(frozen=True, slots=True)
class Entry:
    """title: what it says in a few words. meaning: what happened and why it is refused. remedy: what to do.

    exit_code: of a command that ends with it; None for warnings.
    """

    title: str
    meaning: str
    remedy: str
    exit_code: ExitCode | None = ExitCode.INVALID
