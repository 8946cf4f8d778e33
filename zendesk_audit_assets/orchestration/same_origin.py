"""Admit to the Dagster UI what its own pages send, and nothing that another web page makes a browser send.

Dagster's web server has no login, looks at neither Host nor Origin, and executes mutations by GET. Without this
wrapper any page in the operator's browser could start runs, and read everything after DNS rebinding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zendesk_audit_assets.address import is_loopback

_PORTS = {"http": 80, "https": 443}
_READING = ("GET", "HEAD")
# The code of a WebSocket that is closed for a violated policy; before it is accepted, the client sees status 403.
_POLICY_VIOLATION = 1008


class _Authority(NamedTuple):
    host: str
    port: int | None


class SameOrigin:
    """An ASGI application that refuses, before the wrapped one sees them:

    * a Host that is neither this machine's loopback nor one of `hosts`, each `NAME` or `NAME:PORT`;
    * an Origin other than the Host or one of `hosts`, for every method and for WebSockets;
    * whatever a browser says another site makes it send, except a click on a link;
    * GraphQL by GET, or by POST in another form than JSON.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = [one for one in map(_authority, hosts) if one is not None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an admitted request on, and answer 403 to any other."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal})
        else:
            await PlainTextResponse(refusal + "\n", 403)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        """Why a request is refused, without any of its own words; None when it is admitted."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = _authority(hosts[0]) if len(hosts) == 1 else None
        if host is None or not self._is_ours(host):
            return (
                "The Dagster UI does not answer under this host name. "
                "Open it by a loopback address, or name the host in ZENDESK_UI_HOSTS."
            )
        if len(origins) > 1 or not all(self._is_same(origin, host) for origin in origins):
            return "Another site's page sent this request to the Dagster UI. Open the UI itself."
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _is_link(scope, headers):
            return "Another site's page made the browser send this request to the Dagster UI. Open the UI itself."
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith("/graphql"):
            return _refusal_of_graphql(scope, headers)
        return None

    def _is_ours(self, host: _Authority) -> bool:
        return is_loopback(host.host) or any(
            host.host == ours.host and ours.port in (None, host.port) for ours in self._hosts
        )

    def _is_same(self, origin: str, host: _Authority) -> bool:
        scheme, _, rest = origin.partition("://")
        found = _authority(rest)
        if scheme not in _PORTS or found is None:  # `null`, too: a sandboxed frame, or a page from a file
            return False
        default = _PORTS[scheme]
        # A reverse proxy may ask under the name of this machine; the page has the public one.
        return any(
            found.host == ours.host and (found.port or default) == (ours.port or default)
            for ours in (host, *self._hosts)
        )


def _authority(text: str) -> _Authority | None:
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?", text.strip().lower())
    return _Authority(found[1].strip("[]"), int(found[2]) if found[2] else None) if found else None


def _is_link(scope: Scope, headers: Headers) -> bool:
    """Whether somebody opens a page by a link: a whole document, not a frame, an image or a script."""
    navigates = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return scope["type"] == "http" and scope["method"] in _READING and navigates


def _refusal_of_graphql(scope: Scope, headers: Headers) -> str | None:
    if scope["method"] in _READING:
        # Without a query, this is the page GraphiQL.
        return "GraphQL is accepted by POST only." if scope["query_string"] else None
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return "GraphQL is accepted as application/json only."
    return None


def _unframed(send: Send) -> Send:
    """Keep other sites from showing the UI in a frame, where they could steal clicks."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("X-Frame-Options", "SAMEORIGIN")
        await send(message)

    return sending
