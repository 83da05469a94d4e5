"""Builds projects of a few lines: sources on disk, segments over them, one export; and reads what the engine makes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ccsync.core.spec import (
    Column,
    ConnectionName,
    Export,
    ExportName,
    Expression,
    Field,
    ListId,
    ListRef,
    Project,
    Segment,
    SegmentName,
    Source,
    SourceName,
    SourceType,
    TableSegment,
)
from ccsync.engine.desired import SegmentEngine
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.errors import CcsyncError
from ccsync.ports.desired import Desired, Relation

Option = str | int | float | bool


def source(kind: str, path: str, name: str = "crm", **options: Option) -> Source:
    return Source(SourceName(name), SourceType(kind), path, options)


def table(name: str = "all", of: str = "crm", **parts: str | None) -> TableSegment:
    """A table segment; parts: table, where, query."""
    return TableSegment(SegmentName(name), SourceName(of), **parts)


def export(
    *segments: str, name: str = "weekly", email: Expression | None = None, fields: Mapping[str, object] | None = None
) -> Export:
    """An export; fields: target → column name or expression; first_name of the column `first` when not given."""
    chosen = {"first_name": "first"} if fields is None else fields
    return Export(
        ExportName(name),
        name,
        ConnectionName("newsletter"),
        ListRef(id=ListId("list-1")),
        tuple(SegmentName(segment) for segment in segments or ("all",)),
        email or Column("email"),
        tuple(Field(target, Column(it) if isinstance(it, str) else it) for target, it in chosen.items()),  # type: ignore[arg-type]
    )


def project(root: Path, sources: Sequence[Source], segments: Sequence[Segment], exports: Sequence[Export]) -> Project:
    return Project(
        root=str(root),
        name="test",
        state=".ccsync",
        privacy_statement=None,
        roles=None,
        connections={},
        sources={it.name: it for it in sources},
        segments={it.name: it for it in segments},
        exports={it.name: it for it in exports},
        digest="",
    )


class Bench:
    """A folder with files, and what an engine makes of them."""

    def __init__(self, root: Path, session: Session) -> None:
        self.root = root
        self.session = session

    def write(self, name: str, content: str | bytes) -> str:
        """Writes a file below the root and returns its name."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def engine(
        self, sources: Source | Sequence[Source], segments: Sequence[Segment], exports: Sequence[Export]
    ) -> SegmentEngine:
        several = [sources] if isinstance(sources, Source) else sources
        return SegmentEngine(self.session, project(self.root, several, segments, exports))

    def desired(
        self, sources: Source | Sequence[Source], segments: Segment | Sequence[Segment] = (), of: Export | None = None
    ) -> Desired:
        """What an export wants. Without segments: everything in the one source."""
        several = [segments] if isinstance(segments, TableSegment) else list(segments) or [table()]  # type: ignore[list-item]
        wanted = of or export()
        engine = self.engine(sources, several, [wanted])
        try:
            return engine.desired(wanted)
        finally:
            engine.close()

    def rows(self, relation: Relation) -> list[tuple[str | None, ...]]:
        return self.session.rows(f"SELECT * FROM {identifier(relation)} ORDER BY ALL")

    def people(self, *args: object, **kwargs: object) -> list[tuple[str | None, ...]]:
        return self.rows(self.desired(*args, **kwargs).relation)  # type: ignore[arg-type]


def codes(raised: CcsyncError) -> list[str]:
    return [diagnostic.code for diagnostic in raised.diagnostics]


def everything_said(raised: CcsyncError) -> str:
    return f"{raised} {raised.diagnostics!r} {raised.__cause__!r}"
