"""Who should approve a change of which configuration file, by roles and `available_to`. Writes nothing.

A program on a user's own machine can't enforce roles; the host of the repository can, by a CODEOWNERS file. Source of
its form (last matching pattern counts, any one owner of it approves): GitHub and GitLab, "CODEOWNERS syntax".
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ccsync.config.declared import SECTIONS, merge
from ccsync.config.files import config_files, read_file
from ccsync.config.yaml_core import Document, parse
from ccsync.core.permission import ADMINISTRATORS_AND_CONTRIBUTORS, EVERYONE
from ccsync.core.spec import Connection, ExportName, Project, TableSegment

FOR_ADMINISTRATORS = ("workspace", "roles", "connections", "policy", "approvals", "notifications")
"""Sections that say where data may go, who may send them, and what may pass."""

HEAD = """\
# Who approves which change, by `roles:` and `available_to:` of the ccsync configuration.
# Made by `ccsync generate codeowners`; make it anew when either changes. The last line that matches counts.
"""


def codeowners(project: Project, config_dir: Path, prefix: str) -> str:
    """The text of a CODEOWNERS file. prefix: of the config directory within the repository, "" for the root.

    The whole directory belongs to administrators, so a new file does too. A file of sources, segments and exports
    belongs to contributors as well, when every connection that its exports use is available to them.
    """
    administrators = _owners(project.roles.administrators if project.roles else ())
    root = PurePosixPath("/") / prefix
    lines = [_rule(f"{root}/" if prefix else "/*.y*ml", administrators)]
    for path, document in _documents(config_dir):
        editors = _editors(project, document)
        if editors is not None:
            lines.append(_rule(str(root / path), (*_owners(editors), *administrators)))
    for query in sorted({segment.query_file for segment in _queries(project) if segment.query_file}):
        shared = _contributors(project)
        if shared:
            lines.append(_rule(str(root / _below(query, config_dir)), (*_owners(shared), *administrators)))
    return HEAD + "\n".join(lines) + "\n"


def _documents(config_dir: Path) -> Iterator[tuple[str, Document]]:
    files, _ = config_files(config_dir)
    for file in files:
        document, _ = parse(read_file(file.path), file.shown)
        if document is not None:
            yield file.path.relative_to(config_dir).as_posix(), document


def _editors(project: Project, document: Document) -> tuple[str, ...] | None:
    """Who besides administrators may edit the file; None for one that is theirs alone."""
    declared, _ = merge((document,), complete=True)
    here = [section for section in SECTIONS if declared.data[section]]
    if any(section in FOR_ADMINISTRATORS for section in here):
        return None
    editors = _contributors(project)
    for name in sorted({project.exports[ExportName(each)].connection for each in declared.data["exports"]}):
        editors = _both(editors, _available(project, project.connections[name]))
    return editors or None


def _both(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    if EVERYONE in some or EVERYONE in others:
        return others if EVERYONE in some else some
    folded = {user.casefold() for user in others}
    return tuple(user for user in some if user.casefold() in folded)


def _available(project: Project, connection: Connection) -> tuple[str, ...]:
    if isinstance(connection.available_to, tuple):
        return connection.available_to
    return _contributors(project) if connection.available_to == ADMINISTRATORS_AND_CONTRIBUTORS else ()


def _contributors(project: Project) -> tuple[str, ...]:
    return project.roles.contributors if project.roles else ()


def _queries(project: Project) -> Iterator[TableSegment]:
    return (segment for segment in project.segments.values() if isinstance(segment, TableSegment))


def _below(shown: str, config_dir: Path) -> str:
    """A query file as it is shown (below the directory's name) → below the directory."""
    path = PurePosixPath(shown)
    return path.relative_to(config_dir.name).as_posix() if path.is_relative_to(config_dir.name) else shown


def _owners(users: tuple[str, ...]) -> tuple[str, ...]:
    """As forges name them: an e-mail address stays, a login gets its @. Everybody is nobody in particular."""
    return tuple(user if "@" in user else f"@{user}" for user in users if user != EVERYONE)


def _rule(pattern: str, owners: tuple[str, ...]) -> str:
    return " ".join((pattern.replace(" ", "\\ "), *dict.fromkeys(owners)))
