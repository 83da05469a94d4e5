"""Every diagnostic code with its meaning and the way out; `docs/errors.md` is generated from it. No rules live here."""

from dataclasses import dataclass

from ccsync.errors import Diagnostic, ExitCode, Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """title: what it says in a few words. meaning: what happened and why it is refused. remedy: what to do.

    exit_code: of a command that ends with it; None for warnings.
    """

    title: str
    meaning: str
    remedy: str
    exit_code: ExitCode | None = ExitCode.INVALID


CATALOGUE: dict[str, Entry] = {
    "E100": Entry(
        "A file can't be read",
        "A configuration file or folder is missing, not an ordinary file, too large, or not readable. Nothing is"
        " read in part: what it declares would silently be gone.",
        "Look at the file's permissions and kind, or remove it.",
    ),
    "E101": Entry(
        "Not valid YAML",
        "The file is not UTF-8 text, not YAML 1.2, or uses what is not taken here: tags, several documents, keys"
        " that are no text, merge keys.",
        "Mend the place that is named. Indent with spaces, and put quotes around text with special characters.",
    ),
    "E102": Entry(
        "Declared twice",
        "The same key stands twice in one mapping, or the same name in two files. Which one is meant can't be known.",
        "Remove or rename one of them.",
    ),
    "E103": Entry(
        "Not what the schema allows",
        "An unknown key, a missing key, a value of the wrong kind or out of range, or a name of the wrong form.",
        "See `docs/configuration.md`, or let an editor complete and check the file through its `$schema` line.",
    ),
    "E104": Entry(
        "A secret in plain text",
        "A client secret, access token or password stands in the file. Whoever can read the repository can read it.",
        "Put it into the environment or a file, refer to it as `${env:NAME}` or `${file:PATH}`, and replace the"
        " secret by a new one.",
    ),
    "E105": Entry(
        "No list is named",
        "`list` holds neither a list id (a UUID), nor a list's web address, nor a name. Plain numbers are ids of"
        " the old v2 API.",
        "Paste the list's web address from the browser, or look the id up with `ccsync lists CONNECTION`.",
    ),
    "E106": Entry(
        "A reference leads nowhere",
        "The environment variable behind `${env:NAME}` is not set or empty, or the file behind `${file:PATH}`"
        " can't be read or is empty.",
        "Set it. `ccsync validate` needs neither environment nor secrets.",
    ),
    "E107": Entry(
        "A malformed reference",
        "A `${` stands in a value and begins neither `${env:NAME}` nor `${file:PATH}`.",
        "Mend it, or write `$${` for a plain `${`.",
    ),
    "E108": Entry(
        "YAML beyond its bounds",
        "A file nests too deeply, holds too many values, or its aliases grow too far or into themselves.",
        "Write the values out, or split the file.",
    ),
    "E109": Entry(
        "No configuration",
        "There is no config directory, or no *.yaml file below it.",
        "Start a project with `ccsync init`, or name the folder with `-C`.",
    ),
    "E110": Entry(
        "An unknown name",
        "A segment, source or connection is named that no file declares.",
        "Mend the name or declare it.",
    ),
    "E111": Entry(
        "A segment made of itself",
        "Segments are combined in a circle, so none of them can be computed.",
        "Take one of them out of the circle.",
    ),
    "E112": Entry(
        "Sign-in doesn't fit its flow",
        "`auth` lacks what its flow needs, or holds a secret that only another flow uses.",
        "Add, remove or change the `flow`.",
    ),
    "E113": Entry(
        "Table missing or meaningless",
        "Sources of type duckdb, sqlite and cdm hold several tables, so a segment must say which; the others are"
        " one table.",
        "Add or remove `table`.",
    ),
    "E114": Entry(
        "No order",
        "An entry of `duplicates.order_by` is not a column with asc or desc.",
        "Write `column`, `column asc` or `column desc`; a column with blanks stands in double quotes.",
    ),
    "E115": Entry(
        "Custom fields",
        "A custom field's name is not an API name (letters, digits and _), or there are more than the 25 that one"
        " contact can carry.",
        "Take the API name, without `cf:`; map fewer fields.",
    ),
    "E116": Entry(
        "The same segment twice",
        "An export names a segment twice, or two exports put the same segment on the same list.",
        "Leave it to one of them.",
    ),
    "E117": Entry(
        "Two exports disagree",
        "Two exports on one connection want different values of one field for the same people. Neither writes"
        " that field of"
        " these people; the rest of the plan is not affected.",
        "Let one export own the field, or map it the same way in both.",
        None,
    ),
    "E118": Entry(
        "Unsafe endpoint",
        "An address to send to is not https, or holds a user, a query or nothing usable. Plain http is for this"
        " machine only.",
        "Mend the address, or remove it to use the vendor's.",
    ),
    "E119": Entry(
        "An unknown attribute",
        "`attributes` names a field that the import does not have.",
        "Mend the name; the account's own fields stand under `custom_fields`.",
    ),
    "E120": Entry(
        "No query",
        "A segment's `query` names a file that can't be read or is empty, or is no SQL.",
        "Mend the path; it is relative to the config directory and ends with .sql.",
    ),
    "E121": Entry(
        "Half a birthday",
        "The import takes `birthday_month` and `birthday_day` only together.",
        "Map both or neither.",
    ),
    "E122": Entry(
        "Files are in the way",
        "`ccsync init` found files it would have to overwrite. It wrote nothing.",
        "Choose another folder, or move the files away.",
    ),
    "E150": Entry(
        "Two birthdays",
        "`birthday` takes a date and fills `birthday_month` and `birthday_day`; an export maps it, or those two.",
        "Remove one of them.",
    ),
    "E151": Entry(
        "Two columns for one field",
        "Two attributes stand for the same field of a contact: `phone` is `other_phone`, and an address without a kind"
        " is the home address.",
        "Remove one of them.",
    ),
    "E201": Entry(
        "The role does not allow it",
        "The workspace has a `roles:` section, and the acting user's role does not cover the command. Viewers look and"
        " plan, contributors also apply over connections made available to them, administrators may do everything.",
        "Ask one of those the message names. `ccsync whoami` says who is acting and why; `--as USER` or CCSYNC_ACTOR"
        " changes it.",
        ExitCode.DENIED,
    ),
    "E202": Entry(
        "The connection is not available to the user",
        "The connection's `available_to` does not include the acting user.",
        "Ask an administrator to change `available_to`, or plan other exports by name.",
        ExitCode.DENIED,
    ),
    "E210": Entry(
        "No consent",
        "The connection records no consent to send personal data to Constant Contact, so `apply` sends nothing.",
        "An administrator runs `ccsync connections consent NAME`, reads and agrees, and commits the file.",
        ExitCode.DENIED,
    ),
    "E211": Entry(
        "Consent to another text",
        "The text that was agreed to is not today's: the data go to another host, or the privacy statement changed.",
        "An administrator runs `ccsync connections consent NAME` again, and commits the file.",
        ExitCode.DENIED,
    ),
    "E212": Entry(
        "The connection is switched off",
        "`enabled: false` stands in the connection's declaration: `ccsync connections disable` wrote it, or somebody"
        " did by hand. Nothing is sent over it; its exports stay declared, and plans can be made.",
        "An administrator runs `ccsync connections enable NAME`, or apply the exports of other connections by name.",
        ExitCode.DENIED,
    ),
    "E213": Entry(
        "An export without a connection",
        "`connection: null` keeps an export declared without running it. It was asked for by name.",
        "Give it a connection, or plan other exports.",
    ),
    "E220": Entry(
        "Nobody to approve changes",
        "`ccsync generate codeowners` needs to know who approves what, and `roles:` names no administrators.",
        "Declare `roles: {administrators: […], contributors: […]}`.",
    ),
    "E221": Entry(
        "A file that can't be edited in place",
        "A key was to be written into a configuration file, and the place where it belongs is an alias or a text over"
        " several lines. The file is as it was.",
        "Write the keys that the message shows into the file yourself.",
    ),
    "E222": Entry(
        "Protected against deletion",
        "An export is no longer declared, and `prevent_delete: true` stood on it, or on its list, when it was last"
        " applied. The state keeps that, so deleting the block doesn't lift it. Nothing is applied while this stands.",
        "Declare the export again. To delete it for good: set `prevent_delete: false` where it stands, apply, and"
        " delete it then.",
        ExitCode.GUARD,
    ),
    "E301": Entry(
        "No access token",
        "The connection has no access token, or what `access_token` points to is none. Nothing was asked.",
        "Set the variable or file it points to, or run `ccsync connections login NAME`.",
        ExitCode.DENIED,
    ),
    "E302": Entry(
        "The access token is refused",
        "Constant Contact answered 401, also after the token was renewed where that is possible. The request did"
        " nothing.",
        "Put a new token in place, or run `ccsync connections login NAME`. A wrong `endpoints.api` is answered"
        " the same way.",
        ExitCode.DENIED,
    ),
    "E303": Entry(
        "A scope is missing",
        "The token does not cover a scope that the request needs (`contact_data`, `account_read`).",
        "Run `ccsync connections login NAME` and agree to everything that is asked for.",
        ExitCode.DENIED,
    ),
    "E304": Entry(
        "Another account",
        "The connection is signed in to another account than the one its state or the plan belongs to. Nothing"
        " was sent.",
        "Sign in to the right account, or declare a new connection for the other one.",
        ExitCode.DENIED,
    ),
    "E305": Entry(
        "The sign-in is over",
        "The server no longer knows the refresh token: it was revoked, not used for 180 days, used twice, or a"
        " renewed one never arrived.",
        "Run `ccsync connections login NAME`. For CI, set long-lived refresh tokens for the application.",
        ExitCode.DENIED,
    ),
    "E306": Entry(
        "A privilege is missing",
        "The user who signed in may not do it. Even reading needs `contacts:write`: activities can not be looked"
        " at and exports not downloaded without it.",
        "Let the account owner change the role (owner and manager have all privileges), or sign in as another user.",
        ExitCode.DENIED,
    ),
    "E307": Entry(
        "The application is deactivated",
        "The application behind the API key (`client_id`) is deactivated at Constant Contact.",
        "See the application in the developer portal, or use another API key.",
        ExitCode.DENIED,
    ),
    "E308": Entry(
        "Forbidden, and why is not known",
        "Constant Contact answered 403 although scope, privilege and application seem to be right.",
        "Run `ccsync connections check NAME`; the account itself may be restricted.",
        ExitCode.DENIED,
    ),
    "E309": Entry(
        "The application is refused",
        "The sign-in server refuses the application: unknown `client_id`, wrong `client_secret`, or a flow that"
        " is not switched on for it.",
        "Check `auth` of the connection and the application in the developer portal.",
        ExitCode.DENIED,
    ),
    "E310": Entry(
        "Not signed in",
        "There is no sign-in for the connection on this machine. Nothing was asked.",
        "Run `ccsync connections login NAME`.",
        ExitCode.DENIED,
    ),
    "E311": Entry(
        "The stored sign-in can not be read",
        "The file with the tokens is damaged, of another version, or may not be read.",
        "Run `ccsync connections login NAME`, which replaces it.",
        ExitCode.DENIED,
    ),
    "E312": Entry(
        "No way back from the browser",
        "The address that the browser returns to after signing in is not on this machine, or its port is taken."
        " Nobody was signed in.",
        "Give another address, and enter it in the developer portal too; or use `flow: device`.",
        ExitCode.INVALID,
    ),
    "E313": Entry(
        "The login came to no end",
        "The code ran out before anybody agreed, or an answer was lost. Nobody was signed in; an earlier sign-in"
        " is as it was.",
        "Run `ccsync connections login NAME` again.",
        ExitCode.ERROR,
    ),
    "E314": Entry(
        "The login was declined",
        "Somebody said no in the browser. Nobody was signed in.",
        "Run `ccsync connections login NAME` again and allow it.",
        ExitCode.DENIED,
    ),
    "E315": Entry(
        "A refresh token that can't be kept",
        "`token_store: env` reads a refresh token and can't replace it, and this application's refresh tokens rotate:"
        " each works once.",
        "Set long-lived refresh tokens for the application in the developer portal and sign in again, or use"
        " `token_store: state`.",
        ExitCode.DENIED,
    ),
    "E316": Entry(
        "No keyring",
        "The connection keeps its sign-in in the system's keyring, which is locked, is not there, or needs a package"
        " that is not installed.",
        "Unlock it, or install `ccsync[keyring]`, or set `token_store: file`.",
        ExitCode.DENIED,
    ),
    "E317": Entry(
        "No key to seal the sign-in with",
        "`token_store: state` keeps the sign-in in the state, sealed, and `CCSYNC_KEY` is not set.",
        "Make a key with `ccsync generate key`, and set `CCSYNC_KEY` to it on every machine that shares the state.",
        ExitCode.DENIED,
    ),
    "E318": Entry(
        "Another machine renews the sign-in",
        "While this machine renewed a sign-in that is shared, it seemed dead to another one, which took over.",
        "Run the command again.",
        ExitCode.ERROR,
    ),
    "E401": Entry(
        "Source file not found",
        "A source's path names no file that can be read, or a file whose own name would be taken for a pattern.",
        "Check `path` (relative to the config directory) and the permissions.",
    ),
    "E402": Entry(
        "SQL fails",
        "A `where`, `query` or `sql:` text can't be run over its source, or fails on a value. The message never"
        " shows the value.",
        "Mend the SQL; try_cast and try() give NULL in place of an error.",
    ),
    "E403": Entry(
        "SQL that is not allowed",
        "A query must be one SELECT, a condition or a field one expression of one row. They may read the relation"
        " `source` and nothing else: no file, network, other table or setting.",
        "Read `source` only; declare another source for other data and combine segments.",
    ),
    "E410": Entry(
        "No such table",
        "The source holds no table or view of that name, or only its schema and no rows (a draft segment).",
        "Take a name from the hint.",
    ),
    "E411": Entry(
        "No such column",
        "A mapping, the address or `order_by` names a column that the rows of a segment do not have.",
        "Take a name from the hint, or use another mapping.",
    ),
    "E412": Entry(
        "Value that can't be sent",
        "A field is mapped to lists, structures or JSON, which are no text.",
        "Pick one value with `sql:`, for example `tags[1]` or `payload->>'name'`.",
    ),
    "E413": Entry(
        "Files that are not alike",
        "The files behind one source do not have the same columns, or not those that their model lists, so rows would"
        " silently lack values.",
        "Make the files alike, or narrow the path; have a Common Data Model folder written again.",
    ),
    "E414": Entry(
        "Unusable header",
        "Columns without a name, two of one name (upper and lower case are one to SQL), or no first line at all.",
        "Give every column a name of its own; a CSV file without names is read with `header: false`.",
    ),
    "E415": Entry(
        "Malformed file",
        "A CSV row that is not as long as its header, an open quote, mixed line ends, or text that is not JSON.",
        "Mend the file at the line given; check `delimiter`, `quote` and `format` of the source.",
    ),
    "E416": Entry(
        "File of another kind",
        "The file can't be read as what it is declared to be: damaged, of another format, locked by another program,"
        " or listed by the model of its folder and not there.",
        "Check `type` and `path` of the source; copy a Common Data Model folder whole.",
    ),
    "E417": Entry(
        "Not text",
        "The source holds bytes that are not in the declared encoding, or NUL characters.",
        "Save the file as UTF-8, or set `encoding` of a CSV source.",
    ),
    "E418": Entry(
        "Oversized row",
        "A row or value is larger than any row of people can be: often a quote that was never closed.",
        "Look at the place given, or leave the large column out.",
    ),
    "E421": Entry(
        "Source changed while it was read",
        "A file was written to between the first and the last look at it, so what was read may be half old and half"
        " new.",
        "Run again when the file is complete; writers should write aside and rename.",
    ),
    "E422": Entry(
        "Unusable description of a folder",
        "The model.json or manifest of a Common Data Model folder can't be read, contradicts itself, or uses what is"
        " not supported, such as patterns in place of files.",
        "Have the folder written again, or read its files with a csv or parquet source.",
    ),
    "E423": Entry(
        "Source too old",
        "The table was built longer ago than `max_age` of its source allows, or does not say when.",
        "Refresh it where it is made, or raise `max_age`.",
    ),
    "E424": Entry(
        "Package not installed",
        "Sources of that type need a package that does not come with ccsync.",
        "Run the line in the hint, in the environment that ccsync runs in.",
    ),
    "E425": Entry(
        "Database not reached",
        "No connection to the database of a source: a wrong address, no network, or a sign-in that is refused. What the"
        " driver said is not shown, because it may hold the password.",
        "Check what the source's references lead to, with the database's own client.",
    ),
    "E430": Entry(
        "Nobody to suppress",
        "A source of people who must not be sent is empty, or its column holds neither addresses nor digests. That is"
        " taken for a broken source, not for leave to send to everyone. Nothing was planned.",
        "Mend the source, or say `allow_empty: true` in its entry under `suppress`.",
    ),
    "E431": Entry(
        "Values that no longer fit",
        "Between the plan and the apply a custom field got another type, other choices or other decimals, or the plan"
        " was made without asking for them; now values of the plan don't fit. Nothing was sent.",
        "Plan again without --no-refresh.",
    ),
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
    "E701": Entry(
        "The state is locked",
        "Another run holds the lock of this state; the message says who, where and since when. A run that lost its lock"
        " to `ccsync lock release` or to a run that took it for dead says the same. In a folder the kernel frees the"
        " lock when its holder ends, however it ends; in an object store a holder without a sign of life for a minute"
        " is replaced by whoever waits that long.",
        "Wait for the other run or pass `--lock-timeout SECONDS`. If it hangs, end it, or take the lock away with"
        " `ccsync lock release`.",
        ExitCode.LOCKED,
    ),
    "E702": Entry(
        "Plan file edited or damaged",
        "A byte of the plan file is not as ccsync wrote it, or a part is missing or added. Such a plan can't be "
        "trusted.",
        "Copy the file again, or make and review a new plan with `ccsync plan -o FILE`.",
        ExitCode.STALE,
    ),
    "E703": Entry(
        "Plan expired",
        "A saved plan holds for 24 hours; the lists and sources may be others by now.",
        "Make and review a new plan with `ccsync plan -o FILE`.",
        ExitCode.STALE,
    ),
    "E704": Entry(
        "Plan already applied",
        "A plan can be applied once. This one was, as the serial named.",
        "Run `ccsync plan` to see whether anything is left to do.",
        ExitCode.STALE,
    ),
    "E705": Entry(
        "Plan of another state",
        "The plan was made from the state of another workspace, or of this one before its state was made anew "
        "(another lineage).",
        "Check `workspace.state` and the config directory, then plan again.",
        ExitCode.STALE,
    ),
    "E706": Entry(
        "The state has moved on",
        "The plan was made from another generation of the state than the newest: something was applied, imported,"
        " readmitted or restored since.",
        "Make and review a new plan with `ccsync plan -o FILE`.",
        ExitCode.STALE,
    ),
    "E707": Entry(
        "The configuration has changed",
        "The plan was made from a configuration that means something else. Reformatting the files makes no plan stale.",
        "Check out the configuration that the plan was made from, or plan again.",
        ExitCode.STALE,
    ),
    "E708": Entry(
        "Plan of another format version",
        "The plan file was written by a version of ccsync with another plan format.",
        "Apply it with that version, or plan again with this one.",
        ExitCode.STALE,
    ),
    "E709": Entry(
        "The state is damaged",
        "A file of the state folder does not have the digest it was written with, or is not readable. Damaged "
        "state is refused, never taken for an empty one: that would forget who is ours and who left.",
        "`ccsync state check` shows what is wrong. Put the folder back from a backup, or go on from the newest "
        "intact generation with `ccsync state restore`.",
        ExitCode.STALE,
    ),
    "E710": Entry(
        "A part of the state is missing",
        "HEAD, a generation or a part of a journal is not there although other files are. That is lost state, not"
        " a first use.",
        "Put the folder back from a backup, or go on from the newest intact generation with `ccsync state "
        "restore`. If the folder was never a state folder, set `workspace.state` to an empty or new one.",
        ExitCode.STALE,
    ),
    "E711": Entry(
        "State of a newer ccsync",
        "The state was written in a format that this version does not know. It was not touched.",
        "Upgrade ccsync on this machine.",
        ExitCode.STALE,
    ),
    "E712": Entry(
        "The state moved on under a run",
        "Another process wrote a new generation, or settled this run's journal, while this run was under way; it "
        "wrote nothing over that.",
        "Run `ccsync plan` again; it first settles whatever this run had sent.",
        ExitCode.STALE,
    ),
    "E713": Entry(
        "Trouble with the disk",
        "A file could not be written, read or made durable, or memory and temporary space are used up. Nothing that"
        " was recorded before is lost.",
        "Free space or mend the permissions of the folder, then run the command again.",
        ExitCode.ERROR,
    ),
    "E714": Entry(
        "Export not in the plan",
        "`apply FILE EXPORT` named an export that the saved plan does not hold.",
        "See what it holds with `ccsync show FILE`, or plan that export.",
        ExitCode.STALE,
    ),
    "E715": Entry(
        "No such plan file",
        "There is no file at the path given to `apply` or `show`.",
        "Check the path, or write a plan with `ccsync plan -o FILE`.",
        ExitCode.INVALID,
    ),
    "E716": Entry(
        "No such generation",
        "The serial asked for is not kept: the last 30 generations are.",
        "See those that are kept with `ccsync state list`.",
        ExitCode.INVALID,
    ),
    "E717": Entry(
        "Connection of an interrupted run is gone",
        "An interrupted run used a connection that the configuration no longer declares; what it sent can only be"
        " found out over that connection.",
        "Declare the connection again, then run `ccsync recover`. Where its account is gone for good:"
        " `ccsync recover --give-up RUN`.",
        ExitCode.INVALID,
    ),
    "E720": Entry(
        "Sealed, and no key",
        "The state, a plan file or a sign-in was sealed with a key, and `CCSYNC_KEY` is not set. Nothing that is"
        " sealed is ever taken for missing.",
        "Set `CCSYNC_KEY` to the key it was sealed with.",
        ExitCode.DENIED,
    ),
    "E721": Entry(
        "Sealed with another key",
        "What is to be read was sealed with a key that is neither `CCSYNC_KEY` nor among `CCSYNC_OLD_KEYS`. The ids in"
        " the message tell keys apart and say nothing of them.",
        "Set `CCSYNC_KEY` to the right key; after a rotation, put the former one into `CCSYNC_OLD_KEYS`.",
        ExitCode.DENIED,
    ),
    "E722": Entry(
        "Not a key",
        "`CCSYNC_KEY` or `CCSYNC_OLD_KEYS` holds something that is no key of 32 random bytes, names a file that can't"
        " be read, or the package that seals is not installed. A key that can be guessed would protect nothing.",
        "Make a key with `ccsync generate key`; install the package with `pip install 'ccsync[encryption]'`.",
        ExitCode.INVALID,
    ),
    "E723": Entry(
        "Sealed and then changed",
        "Something sealed was changed, cut off, or put in the place of something else. It was written by nobody who has"
        " the key, so it is not used.",
        "Find out who can write there. For the state, `ccsync state restore` goes on from the newest intact generation;"
        " a plan is made anew.",
        ExitCode.STALE,
    ),
    "E724": Entry(
        "An older state was put back",
        "This machine saw a newer state than the one that is there now, or another one. An older state doesn't know who"
        " left their list since, so it is not used. Noticed for sealed states, by a note in the user's own folder.",
        "Where a backup was put back on purpose, `ccsync state restore` goes on from it with a new serial, keeping"
        " every opt-out that can still be read. Otherwise find out who can write there.",
        ExitCode.STALE,
    ),
    "E725": Entry(
        "The object store of the state",
        "The store gave no useful answer several times, or it refuses the credentials, or there is no such bucket. What"
        " was being written is the old or the new, never half of it.",
        "Check the address and the credentials, then run the command again; the journal says what is open.",
        ExitCode.ERROR,
    ),
    "E726": Entry(
        "The state was moved",
        "`ccsync state migrate` moved the state elsewhere; what is left at the old place is of the time before.",
        "Set `workspace.state` to the place that is named, or pull the commit that does.",
        ExitCode.STALE,
    ),
    "E727": Entry(
        "The state can't be moved there",
        "There is nothing to move, or another state is at the place named. Two states are never mixed.",
        "Name a place that holds no state.",
        ExitCode.INVALID,
    ),
    "E728": Entry(
        "Not a place for the state",
        "`workspace.state` is an address that is none of `s3://`, `gs://` and `az://`, or the package or the settings"
        " that open it are missing.",
        "Mend the address; install the package with `pip install 'ccsync[cloud]'`.",
        ExitCode.INVALID,
    ),
    "E740": Entry(
        "Another plan than the one expected",
        "`--expect-plan-id` names the plan that was reviewed, and this is another one. A plan's id is a digest of"
        " everything in it but the times: another id means other work.",
        "Review the plan that is there (`ccsync show FILE`), or hand on the file that was reviewed.",
        ExitCode.STALE,
    ),
    "E741": Entry(
        "Nothing to compare with",
        "`plan --changed BASE` compares with what git has at BASE, and git doesn't know it, or the config directory is"
        " in no repository. CI systems often fetch the newest commit only.",
        "Fetch it (`git fetch origin main`; in CI: check out with full history), or plan without `--changed`.",
        ExitCode.USAGE,
    ),
    "E770": Entry(
        "No pull request",
        "`pr-comment` finds the pull request in the environment of GitHub Actions or GitLab CI, and found none, or an"
        " address that is not https.",
        "Run it in a job of a pull request or merge request, or name one with `--pull-request N`.",
        ExitCode.USAGE,
    ),
    "E771": Entry(
        "No token to comment with",
        "`pr-comment` reads its token from GITHUB_TOKEN (or GH_TOKEN), or GITLAB_TOKEN; none of them holds one.",
        "Hand it to the step: `GITHUB_TOKEN: ${{ github.token }}`; for GitLab a project access token with scope api.",
        ExitCode.DENIED,
    ),
    "E772": Entry(
        "The forge refused the token",
        "GitHub or GitLab knows the token and doesn't let it comment, or doesn't know it.",
        "GitHub: give the job `permissions: {pull-requests: write}`; pull requests of forks never have it. GitLab: a"
        " token with scope api.",
        ExitCode.DENIED,
    ),
    "E773": Entry(
        "The forge knows no such pull request",
        "The project or the number is wrong, or the token may not see it: forges answer the same to both.",
        "Check the number, the project and the token.",
        ExitCode.ERROR,
    ),
    "E774": Entry(
        "The forge could not be asked",
        "There was no connection, no answer, an error of its own, or a wait that is too long, after several tries.",
        "Run the command again later. A comment that did arrive is found and written anew, not doubled.",
        ExitCode.ERROR,
    ),
    "E775": Entry(
        "The forge did not take the comment",
        "It answered with a refusal or with something that isn't what its API promises, like a redirect.",
        "Look at the address it was asked at (GITHUB_API_URL, CI_API_V4_URL).",
        ExitCode.ERROR,
    ),
    "E780": Entry(
        "A run can't be undone",
        "No generation is kept that the run made by applying a plan, or the one before it is not kept any more. Runs"
        " that sent nothing (`import`, `readmit`, `restore`) can't be undone either: they changed no list.",
        "Look the run up with `ccsync history`; go back to an older state with `ccsync state restore`, which changes no"
        " list.",
    ),
    "E781": Entry(
        "Nothing to undo",
        "The run changed nobody: neither the ledger before it nor the one after it knows of a change by this run.",
        "Look the run up with `ccsync history`.",
    ),
    "E790": Entry(
        "A notification could not be delivered",
        "`ccsync notify` tried it, and it did not arrive in time, was refused, or is not declared as it must be.",
        "Look at `notifications:`, at what its references lead to, and at the other side.",
        ExitCode.ERROR,
    ),
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
    "W101": Entry(
        "Declared but not used",
        "No export needs this connection, source or segment.",
        "Remove it, or use it.",
        None,
    ),
    "W102": Entry(
        "A folder is read once",
        "A link leads to a folder that is read already, perhaps in a circle.",
        "Remove the link.",
        None,
    ),
    "W103": Entry(
        "Roles without administrators",
        "`roles` names no administrators, so nobody can sign in, give consent or unlock.",
        "Name at least one.",
        None,
    ),
    "W104": Entry(
        "No exports",
        "The configuration declares no export, so there is nothing to do.",
        "Declare one under `exports:`.",
        None,
    ),
    "W210": Entry(
        "No consent yet",
        "The connection records no consent to send personal data; `plan` says so and `apply` will refuse.",
        "An administrator runs `ccsync connections consent NAME`.",
        None,
    ),
    "W211": Entry(
        "Consent to another text",
        "The text that was agreed to is not today's, so `apply` will refuse.",
        "An administrator runs `ccsync connections consent NAME` again.",
        None,
    ),
    "W212": Entry(
        "The connection is switched off",
        "The plan was made, and `apply` will refuse it: `enabled: false` stands in the connection's declaration.",
        "An administrator runs `ccsync connections enable NAME`.",
        None,
    ),
    "W213": Entry(
        "An export without a connection",
        "`connection: null` keeps an export declared without running it. Its members stay on their list, and other"
        " exports of that list leave them there.",
        "Give it a connection to have it run again.",
        None,
    ),
    "W310": Entry(
        "The clock is wrong",
        "This machine's clock and Constant Contact's differ by more than a minute. Tokens, plans and the day's requests"
        " go by it.",
        "Set the clock, or let the network set it.",
        None,
    ),
    "W311": Entry(
        "Growth that may be reviewed",
        "A plan adds at least a thousand contacts and a tenth of the account. Constant Contact may call a list review,"
        " in which all sending stops until a phone call; when it does is different for each account and not told.",
        "Know how these people gave their consent, or let the list grow in steps.",
        None,
    ),
    "W312": Entry(
        "Close to the contract",
        "With what the plan adds, the account comes to more than nine tenths of `limits.max_contacts`.",
        "See what the contract says beyond that number. A plan that passes it is blocked (E506).",
        None,
    ),
    "W414": Entry(
        "A header that the model denies",
        "The model of a folder says that its files have no header, but they begin with the names of the columns. The"
        " first line was taken for a header, not for a customer.",
        "Set `columnHeaders` where the folder is written.",
        None,
    ),
    "W415": Entry(
        "Several runs listed",
        "The model lists files of several runs. Each run holds all rows, so only the newest was read; the others hold"
        " people who left.",
        "Nothing, if the newest run is meant.",
        None,
    ),
    "W417": Entry(
        "Perhaps cut off",
        "The source has exactly 100,000 rows, which is where the download of a table in Customer Insights ends. People"
        " beyond would count as having left.",
        "Compare with the number of members there, and use an export in place of the download.",
        None,
    ),
    "W430": Entry(
        "Suppressed people stay on the list",
        "People who must not be sent are members of the list, and ccsync did not put them there. It never takes members"
        " off that aren't ours.",
        "Take them off in Constant Contact. `ccsync import EXPORT --own` makes a list's members ours.",
        None,
    ),
    "W431": Entry(
        "Several rows a customer",
        "The table has several rows for some customers, as attributes of one-to-many tables make them. One row counts.",
        "Say which with `duplicates.order_by` of the export.",
        None,
    ),
    "W432": Entry(
        "Suppression that names nobody",
        "Rows of a source of people who must not be sent hold something else than an address or a digest. Whom they"
        " mean can't be known, so those people may be sent.",
        "Mend the source.",
        None,
    ),
    "W433": Entry(
        "Types of custom fields not known",
        "The plan was made without asking the account, and no earlier apply knew the types of these custom fields."
        " Their values are planned as they stand; `apply` checks them and sends nothing if one doesn't fit (E431).",
        "Plan without --no-refresh.",
        None,
    ),
    "W441": Entry(
        "Segment that is not kept up",
        "The segment is static or inactive, or its table is older than others of its folder: it keeps people who were"
        " erased or would no longer belong.",
        "Rebuild it in Customer Insights.",
        None,
    ),
    "W442": Entry(
        "Segment without members",
        "No customer has the segment's name in their list of segments: it is empty, or its name is spelled otherwise.",
        "Check the name, upper and lower case included.",
        None,
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
    "W709": Entry(
        "An older generation is damaged",
        "`ccsync state check` found that a generation other than the newest is not intact. Nothing depends on it,"
        " but nothing can be restored from it either.",
        "Nothing has to be done; look at the disk if more of this appears.",
        None,
    ),
    "W710": Entry(
        "Run records can't be read",
        "Lines of `runs.jsonl` are damaged. These runs are missing from `ccsync history`; nothing else depends on"
        " them.",
        "Nothing has to be done.",
        None,
    ),
    "W711": Entry(
        "State readable by others",
        "Files or folders of the state have rights for other users of the machine. ccsync makes them for their "
        "owner alone, so somebody changed them.",
        "`chmod -R go= FOLDER`",
        None,
    ),
    "W712": Entry(
        "Run record not written",
        "What the run did is in the state; only its line in runs.jsonl is missing, so `ccsync history` lacks it.",
        "Free disk space.",
        None,
    ),
    "W740": Entry(
        "The state is on a disk",
        "`generate` wrote a workflow for a project whose state is a folder. Hosted runners start with an empty disk, so"
        " the state would be lost after each job: who left could not be told from who is new.",
        "Set `workspace.state` to `s3://…`, `gs://…` or `az://…`, or use runners that keep the folder between jobs.",
        None,
    ),
    "W741": Entry(
        "An interrupted run is not settled",
        "`ccsync verify` found the journal of a run that did not end. Whatever applies next settles it first, and a"
        " plan made before that may then be stale.",
        "Run `ccsync recover`, then `ccsync verify FILE` again.",
        None,
    ),
    "W742": Entry(
        "The base has no sound configuration",
        "`plan --changed BASE` found no configuration at BASE, or one with errors, so that every export counts as"
        " touched.",
        "Nothing has to be done.",
        None,
    ),
    "W780": Entry(
        "The plan undoes a run",
        "It takes back what one run did and is no step towards the configuration: the next plan proposes that again.",
        "Mend the data or the configuration after applying it, and pause schedules until then.",
        None,
    ),
    "W781": Entry(
        "Not everything of a run is undone",
        "People whom the run changed are left as they are: they left, were changed again, are held by another export,"
        " or their earlier values are not known.",
        "Nothing has to be done; `ccsync explain` tells one person's story.",
        None,
    ),
    "W782": Entry(
        "What can't be undone",
        "Mails that were sent, contacts that were made, exports that are no longer declared.",
        "Nothing has to be done.",
        None,
    ),
    "W790": Entry(
        "A notification could not be delivered",
        "The run itself is as it says. What could not be told is told at the next run, if it is still so then.",
        "Try it with `ccsync notify NAME`; look at `notifications:` and at what its references lead to.",
        None,
    ),
}


def hint_of(diagnostic: Diagnostic) -> str | None:
    """The next thing to do: the diagnostic's own hint; an error without one gets what its entry says."""
    entry = CATALOGUE.get(diagnostic.code)
    if diagnostic.hint or diagnostic.severity is not Severity.ERROR or entry is None:
        return diagnostic.hint
    return (entry.remedy[:1].lower() + entry.remedy[1:]).removesuffix(".")
