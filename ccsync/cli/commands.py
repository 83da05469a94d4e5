"""The list of commands: name, module, and what `ccsync --help` says. The modules are imported only when called.

Building every command costs more than starting the program may (imports of values, signatures of functions), so help
and completion of names work from this table; a test holds it against the commands themselves.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """module: below `ccsync.cli`; holds `app`, a Typer of one command or of a group."""

    name: str
    module: str
    help: str


COMMANDS = (
    Command("init", "init", "Scaffold a working project: sandbox connection, sample data, .gitignore."),
    Command("validate", "validate", "Check the configuration; needs no network, no secrets, no data."),
    Command("plan", "plan", "Show what an apply would change, row by row; -o saves it."),
    Command("show", "show", "Show a saved plan, or rows of it."),
    Command("pr-comment", "pr_comment", "Post a saved plan on its pull request: one comment that is written anew."),
    Command("verify", "verify", "Say whether a saved plan may still be applied; asks nothing of the network."),
    Command("apply", "apply", "Apply a saved plan; without one: plan, show, ask, apply."),
    Command("run", "run", "Sync exports without asking: those that are due, named ones, or all."),
    Command("undo", "undo", "Make a plan that takes back what one run did; -o saves it."),
    Command("notify", "notify", "Send a test message to the declared notifications."),
    Command("recover", "recover", "Settle an interrupted run."),
    Command("import", "import_list", "Take over a list that exists: seed the ledger, send nothing."),
    Command("readmit", "readmit", "Let held-back people be added again."),
    Command("explain", "explain", "One person's story over all exports: source, segment, ledger, live, and why."),
    Command("rejects", "rejects", "Write the rows that Constant Contact refused, with the reason, to a CSV file."),
    Command("status", "status", "Show the state: exports, members, the last run, what is pending."),
    Command("history", "history", "List the runs, newest first."),
    Command("state", "state", "Look at the state, check it, restore it, move it, seal it anew."),
    Command("lock", "lock", "See who holds the state's lock, or take it away."),
    Command("connections", "connections", "List connections, sign in to them, check them."),
    Command("lists", "lists", "Show the lists of a connection's account, or find one."),
    Command("whoami", "whoami", "Say who is acting, why, and what they may do."),
    Command("exports", "exports", "List the declared exports, what they send, when they run."),
    Command("segments", "segments", "List the declared segments, or preview one."),
    Command("generate", "generate", "Make what goes with a project: a key, files for other tools."),
    Command("sandbox", "sandbox", "Serve a local Constant Contact account to try things on."),
    Command("schema", "schema", "Print a JSON Schema: of the configuration, plans, events."),
    Command("exit-codes", "exit_codes", "Print the exit codes and what they mean."),
)
