"""Pages that can never be read: the emulator spoils every response that holds one certain event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response

from zendesk_audit_assets.emulator import application

Spoil = Callable[[dict[str, Any], int], Response | bytes]


@contextmanager
def poisoned(event: int, spoil: Spoil) -> Iterator[None]:
    """Spoil each page that holds the event: `spoil` gets the decoded page and where the event is in it."""
    respond = application.respond

    async def spoiled(account: Any, request: Request) -> Response:
        response = await respond(account, request)
        body = bytes(response.body)
        if b'"id":%d,' % event not in body or b'"audit_logs"' not in body:
            return response
        page = orjson.loads(body)
        at = [record["id"] for record in page["audit_logs"]].index(event)
        answer = spoil(page, at)
        return answer if isinstance(answer, Response) else Response(answer, media_type="application/json")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "respond", spoiled)
        yield


def _with_record(**changes: Any) -> Spoil:
    def spoil(page: dict[str, Any], at: int) -> bytes:
        record = page["audit_logs"][at]
        added = record | {"id": 1} | {name: change(record[name]) for name, change in changes.items()}
        return orjson.dumps(
            page | {"audit_logs": [*page["audit_logs"][: at + 1], added, *page["audit_logs"][at + 1 :]]}
        )

    return spoil


def _in_the_record(text: bytes) -> Spoil:
    return lambda page, at: orjson.dumps(page).replace(
        b'"id":%d,' % page["audit_logs"][at]["id"], b'"id":%d,"more":%s,' % (page["audit_logs"][at]["id"], text), 1
    )


def _status(status: int, body: bytes = b"") -> Spoil:
    return lambda page, at: Response(body, status)


def _earlier(created_at: str) -> str:
    return created_at[:-3] + f"{int(created_at[-3:-1]) - 1:02}Z"


# The kinds of pages that no attempt can read.
KINDS: dict[str, Spoil] = {
    "misplaced": _with_record(created_at=lambda written: "2011" + written[4:]),
    "unordered": _with_record(created_at=_earlier),
    "nested": _in_the_record(b"[" * 1_100 + b"]" * 1_100),
    "nested-to-the-limit": _in_the_record(b"[" * 1_010 + b"]" * 1_010),
    "oversized": _in_the_record(b'"' + b"x" * 9 * 2**20 + b'"'),
    "crowded": lambda page, at: orjson.dumps(page | {"audit_logs": [page["audit_logs"][at]] * 101}),
    "not-json": lambda page, at: b"<html>something in between</html>",
    "cut": lambda page, at: orjson.dumps(page)[:-30],
    "no-list": lambda page, at: orjson.dumps(page | {"audit_logs": None}),
    "500": _status(500),
    "504": _status(504, b"<html>upstream timed out</html>"),
    "400": _status(400, b'{"error":"InvalidAttribute"}'),
    "403": _status(403, b"<html>blocked by a filter</html>"),
}
