"""Where the files of a Common Data Model folder are on this machine, and which of them are of the newest run.

A model names its files by the web address they had in the lake; here they are looked for below the model's own folder
and nowhere else. Addresses may carry a signature, so no message shows more of one than the path below that folder.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from ccsync.engine.sources.cdm_model import Partition

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
_RUN = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/(\d{4})/[^/]+$")


def segments_of(location: str) -> tuple[str, ...]:
    """The parts of a location's path, without scheme, host, query and fragment; none for a path that leads upwards."""
    text = location.replace("\\", "/")
    scheme = _SCHEME.match(text)
    text = text[scheme.end() :] if scheme else text
    if text.startswith("//"):
        text = text[2:].partition("/")[2]
    if scheme:
        text = unquote(text.partition("?")[0].partition("#")[0])
    parts = tuple(part for part in text.split("/") if part not in ("", "."))
    return () if ".." in parts or any("\0" in part for part in parts) else parts


def local_path(folder: Path, location: str) -> Path | None:
    """The file that a location means: what follows the last part called like the folder, else a tail of the path.

    The longest tail wins. None when there is no such file below the folder.
    """
    return next((path for path in _candidates(folder, segments_of(location)) if path.is_file()), None)


def shown_location(folder: Path, location: str) -> str:
    """The location as a message may show it."""
    parts = segments_of(location)
    return "/".join(_below(folder, parts) or parts[-6:]) or "a path that leads out of the folder"


def newest_run(partitions: Sequence[Partition]) -> tuple[tuple[Partition, ...], int] | None:
    """The partitions of the newest run, and how many older runs are listed besides.

    A run's folder is YYYY/MM/DD/HHMM; each run holds all rows, so an older one holds people who left. None when some
    partitions lie in such folders and some do not: then nobody knows what belongs together.
    """
    runs = {partition: run_of(partition) for partition in partitions}
    stamps = sorted({run for run in runs.values() if run is not None})
    if not stamps:
        return tuple(partitions), 0
    if None in runs.values():
        return None
    return tuple(partition for partition in partitions if runs[partition] == stamps[-1]), len(stamps) - 1


def run_of(partition: Partition) -> str | None:
    """The run a partition belongs to, as YYYYMMDDHHMM; None when its path does not say."""
    found = _RUN.search("/" + "/".join(segments_of(partition.location)))
    return "".join(found.groups()) if found else None


def _below(folder: Path, parts: tuple[str, ...]) -> tuple[str, ...]:
    """What follows the last part that is called like the folder; none when no part is."""
    places = [at for at, part in enumerate(parts) if part == folder.name]
    return parts[places[-1] + 1 :] if places else ()


def _candidates(folder: Path, parts: tuple[str, ...]) -> list[Path]:
    tails = [_below(folder, parts)] + [parts[start:] for start in range(len(parts))]
    return [folder.joinpath(*tail) for tail in tails if tail]
