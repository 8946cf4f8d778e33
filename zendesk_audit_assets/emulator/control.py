"""Steering an emulator that runs in another process: off by default, and never part of Zendesk."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from zendesk_audit_assets.emulator.account import Account
from zendesk_audit_assets.emulator.faults import Fault
from zendesk_audit_assets.emulator.replies import INVALID_ENDPOINT, json_response


async def control(account: Account, request: Request) -> Response:
    """`GET /control/events` and `/control/requests`; `POST /control/events` and `/control/faults`;
    `DELETE /control/faults` and `/control/requests`."""
    command = (request.method, request.url.path)
    if command == ("GET", "/control/events"):
        return json_response({"events": account.records()})
    if command == ("GET", "/control/requests"):
        return json_response({"requests": [_request_as_dict(seen) for seen in account.requests]})
    if command == ("DELETE", "/control/requests"):
        account.requests.clear()
        return Response(status_code=204)
    if command == ("DELETE", "/control/faults"):
        account.faults.clear()
        return Response(status_code=204)
    try:
        if command == ("POST", "/control/events"):
            asked = orjson.loads(await request.body())
            added = account.add(asked["events"], float(asked.get("visible_in_s", 0)))
            return json_response({"events": added}, 201)
        if command == ("POST", "/control/faults"):
            account.faults.inject(Fault(**orjson.loads(await request.body())))
            return Response(status_code=201)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as mistake:
        return json_response({"error": "Unusable", "description": str(mistake)}, 400)
    return json_response(INVALID_ENDPOINT, 404)


def _request_as_dict(seen: Any) -> dict[str, Any]:
    return {
        "method": seen.method,
        "path": seen.path,
        "query": seen.query,
        "status": seen.status,
        "at": seen.at,
    }
