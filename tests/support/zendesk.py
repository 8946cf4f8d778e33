"""Accounts to read from: clients of an emulated Zendesk, and a server that replies exactly as a test tells it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from zendesk_audit_assets.emulator import Emulator
from zendesk_audit_assets.zendesk import AccessToken, RateBudget, ZendeskAccount, ZendeskClient


def client_of(zendesk: Emulator, **options: Any) -> ZendeskClient:
    """A client of an emulated account, with these options, that uses all of the account's request limit."""
    account = ZendeskAccount("demo", AccessToken(zendesk.options.access_token), zendesk.url)
    limiter = RateBudget(1.0)
    # As if a response had named the limit: until one does, the client sends slowly.
    limiter.observe({"X-Rate-Limit": str(zendesk.options.rate_limit_per_minute)})
    return ZendeskClient(account, **{"limiter": limiter, "timeouts": (5, 10)} | options)


@dataclass
class Reply:
    """What the stub says. `raw` replaces everything: it is handed the socket's file."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    date: str | None = ""  # "" is now, None leaves the header out
    chunk: int | None = None  # the body goes in chunks of this size
    raw: Callable[[Any], None] | None = None


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may hang up
            super().handle_error(request, client_address)


class Stub:
    """A server that gives the replies of `script` in turn, then the last one for ever."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stub._serve(self)

            do_POST = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.01), daemon=True)
        self._thread.start()

    def say(self, *replies: Reply) -> None:
        self.script = list(replies)

    def reply(self, status: int = 200, body: bytes | str = b"", **details: Any) -> Reply:
        return Reply(status, body.encode() if isinstance(body, str) else body, **details)

    def page(self, records: list[Any], next_link: Any = None, **details: Any) -> Reply:
        """A well-formed page; it has a next one if `next_link` is given."""
        content = {
            "audit_logs": records,
            "meta": {"has_more": next_link is not None, "after_cursor": None, "before_cursor": None},
            "links": {"next": next_link, "prev": None},
        }
        return Reply(body=json.dumps(content).encode(), **details)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.seen.append(Seen(handler.command, handler.path, headers, body, handler.client_address))
            reply = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if reply.raw is not None:
            handler.close_connection = True
            reply.raw(handler.wfile)
            return
        handler.send_response_only(reply.status)
        if reply.date is not None:
            handler.send_header("Date", reply.date or formatdate(usegmt=True))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.chunk is not None:
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            for at in range(0, len(reply.body), reply.chunk):
                part = reply.body[at : at + reply.chunk]
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            handler.wfile.write(b"0\r\n\r\n")
            return
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body)
