"""Signing in, tokens and accounts."""

from ccsync.catalogue.entry import Entry
from ccsync.errors import ExitCode

ENTRIES: dict[str, Entry] = {
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
}
