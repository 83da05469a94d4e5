"""The contract of a store: one suite over a folder, an object store in memory, S3, and Azure where Azurite is
installed; each plain and sealed."""

import os
import stat
from pathlib import Path

import pytest
from ccsync.errors import LockedError, StorageError
from ccsync.state.files import LocalDisk, sha256_of
from ccsync.state.remote import RemoteStore
from ccsync.state.store import LocalStore, Store

from tests.state.buckets import bucket, cache_at, sealed
from tests.state.world import FakeClock, QuickDisk

KINDS = ("folder", "sealed folder", "memory", "sealed memory", "s3", "sealed s3", "azure")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    kind = request.param.removeprefix("sealed ")
    if kind == "folder":
        inner: Store = LocalStore(tmp_path / "store", QuickDisk(), FakeClock())
    else:
        settings = request.getfixturevalue(kind) if kind != "memory" else {}
        inner = RemoteStore(bucket(kind, settings), cache_at(tmp_path / "cache"), FakeClock())
    return sealed(inner, tmp_path / "scratch") if kind != request.param else inner


def file_of(tmp_path: Path, content: bytes) -> tuple[Path, str]:
    path = tmp_path / "a file"
    path.write_bytes(content)
    return path, sha256_of(path)


def test_what_is_not_there_is_none(store: Store) -> None:
    assert (store.get("a"), store.fetch("a"), store.list(""), store.list("b/")) == (None, None, (), ())


def test_a_name_is_put_once(store: Store) -> None:
    assert store.put_if_absent("a/b", b"one")
    assert not store.put_if_absent("a/b", b"two")
    stored = store.get("a/b")
    assert stored is not None
    assert stored.data == b"one"


def test_a_name_is_put_only_beside_another(store: Store) -> None:
    assert not store.put_if_absent("run/1", b"one", beside="run/plan")
    assert store.put_if_absent("run/plan", b"plan")
    assert store.put_if_absent("run/1", b"one", beside="run/plan")
    store.delete("run")
    assert not store.put_if_absent("run/2", b"two", beside="run/plan")
    assert store.list("") == ()


def test_a_swap_needs_the_content_that_was_read(store: Store) -> None:
    assert store.swap("HEAD", b"one", None)
    assert not store.swap("HEAD", b"two", None)
    first = store.get("HEAD")
    assert first is not None
    assert store.swap("HEAD", b"two", first.version)
    assert not store.swap("HEAD", b"three", first.version)
    second = store.get("HEAD")
    assert second is not None
    assert (second.data, second.version == first.version) == (b"two", False)


def test_a_file_is_copied_and_not_tied_to_where_it_came_from(store: Store, tmp_path: Path) -> None:
    path, sha256 = file_of(tmp_path, b"rows")
    store.put_file("g/ledger/news.parquet", path, sha256)
    path.write_bytes(b"other rows")
    fetched = store.fetch("g/ledger/news.parquet")
    assert fetched is not None
    assert fetched.read_bytes() == b"rows"


def test_a_file_that_is_not_what_it_was_is_not_stored(store: Store, tmp_path: Path) -> None:
    path, sha256 = file_of(tmp_path, b"rows")
    path.write_bytes(b"other rows")
    with pytest.raises(StorageError, match="changed while it was copied"):
        store.put_file("g/news.parquet", path, sha256)
    assert store.fetch("g/news.parquet") is None


def test_a_list_gives_the_next_part_of_each_name(store: Store) -> None:
    for name in ("a/1", "a/2/x", "a/2/y", "b"):
        store.put_if_absent(name, b"")
    assert (store.list(""), store.list("a/"), store.list("a/2/")) == (("a", "b"), ("1", "2"), ("x", "y"))


def test_what_is_deleted_is_gone_with_everything_below(store: Store) -> None:
    for name in ("a/1", "a/2/x", "b"):
        store.put_if_absent(name, b"")
    store.delete("a")
    store.delete("nothing")
    store.delete("b")
    assert store.list("") == ()


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../HEAD", "a/../b", "a//b", ".hidden", "a/.tmp-x", "a\\b", "é", "a\0"]
)
def test_a_name_never_leads_out_of_the_store(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        store.put_if_absent(name, b"")


# ---------------------------------------------------------------- the local folder


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_and_folders_are_their_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path, sha256 = file_of(tmp_path, b"rows")
    store = LocalStore(tmp_path / "new" / "store", LocalDisk(), FakeClock())
    former = os.umask(umask)
    try:
        store.put_if_absent("a/b/c", b"")
        store.swap("HEAD", b"one", None)
        store.put_file("g/l/f", path, sha256)
    finally:
        os.umask(former)
    for found in (tmp_path / "new").rglob("*"):
        mode = stat.S_IMODE(found.stat().st_mode)
        assert mode == (0o700 if found.is_dir() else 0o600), found


def test_a_file_is_private_from_the_moment_it_exists(tmp_path: Path) -> None:
    class Watching(QuickDisk):
        modes: list[int] = []  # noqa: RUF012 - one disk in one test

        def write(self, descriptor: int, data: bytes) -> None:
            self.modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
            super().write(descriptor, data)

    former = os.umask(0)
    try:
        LocalStore(tmp_path, Watching(), FakeClock()).put_if_absent("a", b"secret")
    finally:
        os.umask(former)
    assert Watching.modes == [0o600]


def test_a_swap_gives_up_when_another_process_is_stuck_in_one(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, QuickDisk(), FakeClock())
    with store._exclusive(tmp_path / "HEAD"), pytest.raises(LockedError, match="E701"):
        store.swap("HEAD", b"one", None)
    assert store.swap("HEAD", b"one", None)


def test_leftovers_are_swept_and_never_listed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, QuickDisk(), FakeClock())
    store.put_if_absent("a/1", b"")
    (tmp_path / "a" / ".tmp-0123456789ab-2").write_bytes(b"half")
    (tmp_path / "a" / ".tmp-0123456789ac-gone").mkdir()
    (tmp_path / "a" / ".tmp-0123456789ac-gone" / "x").write_bytes(b"")
    (tmp_path / "a" / ".tmpfile").write_bytes(b"somebody else's")
    assert store.list("a/") == (".tmpfile", "1")
    store.sweep("a/")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [".tmpfile", "1"]


def test_a_file_system_without_hard_links_will_do(tmp_path: Path) -> None:
    class NoLinks(QuickDisk):
        def link(self, source: Path, target: Path) -> None:
            self.link_or_rename(source, target, refuse)

    def refuse(source: Path, target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    store = LocalStore(tmp_path, NoLinks(), FakeClock())
    assert store.put_if_absent("a", b"one")
    assert not store.put_if_absent("a", b"two")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one"]
