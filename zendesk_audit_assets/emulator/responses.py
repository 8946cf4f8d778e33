"""Zendesk's error bodies and the building of responses.

The shape of an error body depends on the part of Zendesk that responds, so a client must branch on the status alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"

COULD_NOT_AUTHENTICATE = {"error": "Couldn't authenticate you"}
INVALID_TOKEN = {
    "error": "invalid_token",
    "error_description": ("The access token provided is expired, revoked, malformed or invalid for other reasons."),
}
FORBIDDEN = {
    "error": {
        "title": "Forbidden",
        "message": (
            "You do not have access to this page. Please contact the account owner of this help desk for further help."
        ),
    }
}
MISSING_SCOPE = {"error": "Forbidden", "description": "You are missing the following required scopes: read"}
RECORD_NOT_FOUND = {"error": "RecordNotFound", "description": "Not found"}
INVALID_ENDPOINT = {"error": "InvalidEndpoint", "description": "Not found"}
TOO_DEEP = {
    "errors": [
        {
            "code": "InvalidPaginationDepth",
            "title": (
                "Pagination requests using Offset Pagination are limited to page 100 "
                "or up to 10000 records (page * per_page)"
            ),
            "detail": "There are limits to how deep a list can be read page by page",
        }
    ]
}
TOO_MANY_REQUESTS = {"errors": [{"code": "TooManyRequests", "title": "Too many requests"}]}
EXPORT_LIMIT = "Rate limit for Audit log CSV Export exceeded. Please wait 1 minute and try again."
NO_SUCH_ACCOUNT = "<!DOCTYPE html><html><head><title>No help desk here</title></head><body></body></html>"


class ErrorResponse(Exception):
    """Ends the handling of a request with this error response."""

    def __init__(self, status: int, body: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The response to send: HTML or plain text for a string, JSON for a mapping."""
        if isinstance(self.body, str):
            kind = HTML_TYPE if self.body.startswith("<") else TEXT_TYPE
            return Response(self.body, self.status, self.headers | {"content-type": kind})
        return json_response(self.body, self.status, self.headers)


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; `body` is encoded unless it is bytes."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return Response(content, status, dict(headers or {}) | {"content-type": JSON_TYPE})


def invalid_pagination(name: str) -> ErrorResponse:
    """The response to an invalid paging parameter."""
    return ErrorResponse(400, {"error": "InvalidPaginationParameter", "description": f"{name} is not valid"})


def invalid_attribute(name: str, must: str) -> ErrorResponse:
    """The response to an invalid filter or sort parameter; `must` states the requirement it breaks."""
    message = (
        f"You passed an invalid value for the {name} attribute. "
        f"Invalid parameter: {name} {must} from api/v2/audit_logs/index"
    )
    return ErrorResponse(400, {"error": {"title": "Invalid attribute", "message": message}})
