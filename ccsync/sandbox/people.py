"""What people do outside the API: unsubscribe, leave a list, come back, be edited or deleted in the web interface.

Each deed is what the vendor's preference page or web interface would do. Source: knowledge base 5636, FACTS 2.2 and 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb

from ccsync.sandbox import bulk, columns
from ccsync.sandbox.account import ContactList
from ccsync.sandbox.options import SandboxUsageError
from ccsync.sandbox.service import Service
from ccsync.sandbox.store import stamp


def _choose(db: duckdb.DuckDBPyConnection, emails: list[str]) -> int:
    """Put the people who have these addresses into the table ``chosen``; returns how many are known."""
    db.execute(
        """CREATE OR REPLACE TEMP TABLE chosen AS SELECT c.seq FROM contacts c
        WHERE c.email IN (SELECT lower(trim(unnest(?::VARCHAR[])))) ORDER BY c.seq""",
        [emails],
    )
    row = db.execute("SELECT count(*) FROM chosen").fetchone()
    return int(row[0]) if row else 0


def unsubscribe(
    service: Service, emails: list[str], *, source: str = "Contact", reason: str | None = None,
    leave_lists: bool = False,
) -> int:  # fmt: skip
    """Opt people out of everything. ``updated_at`` of the contact stays as it was; only the address knows.

    They stay members of their lists, though nothing is mailed to them, unless ``leave_lists``.
    Source: community posts 422146 and 387264 (updated_after does not see it).
    """
    if source not in ("Contact", "Account"):
        raise SandboxUsageError("source is Contact or Account")
    now = stamp(service.clock.now())
    with service.store.write() as db:
        known = _choose(db, emails)
        db.execute(
            """UPDATE contacts SET permission = 'unsubscribed', opt_out_source = $source, opt_out_date = $now,
                opt_out_reason = $reason, email_updated_at = $now WHERE seq IN (SELECT seq FROM chosen)""",
            {"source": source, "now": now, "reason": reason},
        )
        if leave_lists:
            db.execute("DELETE FROM memberships WHERE seq IN (SELECT seq FROM chosen)")
    return known


def explicit_again(db: duckdb.DuckDBPyConnection, whom: str, now: datetime) -> None:
    """Make people's consent explicit, by their own act; ``whom`` is a condition in SQL."""
    db.execute(
        f"""UPDATE contacts SET permission = 'explicit', opt_in_source = 'Contact', opt_in_date = $now,
            opt_out_source = NULL, opt_out_date = NULL, opt_out_reason = NULL, email_updated_at = $now WHERE {whom}""",
        {"now": now},
    )


def resubscribe(service: Service, emails: list[str]) -> int:
    """Let unsubscribed people come back by their own act; who was asked to joins the lists of that request."""
    now = stamp(service.clock.now())
    with service.store.write() as db:
        known = _choose(db, emails)
        explicit_again(db, "seq IN (SELECT seq FROM chosen) AND deleted_at IS NULL", now)
        for (seq,) in db.execute("SELECT seq FROM chosen ORDER BY seq").fetchall():
            db.execute("CREATE OR REPLACE TEMP TABLE chosen AS SELECT ?::BIGINT AS seq", [seq])
            for number in service.account.asked_back.pop(seq, ()):
                bulk.join_list(service, db, number, "person")
    return known


def leave_list(service: Service, emails: list[str], target: ContactList, *, by: str = "contact") -> int:
    """Take people off one list: by their own choice (``contact``, remembered) or by a colleague (``account``)."""
    now = stamp(service.clock.now())
    with service.store.write() as db:
        known = _choose(db, emails)
        if by == "contact":
            db.execute(
                f"""INSERT INTO left_lists SELECT {target.number}, seq, $now, NULL, NULL FROM memberships
                WHERE list_no = {target.number} AND seq IN (SELECT seq FROM chosen) ORDER BY seq""",
                {"now": now},
            )
        db.execute(f"DELETE FROM memberships WHERE list_no = {target.number} AND seq IN (SELECT seq FROM chosen)")
        _bump(service, db)
    return known


def join_list(service: Service, emails: list[str], target: ContactList) -> int:
    """Put people on a list: by hand of a colleague, or because they came back by themselves."""
    with service.store.write() as db:
        known = _choose(db, emails)
        bulk.join_list(service, db, target.number, "person")
    return known


def edit(service: Service, emails: list[str], fields: Mapping[str, Any]) -> int:
    """Change fields as somebody would in the web interface; ``cf:NAME`` too, ``None`` empties. ``Any``: JSON."""
    allowed = {*columns.CORE_TEXT, *columns.BIRTHDAY}
    unknown = [name for name in fields if name not in allowed and not name.startswith("cf:")]
    if unknown:
        raise SandboxUsageError(f"people have no {', '.join(unknown)}")
    now = stamp(service.clock.now())
    with service.store.write() as db:
        known = _choose(db, emails)
        for name, value in fields.items():
            if name.startswith("cf:"):
                _set_value(service, db, name[3:], value)
            else:
                db.execute(f"UPDATE contacts SET {name} = ? WHERE seq IN (SELECT seq FROM chosen)", [value])
        db.execute(
            "UPDATE contacts SET updated_at = ?, update_source = 'Account' WHERE seq IN (SELECT seq FROM chosen)", [now]
        )
    return known


def _set_value(service: Service, db: duckdb.DuckDBPyConnection, name: str, value: Any) -> None:
    found = service.account.field_named(name)
    if found is None:
        raise SandboxUsageError(f"there is no custom field {name!r}")
    db.execute("DELETE FROM custom_values WHERE field_no = ? AND seq IN (SELECT seq FROM chosen)", [found.number])
    if value not in (None, ""):
        db.execute("INSERT INTO custom_values SELECT seq, ?, ? FROM chosen", [found.number, str(value)])


def delete(service: Service, emails: list[str]) -> int:
    """Delete people in the web interface: softly, off every list."""
    with service.store.write() as db:
        known = _choose(db, emails)
        bulk.delete_chosen(service, db)
    return known


def _bump(service: Service, db: duckdb.DuckDBPyConnection) -> None:
    if service.switches["membership_bumps_updated_at"] == "yes":
        db.execute(
            "UPDATE contacts SET updated_at = ? WHERE seq IN (SELECT seq FROM chosen)", [stamp(service.clock.now())]
        )
