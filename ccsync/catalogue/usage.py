"""Approval, usage and the program itself."""

from ccsync.catalogue.entry import Entry
from ccsync.errors import ExitCode

ENTRIES: dict[str, Entry] = {
    "E801": Entry(
        "Approval needed",
        "The command asks before it sends, and nobody can be asked: stdin or stderr is no terminal, or CI is set.",
        "Review a saved plan, then `ccsync apply FILE --auto-approve`.",
        ExitCode.DECLINED,
    ),
    "E802": Entry(
        "Declined",
        "The answer was not `yes`. Nothing was sent.",
        "Run it again when you are ready.",
        ExitCode.DECLINED,
    ),
    "E900": Entry(
        "Wrong usage",
        "The command line can't be understood.",
        "See `ccsync COMMAND --help`.",
        ExitCode.USAGE,
    ),
    "E901": Entry(
        "A fault of ours",
        "Something happened that the program holds to be impossible. It stopped before doing anything else.",
        "Report it with the code and the text. The state is safe: run `ccsync recover`, then plan again.",
        ExitCode.ERROR,
    ),
    "E902": Entry(
        "Stopped by a signal",
        "SIGINT or SIGTERM ended the command (exit 130 or 143). What was sent is in the journal.",
        "The next plan or apply settles it first; so does `ccsync recover`.",
        ExitCode.INTERRUPTED,
    ),
    "E903": Entry(
        "Nothing to sign in to",
        "The connection takes a ready token (`flow: access_token`), or has no `client_id`.",
        "Set `client_id` and `flow: device` in the `auth` of the connection.",
        ExitCode.USAGE,
    ),
    "E904": Entry(
        "Row over the cap",
        "One person's row alone is larger than a bulk request may be. A fault of ccsync: field lengths are"
        " checked before.",
        "Report it. Nothing was sent.",
        ExitCode.ERROR,
    ),
    "E905": Entry(
        "Sandbox not installed",
        "`ccsync sandbox` needs a package that is not installed.",
        "Install it with `pip install 'ccsync[sandbox]'`.",
        ExitCode.ERROR,
    ),
    "E906": Entry(
        "Sandbox can't listen",
        "The address or port of the sandbox can't be used.",
        "Pass another --port, or 0 for any free one.",
        ExitCode.ERROR,
    ),
    "E907": Entry(
        "Not a limit of memory",
        "`CCSYNC_MEMORY_LIMIT` holds something that is no amount of memory, or too little to work with.",
        "Write a whole number of MB or GB, such as `2GB`, or leave it out.",
        ExitCode.INVALID,
    ),
    "E999": Entry(
        "Unexpected error",
        "A fault of ccsync. Whatever was sent is in the journal.",
        "Run `ccsync status`. CCSYNC_DEBUG=1 prints the traceback, which may hold personal data.",
        ExitCode.ERROR,
    ),
}
