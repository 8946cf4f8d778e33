"""Records as Zendesk sent them -> typed rows, and a reject with its reason for each record that has no type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from operator import itemgetter
from typing import Any

import polars as pl

from zendesk_audit_assets.record import FIELD_NAMES, FIELDS, Column

ROWS_SCHEMA = pl.Schema({**{field.name: field.polars for field in FIELDS}, "extra": pl.String()})
REJECTS_SCHEMA = pl.Schema({"reason": pl.String(), "raw": pl.String()})


@dataclass(frozen=True)
class Typed:
    """What became of some records: `rows` with `ROWS_SCHEMA` in the order received, `rejects` with `REJECTS_SCHEMA`."""

    rows: pl.DataFrame
    rejects: pl.DataFrame

    @property
    def received(self) -> int:
        """How many records these were."""
        return self.rows.height + self.rejects.height


@dataclass(frozen=True)
class Records:
    """The records of a page as a fast decoder gave them, and how to read them again from one that loses nothing.

    A fast decoder may round integers beyond 64 bits.
    """

    decoded: Sequence[Any]
    reread: Callable[[], Sequence[Any]]


@dataclass(frozen=True)
class Times:
    """The `created_at` of a page's first and last record, and whether those between are in order."""

    first: datetime
    last: datetime
    in_order: bool


def typed(pages: Sequence[Records]) -> Typed:
    """Type the records of some pages; every one of them ends up in `rows` or in `rejects`.

    All are typed at once, column by column, because a frame costs the same for one page as for many. If there is
    anything unusual among them, it is done page by page, and for the page that has it record by record.
    """
    rows = _by_columns([record for page in pages for record in page.decoded])
    if rows is not None:
        return Typed(rows, pl.DataFrame(schema=REJECTS_SCHEMA))
    if len(pages) == 1:
        return _one_by_one(pages[0].reread())
    each = [typed([page]) for page in pages]
    return Typed(pl.concat([of.rows for of in each]), pl.concat([of.rejects for of in each]))


def times(page: Records) -> Times | None:
    """The times of a page's records as far as they can be typed; None when there are none."""
    try:
        written = [record["created_at"] for record in page.decoded]
        if written and all(map(_TIME_FORM.fullmatch, written)):
            first, last = _instant("created_at", written[0]), _instant("created_at", written[-1])
            return Times(first, last, written == sorted(written))
    except (TypeError, KeyError, _UntypeableError):
        pass  # what is unusual here, the typed rows show
    created_at = typed([page]).rows["created_at"]
    return Times(created_at[0], created_at[-1], created_at.is_sorted()) if len(created_at) else None


_NAMES = tuple(field.name for field in FIELDS)
_VALUES_OF = itemgetter(*_NAMES)
_WIRE_SCHEMA = {**{field.name: field.polars for field in FIELDS}, "created_at": pl.String()}
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# Polars takes more than its format says: single digits, blanks and signs before the year, a 60th second, the year 0.
_TIME_FORM = re.compile("^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$")


def _wire_type(field: Column) -> type:
    return int if field.type == "BIGINT" else str


# The exact Python types that a column may have. Polars itself is laxer: it takes true for 1 and 5 for "5".
_ALLOWED = tuple(
    frozenset({_wire_type(field)} if field.required else {_wire_type(field), type(None)}) for field in FIELDS
)


def _by_columns(records: Sequence[Any]) -> pl.DataFrame | None:
    """All records at once, or None when one of them is not exactly as documented."""
    if not records:
        return pl.DataFrame(schema=ROWS_SCHEMA)
    try:
        if not FIELD_NAMES.issuperset(set().union(*records)):
            return None
        columns = _columns(records)
        if not all(allowed.issuperset(map(type, values)) for allowed, values in zip(_ALLOWED, columns, strict=True)):
            return None
        frame = pl.DataFrame(dict(zip(_NAMES, columns, strict=True)), schema=_WIRE_SCHEMA)
        if not frame["created_at"].str.contains(_TIME_FORM.pattern).all():
            return None
        return frame.with_columns(
            pl.col("created_at").str.to_datetime(_TIME_FORMAT, time_unit="us", time_zone="UTC"),
            extra=pl.lit(None, pl.String()),
        )
    except (TypeError, AttributeError, OverflowError, UnicodeError, pl.exceptions.PolarsError):
        return None  # the slow way finds out which record it is, and why


def _columns(records: Sequence[Any]) -> Sequence[Sequence[Any]]:
    try:
        return tuple(zip(*map(_VALUES_OF, records), strict=True))
    except KeyError:  # old records lack a field or two
        return [[record.get(name) for record in records] for name in _NAMES]


def _one_by_one(records: Sequence[Any]) -> Typed:
    rows: list[dict[str, Any]] = []
    rejects: list[dict[str, str]] = []
    for record in records:
        try:
            rows.append(_row(record))
        except _UntypeableError as error:
            rejects.append({"reason": str(error), "raw": json.dumps(record, sort_keys=True)})
    return Typed(pl.DataFrame(rows, schema=ROWS_SCHEMA), pl.DataFrame(rejects, schema=REJECTS_SCHEMA))


class _UntypeableError(Exception):
    """Says what of a record has no type; becomes the reason of its reject."""


def _row(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise _UntypeableError(f"not an object but {_json_type(record)}")
    row = {field.name: _value(field, record.get(field.name)) for field in FIELDS}
    unknown = {name: value for name, value in record.items() if name not in FIELD_NAMES}
    # DuckDB's JSON takes no lone surrogate, escaped or not.
    row["extra"] = _text("extra", json.dumps(unknown, sort_keys=True, ensure_ascii=False)) if unknown else None
    return row


def _value(field: Column, value: Any) -> Any:
    if value is None:
        if field.required:
            raise _UntypeableError(f"{field.name} is missing or null")
        return None
    expected = _wire_type(field)
    if type(value) is not expected:
        raise _UntypeableError(f"{field.name} is {_json_type(value)}, not {_json_type(expected())}")
    return _CHECKED[field.type](field.name, value)


def _int64(name: str, value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise _UntypeableError(f"{name} does not fit into 64 bits")
    return value


def _text(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:  # a lone surrogate
        raise _UntypeableError(f"{name} is not valid Unicode") from error
    return value


def _instant(name: str, value: str) -> datetime:
    try:
        # Python 3.10 does not know the Z of ISO 8601.
        instant = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if instant.tzinfo is None:
            raise _UntypeableError(f"{name} has no time zone")
        return instant.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise _UntypeableError(f"{name} is not a time") from error


_CHECKED: dict[str, Callable[[str, Any], Any]] = {"BIGINT": _int64, "VARCHAR": _text, "TIMESTAMPTZ": _instant}


def _json_type(value: Any) -> str:
    return "null" if value is None else _JSON_TYPES[type(value)]


_JSON_TYPES: dict[type, str] = {
    dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "an integer", float: "a number",
}  # fmt: skip
