"""Who may do what, and consent."""

from ccsync.catalogue.entry import Entry
from ccsync.errors import ExitCode

ENTRIES: dict[str, Entry] = {
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
}
