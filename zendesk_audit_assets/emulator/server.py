"""The emulator as an HTTP server, in a thread of this process or in the foreground."""

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

from zendesk_audit_assets.emulator.account import EmulatedAccount, RecordedRequest
from zendesk_audit_assets.emulator.application import Application
from zendesk_audit_assets.emulator.episodes import Episode
from zendesk_audit_assets.emulator.faults import Fault
from zendesk_audit_assets.emulator.options import EmulatorOptions
from zendesk_audit_assets.errors import AuditError

_START_TIMEOUT_S = 30


class AddressUnavailable(AuditError):
    """The emulator cannot listen on the address: another program uses it, or this machine does not have it."""


class Emulator:
    """Serves one Zendesk account on a free local port during a `with` block."""

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        self.options = options or EmulatorOptions()
        self._account = EmulatedAccount(self.options)
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
        if not ready.wait(_START_TIMEOUT_S):
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
        """Every record so far, ordered by (created_at, id), including those that are not visible yet."""
        return self._account.records()

    @property
    def event_count(self) -> int:
        """The number of records so far, without decoding them as `events` does."""
        return self._account.count()

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, oldest first, without those to the control endpoints."""
        return list(self._account.requests)

    def reset_requests(self) -> None:
        """Forget the recorded requests."""
        self._account.requests.clear()

    @property
    def episodes(self) -> list[Episode]:
        """The suspicious episodes of a realistic history, oldest first."""
        return list(self._account.episodes)

    def now(self) -> float:
        """The server's time in epoch seconds."""
        return self._account.now()

    def add(self, records: Iterable[Mapping[str, Any]], visible_in_s: float = 0.0) -> list[dict[str, Any]]:
        """Add events from partial records; returns the complete ones.

        A missing field gets a default; that of `created_at`, which may be an aware datetime, is the server's time.
        A field set to `OMIT` is left out. Unknown fields and invalid values are served as they are. The events appear
        in the log after `visible_in_s` seconds.
        """
        return self._account.add(records, visible_in_s)

    def amend(self, record_id: int, **changes: Any) -> dict[str, Any]:
        """Change fields of a visible record; returns the changed record. Raises KeyError for an unknown id."""
        return self._account.store.amend(record_id, changes)

    def remove(self, record_id: int) -> None:
        """Remove a visible record. Raises KeyError for an unknown id."""
        self._account.store.remove(record_id)

    def inject(self, fault: Fault) -> None:
        """Let a fault hit requests to come, behind the faults injected before."""
        self._account.faults.inject(fault)

    def clear_faults(self) -> None:
        """Remove all injected faults."""
        self._account.faults.clear()

    def revoke_tokens(self) -> None:
        """Revoke every access token."""
        self._account.auth.revoke_all()


def serve(options: EmulatorOptions, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve in the foreground until SIGINT or SIGTERM. Calls `on_ready` with the URL once the server is ready.

    Raises AddressUnavailable.
    """
    account = EmulatedAccount(options)
    listener = _listen(options)
    url = _url(options, listener)
    _Server(account, lambda: on_ready(url) if on_ready else None).run([listener])


class _Server(uvicorn.Server):
    def __init__(self, account: EmulatedAccount, on_ready: Callable[[], None]) -> None:
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
        """Wait for the stop signal. Uvicorn polls every 100 ms, too slow for tests that stop hundreds of servers."""
        while not self.should_exit:
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop at once, without waiting for kept-alive and stalled connections."""
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
        """Stop on a signal and return, where uvicorn would raise the signal again."""
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
        raise AddressUnavailable(
            f"The emulator cannot listen on {options.host} port {options.port}: {error.strerror}.",
            "Choose another port, or 0 for any free port.",
        ) from error


def _url(options: EmulatorOptions, listener: socket.socket) -> str:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return f"http://{host}:{listener.getsockname()[1]}"
