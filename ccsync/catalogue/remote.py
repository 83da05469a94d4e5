"""Constant Contact: its answers, lists and jobs."""

from ccsync.catalogue.entry import Entry
from ccsync.errors import ExitCode

ENTRIES: dict[str, Entry] = {
    "E601": Entry(
        "The list does not exist",
        "The list of an export is not, or no longer, in the account. Lists are pinned by id once known: a"
        " deleted list is"
        " never made again by itself.",
        "See `ccsync lists CONNECTION`. For a new list, give the export a new name.",
        ExitCode.INVALID,
    ),
    "E602": Entry(
        "Custom field does not exist",
        "An export maps a custom field that the account does not have. An import would skip it without a word.",
        "Create the field in Constant Contact, or mend `custom_fields:`; the message names those that exist.",
        ExitCode.INVALID,
    ),
    "E603": Entry(
        "Constant Contact gives no usable answer",
        "It can not be reached, or kept failing while it was asked again and again. Nothing was changed.",
        "Check the network, the proxy settings and `endpoints` of the connection, then run the command again.",
        ExitCode.ERROR,
    ),
    "E604": Entry(
        "The day's requests are used up",
        "The vendor allows a number of requests a day per API key, shared by everything that uses the key."
        " Nothing more was sent; what was done is recorded.",
        "Run the command again after 00:00 UTC.",
        ExitCode.PARTIAL,
    ),
    "E605": Entry(
        "Jobs without progress",
        "Jobs at Constant Contact show no progress for a long time. They are noted in the journal.",
        "Run `ccsync recover` later: it waits for them and records what they did.",
        ExitCode.PARTIAL,
    ),
    "E606": Entry(
        "Too many requests, for too long",
        "Constant Contact kept refusing a request because of the rate per second or its full queue of"
        " activities. The request did nothing.",
        "See what else uses the API key or the account, then run the command again.",
        ExitCode.ERROR,
    ),
    "E610": Entry(
        "The name of the list is taken",
        "A list of this name exists already, perhaps a deleted one. No list was created.",
        "Name the list by id, or choose another name.",
        ExitCode.ERROR,
    ),
    "E611": Entry(
        "The export names another list",
        "An export was applied to one list and names another one now. Its members would stay behind, so nothing"
        " was planned.",
        "Give the export a new name: the old one then counts as deleted, and its `on_delete` is carried out.",
        ExitCode.INVALID,
    ),
    "E612": Entry(
        "List id not known yet",
        "With --no-refresh a list that is declared by name can't be found, because its id was never seen.",
        "Plan once without --no-refresh.",
        ExitCode.INVALID,
    ),
    "E613": Entry(
        "Nobody to import",
        "`ccsync import` takes over a list that exists; this one is still to be created.",
        "`ccsync apply` creates it.",
        ExitCode.INVALID,
    ),
    "E614": Entry(
        "Never applied",
        "An export that was never applied and whose list does not exist yet has nobody held back and nothing refused.",
        "See `ccsync status`.",
        ExitCode.INVALID,
    ),
    "E615": Entry(
        "Another account",
        "An export was last applied to another account than its connection is signed in to now. Its ledger speaks of"
        " people of the old account, so nothing is planned.",
        "Give the export a new name for the new account. The old name then counts as deleted, and its `on_delete` says"
        " what becomes of its members.",
        ExitCode.INVALID,
    ),
    "E616": Entry(
        "Account not known yet",
        "A plan without refresh asks nobody, and the state does not know which account a connection belongs to. Who"
        " left its lists is remembered by account; without it they could be taken for new.",
        "Plan once without `--no-refresh`.",
        ExitCode.INVALID,
    ),
    "E620": Entry(
        "Constant Contact refused a request",
        "It said no (status 4xx). The request did nothing, and asking again would change nothing.",
        "Read its reason in the detail.",
        ExitCode.ERROR,
    ),
    "E621": Entry(
        "An address elsewhere",
        "An answer pointed to another host than the configured API. The token is sent to that host only, so the"
        " address was not followed.",
        "Check `endpoints.api` of the connection.",
        ExitCode.ERROR,
    ),
    "E622": Entry(
        "An endpoint that is not safe",
        "An address under `endpoints` is neither https nor http on this machine. A token must not be sent there.",
        "Correct `endpoints` of the connection.",
        ExitCode.INVALID,
    ),
    "E623": Entry(
        "Stopped while waiting",
        "The command was asked to stop while it waited for Constant Contact.",
        "Run it again.",
        ExitCode.INTERRUPTED,
    ),
    "E624": Entry(
        "An export can not be trusted",
        "An export file of Constant Contact is cut off, empty or something else than a file of contacts, or its"
        " job failed. People missing from it would count as having left, so nothing was concluded from it.",
        "Run the command again.",
        ExitCode.ERROR,
    ),
    "E625": Entry(
        "Stopped by a safety rule",
        "A request that breaks a rule of ccsync (too large, not on the list of allowed calls, not addressed by"
        " contact ids) was stopped before it was sent.",
        "This is a fault in ccsync: please report it.",
        ExitCode.ERROR,
    ),
    "E626": Entry(
        "The outcome is not known",
        "A request that changes something was sent, and its answer was lost. It was not sent again.",
        "Run `ccsync recover`, which looks for the job before anything is sent.",
        ExitCode.ERROR,
    ),
    "E627": Entry(
        "The answer to a renewal was lost",
        "Renewing the sign-in was asked for and no answer came. It was not asked again at once, because a"
        " refresh token may work only once.",
        "Run the command again; if the sign-in is over, it says so.",
        ExitCode.ERROR,
    ),
    "E650": Entry(
        "Unusable export file",
        "A file that Constant Contact exported can't be used: it is cut off, or lacks a column. Nothing was"
        " concluded from it.",
        "Run the command again; the list is exported anew.",
        ExitCode.ERROR,
    ),
    "W601": Entry(
        "The count of today's requests was damaged",
        "The file that counts the requests per API key could not be read. Half of the quota of the day is taken"
        " to be used.",
        "Nothing need be done; the count starts anew at 00:00 UTC.",
        None,
    ),
    "W602": Entry(
        "The count of requests is not kept",
        "The file that counts the requests per API key can not be written, so other processes with the same key"
        " are not seen.",
        "Make the folder writable, or set `CCSYNC_HOME` to one that is.",
        None,
    ),
    "W603": Entry(
        "An export is a little short",
        "An export holds a few people fewer than the list counts. The count may lag; who is missing counts as"
        " not on the list.",
        "If the next plan holds people back who are on the list, plan again.",
        None,
    ),
    "W651": Entry(
        "An interrupted run can't be settled",
        "A run was interrupted, and the account that it sent to can't be asked, or isn't declared any more. Until the"
        " run is settled nothing can be planned or applied.",
        "Mend the connection and run `ccsync recover`. If its account is gone for good: `ccsync recover --give-up RUN`"
        " closes the run; whoever may have been added is held back.",
        None,
    ),
}
