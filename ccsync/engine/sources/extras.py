"""Packages that only some sources need: imported when such a source is opened, and asked for by name when missing."""

import importlib
from types import ModuleType

from ccsync.core.spec import Source
from ccsync.errors import Diagnostic, InvalidError


def load_extra(source: Source, extra: str, module: str, package: str | None = None) -> ModuleType:
    """A module of one of our extras. package: what else must be installed for it, beyond the extra.

    Raises InvalidError (E424) with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        install = f"pip install 'ccsync[{extra}]'" + (f" {package}" if package else "")
        raise InvalidError(
            Diagnostic(
                "E424",
                f"source {source.name}: sources of type {source.type} need a package that is not installed",
                detail="nothing was read",
                hint=install,
            )
        ) from None
