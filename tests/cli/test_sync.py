"""`sync`: the whole work without the UI, recorded like any other run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from support.patience import PATIENCE_S
from zendesk_audit_assets.cli.runs import open_instance
from zendesk_audit_assets.emulator import EmulatorOptions, Fault, HistoryOptions
from zendesk_audit_assets.orchestration.partitions import Days
from zendesk_audit_assets.warehouse.copies import table_rows
from zendesk_audit_assets.zendesk import transport


def statuses(deployment: Any) -> list[dg.DagsterRunStatus]:
    """Of all runs in the history of Dagster, newest first."""
    with open_instance() as instance:
        return [run.status for run in instance.get_runs()]


def assets_and_checks() -> tuple[set[str], set[str]]:
    """What the newest run in the history of Dagster materialized, and the checks it evaluated."""
    with open_instance() as instance:
        run_id = instance.get_runs(limit=1)[0].run_id
        events = [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event]
    made = [event.asset_key for event in events if event.is_step_materialization]
    checked = [
        event.asset_check_evaluation_data
        for event in events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    return {key.to_user_string() for key in made if key}, {check.check_name for check in checked}


def test_sync_does_everything_then_what_is_new_quietly_if_told(call: Any, configured: Any, folder: Path) -> None:
    result = call("sync")
    assert result.exit_code == 0
    events = len(configured.zendesk.events)
    assert f"{events:,} events, complete from {configured.days.first} to " in result.output
    assert str(configured.warehouse.published_path) in result.output
    assert configured.holds_everything()
    rows = table_rows(configured.warehouse.published_path)
    assert rows["audit_logs"] == events
    assert rows["actor_summary"] > 0
    with open_instance() as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
        assert len(instance.get_materialized_partitions(dg.AssetKey("audit_logs"))) == 5
    assets, checks = assets_and_checks()

    configured.happens()
    configured.requests()
    quiet = call("sync", "--no-alerts", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")
    assert configured.requests() == 1
    assert configured.holds_everything()
    assert table_rows(configured.warehouse.published_path)["audit_logs"] == events + 1
    assets_without, checks_without = assets_and_checks()
    assert assets - assets_without == {"alerts"}
    assert checks - checks_without == {"no_delivery_has_failed"}
    assert checks_without


def test_without_a_configuration_dagster_gets_one_that_tells_nobody(folder: Path) -> None:
    with open_instance() as instance:
        assert Path(instance.root_directory) == folder / ".dagster"
        assert not instance.telemetry_enabled
        assert instance.python_log_level == "INFO"


def test_a_configuration_in_this_folder_is_used(folder: Path) -> None:
    (folder / "dagster.yaml").write_text("python_logs: {python_log_level: WARNING}\n")
    with open_instance() as instance:
        assert instance.python_log_level == "WARNING"


def test_a_dagster_home_that_is_set_is_used_and_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = folder / "elsewhere"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with open_instance() as instance:
        assert Path(instance.root_directory) == home
    assert not (folder / ".dagster").exists()


@pytest.mark.faults
def test_chosen_days_come_alone_and_again_in_full(call: Any, in_memory: Any) -> None:
    first = in_memory.days.first
    one_day = ("sync", "--from", first, "--to", first)
    assert call(*one_day).exit_code == 0
    assert in_memory.query("SELECT DISTINCT created_at::DATE FROM audit_logs") == [(first,)]

    late = in_memory.happens(created_at=f"{first}T12:00:00Z")
    assert call(*one_day, "--full").exit_code == 0
    assert in_memory.query(f"SELECT count(*) FROM audit_logs WHERE id = {late}") == [(1,)]


@pytest.mark.parametrize("shift", [(-1, 0), (2, 1)], ids=["before the first", "turned round"])
def test_a_range_that_is_none_is_refused_before_anything_is_asked(
    call: Any, configured: Any, shift: tuple[int, int]
) -> None:
    first, last = (configured.days.first + timedelta(days=days) for days in shift)
    result = call("sync", "--from", first, "--to", last)
    assert result.exit_code == 2
    assert f"{first} to {last} is no range of days from ZENDESK_START_DATE" in " ".join(result.output.split())
    assert configured.zendesk.requests == []


@pytest.mark.parametrize("value", ["tomorrow", "2024-02-30", "01.02.2024", "12h"])
def test_a_day_that_is_none_is_refused(call: Any, configured: Any, value: str) -> None:
    result = call("sync", "--from", value)
    assert result.exit_code == 2
    assert value in result.output


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ZENDESK_SUBDOMAIN": ""}, "ZENDESK_SUBDOMAIN is not set."),
        ({"ZENDESK_CLIENT_SECRET": ""}, "ZENDESK_CLIENT_SECRET"),
        ({"ZENDESK_START_DATE": ""}, "ZENDESK_START_DATE is not set."),
        ({"ZENDESK_TIMEZONE": "Mars"}, "ZENDESK_TIMEZONE is 'Mars'"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line_and_makes_nothing(
    call: Any, configured: Any, folder: Path, change: dict[str, str], named: str
) -> None:
    result = call("sync", **change)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ")
    assert named in line
    assert not configured.warehouse.path.exists()
    assert not (folder / ".dagster").exists()


def test_wrong_credentials_are_one_sentence_and_a_failed_run(call: Any, configured: Any) -> None:
    result = call("sync", ZENDESK_CLIENT_SECRET="mistyped")
    assert result.exit_code == 1
    assert "does not accept the OAuth client" in result.output
    assert "Check ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET" in result.output
    assert statuses(configured) == [dg.DagsterRunStatus.FAILURE]
    (run_id,) = re.findall(r"\(Run ([0-9a-f-]{36})\.\)", result.output)
    with open_instance() as instance:
        assert instance.get_run_by_id(run_id) is not None


@pytest.mark.faults
def test_a_longer_wait_is_said_above_the_bar(call: Any, in_memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "NOTABLE_WAIT_S", 0.5)
    in_memory.zendesk.inject(Fault("429", retry_after=1))
    first = in_memory.days.first
    result = call("sync", "--from", first, "--to", first)
    assert result.exit_code == 0
    assert "429" in result.output
    assert "Waiting 1 s before attempt 2" in result.output


@pytest.mark.faults
def test_one_sync_after_a_restore_brings_what_happened_since(call: Any, in_memory: Any) -> None:
    first = in_memory.days.first
    assert in_memory.run("backfill", Days(first, first)).success
    assert call("backup", "early.duckdb").exit_code == 0
    assert call("sync").exit_code == 0
    assert call("restore", "early.duckdb").exit_code == 0
    assert not in_memory.holds_everything()
    assert call("sync").exit_code == 0
    assert in_memory.holds_everything()


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own, which Ctrl-C reaches however the tests were started."""

    def as_in_a_terminal() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = [sys.executable, "-m", "zendesk_audit_assets.cli", *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
        preexec_fn=as_in_a_terminal,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.faults
def test_ctrl_c_keeps_commits_and_the_next_sync_continues(call: Any, deploy: Callable[..., Any], folder: Path) -> None:
    now = datetime.now(timezone.utc)
    history = HistoryOptions(start=now - timedelta(days=3), end=now - timedelta(days=1), style="uniform", total=4_000)
    # The command runs in a process of its own, by the clock of this machine.
    deployment = deploy(now=None, days=4, options=EmulatorOptions(history=history, rate_limit_per_minute=60_000))
    deployment.zendesk.inject(Fault("slow", times=None, seconds=5))

    def committed() -> int:
        return deployment.query("SELECT count(*) FROM audit_logs")[0][0]

    with program("sync") as process:
        while not committed():
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
                pytest.fail(f"It ended by itself: {process.communicate()[0]}")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130
    assert output.splitlines()[-1] == (
        "Error: Stopped. What was committed is kept; the next `zendesk-audit sync` asks only for the rest."
    )
    assert "Traceback" not in output
    assert "leaked" not in output
    assert statuses(deployment) == [dg.DagsterRunStatus.CANCELED]
    assert 0 < committed() < 4_000

    deployment.zendesk.clear_faults()
    assert call("sync").exit_code == 0
    assert deployment.holds_everything()
    assert deployment.query("SELECT count(DISTINCT run_id) FROM coverage") == [(2,)]
    # Only the newest ones that are known are read again, which tells that this is still the same log.
    read_twice = """
        SELECT kept, again FROM coverage AS kept JOIN coverage AS again
            ON kept.run_id <> again.run_id AND kept.batch_id < again.batch_id AND again.rows_inserted > 0
            AND kept.window_start < again.window_end AND again.window_start < kept.window_end
    """
    assert deployment.query(read_twice) == []
    assert statuses(deployment) == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED]
