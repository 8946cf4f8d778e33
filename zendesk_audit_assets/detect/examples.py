"""How the examples in a rule are written. `warehouse.examples` runs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from zendesk_audit_assets.detect.rule import (
    Example,
    Examples,
    RuleError,
    span_of,
)
from zendesk_audit_assets.extract.record import FIELD_NAMES, FIELDS

UTC = timezone.utc

# Events that do not say when are a minute apart, from here on.
START = datetime(2026, 1, 1, tzinfo=UTC)
MOST_TIMES = 10_000

_TYPES = {
    **{field.name: int if field.type == "BIGINT" else str for field in FIELDS if field.name != "created_at"},
    "batch_id": int,
    "rows_inserted": int,
}
_REQUIRED = frozenset({"id", "batch_id", "rows_inserted"})
_OF_EVENTS = FIELD_NAMES | {"batch_id", "times", "every"}
_OF_COVERAGE = frozenset({"batch_id", "window_start", "window_end", "read_at", "committed_at", "rows_inserted"})


def examples_of(given: Any, file: str) -> Examples:
    """What stands below `examples`, with all that it leaves out filled in.

    An example is a partial record, a list of them, or such a list as `events` beside `coverage` and other `tables`.
    Raises `RuleError` when it is none of these.
    """
    if given is None:
        return Examples()
    if not isinstance(given, dict) or set(given) - {"match", "no_match"}:
        raise RuleError(file, "'examples' may have 'match' and 'no_match', and nothing else")
    read = _Reader(file)
    return Examples(*(tuple(map(read.example, read.items(given.get(kind)))) for kind in ("match", "no_match")))


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file

    def example(self, given: Any) -> Example:
        whole = given if isinstance(given, dict) and "events" in given else {"events": given}
        self._require_keys(whole, {"events", "coverage", "tables"}, "an example")
        items = whole["events"] if isinstance(whole["events"], list) else [whole["events"]]
        events = tuple(event for number, item in enumerate(items) for event in self._events(item, number))
        given_coverage = self.items(whole.get("coverage"))
        coverage = [self._coverage(row, number) for number, row in enumerate(given_coverage, start=1)]
        return Example(events, tuple(self._counted(coverage or _all_of(events), events)), self._tables(whole))

    def items(self, given: Any) -> Sequence[Any]:
        if not isinstance(given, list | None):
            raise RuleError(self.file, "what stands below 'match', 'no_match', 'coverage' or a table is not a list")
        return given or []

    def _events(self, item: Any, number: int) -> Iterator[Mapping[str, Any]]:
        """The event, as often as it says."""
        if not isinstance(item, dict):
            raise RuleError(self.file, "an example is not a record, nor a list of records")
        self._require_keys(item, _OF_EVENTS, "an event of an example")
        if ("times" in item) != ("every" in item):
            raise RuleError(self.file, "an event of an example has 'times' without 'every', or 'every' without 'times'")
        times = item.get("times", 1)
        if type(times) is not int or not 1 <= times <= MOST_TIMES:
            raise RuleError(self.file, f"'times' is {times!r}, not a number from 1 to {MOST_TIMES}")
        step = span_of(item.get("every", "1s"), "'every'", self.file)
        self._require_types(item)
        first = self._instant(item.get("created_at", START + timedelta(minutes=number)), "created_at")
        record = {name: value for name, value in item.items() if name not in ("times", "every")}
        for n in range(times):
            yield {"batch_id": 1, **record, "created_at": first + n * step}

    def _coverage(self, row: Any, number: int) -> dict[str, Any]:
        self._require_keys(row, _OF_COVERAGE, "'coverage' of an example")
        for key in ("window_start", "window_end"):
            if key not in row:
                raise RuleError(self.file, f"'coverage' of an example has no '{key}'")
        self._require_types(row)
        instants = {name: self._instant(row[name], name) for name in row if name not in ("batch_id", "rows_inserted")}
        return _coverage(**{"batch_id": number, **row, **instants})

    def _counted(self, coverage: Sequence[dict[str, Any]], events: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
        for row in coverage:
            yield {"rows_inserted": sum(event["batch_id"] == row["batch_id"] for event in events), **row}

    def _tables(self, whole: Mapping[str, Any]) -> dict[str, tuple[Mapping[str, Any], ...]]:
        given = whole.get("tables") or {}
        if not isinstance(given, dict) or not all(re.fullmatch(r"[A-Za-z_]\w*", str(name)) for name in given):
            raise RuleError(self.file, "'tables' of an example does not give rows to names of tables")
        tables = {str(name): tuple(self.items(rows)) for name, rows in given.items()}
        if not all(rows and all(isinstance(row, dict) for row in rows) for rows in tables.values()):
            raise RuleError(self.file, "a table of an example is not a list of rows")
        return tables

    def _require_keys(self, given: Any, known: frozenset[str] | set[str], what: str) -> None:
        unknown = sorted(map(str, set(given) - known)) if isinstance(given, dict) else [repr(given)]
        if unknown:
            raise RuleError(self.file, f"{what} has the unknown entry {unknown[0]}")

    def _require_types(self, given: Mapping[str, Any]) -> None:
        """As Zendesk types them: an unquoted 'on' is no text."""
        for name, value in given.items():
            kind = _TYPES.get(name)
            if kind is None or (value is None and name not in _REQUIRED):
                continue
            if type(value) is not kind or (isinstance(value, int) and abs(value) >= 2**63):
                raise RuleError(self.file, f"{name} is {value!r} in an example, which is no {kind.__name__}")

    def _instant(self, value: Any, name: str) -> datetime:
        try:
            if isinstance(value, str):
                # Python 3.10 does not know the Z of ISO 8601.
                value = datetime.fromisoformat(value.replace("Z", "+00:00"))
            elif not isinstance(value, datetime) and isinstance(value, date):
                value = datetime.combine(value, time())
            instant: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
            return instant.astimezone(UTC)
        except (ValueError, AttributeError, OverflowError) as error:
            raise RuleError(self.file, f"{name} is {value!r} in an example, which is not a time") from error


def _all_of(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One batch that has read from the first to the last of the events."""
    times = [event["created_at"] for event in events]
    if not times:
        return []
    return [_coverage(batch_id=1, window_start=min(times), window_end=max(times) + timedelta(seconds=1))]


def _coverage(window_end: datetime, **given: Any) -> dict[str, Any]:
    read_at = given.pop("read_at", window_end + timedelta(hours=1))
    return {"window_end": window_end, "read_at": read_at, "committed_at": read_at, **given}
