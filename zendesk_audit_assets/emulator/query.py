"""The query string of the list endpoint: paging, order and filters, or the error response to an invalid one.

Zendesk does not document its response to a window with a single value, to invalid timestamps and to a `source_id`
without `source_type`. The emulator rejects them with 400, so that tests notice the mistake in a client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from zendesk_audit_assets.emulator.cursor import decode_cursor
from zendesk_audit_assets.emulator.events import parse_timestamp
from zendesk_audit_assets.emulator.options import Bounds
from zendesk_audit_assets.emulator.responses import (
    TOO_DEEP,
    ErrorResponse,
    invalid_attribute,
    invalid_pagination,
)

_FILTER = re.compile(r"filter\[(\w+)\](\[\])?")
_MATCHED_AS_TEXT = ("action", "ip_address", "source_type")
_MATCHED_AS_NUMBER = ("actor_id", "source_id")


@dataclass(frozen=True)
class Query:
    """A valid query. `size` is the page size; `page` is the page number, or None with cursor paging.

    The window includes `first_second` and `last_second`, in epoch seconds. `after` and `before` are decoded cursors.
    `accepted` holds the values that each filtered field may have.
    """

    pairs: list[tuple[str, str]]
    ascending: bool
    size: int
    page: int | None = None
    after: tuple[int, int] | None = None
    before: tuple[int, int] | None = None
    first_second: int | None = None
    last_second: int | None = None
    accepted: Mapping[str, frozenset[Any]] = field(default_factory=dict)

    @property
    def order(self) -> str:
        """The sort order as cursors name it."""
        return "created_at,id" if self.ascending else "-created_at,-id"

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Whether the record passes every filter but the window."""
        return all(record.get(name) in values for name, values in self.accepted.items())


def parse_query(text: str, bounds: Bounds) -> Query:
    """Parse a query string. Raises ErrorResponse (400) for an invalid one.

    A `page[...]` parameter selects cursor paging, its absence offset paging, as in Zendesk.
    """
    pairs = parse_qsl(text, keep_blank_values=True)
    single = dict(pairs)
    first, last = _window(pairs, bounds)
    accepted = _accepted(pairs)
    if "page[size]" in single or "page[after]" in single or "page[before]" in single:
        size = _integer(single.get("page[size]", "100"), "page.size", 1, 100)
        ascending = _ascending(single.get("sort", "-created_at"))
        order = "created_at,id" if ascending else "-created_at,-id"
        if "page[after]" in single and "page[before]" in single:
            raise invalid_pagination("page[after] together with page[before]")
        return Query(
            pairs,
            ascending,
            size,
            after=_cursor(single, "page[after]", order),
            before=_cursor(single, "page[before]", order),
            first_second=first,
            last_second=last,
            accepted=accepted,
        )
    size = min(100, _integer(single.get("per_page", "100"), "per_page", 1))
    page = _integer(single.get("page", "1"), "page", 1)
    if page > 100 or page * size > 10_000:
        raise ErrorResponse(400, TOO_DEEP)
    ascending = _offset_ascending(single)
    return Query(pairs, ascending, size, page, first_second=first, last_second=last, accepted=accepted)


def _window(pairs: list[tuple[str, str]], bounds: Bounds) -> tuple[int | None, int | None]:
    values = _filter_values(pairs).get("created_at")
    if values is None:
        return None, None
    if len(values) != 2:
        raise invalid_attribute("filter.created_at", "must be given twice")
    try:
        start, end = (parse_timestamp(value) for value in values)
    except ValueError:
        raise invalid_attribute("filter.created_at", "must be a timestamp") from None
    return (start, end) if bounds == "inclusive" else (start + 1, end - 1)


def _accepted(pairs: list[tuple[str, str]]) -> dict[str, frozenset[Any]]:
    values = _filter_values(pairs)
    accepted: dict[str, frozenset[Any]] = {name: frozenset(values[name]) for name in _MATCHED_AS_TEXT if name in values}
    for name in _MATCHED_AS_NUMBER:
        if name in values:
            accepted[name] = frozenset(_integer(value, f"filter.{name}") for value in values[name])
    if "source_id" in accepted and "source_type" not in accepted:
        raise invalid_attribute("filter.source_id", "needs filter.source_type")
    return accepted


def _filter_values(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each filter: all of a repeated `filter[x][]`, the last of a repeated `filter[x]`, as in Rails."""
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        if match := _FILTER.fullmatch(key):
            name, is_list = match.groups()
            values[name] = [*values.get(name, []), value] if is_list else [value]
    return values


def _ascending(sort: str) -> bool:
    if sort not in ("created_at", "-created_at"):
        raise invalid_pagination("sort")
    return sort == "created_at"


def _offset_ascending(single: Mapping[str, str]) -> bool:
    if single.get("sort_by", "created_at") != "created_at":
        raise invalid_attribute("sort_by", "must be created_at")
    order = single.get("sort_order", "desc")
    if order not in ("asc", "desc"):
        raise invalid_attribute("sort_order", "must be asc or desc")
    return order == "asc"


def _cursor(single: Mapping[str, str], name: str, order: str) -> tuple[int, int] | None:
    if name not in single:
        return None
    try:
        return decode_cursor(single[name], order)
    except ValueError:
        raise invalid_pagination(name) from None


def _integer(text: str, name: str, at_least: int | None = None, at_most: int | None = None) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise invalid_attribute(name, "must be an integer")
    number = int(text)
    if (at_least is not None and number < at_least) or (at_most is not None and number > at_most):
        raise invalid_attribute(name, f"must be between {at_least} and {at_most}")
    return number
