"""The limit of memory, as the environment sets it."""

from pathlib import Path

import pytest
from ccsync.engine.memory import Memory, memory_of
from ccsync.engine.session import Session
from ccsync.errors import InvalidError


@pytest.mark.parametrize(
    ("given", "session", "source"),
    [({}, "1000MB", "400MB"), ({"CCSYNC_MEMORY_LIMIT": ""}, "1000MB", "400MB")]
    + [({"CCSYNC_MEMORY_LIMIT": text}, "2000MB", "800MB") for text in ("2GB", " 2 gb", "2000MB")],
)
def test_a_source_gets_two_fifths_besides(given: dict[str, str], session: str, source: str) -> None:
    assert memory_of(given) == Memory(session, source)


@pytest.mark.parametrize("text", ["lots", "2", "2TB", "-2GB", "1.5GB", "299MB", "0GB", "80%"])
def test_what_is_no_limit_is_refused_and_named(text: str) -> None:
    with pytest.raises(InvalidError, match=r"E907.*CCSYNC_MEMORY_LIMIT"):
        memory_of({"CCSYNC_MEMORY_LIMIT": text})


def test_what_does_not_fit_goes_to_the_private_folder(tmp_path: Path) -> None:
    with Session(tmp_path, memory_limit="60MB", threads=1) as session:
        session.execute(
            "CREATE TABLE wide AS SELECT repeat(i::VARCHAR || ' ', 100) AS text FROM range(200000) AS r (i)"
        )
        assert any(path.stat().st_size for path in (tmp_path / "spill").rglob("*"))
        assert session.scalar("SELECT sum(strlen(text)) FROM wide") == 100 * sum(
            len(str(i)) + 1 for i in range(200_000)
        )
