"""A folder in memory where there is one, for tests that make thousands of files; object stores on this machine."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.emulators import azure_server, s3_server

MEMORY = Path("/dev/shm")


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="package")
def s3() -> Iterator[dict[str, str]]:
    pytest.importorskip("moto", reason="the S3 server of the tests is not installed")
    with s3_server() as settings:
        yield settings


@pytest.fixture(scope="package")
def azure() -> Iterator[dict[str, str]]:
    with azure_server() as settings:
        yield settings
