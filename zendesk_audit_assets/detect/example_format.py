"""The format of the examples in a rule file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from zendesk_audit_assets.detect.rule import (
    Example,
    Examples,
    RuleError,
    parse_timespan,
)
from zendesk_audit_assets.extract.record import FIELD_NAMES, FIELDS

UTC = timezone.utc

# Events without a time are a minute apart, from here on.
START = datetime(2026, 1, 1, tzinfo=UTC)
MAX_TIMES = 10_000

_TYPES = {
    **{field.name: int if field.type == "BIGINT" else str for field in FIELDS if field.name != "created_at"},
    "batch_id": int,
    "rows_inserted": int,
    "extra": str,
}
_REQUIRED = frozenset({"id", "batch_id", "rows_inserted"})
_EVENT_KEYS = FIELD_NAMES | {"extra", "batch_id", "times", "every"}
_COVERAGE_TIMES = frozenset({"window_start", "window_end", "read_at", "committed_at"})
_COVERAGE_KEYS = _COVERAGE_TIMES | {"batch_id", "rows_inserted"}


def parse_examples(value: Any, file: str) -> Examples:
    """Parse the entry `examples` of a rule and fill in everything that it leaves out.

    An example is a partial record, a list of them, or a mapping with `events`, `coverage` and `tables`.
    Raises `RuleError` for anything else.
    """
    if value is None:
        return Examples()
    if not isinstance(value, dict) or set(value) - {"match", "no_match"}:
        raise RuleError(file, "'examples' may have 'match' and 'no_match', and nothing else")
    match, no_match = (
        tuple(_example(item, file) for item in _items(value.get(kind), file)) for kind in ("match", "no_match")
    )
    return Examples(match, no_match)


def _example(value: Any, file: str) -> Example:
    full = value if isinstance(value, dict) and "events" in value else {"events": value}
    _require_keys(full, {"events", "coverage", "tables"}, "an example", file)
    items = full["events"] if isinstance(full["events"], list) else [full["events"]]
    events = tuple(event for number, item in enumerate(items) for event in _repeat(item, number, file))
    rows = [_coverage_row(row, number, file) for number, row in enumerate(_items(full.get("coverage"), file), start=1)]
    return Example(events, tuple(_count_inserted(rows or _cover(events), events)), _tables(full, file))


def _items(value: Any, file: str) -> Sequence[Any]:
    if not isinstance(value, list | None):
        raise RuleError(file, "'match', 'no_match', 'coverage' or a table is not a list")
    return value or []


def _repeat(item: Any, number: int, file: str) -> Iterator[Mapping[str, Any]]:
    """The event, repeated by its `times` and `every`."""
    if not isinstance(item, dict):
        raise RuleError(file, "an example is not a record, nor a list of records")
    _require_keys(item, _EVENT_KEYS, "an event of an example", file)
    if ("times" in item) != ("every" in item):
        raise RuleError(file, "an event of an example has 'times' without 'every', or 'every' without 'times'")
    times = item.get("times", 1)
    if type(times) is not int or not 1 <= times <= MAX_TIMES:
        raise RuleError(file, f"'times' is {times!r}, not a number from 1 to {MAX_TIMES}")
    step = parse_timespan(item.get("every", "1s"), "'every'", file)
    _require_types(item, file)
    first = _instant(item.get("created_at", START + timedelta(minutes=number)), "created_at", file)
    record = {name: value for name, value in item.items() if name not in ("times", "every")}
    for n in range(times):
        yield {"batch_id": 1, **record, "created_at": first + n * step}


def _coverage_row(row: Any, number: int, file: str) -> dict[str, Any]:
    _require_keys(row, _COVERAGE_KEYS, "'coverage' of an example", file)
    for key in ("window_start", "window_end"):
        if key not in row:
            raise RuleError(file, f"'coverage' of an example has no '{key}'")
    _require_types(row, file)
    instants = {name: _instant(row[name], name, file) for name in _COVERAGE_TIMES.intersection(row)}
    return _complete(**{"batch_id": number, **row, **instants})


def _cover(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One batch that covers the first to the last event; none without events."""
    times = [event["created_at"] for event in events]
    if not times:
        return []
    return [_complete(batch_id=1, window_start=min(times), window_end=max(times) + timedelta(seconds=1))]


def _complete(window_end: datetime, **row: Any) -> dict[str, Any]:
    """A row of coverage that was read an hour after its window unless it says otherwise."""
    read_at = row.pop("read_at", window_end + timedelta(hours=1))
    return {"window_end": window_end, "read_at": read_at, "committed_at": read_at, **row}


def _count_inserted(
    coverage: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    for row in coverage:
        yield {"rows_inserted": sum(event["batch_id"] == row["batch_id"] for event in events), **row}


def _tables(full: Mapping[str, Any], file: str) -> dict[str, tuple[Mapping[str, Any], ...]]:
    value = full.get("tables") or {}
    if not isinstance(value, dict) or not all(re.fullmatch(r"[A-Za-z_]\w*", str(name)) for name in value):
        raise RuleError(file, "'tables' of an example does not give rows to names of tables")
    tables = {str(name): tuple(_items(rows, file)) for name, rows in value.items()}
    if not all(rows and all(isinstance(row, dict) for row in rows) for rows in tables.values()):
        raise RuleError(file, "a table of an example is not a list of rows")
    return tables


def _require_keys(value: Any, known: Collection[str], name: str, file: str) -> None:
    unknown = sorted(map(str, set(value) - set(known))) if isinstance(value, dict) else [repr(value)]
    if unknown:
        raise RuleError(file, f"{name} has the unknown entry {unknown[0]}")


def _require_types(row: Mapping[str, Any], file: str) -> None:
    """Require the types of Zendesk's records: an unquoted 'on' is a boolean in YAML, not text."""
    for name, value in row.items():
        kind = _TYPES.get(name)
        if kind is None or (value is None and name not in _REQUIRED):
            continue
        if type(value) is not kind or (isinstance(value, int) and abs(value) >= 2**63):
            raise RuleError(file, f"{name} is {value!r} in an example, which is no {kind.__name__}")


def _instant(value: Any, name: str, file: str) -> datetime:
    try:
        if isinstance(value, str):
            # Python 3.10 does not know the Z of ISO 8601.
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        elif not isinstance(value, datetime) and isinstance(value, date):
            value = datetime.combine(value, time())
        instant: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, AttributeError, OverflowError) as error:
        raise RuleError(file, f"{name} is {value!r} in an example, which is not a time") from error
