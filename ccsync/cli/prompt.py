"""Asking a person. Questions go to stderr; only the word asked for is a yes."""

import sys

from ccsync.cli.terminal import is_interactive
from ccsync.errors import DeclinedError, Diagnostic


def require_person(what: str) -> None:
    """Raises DeclinedError (E801) when nobody can be asked."""
    if not is_interactive():
        raise DeclinedError(
            Diagnostic(
                "E801",
                f"`ccsync {what}` needs approval, and nobody can be asked here",
                detail="stdin and stderr must be terminals and CI unset. Nothing was sent.",
                hint=_without_a_person(what),
            )
        )


def _without_a_person(what: str) -> str:
    match what:
        case "apply":
            return "review a saved plan and pass --auto-approve"
        case "connections consent":
            return "run it at a terminal and commit the file that it writes"
        case _:
            return "run it at a terminal, or see what --auto-approve does in its --help"


def confirm(question: str, what: str, answer: str = "yes") -> None:
    """Returns when the answer is `yes`. Raises DeclinedError: E802 for any other answer, E801 when nobody is there.

    what: the command, for that message. answer: another word for what must not be agreed to by habit.
    """
    require_person(what)
    sys.stdout.flush()
    sys.stderr.write(f"\n{question}\nOnly `{answer}` is accepted: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != answer:
        raise DeclinedError(Diagnostic("E802", "not approved; nothing was sent"))


def ask(question: str, what: str) -> str:
    """One line of text. Raises DeclinedError (E801) when nobody is there."""
    require_person(what)
    sys.stdout.flush()
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()
