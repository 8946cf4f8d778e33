"""`zendesk-audit serve`: the Dagster UI, and the automation beside it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import dagster as dg
import uvicorn
from dagster_webserver.app import create_app_from_workspace_process_context

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.runs import open_instance
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration._private import (
    ModuleTarget,
    WorkspaceFileTarget,
    WorkspaceLoadTarget,
    WorkspaceProcessContext,
    serialize_value,
)
from zendesk_audit_assets.orchestration.same_origin import SameOrigin

_MODULE = "zendesk_audit_assets.definitions"
_WORKSPACE = Path("workspace.yaml")
# Seconds for open pages to go, and for the daemon to end its loop.
_GOODBYE_S = 3
_DAEMON_S = 60


class CannotServe(AuditError):
    """The Dagster UI or its daemon cannot run."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port to listen on.")
@click.option("--daemon/--no-daemon", default=True, help="Run schedules, sensors and runs too. Default: run them.")
def serve(host: str, port: int, daemon: bool) -> None:
    """Serve the Dagster UI, with all automation, until Ctrl-C.

    The UI has no login: whoever reaches it can start runs with your credentials. It answers to loopback names and those
    in ZENDESK_UI_HOSTS only, and refuses what pages of other sites send. A file workspace.yaml in the current folder
    says what to load; without one, the account of the environment.
    """
    settings.load()
    hosts = settings.ui_hosts()
    # A signal must also stop the daemon, even where a shell has set SIGINT to be ignored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with listening(host, port) as listener, open_instance() as instance:
        say(f"The Dagster UI comes up at http://{_shown(host)}:{port}. Ctrl-C ends it.", err=True)
        try:
            _serve(instance, listener, hosts, daemon)
        except KeyboardInterrupt:
            say("Stopped.", err=True)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there. Raises `CannotServe`, before anything else has started."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotServe(
            f"Nothing can listen on port {port} of {_shown(host)} ({reason}).", "Choose another one with --port."
        ) from error
    with listener:
        yield listener


def _serve(instance: dg.DagsterInstance, listener: socket.socket, hosts: tuple[str, ...], daemon: bool) -> None:
    with WorkspaceProcessContext(instance, _target()) as workspace:
        app = SameOrigin(create_app_from_workspace_process_context(workspace), hosts)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GOODBYE_S)
        server = uvicorn.Server(config)
        if not daemon:
            server.run([listener])
            return
        with _daemon(instance, server):
            server.run([listener])


@contextmanager
def _daemon(instance: dg.DagsterInstance, server: uvicorn.Server) -> Iterator[None]:
    """Run Dagster's daemon beside the server; when it ends by itself, so does the server. Raises `CannotServe`."""
    target = ["--workspace", str(_WORKSPACE)] if _WORKSPACE.exists() else ["--module-name", _MODULE]
    command = [sys.executable, "-m", "dagster._daemon", "run", "--instance-ref", serialize_value(instance.get_ref())]
    with subprocess.Popen([*command, *target]) as process:  # noqa: S603 -- our own command

        def stop_server() -> None:
            process.wait()
            server.should_exit = True

        threading.Thread(target=stop_server, daemon=True).start()
        try:
            yield
            if (status := process.poll()) is not None:
                raise CannotServe(f"Dagster's daemon ended with status {status}.", "Its own message is above.")
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_DAEMON_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _target() -> WorkspaceLoadTarget:
    if _WORKSPACE.exists():
        return WorkspaceFileTarget([str(_WORKSPACE)])
    return ModuleTarget(_MODULE, attribute=None, working_directory=str(Path.cwd()), location_name=None)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
