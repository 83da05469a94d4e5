"""What the contract has and the sandbox lacks is written down, item by item."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

from tests.contract import swagger
from tests.contract.world import SERVED

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")


def test_every_operation_is_served_or_named_as_missing() -> None:
    part = TEXT[TEXT.index("Calls that are not there") : TEXT.index("Parts of calls that are there")]
    missing = re.findall(r"`(/[^`]*)`", part)
    served = {(one.method, one.path) for one in SERVED}
    for path, operations in swagger.load()["paths"].items():
        for method in operations:
            if method == "parameters" or (method.upper(), path) in served:
                continue
            named = [pattern for pattern in missing if fnmatchcase(path, pattern)]
            assert named, f"{method.upper()} {path} is neither served nor named as missing"
    for pattern in missing:
        assert not [path for _, path in served if fnmatchcase(path, pattern)], f"{pattern} is served after all"
