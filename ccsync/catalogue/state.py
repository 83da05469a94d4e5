"""State, plans, locks, schedules and what surrounds a run."""

from ccsync.catalogue.entry import Entry
from ccsync.errors import ExitCode

ENTRIES: dict[str, Entry] = {
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
