"""The zip container of a plan file, of which every byte has exactly one right value; what is in it is in `planfile.py`.

Any zip tool reads it. It is written and read here, not by the standard library's `zipfile`, because that one's bytes
may differ between Python versions, and because it overlooks changes in local headers and around the archive.
"""

import errno
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ccsync.state.files import CHUNK_BYTES, SourceChangedError

MAX_BYTES = 0xFFFF_FFFE  # of a zip without the zip64 extension
_STORED, _UTF8, _VERSION, _UNIX = 0, 1 << 11, 20, 3 << 8
_TIME, _DATE = 0, (1980 - 1980) << 9 | 1 << 5 | 1  # 1 January 1980, the first moment a zip can name
_MODE = 0o100600 << 16
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")


class DamagedArchiveError(ValueError):
    """Not an archive as this module writes it. The message says in what, and names no content."""


@dataclass(frozen=True, slots=True)
class Member:
    """name: ASCII. crc: zlib.crc32 of the content. bytes: its size."""

    name: str
    crc: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A member and where its content begins in the file."""

    member: Member
    start: int


def measured(name: str, chunks: Iterator[bytes]) -> Member:
    crc = size = 0
    for chunk in chunks:
        crc, size = zlib.crc32(chunk, crc), size + len(chunk)
    return Member(name, crc, size)


def archive_bytes(members: Sequence[Member]) -> int:
    """The size of an archive of these members."""
    return sum(_LOCAL.size + _CENTRAL.size + 2 * len(member.name) + member.bytes for member in members) + _END.size


def local_header(member: Member) -> bytes:
    name = member.name.encode("ascii")
    return (
        _LOCAL.pack(
            *(b"PK\3\4", _VERSION, _UTF8, _STORED, _TIME, _DATE, member.crc, member.bytes, member.bytes),
            *(len(name), 0),
        )
        + name
    )


def directory(members: Sequence[Member]) -> bytes:
    """What follows the contents: the central directory and its end record."""
    entries = b""
    offset = 0
    for member in members:
        name = member.name.encode("ascii")
        entries += _CENTRAL.pack(
            *(b"PK\1\2", _UNIX | _VERSION, _VERSION, _UTF8, _STORED, _TIME, _DATE),
            *(member.crc, member.bytes, member.bytes, len(name), 0, 0, 0, 0, _MODE, offset),
        )
        entries += name
        offset += _LOCAL.size + len(name) + member.bytes
    count = len(members)
    return entries + _END.pack(b"PK\5\6", 0, 0, count, count, len(entries), offset, 0)


def read_directory(file: BinaryIO) -> tuple[Placed, ...]:
    """The members of an archive. Only their contents remain to be checked, by `content` and by digest.

    Raises DamagedArchiveError unless every byte outside the contents is as this module writes it.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END.size))
    end = file.read(_END.size)
    if len(end) < _END.size or end[:4] != b"PK\5\6":
        raise DamagedArchiveError("it does not end as a plan file does")
    _, _, _, count, _, entries_size, start, _ = _END.unpack(end)
    if start + entries_size + _END.size != size or entries_size < count * _CENTRAL.size:
        raise DamagedArchiveError("it is cut off or has something added")
    file.seek(start)
    entries = file.read(entries_size)
    members = _members(entries, count)
    if directory(members) != entries + end:
        raise DamagedArchiveError("its table of contents is not as ccsync writes it")
    return _placed(file, members)


def _members(entries: bytes, count: int) -> list[Member]:
    members = []
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > len(entries):
            raise DamagedArchiveError("its table of contents is cut off")
        fields = _CENTRAL.unpack_from(entries, at)
        crc, size, length = fields[7], fields[9], fields[10]
        at += _CENTRAL.size
        try:
            members.append(Member(entries[at : at + length].decode("ascii"), crc, size))
        except UnicodeDecodeError as error:
            raise DamagedArchiveError("a member has a name that ccsync never gives") from error
        at += length
    return members


def _placed(file: BinaryIO, members: Sequence[Member]) -> tuple[Placed, ...]:
    placed = []
    offset = 0
    for member in members:
        header = local_header(member)
        file.seek(offset)
        if file.read(len(header)) != header:
            raise DamagedArchiveError("a member does not begin as the table of contents says")
        placed.append(Placed(member, offset + len(header)))
        offset += len(header) + member.bytes
    return tuple(placed)


def content(file: BinaryIO, placed: Placed) -> Iterator[bytes]:
    """A member's content, piece by piece. Raises DamagedArchiveError at its end if it has another checksum."""
    file.seek(placed.start)
    left, crc = placed.member.bytes, 0
    while left:
        chunk = file.read(min(left, CHUNK_BYTES))
        if not chunk:
            raise DamagedArchiveError("it is cut off")
        left -= len(chunk)
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if crc != placed.member.crc:
        raise DamagedArchiveError("a member's content has another checksum")


def file_chunks(path: Path, member: Member) -> Iterator[bytes]:
    """Header and content of a member that is a file; its content must still be what was measured."""
    yield local_header(member)
    with path.open("rb") as file:
        try:
            yield from content(file, Placed(member, 0))
        except DamagedArchiveError as error:
            raise SourceChangedError(errno.EIO, "the file changed while it was copied", str(path)) from error
