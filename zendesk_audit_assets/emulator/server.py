"""The emulator as a running HTTP server: in a thread of this process, or in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import Any

import uvicorn

from zendesk_audit_assets.emulator.account import Account, RequestSeen
from zendesk_audit_assets.emulator.application import Application
from zendesk_audit_assets.emulator.episodes import Episode
from zendesk_audit_assets.emulator.faults import Fault
from zendesk_audit_assets.emulator.options import EmulatorOptions
from zendesk_audit_assets.errors import AuditError

_LONGEST_START_S = 30


class NoSuchAddress(AuditError):
    """The address is taken, or is none of this machine's."""


class Emulator:
    """One account of Zendesk on a free local port for the length of a `with` block."""

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        self.options = options or EmulatorOptions()
        self._account = Account(self.options)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Emulator:
        listener = _listen(self.options)
        self.url = _url(self.options, listener)
        ready = threading.Event()
        self._server = _Server(self._account, ready.set)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="zendesk-emulator", daemon=True
        )
        self._thread.start()
        if not ready.wait(_LONGEST_START_S):
            raise RuntimeError("the emulator's server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every record so far, ordered by (created_at, id), with those that are not visible yet."""
        return self._account.records()

    @property
    def event_count(self) -> int:
        """How many records there are so far; unlike `events` it costs nothing."""
        return self._account.count()

    @property
    def requests(self) -> list[RequestSeen]:
        """The requests so far, oldest first; those to the control endpoints do not count."""
        return list(self._account.requests)

    def reset_requests(self) -> None:
        self._account.requests.clear()

    @property
    def episodes(self) -> list[Episode]:
        """The suspicious stories of a realistic history, oldest first."""
        return list(self._account.episodes)

    def now(self) -> float:
        """The server's idea of the time, in epoch seconds."""
        return self._account.now()

    def add(self, records: Iterable[Mapping[str, Any]], visible_in_s: float = 0.0) -> list[dict[str, Any]]:
        """Let events happen: partial records, completed. What is missing is made up; `created_at` is now.

        `created_at` may be a datetime with a zone. A field set to `OMIT` is left out; unknown fields and
        unusable values are sent as they are. With `visible_in_s` the events appear that much later.
        """
        return self._account.add(records, visible_in_s)

    def amend(self, record_id: int, **changes: Any) -> dict[str, Any]:
        """Change a record that was visible already. Raises KeyError if there is none."""
        return self._account.store.amend(record_id, changes)

    def remove(self, record_id: int) -> None:
        """Take a visible record away. Raises KeyError if there is none."""
        self._account.store.remove(record_id)

    def inject(self, fault: Fault) -> None:
        self._account.faults.inject(fault)

    def clear_faults(self) -> None:
        self._account.faults.clear()

    def revoke_tokens(self) -> None:
        """Make every access token void."""
        self._account.authority.revoke_all()


def serve(options: EmulatorOptions, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; `on_ready` is given the URL once it answers.

    Raises NoSuchAddress.
    """
    account = Account(options)
    listener = _listen(options)
    url = _url(options, listener)
    _Server(account, lambda: on_ready(url) if on_ready else None).run([listener])


class _Server(uvicorn.Server):
    def __init__(self, account: Account, on_ready: Callable[[], None]) -> None:
        application = Application(account, lambda: self.server_state.connections)
        super().__init__(
            uvicorn.Config(
                application,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                date_header=False,
                server_header=False,
                timeout_keep_alive=75,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """Until told to stop. Tests start and stop hundreds of servers: uvicorn looks every 100 ms only."""
        while not self.should_exit:
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """At once: nobody gains from waiting for connections that are kept alive or stalled."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if unfinished := list(self.server_state.tasks):
            await asyncio.wait(unfinished, timeout=1)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on a signal and return; uvicorn would raise it once more afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(options: EmulatorOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family, backlog=512)
    except OSError as error:
        raise NoSuchAddress(
            f"The emulator cannot listen on {options.host} port {options.port}: {error.strerror}.",
            "Choose another port, or 0 for any that is free.",
        ) from error


def _url(options: EmulatorOptions, listener: socket.socket) -> str:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return f"http://{host}:{listener.getsockname()[1]}"
