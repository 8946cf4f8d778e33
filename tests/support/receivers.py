"""Receivers of alerts on real sockets of this machine: one for HTTP, one for SMTP."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Takes POST requests, and answers 200 or what it was told to: a status, and headers and a body if given."""

    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    always: tuple[int, dict[str, str], bytes] = (200, {}, b"ok")
    certificate: str | None = None

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                status, more, said = receiver.answers.pop(0) if receiver.answers else receiver.always
                self.send_response(status)
                for name, value in {"Content-Length": str(len(said)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        if self.certificate:
            self._server.socket = _tls(self.certificate).wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer the next request so, and each one after the last such answer as usual."""
        self.answers.append((status, headers, body))


@dataclass
class MailServer:
    """Speaks SMTP. `replies` overrides what it says to a command, such as {"RCPT": "550 no such user"}."""

    replies: dict[str, str] = field(default_factory=dict)
    offers: list[str] = field(default_factory=list)
    certificate: str | None = None
    tls_from_the_start: bool = False
    emails: list[EmailMessage] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> MailServer:
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                if server.tls_from_the_start:
                    self.encrypt()
                self.say("220 mail.example")
                while line := self.rfile.readline().decode().strip():
                    server.commands.append(line)
                    verb = line.split()[0].upper()
                    if verb in server.replies:
                        self.say(server.replies[verb])
                    elif verb == "EHLO":
                        lines = ["mail.example", *server.offers]
                        self.say("\r\n".join([*(f"250-{one}" for one in lines[:-1]), f"250 {lines[-1]}"]))
                    elif verb == "STARTTLS":
                        self.say("220 go on")
                        self.encrypt()
                    elif verb == "AUTH":
                        self.say("235 welcome")
                    elif verb == "DATA":
                        self.say("354 go on")
                        self.take()
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 fine")

            def encrypt(self) -> None:
                self.connection = _tls(server.certificate or "").wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb", buffering=0)

            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def take(self) -> None:
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line)
                if "accepted" not in server.replies:
                    email = message_from_bytes(b"".join(lines), policy=policy.default)
                    assert isinstance(email, EmailMessage)
                    server.emails.append(email)
                self.say(server.replies.get("accepted", "250 taken"))

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])


@contextmanager
def trickling(beginning: bytes) -> Iterator[int]:
    """The port of a server that begins an answer and sends the rest byte by byte, without an end."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):  # the client may have given up
                connection.sendall(beginning)
                while not over.wait(0.02):
                    connection.sendall(b"X")

        threading.Thread(target=trickle, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()


def _tls(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
