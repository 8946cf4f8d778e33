"""The ASGI application: records each request, counts it against the rate limit, applies faults and responds."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from zendesk_audit_assets.emulator.account import EmulatedAccount, RecordedRequest
from zendesk_audit_assets.emulator.api import endpoint_of, respond
from zendesk_audit_assets.emulator.control import control
from zendesk_audit_assets.emulator.faults import Fault
from zendesk_audit_assets.emulator.responses import (
    HTML_TYPE,
    INVALID_TOKEN,
    NO_SUCH_ACCOUNT,
    TOO_MANY_REQUESTS,
    ErrorResponse,
    invalid_pagination,
)

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Application:
    """Serves one account; `connections` returns the server's open connections, so that a fault can break one."""

    def __init__(self, account: EmulatedAccount, connections: Callable[[], Iterable[Any]]) -> None:
        self._account = account
        self._connections = connections
        self._latest_pages: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        account = self._account
        path = request.url.path
        if path.startswith("/control/") and account.options.control:
            await (await control(account, request))(scope, receive, send)
            return
        account.catch_up()
        arrived_at = account.now()
        fault = account.faults.take(endpoint_of(path), "page[after]" in request.query_params)
        if fault and fault.kind in ("reset", "stall"):
            self._record(request, 0, arrived_at)
            await self._drop(fault, scope, receive)
            return
        response = await self._limited_response(request, fault)
        delay_s = account.options.latency_ms / 1000 + (fault.seconds if fault and fault.kind == "slow" else 0.0)
        if delay_s:
            await asyncio.sleep(delay_s)
        self._record(request, response.status_code, arrived_at)
        skew_s = fault.seconds if fault and fault.kind == "date_jump" else 0.0
        # A real server dates a response when it sends it, which is later than the state that the response shows.
        response.headers["date"] = formatdate(account.now() + skew_s, usegmt=True)
        if fault and fault.kind == "truncated":
            await self._send_half(response, scope, receive, send)
            return
        await response(scope, receive, send)

    async def _limited_response(self, request: Request, fault: Fault | None) -> Response:
        rate = self._account.rate_limit.count(self._account.now())
        try:
            if _wrong_account(request.headers.get("host", ""), self._account.options.subdomain):
                raise ErrorResponse(404, NO_SUCH_ACCOUNT)
            if rate.exceeded:
                raise ErrorResponse(429, TOO_MANY_REQUESTS, {"retry-after": str(rate.reset_s)})
            response = await self._response(request, fault)
        except ErrorResponse as error:
            response = error.response()
        response.headers.update(rate.headers())
        return response

    async def _response(self, request: Request, fault: Fault | None) -> Response:
        """The account's response, altered by the fault if there is one."""
        if fault is None:
            return await self._account_response(request)
        if fault.is_status():
            return fault.response()
        if fault.kind == "token_expired":
            self._account.auth.revoke(request.headers.get("authorization"))
            raise ErrorResponse(401, INVALID_TOKEN)
        if fault.kind == "cursor_rejected":
            raise invalid_pagination("page[after]")
        if fault.kind == "page_twice":
            response = await respond(self._account, request)
            return _with_body(response, self._latest_pages.get(_list_identity(request), bytes(response.body)))
        response = await self._account_response(request)
        if fault.kind == "cut_json":
            return _with_body(response, bytes(response.body[: len(response.body) * 2 // 3]))
        if fault.kind == "rows_twice":
            return _with_body(response, _rows_twice(bytes(response.body)))
        if fault.kind == "content_type":
            return Response("<html><body>Signing you in</body></html>", headers={"content-type": HTML_TYPE})
        return response

    async def _account_response(self, request: Request) -> Response:
        response = await respond(self._account, request)
        if self._account.faults.is_pending("page_twice"):
            self._latest_pages[_list_identity(request)] = bytes(response.body)
        return response

    def _record(self, request: Request, status: int, now: float) -> None:
        self._account.requests.append(
            RecordedRequest(request.method, request.url.path, request.url.query, request.headers, status, now)
        )

    async def _drop(self, fault: Fault, scope: Scope, receive: Receive) -> None:
        if fault.kind == "reset":
            for transport in self._transports(scope):
                connection = transport.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                transport.abort()
        await _wait_for_disconnect(receive)

    async def _send_half(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        half = bytes(response.body[: len(response.body) * 2 // 3])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        for transport in self._transports(scope):
            transport.close()
        await _wait_for_disconnect(receive)

    def _transports(self, scope: Scope) -> list[Any]:
        """The connection of this request; empty if the client has closed it."""
        return [connection.transport for connection in self._connections() if connection.client == scope["client"]]


async def _wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client has left: uvicorn reports an error when an application returns without a response."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _wrong_account(host: str, subdomain: str) -> bool:
    """Whether the Host header names another account; a bare address or host name never does."""
    name, _, domain = host.partition(":")[0].partition(".")
    return domain in ("zendesk.com", "localhost") and name != subdomain


def _list_identity(request: Request) -> str:
    """A key that all pages of one list share, so that clients may read several lists at a time."""
    kept = sorted(pair for pair in request.query_params.multi_items() if pair[0] != "page[after]")
    return f"{request.url.path} {kept}"


def _with_body(response: Response, body: bytes) -> Response:
    kept = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(body, response.status_code, kept)


def _rows_twice(body: bytes) -> bytes:
    if not body.startswith(b'{"audit_logs":['):
        return body
    begin = body.index(b"[") + 1
    end = body.rindex(b"],")
    rows = body[begin:end]
    return body[:end] + (b"," + rows if rows else b"") + body[end:]
