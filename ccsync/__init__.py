"""ccsync: a declarative sync engine for Constant Contact lists."""

__version__ = "0.1.0"
