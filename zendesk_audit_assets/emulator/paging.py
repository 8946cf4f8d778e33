"""Response bodies of the list endpoint, with cursor paging and with offset paging."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import orjson

from zendesk_audit_assets.emulator.cursor import encode_cursor
from zendesk_audit_assets.emulator.options import LastPageCursors
from zendesk_audit_assets.emulator.query import Query
from zendesk_audit_assets.emulator.store import Store


def list_body(store: Store, query: Query, address: str, last_page_cursors: LastPageCursors) -> bytes:
    """The page of the list that the query asks for.

    `address` is the URL of the request without its query string; the links lead back to it.
    """
    with store.lock:
        indexes = _indexes(store, query)
        if query.page is None:
            return _cursor_body(store, query, indexes, address, last_page_cursors)
        return _offset_body(store, query, indexes, address)


def _indexes(store: Store, query: Query) -> range:
    """The indexes of the rows in the window, in the order of the response."""
    first = 0 if query.first_second is None else store.index_of_second(query.first_second)
    last = len(store) if query.last_second is None else store.index_of_second(query.last_second + 1)
    indexes = range(first, max(first, last))
    return indexes if query.ascending else indexes[::-1]


def _cursor_body(store: Store, query: Query, indexes: range, address: str, last_page_cursors: LastPageCursors) -> bytes:
    if query.before is None:
        found, has_more = _take(store, query, _beyond(store, indexes, query.after, query.ascending), query.size)
    else:
        preceding = _beyond(store, indexes[::-1], query.before, not query.ascending)
        found, has_more = _take(store, query, preceding, query.size)
        found.reverse()
    meta: dict[str, Any] = {"has_more": has_more, "after_cursor": None, "before_cursor": None}
    links: dict[str, Any] = {"prev": None, "next": None}
    if found and (has_more or last_page_cursors == "filled"):
        before = encode_cursor(query.order, *store.key(found[0]))
        after = encode_cursor(query.order, *store.key(found[-1]))
        meta.update(after_cursor=after, before_cursor=before)
        links.update(
            prev=_cursor_link(query, address, "page[before]", before),
            next=_cursor_link(query, address, "page[after]", after),
        )
    elif last_page_cursors == "empty":
        meta.update(after_cursor="", before_cursor="")
        links.update(prev="", next="")
    return _body(store, found, {"meta": meta, "links": links})


def _beyond(store: Store, indexes: range, key: tuple[int, int] | None, upwards: bool) -> range:
    """The part of the indexes behind the cursor, in the direction of paging."""
    if key is None:
        return indexes
    if upwards:
        return range(max(indexes.start, store.index_after(*key)), indexes.stop)
    return range(min(indexes.start, store.index_before(*key) - 1), indexes.stop, -1)


def _take(store: Store, query: Query, indexes: range, size: int) -> tuple[list[int], bool]:
    """The first `size` rows that match, and whether there are more."""
    if not query.accepted:
        return list(indexes[:size]), len(indexes) > size
    found: list[int] = []
    for index in indexes:
        if query.matches(orjson.loads(store.body(index))):
            if len(found) == size:
                return found, True
            found.append(index)
    return found, False


def _offset_body(store: Store, query: Query, indexes: range, address: str) -> bytes:
    page = query.page or 1
    matching: list[int] | range = indexes
    if query.accepted:
        matching = [index for index in indexes if query.matches(orjson.loads(store.body(index)))]
    found = list(matching[(page - 1) * query.size : page * query.size])
    more = page * query.size < len(matching)
    return _body(
        store,
        found,
        {
            "next_page": _offset_link(query, address, page + 1) if more else None,
            "previous_page": _offset_link(query, address, page - 1) if page > 1 else None,
            "count": len(matching),
        },
    )


def _body(store: Store, found: list[int], envelope: dict[str, Any]) -> bytes:
    rows = b",".join([store.body(index) for index in found])
    return b'{"audit_logs":[' + rows + b"]," + orjson.dumps(envelope)[1:]


def _cursor_link(query: Query, address: str, name: str, cursor: str) -> str:
    kept = [pair for pair in query.pairs if pair[0].startswith("filter[")]
    sort = "created_at" if query.ascending else "-created_at"
    return _link(address, [*kept, (name, cursor), ("page[size]", str(query.size)), ("sort", sort)])


def _offset_link(query: Query, address: str, page: int) -> str:
    kept = [pair for pair in query.pairs if pair[0] != "page"]
    return _link(address, [*kept, ("page", str(page))])


def _link(address: str, pairs: list[tuple[str, str]]) -> str:
    return address + "?" + "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
