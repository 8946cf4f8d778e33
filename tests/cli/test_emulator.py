"""`emulator`: a local Zendesk in a process of its own, and the lines that connect to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from zendesk_audit_assets.settings import Settings
from zendesk_audit_assets.zendesk import ZendeskClient


@contextmanager
def emulator(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The command, and the variables that it prints."""
    command = [sys.executable, "-m", "zendesk_audit_assets.cli", "emulator", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
            yield process, dict(line.strip().split("=", 1) for line in lines)
        finally:
            process.kill()


def test_the_lines_that_it_prints_connect_to_it_until_it_is_told_to_end(call: Any) -> None:
    with emulator("--days", "3", "--agents", "5", "--events-per-day", "40", "--live", "0") as (process, variables):
        given = Settings(variables)
        with ZendeskClient(given.account) as client:
            oldest, events = client.oldest().records[0], client.count()
        assert given.start_date == datetime.now(timezone.utc).date() - timedelta(days=3)
        assert oldest["created_at"] >= str(given.start_date)
        result = call("doctor", **variables)
        assert result.exit_code == 0
        assert f"{events:,} events: a full backfill takes" in result.output
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_its_switches_reach_the_account(call: Any) -> None:
    with emulator("--days", "2", "--no-audit-logs") as (_, variables):
        result = call("doctor", **variables)
    assert result.exit_code == 1
    assert "Enterprise" in result.output


def test_a_port_that_is_taken_is_said_in_one_line(call: Any) -> None:
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
def test_an_option_that_makes_no_sense_is_refused_in_words(call: Any, option: str, value: str) -> None:
    result = call("emulator", option, value)
    assert result.exit_code in (1, 2)
    assert result.output
