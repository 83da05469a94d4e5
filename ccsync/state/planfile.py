"""Plan files: writing one that is byte-identical for the same plan, and reading one back only if nothing touched it.

Whether an intact plan may still be applied is decided in `core/staleness.py`.
"""

import hashlib
import json
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from ccsync.core.plan import Plan
from ccsync.core.spec import ExportName
from ccsync.errors import Diagnostic, InvalidError, StaleError, StorageError
from ccsync.sealing import BEGINNING_BYTES, KEY, Keys, Purpose, is_sealed, key_missing
from ccsync.state.archive import (
    MAX_BYTES,
    DamagedArchiveError,
    Placed,
    archive_bytes,
    content,
    directory,
    file_chunks,
    local_header,
    measured,
    read_directory,
)
from ccsync.state.files import (
    CHUNK_BYTES,
    Disk,
    LocalDisk,
    checked_chunks,
    disk_trouble,
    make_folders,
    replace_file,
    sweep,
)
from ccsync.state.planjson import MAX_PLAN_JSON_BYTES, PLAN_JSON, parse_plan, plan_bytes, refuse_other_format

_CHANGES = re.compile(r"changes/([a-z][a-z0-9_]{0,62})\.parquet")


def changes_name(export: ExportName) -> str:
    return f"changes/{export}.parquet"


def exports_with_changes(plan: Plan) -> tuple[ExportName, ...]:
    """Those whose rows belong to the plan: an export without a digest of a changes file has none."""
    return tuple(sorted(export.name for export in plan.exports if export.changes_sha256))


def write_plan(
    path: Path, plan: Plan, changes: Mapping[ExportName, Path], disk: Disk | None = None, *, keys: Keys | None
) -> None:
    """Writes a plan and the changes file of each export that has one; anything at `path` is replaced.

    keys: seal the file, whose bytes are then never the same twice; None: the same plan gives the same bytes. Raises
    StorageError (E713); nothing is at `path` then but what was there before.
    """
    disk = disk or LocalDisk()
    document = plan_bytes(plan)
    parse_plan(document)  # what could not be read back is not written
    with disk_trouble("write the plan file"):
        _check_changes(plan, changes)
        members = {PLAN_JSON: measured(PLAN_JSON, iter((document,)))}
        for export in exports_with_changes(plan):
            name = changes_name(export)
            members[name] = measured(name, checked_chunks(changes[export], plan.export(export).changes_sha256))
        ordered = [members[name] for name in sorted(members)]
        if archive_bytes(ordered) > MAX_BYTES:
            raise _too_large()

        def chunks() -> Iterator[bytes]:
            for member in ordered:
                if member.name == PLAN_JSON:
                    yield local_header(member) + document
                else:
                    yield from file_chunks(changes[_export_of(member.name)], member)
            yield directory(ordered)

        make_folders(disk, path.absolute().parent)
        sweep(disk, path.absolute().parent, path.name)
        replace_file(disk, path.absolute(), keys.seal_chunks(chunks(), Purpose.PLAN, "") if keys else chunks())


def _check_changes(plan: Plan, changes: Mapping[ExportName, Path]) -> None:
    missing = [export for export in exports_with_changes(plan) if export not in changes]
    if missing:
        raise ValueError(f"the changes of {missing[0]} were not given")


def _export_of(name: str) -> ExportName:
    match = _CHANGES.fullmatch(name)
    if match is None:
        raise ValueError(f"no changes file: {name!r}")
    return ExportName(match[1])


def read_plan(
    path: Path, workdir: Path, disk: Disk | None = None, *, keys: Keys | None
) -> tuple[Plan, Mapping[ExportName, Path]]:
    """The plan, and its changes files unpacked below `workdir` (which must be private to its user).

    keys: unseal the file; with them, one that is not sealed is refused: anybody could have made it. Raises InvalidError
    (E715) when there is no such file, DeniedError (E720, E721), StaleError: E708 another format version, E723 not as it
    was sealed, E702 anything else that is not exactly as it was written; StorageError (E713).
    """
    disk = disk or LocalDisk()
    with disk_trouble("read the plan file"):
        file = _unsealed(_open(path), path, workdir, disk, keys)
    with file:
        try:
            with disk_trouble("read the plan file"):
                return _read(file, workdir, disk)
        except ValueError as error:
            with disk_trouble("read the plan file"):
                _refuse_other_container(file)
            raise _damaged(path, error) from error


def _open(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _damaged(path, "it is no file")
        return path.open("rb")
    except FileNotFoundError as error:
        raise InvalidError(
            Diagnostic(
                "E715",
                f"there is no plan file {path}",
                detail="Nothing was sent.",
                hint=f"write one with `ccsync plan -o {path}`",
            )
        ) from error


def _unsealed(file: BinaryIO, path: Path, workdir: Path, disk: Disk, keys: Keys | None) -> BinaryIO:
    """The file itself when no key is set, else one with what was sealed in it."""
    with file:
        sealed = is_sealed(file.read(BEGINNING_BYTES))
        if sealed and keys is None:
            raise key_missing(Purpose.PLAN, path.name)
        if keys is not None:
            if not sealed:
                raise _not_sealed(path)
            file.seek(0)
            make_folders(disk, workdir)
            chunks = keys.unseal_chunks(iter(lambda: file.read(CHUNK_BYTES), b""), Purpose.PLAN, "")
            path = workdir / "unsealed.ccplan"
            replace_file(disk, path, chunks)
    return path.open("rb")


def _not_sealed(path: Path) -> StaleError:
    return StaleError(
        Diagnostic(
            "E723",
            f"the plan file {path.name} is not sealed, though {KEY} is set",
            detail="Anybody could have made or changed it, so nothing was sent.",
            hint="run `ccsync plan -o FILE` again, with the key set",
        )
    )


def _read(file: BinaryIO, workdir: Path, disk: Disk) -> tuple[Plan, Mapping[ExportName, Path]]:
    found = read_directory(file)
    placed = {part.member.name: part for part in found}
    if PLAN_JSON not in placed or placed[PLAN_JSON].member.bytes > MAX_PLAN_JSON_BYTES:
        raise DamagedArchiveError("it holds no plan.json, or none of a likely size")
    plan = parse_plan(b"".join(content(file, placed[PLAN_JSON])))
    exports = exports_with_changes(plan)
    names = sorted([PLAN_JSON, *(changes_name(export) for export in exports)])
    known = all(_CHANGES.fullmatch(name) for name in names if name != PLAN_JSON)
    if [part.member.name for part in found] != names or not known:
        raise DamagedArchiveError("a part is missing, or there is one too many")
    changes = {}
    for export in exports:
        changes[export] = workdir / changes_name(export)
        make_folders(disk, changes[export].parent)
        replace_file(
            disk, changes[export], _checked(file, placed[changes_name(export)], plan.export(export).changes_sha256)
        )
    return plan, changes


def _checked(file: BinaryIO, placed: Placed, sha256: str) -> Iterator[bytes]:
    seen = hashlib.sha256()
    for chunk in content(file, placed):
        seen.update(chunk)
        yield chunk
    if seen.hexdigest() != sha256:
        raise DamagedArchiveError("a changes file is not the one that belongs to the plan")


def _refuse_other_container(file: BinaryIO) -> None:
    """A plan of another format version may be packed otherwise: as long as any zip reader finds its plan.json, it is
    said to be of another version, not damaged."""
    import zipfile  # needed for files that are refused, and it is slow to load

    try:
        file.seek(0)
        with zipfile.ZipFile(file) as archive, archive.open(PLAN_JSON) as member:
            data = member.read(MAX_PLAN_JSON_BYTES)
        document = json.loads(data)
    except Exception:  # noqa: BLE001 - on bytes made by anybody zipfile raises anything; each means: no such plan.json
        return
    refuse_other_format(document)


def _damaged(path: Path, why: object) -> StaleError:
    return StaleError(
        Diagnostic(
            "E702",
            f"the plan file {path.name} was edited or damaged: {why}",
            detail="It can't be trusted, so nothing was sent.",
            hint="run `ccsync plan -o FILE` again and review the new plan",
        )
    )


def _too_large() -> StorageError:
    return StorageError(
        Diagnostic(
            "E713",
            "the plan does not fit in a plan file: it would be over 4 GB",
            detail="No plan file was written.",
            hint="plan fewer exports at a time: `ccsync plan EXPORT… -o FILE`",
        )
    )
