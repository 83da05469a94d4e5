"""Every diagnostic code with its meaning and the way out; `docs/errors.md` is generated from it. No rules live here."""

from ccsync.catalogue import configuration, data, guards, permission, remote, sign_in, state, usage
from ccsync.catalogue.entry import Entry
from ccsync.errors import Diagnostic, Severity

CATALOGUE: dict[str, Entry] = {
    **configuration.ENTRIES,
    **permission.ENTRIES,
    **sign_in.ENTRIES,
    **data.ENTRIES,
    **guards.ENTRIES,
    **remote.ENTRIES,
    **state.ENTRIES,
    **usage.ENTRIES,
}


def hint_of(diagnostic: Diagnostic) -> str | None:
    """The next thing to do: the diagnostic's own hint; an error without one gets what its entry says."""
    entry = CATALOGUE.get(diagnostic.code)
    if diagnostic.hint or diagnostic.severity is not Severity.ERROR or entry is None:
        return diagnostic.hint
    return (entry.remedy[:1].lower() + entry.remedy[1:]).removesuffix(".")
