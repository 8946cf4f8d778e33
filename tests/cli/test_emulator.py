"""`emulator`: a local Zendesk in a process of its own, and the settings that connect to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from support.patience import PATIENCE_S
from zendesk_audit_assets import Account
from zendesk_audit_assets.zendesk.connect import client_for

pytestmark = pytest.mark.dates


@contextmanager
def emulator(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run the command; returns its process and the settings that it prints."""
    command = [sys.executable, "-m", "zendesk_audit_assets.cli", "emulator", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
            yield process, dict(line.strip().split("=", 1) for line in lines)
        finally:
            process.kill()


def test_the_printed_settings_connect_until_a_signal_ends_it(call: Any) -> None:
    # The command ends its history 15 minutes before its start, so this test needs the present time.
    earliest = _history_start(days=3)
    with emulator("--days", "3", "--agents", "5", "--events-per-day", "40", "--live", "0") as (process, variables):
        account = Account.from_environ(variables)
        with client_for(account) as client:
            oldest, events = client.oldest().records[0], client.count()
        assert account.start_date in (earliest, _history_start(days=3))
        assert oldest["created_at"] >= str(account.start_date)
        result = call("doctor", **variables)
        assert result.exit_code == 0
        assert f"{events:,} events: a full backfill takes" in result.output
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 0


def _history_start(days: int) -> date:
    return (datetime.now(timezone.utc) - timedelta(days=days, minutes=15)).date()


def test_its_options_reach_the_account(call: Any) -> None:
    with emulator("--days", "2", "--no-audit-logs") as (_, variables):
        result = call("doctor", **variables)
    assert result.exit_code == 1
    assert "Enterprise" in result.output


def test_a_taken_port_is_an_error_in_one_line(call: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call("emulator", "--days", "2", "--port", port)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert str(port) in line
    assert "Choose another port" in line


@pytest.mark.parametrize(
    ("option", "value"),
    [("--port", "http"), ("--days", "two"), ("--agents", "1"), ("--days", "-1"), ("--live", "-1"), ("--late", "2")],
)
def test_an_invalid_option_is_rejected_with_a_message(call: Any, option: str, value: str) -> None:
    result = call("emulator", option, value)
    assert result.exit_code in (1, 2)
    assert result.output


@pytest.mark.parametrize(
    "options",
    [
        ("--days", "9001"),
        ("--days", "99999999"),
        ("--events-per-day", "nan"),
        ("--events-per-day", "inf"),
        ("--live", "nan"),
        ("--late", "nan"),
        ("--latency-ms", "inf"),
        ("--agents", "99999999"),
        ("--rate-limit", "9" * 40),
    ],
)
def test_numbers_out_of_reason_are_usage_errors(call: Any, options: tuple[str, str]) -> None:
    result = call("emulator", *options)
    assert result.exit_code == 2
    assert f"Invalid value for '{options[0]}'" in result.output
