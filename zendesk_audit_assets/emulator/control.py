"""Control of an emulator that runs in another process. Off by default; Zendesk has no such endpoints."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from zendesk_audit_assets.emulator.account import EmulatedAccount, RecordedRequest
from zendesk_audit_assets.emulator.faults import Fault
from zendesk_audit_assets.emulator.responses import INVALID_ENDPOINT, json_response


async def control(account: EmulatedAccount, request: Request) -> Response:
    """Serve `GET`, `POST /control/events`, `GET`, `DELETE /control/requests` and `POST`, `DELETE /control/faults`."""
    command = (request.method, request.url.path)
    if command == ("GET", "/control/events"):
        return json_response({"events": account.records()})
    if command == ("GET", "/control/requests"):
        return json_response({"requests": [_as_dict(recorded) for recorded in account.requests]})
    if command == ("DELETE", "/control/requests"):
        account.requests.clear()
        return Response(status_code=204)
    if command == ("DELETE", "/control/faults"):
        account.faults.clear()
        return Response(status_code=204)
    try:
        if command == ("POST", "/control/events"):
            parameters = orjson.loads(await request.body())
            added = account.add(parameters["events"], float(parameters.get("visible_in_s", 0)))
            return json_response({"events": added}, 201)
        if command == ("POST", "/control/faults"):
            account.faults.inject(Fault(**orjson.loads(await request.body())))
            return Response(status_code=201)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as mistake:
        return json_response({"error": "Unusable", "description": str(mistake)}, 400)
    return json_response(INVALID_ENDPOINT, 404)


def _as_dict(recorded: RecordedRequest) -> dict[str, Any]:
    return {
        "method": recorded.method,
        "path": recorded.path,
        "query": recorded.query,
        "status": recorded.status,
        "at": recorded.at,
    }
