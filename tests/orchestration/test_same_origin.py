"""The Dagster UI takes requests of its own pages only, over real HTTP and WebSockets."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import uvicorn
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from support.patience import PATIENCE_S
from zendesk_audit_assets.orchestration._private import EmptyWorkspaceTarget, WorkspaceProcessContext
from zendesk_audit_assets.orchestration.same_origin import SameOrigin

JSON = "application/json"
MUTATION = "/graphql?query=mutation%7BlaunchRun%7B__typename%7D%7D"
PROXY = "audit.example.com"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers 200 to every request, and takes every WebSocket."""
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """The port of a server of this app on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(SameOrigin(echo, (PROXY, "other.example.com:8443"))) as port:
        yield port


def ask(port: int, path: str, method: str = "GET", body: str = "", **headers: str | None) -> tuple[int, str, Any]:
    """The status, body and headers of one request; `sec_fetch_site` stands for Sec-Fetch-Site, None leaves it out."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.putrequest(method, path, skip_host=True)
        chosen = {"host": f"127.0.0.1:{port}", **headers}
        for name, value in chosen.items():
            if value is not None:
                connection.putheader(name.replace("_", "-"), value.replace("PORT", str(port)))
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        connection.close()


OWN = [
    {},
    {"host": "localhost:PORT"},
    {"host": "LOCALHOST:PORT"},
    {"host": "[::1]:PORT"},
    {"host": "127.9.9.9"},
    {"host": PROXY},
    {"host": f"{PROXY}:8080"},
    {"host": "other.example.com:8443", "origin": "https://other.example.com:8443"},
    {"origin": "http://127.0.0.1:PORT"},
    {"origin": "http://127.0.0.1:PORT", "sec_fetch_site": "same-origin"},
    {"host": "localhost:PORT", "origin": "http://localhost:PORT"},
    {"host": PROXY, "origin": f"https://{PROXY}"},
    {"host": f"{PROXY}:443", "origin": f"https://{PROXY}"},
    {"origin": f"https://{PROXY}"},  # behind a proxy that asks under the name of this machine
    {"sec_fetch_site": "none"},
]
FOREIGN_HOST = [
    {"host": None},
    {"host": ""},
    {"host": "evil.test"},
    {"host": "evil.test:PORT"},
    {"host": "127.0.0.1.evil.test"},
    {"host": "localhost.evil.test"},
    {"host": "evil-localhost"},
    {"host": f"x.{PROXY}"},
    {"host": f"{PROXY}.evil.test"},
    {"host": "other.example.com"},
    {"host": "127.0.0.1@evil.test"},
    {"host": "10.0.0.1"},
    {"host": "0.0.0.0"},
    {"host": "2130706433"},
    {"host": "localhost, evil.test"},
]
FOREIGN_ORIGIN = [
    {"origin": "http://evil.test"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "file://"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://localhost:PORT"},
    {"origin": "http://127.0.0.1:PORT.evil.test"},
    {"origin": "http://127.0.0.1:PORT@evil.test"},
    {"origin": "chrome-extension://127.0.0.1:PORT"},
    {"origin": f"https://x.{PROXY}"},
    {"origin": f"https://{PROXY}:8080"},
]
OTHER_SITE = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
]


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_the_ui_s_own_pages_are_served(port: int, headers: dict[str, str | None]) -> None:
    assert ask(port, "/runs", **headers)[:2] == (200, "ok")
    assert ask(port, "/graphql", "POST", "{}", content_type=JSON, **headers)[0] == 200


@pytest.mark.parametrize("headers", [*FOREIGN_HOST, *FOREIGN_ORIGIN, *OTHER_SITE], ids=str)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_other_sites_are_refused_whatever_they_send(port: int, headers: dict[str, str | None], method: str) -> None:
    status, body, _ = ask(port, "/report_asset_check/x", method, content_type=JSON, **headers)
    assert status in (400, 403)  # 400: uvicorn itself refuses a request without a Host
    assert "evil" not in body


@pytest.mark.parametrize("path", [MUTATION, "/graphql/?query=%7Bversion%7D", "/prefix/graphql?x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_graphql_is_never_executed_by_get(port: int, path: str, method: str) -> None:
    assert ask(port, path, method)[0] == 403
    assert ask(port, path, method, sec_fetch_site="same-origin", accept=JSON)[0] == 403


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "text/application/json"])
def test_graphql_is_taken_as_json_only(port: int, kind: str | None) -> None:
    assert ask(port, MUTATION, "POST", content_type=kind)[0] == 403


def test_a_link_of_another_site_opens_a_page(port: int) -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert ask(port, "/runs/1", **link)[0] == 200
    assert ask(port, MUTATION, **link)[0] == 403
    assert ask(port, "/runs/1", "POST", **link)[0] == 403


def test_no_other_site_can_show_the_ui_in_a_frame(port: int) -> None:
    assert ask(port, "/")[2]["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("host", "origin", "taken"),
    [
        ("127.0.0.1:PORT", "http://127.0.0.1:PORT", True),
        ("localhost:PORT", "http://localhost:PORT", True),
        (PROXY, f"https://{PROXY}", True),
        ("127.0.0.1:PORT", None, True),
        ("127.0.0.1:PORT", "http://127.0.0.1:1", False),
        ("127.0.0.1:PORT", "http://evil.test", False),
        ("127.0.0.1:PORT", "null", False),
        ("evil.test:PORT", "http://evil.test:PORT", False),
    ],
)
def test_websockets_ask_the_same(port: int, host: str, origin: str | None, taken: bool) -> None:
    host = host.replace("PORT", str(port))
    with ExitStack() as stack:
        sent = Origin(origin.replace("PORT", str(port))) if origin else None
        address = f"ws://{host if ':' in host else f'{host}:80'}/graphql"

        def opened() -> str | bytes:
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            return stack.enter_context(connect(address, sock=raw, origin=sent, proxy=None)).recv()

        if taken:
            assert opened() == "hello"
        else:
            with pytest.raises(InvalidStatus, match="403"):
                opened()


def test_dagster_s_own_server_works_behind_it(tmp_path: Path) -> None:
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace,
        serving(SameOrigin(create_app_from_workspace_process_context(workspace))) as port,
    ):
        query = json.dumps({"query": "{ runsOrError { __typename } }"})
        status, body, _ = ask(port, "/graphql", "POST", query, content_type=JSON, origin="http://127.0.0.1:PORT")
        assert (status, json.loads(body)) == (200, {"data": {"runsOrError": {"__typename": "Runs"}}})
        assert ask(port, MUTATION)[0] == 403
        own = Origin(f"http://127.0.0.1:{port}")
        protocol = [Subprotocol("graphql-ws")]
        with connect(f"ws://127.0.0.1:{port}/graphql", origin=own, subprotocols=protocol, proxy=None) as subscription:
            subscription.send(json.dumps({"type": "connection_init"}))
            assert json.loads(subscription.recv(30)) == {"type": "connection_ack"}
