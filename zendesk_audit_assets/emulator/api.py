"""The endpoints of the Zendesk API that the emulator serves, and their handlers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import Response

from zendesk_audit_assets.emulator.account import EmulatedAccount
from zendesk_audit_assets.emulator.faults import Endpoint
from zendesk_audit_assets.emulator.paging import list_body
from zendesk_audit_assets.emulator.query import parse_query
from zendesk_audit_assets.emulator.responses import (
    EXPORT_LIMIT,
    INVALID_ENDPOINT,
    RECORD_NOT_FOUND,
    ErrorResponse,
    json_response,
)

Handler = Callable[[EmulatedAccount, Request], Awaitable[Response]]


async def respond(account: EmulatedAccount, request: Request) -> Response:
    """The response of the endpoint that the request names. Raises ErrorResponse unless it is a success."""
    path = request.url.path.removesuffix(".json")
    handler = _HANDLERS.get((request.method, path))
    if handler is not None:
        return await handler(account, request)
    if request.method == "GET" and (match := _SHOW.fullmatch(path)):
        return _show_audit_log(account, request, int(match[1]))
    raise ErrorResponse(404, INVALID_ENDPOINT)


def endpoint_of(path: str) -> Endpoint:
    """The group of endpoints that a path belongs to; faults are injected per group."""
    if path.startswith("/api/v2/audit_logs"):
        return "audit_logs"
    if "/oauth/" in path:
        return "oauth"
    return "users" if path.startswith("/api/v2/users/") else "other"


async def _list_audit_logs(account: EmulatedAccount, request: Request) -> Response:
    _authorize(account, request)
    query = parse_query(request.url.query, account.options.bounds)
    address = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
    return json_response(list_body(account.store, query, address, account.options.last_page_cursors))


def _show_audit_log(account: EmulatedAccount, request: Request, record_id: int) -> Response:
    _authorize(account, request)
    with account.store.lock:
        try:
            body = account.store.body(account.store.find(record_id))
        except KeyError:
            raise ErrorResponse(404, RECORD_NOT_FOUND) from None
    return json_response(b'{"audit_log":' + body + b"}")


async def _export_audit_logs(account: EmulatedAccount, request: Request) -> Response:
    _authorize(account, request)
    parse_query(request.url.query, account.options.bounds)
    rate = account.export_limit.count(account.now())
    limits = {
        "zendesk-ratelimit-audit-logs-export": (
            f"total={rate.limit}; remaining={rate.remaining}; resets={rate.reset_s}"
        )
    }
    if rate.exceeded:
        raise ErrorResponse(429, EXPORT_LIMIT, limits | {"retry-after": str(rate.reset_s)})
    return Response(status_code=202, headers=limits)


async def _issue_token(account: EmulatedAccount, request: Request) -> Response:
    return json_response(account.auth.issue(await _parameters(request), account.now()), 201)


async def _current_token(account: EmulatedAccount, request: Request) -> Response:
    token = account.auth.authenticate(request.headers.get("authorization"), account.now())
    if token is None:
        raise ErrorResponse(404, RECORD_NOT_FOUND)
    return json_response(account.auth.describe(token))


async def _current_user(account: EmulatedAccount, request: Request) -> Response:
    return json_response(account.auth.user(request.headers.get("authorization"), account.now()))


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "/api/v2/audit_logs"): _list_audit_logs,
    ("POST", "/api/v2/audit_logs/export"): _export_audit_logs,
    ("GET", "/api/v2/users/me"): _current_user,
    ("GET", "/api/v2/oauth/tokens/current"): _current_token,
    ("POST", "/oauth/tokens"): _issue_token,
}
_SHOW = re.compile(r"/api/v2/audit_logs/(\d{1,18})")


def _authorize(account: EmulatedAccount, request: Request) -> None:
    """Raises ErrorResponse (401, 403) unless the caller may read the audit log."""
    token = account.auth.authenticate(request.headers.get("authorization"), account.now())
    account.auth.require_audit_logs(token)


async def _parameters(request: Request) -> dict[str, Any]:
    """The body of a POST, JSON or form-encoded. Raises ErrorResponse (400) for invalid JSON."""
    if "json" in request.headers.get("content-type", ""):
        try:
            parameters: Any = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            parameters = None
        if not isinstance(parameters, dict):
            raise ErrorResponse(400, {"error": "Unparsable", "description": "The body is not a JSON object"})
        return parameters
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
