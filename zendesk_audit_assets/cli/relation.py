"""The result of a query as a frame. DuckDB has types and times that Polars and Python lack: these become text."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import duckdb
import polars as pl


def frame_of(query: Callable[[], duckdb.DuckDBPyRelation | None]) -> pl.DataFrame:
    """The result of a query, which may run twice, with text in place of what a frame cannot hold."""
    relation = query()
    if relation is None:
        return pl.DataFrame()
    types = relation.types
    odd = {number for number, kind in enumerate(types) if not _held(kind)}
    frame = _cast(relation, odd)
    if not all(map(_in_range, frame.get_columns())):
        # Whichever times are beyond the calendar of Python, the second run may return others.
        odd |= {number for number, dtype in enumerate(frame.dtypes) if dtype.is_nested() or dtype.is_temporal()}
        again = query()
        assert again is not None
        frame = _cast(again, odd)
    return frame


def _cast(relation: duckdb.DuckDBPyRelation, as_text: Collection[int]) -> pl.DataFrame:
    """The relation with these columns cast to text. Columns go by number: two may have one name."""
    if not as_text:
        frame: pl.DataFrame = relation.pl()
        return frame
    columns = [f"#{n + 1}{'::VARCHAR' if n in as_text else ''} AS c{n}" for n in range(len(relation.columns))]
    plain: pl.DataFrame = relation.project(", ".join(columns)).pl()
    plain.columns = _distinct(relation.columns)
    return plain


def _distinct(names: list[str]) -> list[str]:
    """The names, with a number after those that were there before, as DuckDB does it."""
    distinct: list[str] = []
    for name in names:
        number, candidate = 0, name
        while candidate in distinct:
            number += 1
            candidate = f"{name}_{number}"
        distinct.append(candidate)
    return distinct


# Not TIMESTAMP_S, whose infinity becomes a common time.
_HELD = frozenset(
    {
        "boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger",
        "ubigint", "float", "double", "decimal", "varchar", "uuid", "enum", "date", "time", "timestamp",
        "timestamp_ms", "timestamp_ns", "timestamp with time zone", "null",
    }
)  # fmt: skip
_NESTED = frozenset({"list", "array", "struct"})


def _held(kind: Any) -> bool:
    """Whether a frame holds this type of DuckDB, and every format writes it."""
    if kind.id in _NESTED:
        children = [child for name, child in kind.children if (kind.id, name) != ("array", "size")]
        return bool(children) and all(map(_held, children))
    if kind.id == "map":
        if kind.children[0][1].id in _NESTED | {"map"}:
            return False  # Python has no dictionary with such a key
        return all(_held(child) and "date" not in child.id and "time" not in child.id for _, child in kind.children)
    return kind.id in _HELD


# Days, and seconds: of the years 1 to 9999, which Python knows.
_DAYS = (-719_162, 2_932_896)
_SECONDS = (-62_135_596_800, 253_402_300_799)
_PER_SECOND = {"ms": 10**3, "us": 10**6}
# Without the two numbers that stand for infinity.
_NANOSECONDS = (-(2**63) + 2, 2**63 - 2)


def _in_range(column: pl.Series) -> bool:
    """Whether Python has each date and time of a column, which may be a list or a structure of them."""
    dtype = column.dtype
    if isinstance(dtype, pl.Struct):
        return all(_in_range(column.struct.field(field.name)) for field in dtype.fields)
    if isinstance(dtype, pl.List | pl.Array):
        return _in_range(column.explode())
    if isinstance(dtype, pl.Date):
        first, last = _DAYS
    elif isinstance(dtype, pl.Datetime):
        scale = _PER_SECOND.get(dtype.time_unit)
        first, last = (_SECONDS[0] * scale, _SECONDS[1] * scale) if scale else _NANOSECONDS
    else:
        return True
    numbers = column.to_physical().drop_nulls()
    return bool(numbers.is_between(first, last).all())
