"""How a value of any type becomes the text that is sent: one spelling a value, the same on every day."""

_PLAIN = ("VARCHAR", "BOOLEAN", "DATE", "TIME", "INTERVAL", "UUID", "BIT", "ENUM", '"NULL"')
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "BIGNUM")
_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT", "GEOMETRY", "JSON")


def text_sql(value: str, kind: str) -> str | None:
    """SQL for the text of a value, or None when values of its type have none (lists, structures, JSON).

    value: SQL. kind: DuckDB's name of its type. Dates and times are ISO 8601, moments in UTC with `Z`; booleans are
    true and false; numbers have no exponent and no zeros behind that say nothing; NaN and infinity are no value;
    bytes must be UTF-8.
    """
    if kind.endswith("]") or kind.startswith(_NESTED):
        return None
    if kind == "BLOB":
        return f"decode({value})"
    if kind in ("DOUBLE", "FLOAT"):
        return _float_sql(value)
    if kind.startswith("DECIMAL") and not kind.endswith(",0)"):
        return f"rtrim(rtrim(CAST({value} AS VARCHAR), '0'), '.')"
    if kind.startswith("TIMESTAMP"):
        text = f"replace(replace(CAST({value} AS VARCHAR), ' ', 'T'), '+00', 'Z')"
        return f"CASE WHEN isfinite({value}) THEN {text} END"
    if kind == "VARCHAR":
        return value
    if kind.startswith((*_PLAIN, "DECIMAL")) or kind.lstrip("U") in _INTEGERS:
        return f"CAST({value} AS VARCHAR)"
    return None


def _float_sql(value: str) -> str:
    small = f"rtrim(format('{{:.20f}}', {value}), '0')"
    return (
        f"CASE WHEN NOT isfinite({value}) THEN NULL"
        f" WHEN {value} = trunc({value}) AND abs({value}) < 1e15 THEN CAST(CAST({value} AS BIGINT) AS VARCHAR)"
        f" WHEN abs({value}) >= 1e15 THEN format('{{:.0f}}', {value})"
        f" WHEN abs({value}) < 1e-4 THEN {small}"
        f" ELSE CAST({value} AS VARCHAR) END"
    )
