"""The ways in which state is refused, as errors with the way out; what is checked stands where it is read."""

from dataclasses import replace

from ccsync.errors import Diagnostic, StaleError

WAY_OUT = "`ccsync state check` shows what is wrong; `ccsync state restore` goes on from the newest intact generation"


JOURNAL_WAY_OUT = (
    "put the journal back from a backup; without one, `ccsync state restore` drops it after asking, and what that run"
    " sent is then known only from the lists"
)


def corrupt(what: str) -> StaleError:
    """what: as in `HEAD is no JSON document`."""
    return StaleError(corrupt_finding(what))


def corrupt_finding(what: str) -> Diagnostic:
    return Diagnostic(
        "E709",
        f"the state is damaged: {what}",
        detail="It was not used and not changed; nothing was sent.",
        hint=WAY_OUT,
    )


def lost(what: str) -> StaleError:
    """what: as in `HEAD is missing but generations/ is there`."""
    return StaleError(lost_finding(what))


def lost_finding(what: str) -> Diagnostic:
    return Diagnostic(
        "E710",
        f"the state is incomplete: {what}",
        detail="It is not taken for a first use: that would forget who is ours and who left. Nothing was sent.",
        hint=f"put the missing files back from a backup; {WAY_OUT}",
    )


def newer(what: str, found: int, known: int) -> StaleError:
    return StaleError(
        Diagnostic(
            "E711",
            f"{what} has format {found}; this ccsync knows formats up to {known}",
            detail="It was written by a newer ccsync. Nothing was changed and nothing was sent.",
            hint="upgrade ccsync on this machine",
        )
    )


def moved(place: str) -> StaleError:
    return StaleError(
        Diagnostic(
            "E726",
            f"the state was moved to {place}",
            detail="What is left here is of the time before. It was not used; nothing was changed or sent.",
            hint=f"set `workspace.state: {place}`, or pull the commit that does",
        )
    )


def moved_on(what: str) -> StaleError:
    """what: as in `HEAD is at serial 6, not at 5`."""
    return StaleError(
        Diagnostic(
            "E712",
            f"the state moved on under this run: {what}",
            detail="Another process took over and wrote; this run has written nothing over it.",
            hint="run `ccsync plan` again; it settles whatever this run sent",
        )
    )


def of_journal(error: StaleError) -> StaleError:
    """The same refusal with the way out for a journal."""
    return StaleError(*(replace(d, hint=JOURNAL_WAY_OUT) if d.code != "E711" else d for d in error.diagnostics))


def format_of(document: object, what: str, known: int) -> dict[str, object]:
    """The document, once its `format` is one that is known. Raises StaleError (E709, E711)."""
    if not isinstance(document, dict):
        raise corrupt(f"{what} is no JSON object")
    found = document.get("format")
    if type(found) is not int or found < 1:
        raise corrupt(f"{what} names no format")
    if found > known:
        raise newer(what, found, known)
    return document
