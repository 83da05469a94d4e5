"""Rows that the remote side refused, with the data they would be sent with now, as a CSV file for people to mend."""

from collections.abc import Sequence
from pathlib import Path

from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session, make_private
from ccsync.ports.desired import Relation


def write_rejects(session: Session, ledger: Path, desired: Relation, fields: Sequence[str], path: Path) -> int:
    """Writes (email, <field>…, reason, refused_at), ordered by e-mail, mode 0600, and returns the number of rows.

    People who are not wanted any more have no data; their fields are empty. Raises StorageError.
    """
    make_private(path)
    values = "".join(f", d.{identifier(field)}" for field in fields)
    refused = (
        "SELECT l.key AS email"
        f"{values}, COALESCE(l.reason, 'rejected') AS reason, l.changed_at AS refused_at"
        f" FROM read_parquet({literal(str(ledger))}) AS l LEFT JOIN {identifier(desired)} AS d ON d.key = l.key"
        " WHERE l.refused_content IS NOT NULL OR l.status = 'rejected' ORDER BY l.key"
    )
    session.execute(f"COPY ({refused}) TO {literal(str(path))} (FORMAT csv, HEADER true, USE_TMP_FILE false)")
    return int(
        session.scalar(
            f"SELECT count(*) FROM read_parquet({literal(str(ledger))})"
            " WHERE refused_content IS NOT NULL OR status = 'rejected'"
        )
    )
