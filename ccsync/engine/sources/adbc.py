"""A query in any database with an ADBC driver, as the relation `source`. It runs there; its rows travel as Arrow."""

import importlib
import importlib.util
from typing import cast

from ccsync.engine.sources.opening import Made, Opening
from ccsync.engine.sources.remote import connected, revealed, without_end


def make_relation(opening: Opening) -> Made:
    """Makes the table `source` of the rows that the segment's query gives. Options: driver, uri, `options.…`.

    Nothing is committed. Raises InvalidError: E402 (SQL), E424 (extra or driver), E425 (connection).
    """
    source = opening.source
    assert opening.query is not None, "the configuration asks for a query"
    options = {key.removeprefix("options."): revealed(value) for key, value in source.options.items() if "." in key}
    if "uri" in source.options:
        options["uri"] = revealed(source.options["uri"])
    with connected(source, "adbc", _driver(str(source.options["driver"])), options) as remote:
        remote.commit_nothing()
        remote.copy(opening.connection, without_end(opening.query))
    return Made(())


def _driver(name: str) -> str:
    """The library of a driver's package, adbc_driver_NAME; without one, the name, which ADBC's manager may know."""
    module = f"adbc_driver_{name}"
    if importlib.util.find_spec(module) is None:
        return name
    return cast("str", importlib.import_module(module)._driver_path())
