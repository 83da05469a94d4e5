"""The one place that quotes what is put into SQL text. Values are bound as parameters wherever DuckDB takes them."""


def identifier(name: str) -> str:
    """The name as a quoted SQL identifier. Raises ValueError for a name that no SQL text can hold (NUL)."""
    if "\0" in name:
        raise ValueError("an identifier can't hold a NUL character")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as a SQL string literal, for the places where no parameter is taken: settings, ATTACH, table macros."""
    if "\0" in text:
        raise ValueError("a literal can't hold a NUL character")
    return "'" + text.replace("'", "''") + "'"
