"""A real PostgreSQL server for the tests that need one, started from whatever server is installed on the machine."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "s3cret-canary"
_NOBODY = 65534  # a server refuses to run as root


def find_binaries() -> Path | None:
    """The folder with initdb and postgres; None when no server is installed."""
    places = [Path(found).resolve().parent for name in ("initdb", "postgres") if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


@contextlib.contextmanager
def serving_postgres() -> Iterator[str]:
    """A server with an empty database; its DSN, password included. Skips the test where there is none to start."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed on this machine")
    folder = Path(tempfile.mkdtemp(prefix="ccsync-postgres-"))
    user = {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}
    try:
        if user:
            os.chown(folder, _NOBODY, _NOBODY)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = folder / "data"
        made = [str(binaries / "initdb"), "-D", str(data), "-U", "ccsync", "--auth=scram-sha-256", "--no-sync"]
        made += [f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **user)  # type: ignore[call-overload]
        port = _free_port()
        started = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
        started += ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
        server = subprocess.Popen(  # type: ignore[call-overload]
            started, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, **user
        )
        try:
            for line in server.stderr:
                if b"ready to accept connections" in line:
                    break
            else:
                raise RuntimeError("the server did not start")
            yield f"postgresql://ccsync:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.communicate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_sql(dsn: str, *statements: str) -> None:
    """Runs statements in the database, over a connection of their own."""
    import adbc_driver_manager as adbc
    import adbc_driver_postgresql as driver

    with (
        contextlib.closing(adbc.AdbcDatabase(driver=driver._driver_path(), uri=dsn)) as database,
        contextlib.closing(adbc.AdbcConnection(database)) as connection,
    ):
        for text in statements:
            with contextlib.closing(adbc.AdbcStatement(connection)) as statement:
                statement.set_sql_query(text)
                statement.execute_update()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
