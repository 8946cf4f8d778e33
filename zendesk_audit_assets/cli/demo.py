"""`zendesk-audit demo`: the whole project with a local Zendesk, without an account."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import click
from rich.console import Console

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.emulator import LONGEST_HISTORY_DAYS
from zendesk_audit_assets.cli.output import Output, on_terminal, print_frame, print_table
from zendesk_audit_assets.cli.runs import (
    MINIMAL_DAGSTER_YAML,
    RunFailed,
    open_instance,
    sync_days,
)
from zendesk_audit_assets.cli.serve import listening
from zendesk_audit_assets.cli.terminal import say, tell
from zendesk_audit_assets.files import explained, make_folder
from zendesk_audit_assets.orchestration.build import build_definitions
from zendesk_audit_assets.orchestration.partitions import Days
from zendesk_audit_assets.settings import DAGSTER_HOME, Account
from zendesk_audit_assets.warehouse.copies import open_read_only
from zendesk_audit_assets.warehouse.database import Warehouse

# A folder of its own: the demo never touches the warehouse or the Dagster history of a real account.
FOLDER = Path("data/demo")

_SUMMARIES = {
    "Most active actors": """
        SELECT actor_name AS actor, events, active_days AS "active days", distinct_addresses AS addresses,
               off_hours_share AS "off hours", last_seen AS "last seen"
        FROM actor_summary ORDER BY events DESC LIMIT 8
    """,
    "Most frequent actions": """
        SELECT action, source_type AS "source type", events, share_of_events AS share,
               events_last_30_days AS "last 30 days", events_previous_30_days AS "30 before"
        FROM action_summary ORDER BY events DESC LIMIT 8
    """,
    "Findings, most severe first": """
        SELECT severity, rule, title, actor_name AS actor, events, first_event_at AS "first event"
        FROM findings WHERE severity IN ('critical', 'high')
        ORDER BY severity, first_event_at DESC LIMIT 8
    """,
    "Newest events": """
        SELECT created_at, actor_name AS actor, action, source_label, change_description AS change
        FROM audit_logs ORDER BY created_at DESC, id DESC LIMIT 8
    """,
}


@click.command()
@click.option("--serve", is_flag=True, help="Go on: local Zendesk, Dagster UI and automation, until Ctrl-C.")
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_HISTORY_DAYS),
    default=730,
    show_default=True,
    help="Length of the history.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    show_default=True,
    help="Port of the Dagster UI with --serve.",
)
def demo(serve: bool, days: int, port: int) -> None:
    """Try everything with a local Zendesk, without an account.

    Syncs two years of a made-up company's audit log, from HTTP to SQL, findings and the Dagster UI.
    """
    console = Console(stderr=True)
    started = time.monotonic()
    folder = FOLDER.absolute()
    if serve:
        with listening("127.0.0.1", port):
            pass  # a port that is taken is better known before everything is built
    with explained(folder, "Give this user write access to it, or move it away."):
        if folder.exists():
            shutil.rmtree(folder)
        make_folder(folder / "dagster")
        (folder / "dagster" / "dagster.yaml").write_text(MINIMAL_DAGSTER_YAML)
    tell(console, "Starting a local Zendesk ...")
    with _local_zendesk(days) as environment:
        account = settings.export_to_environ({**environment, **_places(folder), Account.rate_share.name: "1"})
        _sync_everything(account, console)
        _print_summaries(Warehouse(account.database).published_path)
        tell(console, f"\nDone in {time.monotonic() - started:.0f} s.")
        if serve:
            _serve(folder, port, console)
        else:
            _print_where_to_look(account, console)


def _places(folder: Path) -> dict[str, str]:
    return {
        Account.database.name: str(folder / "zendesk_audit.duckdb"),
        DAGSTER_HOME.name: str(folder / "dagster"),
        Account.sensor_seconds.name: "30",
    }


@contextmanager
def _local_zendesk(days: int) -> Iterator[dict[str, str]]:
    """Run a local Zendesk in a process of its own; yields the environment variables that connect to it."""
    # With a rate limit so high that nobody waits for it.
    options = ["--port", "0", "--days", str(days), "--rate-limit", "60000", "--live", "6"]
    command = [sys.executable, "-m", "zendesk_audit_assets.cli", "emulator", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- our own command
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
            if not lines[-1]:
                raise RunFailed("The local Zendesk did not start.", "Its own message is above.")
            yield dict(line.strip().split("=", 1) for line in lines)
        finally:
            process.terminate()


def _sync_everything(account: Account, console: Console) -> None:
    with open_instance() as instance:
        today = datetime.now(timezone.utc).date()
        sync_days(build_definitions(account), instance, Days(account.start_date, today), console)


def _print_summaries(path: Path) -> None:
    with open_read_only(path) as connection:
        for title, query in _SUMMARIES.items():
            frame = connection.sql(query).pl()
            if on_terminal():
                print_table(frame, Console(), title)
            else:
                say(f"# {title}")
                print_frame(frame, Output())


def _serve(folder: Path, port: int, console: Console) -> None:
    tell(console, "New events appear in the Dagster UI by themselves.")
    command = [sys.executable, "-m", "zendesk_audit_assets.cli", "serve", "--port", str(port)]
    # A signal to this process must also stop Dagster, even where a shell has set SIGINT to be ignored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # In the demo's folder: Dagster lets a `.env` in its working folder win over the environment, and a `workspace.yaml`
    # there would say what to load.
    with subprocess.Popen(command, cwd=folder) as process:  # noqa: S603 -- our own command
        try:
            process.wait()
        except KeyboardInterrupt:
            tell(console, "Stopping ...")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _print_where_to_look(account: Account, console: Console) -> None:
    path = Warehouse(account.database).published_path
    program = _program()
    tell(
        console,
        f'\nQuery it:     {Account.database}={account.database} {program} sql "FROM action_summary"'
        f"\n              or open {path} read-only in any DuckDB tool."
        f"\nSee it in the Dagster UI, with new events every few seconds:  {program} demo --serve"
        f"\nConnect your own account:  docs/connect.md, then  {program} doctor",
    )


def _program() -> str:
    """The command that started this program, so that a hint can be copied as it is."""
    called = shutil.which(sys.argv[0]) or sys.argv[0]
    if Path(called).name == "__main__.py":
        return f"{os.path.relpath(sys.executable)} -m {__package__}"
    return os.path.relpath(called)
