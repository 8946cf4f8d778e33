"""What the account answers at each address."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import Response

from zendesk_audit_assets.emulator.account import Account
from zendesk_audit_assets.emulator.auth import Token
from zendesk_audit_assets.emulator.faults import Endpoint
from zendesk_audit_assets.emulator.paging import list_body
from zendesk_audit_assets.emulator.query import parse_query
from zendesk_audit_assets.emulator.replies import (
    EXPORT_LIMIT,
    INVALID_ENDPOINT,
    RECORD_NOT_FOUND,
    Refusal,
    json_response,
)

Handler = Callable[[Account, Request], Awaitable[Response]]


async def answer(account: Account, request: Request) -> Response:
    """Raises Refusal for everything that is not a success."""
    path = request.url.path.removesuffix(".json")
    handler = _HANDLERS.get((request.method, path))
    if handler is not None:
        return await handler(account, request)
    if request.method == "GET" and (match := _SHOW.fullmatch(path)):
        return _show_audit_log(account, request, int(match[1]))
    raise Refusal(404, INVALID_ENDPOINT)


def endpoint_of(path: str) -> Endpoint:
    """The family of an address, for faults."""
    if path.startswith("/api/v2/audit_logs"):
        return "audit_logs"
    if "/oauth/" in path:
        return "oauth"
    return "users" if path.startswith("/api/v2/users/") else "other"


async def _list_audit_logs(account: Account, request: Request) -> Response:
    _reader(account, request)
    query = parse_query(request.url.query, account.options.bounds)
    address = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
    return json_response(list_body(account.store, query, address, account.options.last_page_cursors))


def _show_audit_log(account: Account, request: Request, record_id: int) -> Response:
    _reader(account, request)
    with account.store.locked():
        try:
            body = account.store.body(account.store.find(record_id))
        except KeyError:
            raise Refusal(404, RECORD_NOT_FOUND) from None
    return json_response(b'{"audit_log":' + body + b"}")


async def _export_audit_logs(account: Account, request: Request) -> Response:
    _reader(account, request)
    parse_query(request.url.query, account.options.bounds)
    allowance = account.export_limit.count(account.now())
    limits = {
        "zendesk-ratelimit-audit-logs-export": (
            f"total={allowance.limit}; remaining={allowance.remaining}; resets={allowance.reset_s}"
        )
    }
    if allowance.exceeded:
        raise Refusal(429, EXPORT_LIMIT, limits | {"retry-after": str(allowance.reset_s)})
    return Response(status_code=202, headers=limits)


async def _issue_token(account: Account, request: Request) -> Response:
    return json_response(account.authority.issue(await _parameters(request), account.now()), 201)


async def _current_token(account: Account, request: Request) -> Response:
    token = account.authority.authenticate(request.headers.get("authorization"), account.now())
    if token is None:
        raise Refusal(404, RECORD_NOT_FOUND)
    return json_response(account.authority.describe(token))


async def _current_user(account: Account, request: Request) -> Response:
    return json_response(account.authority.user(request.headers.get("authorization"), account.now()))


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "/api/v2/audit_logs"): _list_audit_logs,
    ("POST", "/api/v2/audit_logs/export"): _export_audit_logs,
    ("GET", "/api/v2/users/me"): _current_user,
    ("GET", "/api/v2/oauth/tokens/current"): _current_token,
    ("POST", "/oauth/tokens"): _issue_token,
}
_SHOW = re.compile(r"/api/v2/audit_logs/(\d{1,18})")


def _reader(account: Account, request: Request) -> Token | None:
    token = account.authority.authenticate(request.headers.get("authorization"), account.now())
    account.authority.allow_audit_logs(token)
    return token


async def _parameters(request: Request) -> dict[str, Any]:
    """The body of a POST, JSON or form-encoded. Raises Refusal (400)."""
    if "json" in request.headers.get("content-type", ""):
        try:
            parameters: Any = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            parameters = None
        if not isinstance(parameters, dict):
            raise Refusal(400, {"error": "Unparsable", "description": "The body is not a JSON object"})
        return parameters
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
