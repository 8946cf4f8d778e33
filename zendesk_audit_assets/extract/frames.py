"""Records of Zendesk -> typed rows, and a reject with its reason for each record that fits no type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import polars as pl

from zendesk_audit_assets.extract.record import FIELD_NAMES, FIELDS
from zendesk_audit_assets.text import as_unicode, is_utf8
from zendesk_audit_assets.warehouse.table import Column

# The values of some records, field by field, in the order of `record.FIELDS`.
Columns = tuple[tuple[Any, ...], ...]

ROWS_SCHEMA = pl.Schema({**{field.name: field.polars for field in FIELDS}, "extra": pl.String()})
REJECTS_SCHEMA = pl.Schema({"reason": pl.String(), "raw": pl.String()})


@dataclass(frozen=True)
class Frames:
    """Some records as frames: `rows` with `ROWS_SCHEMA` in the order received, `rejects` with `REJECTS_SCHEMA`."""

    rows: pl.DataFrame
    rejects: pl.DataFrame

    @property
    def received(self) -> int:
        """The number of records."""
        return self.rows.height + self.rejects.height


@dataclass(frozen=True)
class Times:
    """The `created_at` of a page's first and last record, and whether all records are in its order, or in reverse."""

    first: datetime
    last: datetime
    in_order: bool
    in_reverse: bool


@dataclass(frozen=True)
class ParsedPage:
    """The records of a page: `columns` if all are exactly as documented, else frames in `unusual`.

    `times` is None if no record is typed. Columns take a fraction of the memory of records, and a frame costs the same
    for one page as for many: see `to_frames`.
    """

    received: int
    times: Times | None
    columns: Columns | None = None
    unusual: Frames | None = None


def parse_page(decoded: Sequence[Any], decode_exactly: Callable[[], Sequence[Any]]) -> ParsedPage:
    """Parse the records of a page, as a fast decoder gives them; `to_frames` returns every one of them.

    `decode_exactly` decodes them again without loss: a fast decoder may round integers beyond 64 bits.
    """
    columns = _columns(decoded)
    if columns is not None:
        written = columns[_CREATED_AT]
        return ParsedPage(len(decoded), _times(written), columns=columns)
    unusual = _one_by_one(decode_exactly())
    created_at = unusual.rows["created_at"]
    times = None
    if len(created_at):
        orders = created_at.is_sorted(), created_at.is_sorted(descending=True)
        times = Times(created_at[0], created_at[-1], *orders)
    return ParsedPage(len(decoded), times, unusual=unusual)


def _times(written: Sequence[str]) -> Times | None:
    if not written:
        return None
    order = sorted(written)
    return Times(_parsed(written[0]), _parsed(written[-1]), list(written) == order, list(written[::-1]) == order)


def to_frames(pages: Sequence[ParsedPage]) -> Frames:
    """Return the rows and rejects of some pages, in the order of the pages."""
    parts = []
    for is_usual, group in groupby(pages, lambda page: page.columns is not None):
        if is_usual:
            parts.append(Frames(_frame([page.columns for page in group if page.columns]), _NO_REJECTS))
        else:
            parts += [page.unusual for page in group if page.unusual]
    return Frames(
        pl.concat([_NO_ROWS, *(part.rows for part in parts)]),
        pl.concat([_NO_REJECTS, *(part.rejects for part in parts)]),
    )


def reject_page(reason: str, body: bytes) -> Frames:
    """Return a page that cannot be read as one reject; none for an empty body."""
    rejects = [{"reason": reason, "raw": body.decode(errors="replace")}] if body else []
    return Frames(_NO_ROWS, pl.DataFrame(rejects, schema=REJECTS_SCHEMA))


_NO_ROWS = pl.DataFrame(schema=ROWS_SCHEMA)
_NO_REJECTS = pl.DataFrame(schema=REJECTS_SCHEMA)
_NAMES = tuple(field.name for field in FIELDS)
_CREATED_AT = _NAMES.index("created_at")
_VALUES_OF = itemgetter(*_NAMES)
_WIRE_SCHEMA = {**{field.name: field.polars for field in FIELDS}, "created_at": pl.String()}
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# Polars takes more than its format says: single digits, blanks and signs before the year, a 60th second, the year 0.
_TIME_FORM = re.compile("^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$")


def _wire_type(field: Column) -> type:
    return int if field.type == "BIGINT" else str


# The exact Python types that a column may have: Polars itself takes true for 1 and 5 for "5".
_ALLOWED = {
    field.name: frozenset({_wire_type(field)} if field.required else {_wire_type(field), type(None)})
    for field in FIELDS
}


def _columns(records: Sequence[Any]) -> Columns | None:
    """Return the records' values by field; None if a record is not exactly as documented."""
    if not records:
        return tuple(() for _ in FIELDS)
    try:
        if not FIELD_NAMES.issuperset(set().union(*records)):
            return None
        columns = _by_field(records)
        if not all(map(_is_usual, FIELDS, columns)):
            return None
        return columns
    except (TypeError, AttributeError, ValueError, _UntypeableError):
        return None  # `_one_by_one` finds the record and the reason


def _is_usual(field: Column, values: Sequence[Any]) -> bool:
    """Tell whether all values have exactly the field's type; raise if one does not fit into it."""
    if not _ALLOWED[field.name].issuperset(map(type, values)):
        return False
    if field.type == "VARCHAR":
        "".join(filter(None, values)).encode()  # raises for half a character, which `as_unicode` replaces
    elif field.type == "BIGINT":
        known = [value for value in values if value is not None]
        _int64(field.name, min(known, default=0))
        _int64(field.name, max(known, default=0))
    else:
        return all(map(_TIME_FORM.fullmatch, values)) and all(map(_parsed, values))
    return True


def _by_field(records: Sequence[Any]) -> Columns:
    try:
        return tuple(zip(*map(_VALUES_OF, records), strict=True))
    except KeyError:  # old records lack a field or two
        return tuple(tuple(record.get(name) for record in records) for name in _NAMES)


def _parsed(written: str) -> datetime:
    # Python 3.10 does not know the Z of ISO 8601.
    return datetime.fromisoformat(written[:-1]).replace(tzinfo=timezone.utc)


def _frame(pages: Sequence[Columns]) -> pl.DataFrame:
    columns = {name: list(chain.from_iterable(page[n] for page in pages)) for n, name in enumerate(_NAMES)}
    return pl.DataFrame(columns, schema=_WIRE_SCHEMA).with_columns(
        pl.col("created_at").str.to_datetime(_TIME_FORMAT, time_unit="us", time_zone="UTC"),
        pl.when(pl.col("ip_address").str.strip_chars(" ") != "").then(pl.col("ip_address")).alias("ip_address"),
        extra=pl.lit(None, pl.String()),
    )


def _one_by_one(records: Sequence[Any]) -> Frames:
    rows: list[dict[str, Any]] = []
    rejects: list[dict[str, str]] = []
    for record in records:
        try:
            rows.append(_row(record))
        except _UntypeableError as error:
            rejects.append({"reason": str(error), "raw": _raw(record)})
    return Frames(pl.DataFrame(rows, schema=ROWS_SCHEMA), pl.DataFrame(rejects, schema=REJECTS_SCHEMA))


def _raw(record: Any) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=False)
    return json.dumps(record, sort_keys=True) if is_utf8(text) else as_unicode(text)


class _UntypeableError(Exception):
    """Names the value of a record that fits no type; its text becomes the reason of the reject."""


def _row(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise _UntypeableError(f"not an object but {_json_type(record)}")
    row = {field.name: _value(field, record.get(field.name)) for field in FIELDS}
    row["ip_address"] = row["ip_address"] if (row["ip_address"] or "").strip(" ") else None
    unknown = {name: value for name, value in record.items() if name not in FIELD_NAMES}
    # Replaced in the JSON text, not in the values: keys that become equal all stay. DuckDB's JSON takes no half of a
    # character, escaped or not.
    row["extra"] = as_unicode(json.dumps(unknown, sort_keys=True, ensure_ascii=False)) if unknown else None
    return row


def _value(field: Column, value: Any) -> Any:
    if value is None:
        if field.required:
            raise _UntypeableError(f"{field.name} is missing or null")
        return None
    expected = _wire_type(field)
    if expected is int:
        value = _whole(value)
    if type(value) is not expected:
        raise _UntypeableError(f"{field.name} is {_json_type(value)}, not {_json_type(expected())}")
    return _CHECKED[field.type](field.name, value)


def _whole(value: Any) -> Any:
    """Return a whole number that came as a float or as text as an integer, and anything else as it is."""
    if type(value) is str and _WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    # A larger float may be another number than the one that was sent.
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


# Longer ones fit no type.
_WHOLE = re.compile(r"-?[0-9]{1,20}(\.0{1,20})?")


def _int64(name: str, value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise _UntypeableError(f"{name} does not fit into 64 bits")
    return value


def _text(_: str, value: str) -> str:
    return as_unicode(value)


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
