"""Guards and policy: what looks like an accident, or is against the rules of the workspace."""

from ccsync.catalogue.entry import Entry
from ccsync.errors import ExitCode

ENTRIES: dict[str, Entry] = {
    "E500": Entry(
        "Too few people",
        "The segments of an export hold fewer usable people than `guards.min_rows`. An empty segment is taken for a"
        " broken source, not for an order to remove everyone.",
        "Look at the source. If an empty segment is meant, set `guards.allow_empty: true` or pass"
        " `--allow EXPORT:min_rows` once.",
        ExitCode.GUARD,
    ),
    "E501": Entry(
        "Too many removals",
        "The plan removes more of the members ccsync manages on the list than `guards.max_remove` allows. Up to ten"
        " removals are always allowed.",
        "Read the reasons in the plan. If it is meant, pass `--allow EXPORT:max_remove` once or raise the guard.",
        ExitCode.GUARD,
    ),
    "E502": Entry(
        "Too many updates",
        "More members change than `guards.max_update` allows: often a column that changed its format.",
        "Look at `fields_changed` in the plan. If it is meant, pass `--allow EXPORT:max_update` once.",
        ExitCode.GUARD,
    ),
    "E503": Entry(
        "Too many unusable rows",
        "A larger share of the source rows can't be used (no address, no valid address, a field too long) than"
        " `guards.max_unusable` allows.",
        "See them with `ccsync show FILE --op unusable`, mend the source, or pass `--allow EXPORT:max_unusable` once.",
        ExitCode.GUARD,
    ),
    "E504": Entry(
        "The source shrank",
        "An export has lost a larger share of its people since the last run than `guards.max_source_drop` allows.",
        "Look at the source. If it is meant, pass `--allow EXPORT:max_source_drop` once.",
        ExitCode.GUARD,
    ),
    "E505": Entry(
        "Too many new contacts",
        "The plan may create more contacts than `guards.max_new_contacts` allows. The fee follows the highest number of"
        " active contacts and does not fall when they are removed again.",
        "Pass `--allow EXPORT:max_new_contacts` once or raise the guard.",
        ExitCode.GUARD,
    ),
    "E506": Entry(
        "Contract limit",
        "The plan may bring the account over the connection's `limits.max_contacts`.",
        "Raise the limit after checking the contract, or pass `--allow EXPORT:max_contacts` once.",
        ExitCode.GUARD,
    ),
    "E507": Entry(
        "The day's quota is too small",
        "The plan needs more API calls than are left today for this API key.",
        "Wait until 00:00 UTC, when the quota starts anew, or plan fewer exports.",
        ExitCode.GUARD,
    ),
    "E508": Entry(
        "Too many people",
        "An export holds more people than `limits.max_profiles`, at most 1,000,000. This can't be allowed away.",
        "Split the export over several lists.",
        ExitCode.GUARD,
    ),
    "E510": Entry(
        "A policy rule blocks",
        "A rule of level `soft` found something in the plan. Its message says what; the finding's id names the rule,"
        " the export and the op.",
        "Change what the plan does; or have it approved under `approvals:`, or allow it once with"
        " `--allow EXPORT:RULE`.",
        ExitCode.GUARD,
    ),
    "E511": Entry(
        "A hard policy rule blocks",
        "A rule of level `hard` found something in the plan. It can neither be allowed nor approved.",
        "Change what the plan does, or change the rule in a reviewed change.",
        ExitCode.GUARD,
    ),
    "E512": Entry(
        "A policy rule can't be run",
        "Its SQL is no SELECT over `plan_summary` and `plan_changes`, fails, or returns an `export`, `op` or `count`"
        " that is none. A broken rule is never a pass, so nothing was sent.",
        "Mend the rule; `ccsync plan` runs it.",
    ),
    "E570": Entry(
        "No such run to give up",
        "`ccsync recover --give-up` names a run that isn't waiting to be settled: it was settled, or the name is"
        " wrong.",
        "`ccsync status` names the run that was interrupted.",
        ExitCode.INVALID,
    ),
    "W510": Entry(
        "The list has members already",
        "An export plans a list for the first time and people are on it. Who left it earlier can't be known, so"
        " such people"
        " may be added again.",
        "If the list is in use, `ccsync import EXPORT` first.",
        None,
    ),
    "W511": Entry(
        "Many members are gone",
        "More than 20 % of the members ccsync put on the list are no longer on it. They are held back.",
        "Find out who removed them. `ccsync readmit` lets people in again.",
        None,
    ),
    "W512": Entry(
        "The list was renamed",
        "The list has another name in Constant Contact than at the last run. Lists are known by id, so nothing"
        " else changes.",
        "Follow the new name in the configuration if you declare lists by name.",
        None,
    ),
    "W513": Entry(
        "Lists not read",
        "--no-refresh compares with the ledger alone: who left or was edited since is not seen. `apply` reads"
        " the lists before"
        " it sends anything.",
        "Plan without --no-refresh for the whole picture.",
        None,
    ),
    "W514": Entry(
        "Export without a connection",
        "An export and its connection are no longer declared. Its members stay on their list and in the state.",
        "Declare the connection again to have `on_delete` carried out.",
        None,
    ),
    "W515": Entry(
        "A policy rule advises",
        "A rule of level `advisory` found something in the plan. It blocks nothing.",
        "Look at what its message says.",
        None,
    ),
    "W516": Entry(
        "An approval does not hold",
        "Something in the plan is blocked, and an approval that was meant for it is for another plan, expired, covers"
        " fewer changes, or was given by somebody who may not override guards.",
        "Write a new approval for this plan, in a reviewed change.",
        None,
    ),
}
