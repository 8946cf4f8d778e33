"""`check`: can the account be read, what will a backfill take, and what is wrong if not."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.warehouse import damage
from zendesk_audit_assets.emulator import EmulatorOptions
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import MalformedResponse, ZendeskClient

NONE = {"ZENDESK_CLIENT_ID": "", "ZENDESK_CLIENT_SECRET": ""}
WAYS = {
    "client credentials": {},
    "access token": {**NONE, "ZENDESK_ACCESS_TOKEN": "emulator-access-token"},
    "API token": {**NONE, "ZENDESK_EMAIL": "admin@example.com", "ZENDESK_API_TOKEN": "emulator-api-token"},
}


def bad(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("✗")]


@pytest.mark.parametrize("way", WAYS)
def test_a_good_account_takes_four_requests_and_passes(deploy: Callable[..., Any], call: Any, way: str) -> None:
    deployment = deploy(**WAYS[way])
    result = call("doctor")
    assert result.exit_code == 0
    assert len(deployment.zendesk.requests) <= 4
    assert {line[0] for line in result.output.splitlines()} == {"✓"}


def test_the_figures_are_those_of_the_account(deployment: Any, call: Any) -> None:
    events = deployment.zendesk.events
    said = call("doctor").output
    assert f"{deployment.zendesk.url} answers: credentials, role, plan and scope are good." in said
    assert "Zendesk allows 1500 requests a minute; this project uses 100% of them." in said
    assert f"The first event is of {events[0]['created_at']}, the newest of {events[-1]['created_at']}." in said
    assert f"{len(events):,} events: a full backfill takes about {-(-len(events) // 100)} requests" in said
    assert f"ZENDESK_START_DATE is {deployment.days.first}: every event will be kept." in said


@pytest.mark.parametrize(
    ("options", "variables", "cause", "remedy"),
    [
        ({}, {"ZENDESK_CLIENT_SECRET": "mistyped"}, "401", "Check ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET"),
        ({}, {**NONE, "ZENDESK_ACCESS_TOKEN": "mistyped"}, "401", "Check ZENDESK_ACCESS_TOKEN"),
        ({"has_audit_logs": False}, WAYS["access token"], "no audit log", "Enterprise"),
        ({"admin": False}, {}, "403", "credentials of an administrator"),
        ({"granted_scope": "tickets:read"}, {}, "scope", "auditlogs:read"),
        ({"clock_offset_s": 3600}, {}, "clock", "clock"),
    ],
)
def test_an_unreadable_account_is_one_finding_with_a_remedy(
    deploy: Callable[..., Any],
    call: Any,
    options: dict[str, Any],
    variables: dict[str, str],
    cause: str,
    remedy: str,
) -> None:
    deployment = deploy(options=EmulatorOptions(**options), **variables)
    result = call("doctor")
    assert result.exit_code == 1
    (line,) = bad(result.output)
    assert cause in line
    assert remedy in line
    assert len(deployment.zendesk.requests) <= 4


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, ["ZENDESK_SUBDOMAIN"]),
        ({"ZENDESK_SUBDOMAIN": "acme"}, ["ZENDESK_CLIENT_ID", "ZENDESK_ACCESS_TOKEN", "ZENDESK_API_TOKEN"]),
        ({"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_AUTH_TYPE": "api_token"}, ["ZENDESK_EMAIL", "ZENDESK_API_TOKEN"]),
        (
            {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_ACCESS_TOKEN": "x", "ZENDESK_BASE_URL": "http://example.com"},
            ["ZENDESK_BASE_URL"],
        ),
        ({"ZENDESK_SUBDOMAIN": "https://acme.zendesk.com", "ZENDESK_ACCESS_TOKEN": "x"}, ["ZENDESK_SUBDOMAIN"]),
    ],
)
def test_without_settings_the_variables_are_named(call: Any, variables: dict[str, str], named: list[str]) -> None:
    result = call("doctor", **variables)
    assert result.exit_code == 1
    (line,) = bad(result.output)
    assert all(name in line for name in named)


def test_settings_in_a_file_are_found(deployment: Any, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(".env", "w", encoding="utf-8") as file:
        for name, value in deployment.variables.items():
            file.write(f"{name}={value}\n")
            # Registered, so that what the file brings into the environment is taken out of it afterwards.
            monkeypatch.setenv(name, value)
            monkeypatch.delenv(name)
    assert call("doctor").exit_code == 0


def test_a_start_date_that_is_not_set_is_suggested(deploy: Callable[..., Any], call: Any) -> None:
    deployment = deploy(ZENDESK_START_DATE="")
    result = call("doctor")
    assert result.exit_code == 1
    day = deployment.zendesk.events[0]["created_at"][:10]
    assert f"✗ ZENDESK_START_DATE is not set. Set it to {day}, the day of the first event." in result.output


def test_a_start_date_after_the_first_event_is_allowed_and_noted(deploy: Callable[..., Any], call: Any) -> None:
    deployment = deploy(days=6)
    later = deployment.days.first + timedelta(days=2)
    day = deployment.zendesk.events[0]["created_at"][:10]
    result = call("doctor", ZENDESK_START_DATE=str(later))
    assert result.exit_code == 0
    assert f"! ZENDESK_START_DATE is {later}: earlier events are left out. Set it to {day} to keep all." in (
        result.output
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZENDESK_START_DATE", "2999-01-01"),
        ("ZENDESK_START_DATE", "soon"),
        ("ZENDESK_TIMEZONE", "Amsterdam"),
        ("ZENDESK_RATE_SHARE", "2"),
        ("ZENDESK_SENSOR_SECONDS", "0"),
        ("ZENDESK_ALERT_LEVEL", "grave"),
        ("ZENDESK_ALERT_MAX_AGE", "a day"),
        ("ZENDESK_ALERT_WEBHOOK_URL", "http://127.0.0.1/hook"),
    ],
)
def test_every_other_setting_is_looked_at_as_well(deployment: Any, call: Any, name: str, value: str) -> None:
    result = call("doctor", **{name: value})
    assert result.exit_code == 1
    (line,) = bad(result.output)
    assert name in line


def test_own_rules_are_counted_and_an_unusable_one_is_named(deployment: Any, call: Any, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "settings.yml").write_text("disable: [ZD-013]\nlevel: {ZD-020: high}\n")
    said = call("doctor", ZENDESK_RULES_DIR=str(folder)).output
    assert f"rules are in force, 1 of them from {folder}." in said
    (folder / "broken.yml").write_text("title: Broken\n")
    result = call("doctor", ZENDESK_RULES_DIR=str(folder))
    assert result.exit_code == 1
    (line,) = bad(result.output)
    assert "broken.yml" in line


def test_where_alerts_go_is_said(deployment: Any, call: Any) -> None:
    assert "No channel for alerts is configured" in call("doctor").output
    said = call("doctor", ZENDESK_ALERT_SLACK_URL="https://hooks.example.com/x", ZENDESK_ALERT_LEVEL="medium").output
    assert "Findings of medium severity or above, up to 24 hours old, go to slack." in said


@pytest.mark.parametrize(("offset", "word"), [(120, "behind"), (-120, "ahead of")])
def test_a_clock_that_is_off_is_noted(deploy: Callable[..., Any], call: Any, offset: float, word: str) -> None:
    deploy(options=EmulatorOptions(clock_offset_s=offset))
    result = call("doctor")
    assert result.exit_code == 0
    (line,) = [line for line in result.output.splitlines() if "The clock" in line]
    assert line.startswith("! ")
    assert f"s {word} Zendesk's" in line


def test_an_account_without_events_is_noted_in_time_for_the_first_one(deploy: Callable[..., Any], call: Any) -> None:
    deployment = deploy(options=EmulatorOptions())
    result = call("doctor")
    assert result.exit_code == 0
    assert "! The audit log is empty so far." in result.output
    assert "✓ ZENDESK_START_DATE is " in result.output
    assert len(deployment.zendesk.requests) <= 4


@pytest.mark.parametrize("day", ["", "2026-02-30", "2999-01-01", "0001-01-01"])
def test_the_first_day_of_an_empty_log_is_looked_at(deploy: Any, call: Any, day: str) -> None:
    deploy(options=EmulatorOptions(), ZENDESK_START_DATE=day)
    result = call("doctor")
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("✗")]
    assert line.startswith("✗ ZENDESK_START_DATE is ")
    assert line.endswith(", today, while the log is empty.")


def test_the_first_day_is_looked_at_when_zendesk_does_not_answer(deploy: Any, call: Any) -> None:
    deploy(ZENDESK_CLIENT_SECRET="wrong-secret", ZENDESK_START_DATE="2026-02-30")
    bad = [line for line in call("doctor").output.splitlines() if line.startswith("✗")]
    assert any(line.startswith("✗ ZENDESK_START_DATE is '2026-02-30', not a date.") for line in bad)


def test_the_file_that_was_read_is_named(deployment: Any, call: Any, folder: Path) -> None:
    (folder / ".env").write_text("ZENDESK_TIMEZONE=Europe/Amsterdam\n")
    result = call("doctor")
    assert f"✓ {folder / '.env'} adds to the settings of the environment." in result.output
    assert "Europe/Amsterdam" in result.output


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    deployment: Any, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 2**40, 2**20))
    result = call("doctor")
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("✗")]
    assert "1 MiB are free" in line
    assert not deployment.warehouse.path.exists()


def test_a_check_leaves_no_warehouse_behind(deployment: Any, call: Any) -> None:
    call("doctor")
    assert not deployment.warehouse.path.exists()


OBSTACLES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "damaged": (damage, "is damaged"),
    "cut short": (lambda path: os.truncate(path, path.stat().st_size // 2), "is damaged"),
    "text": (lambda path: path.write_text("mine"), "cannot be opened"),
    "published": (lambda path: path.with_name("published").write_text("mine"), "published cannot be used"),
    "lock": (lambda path: path.with_name(f"{path.name}.alerts.lock").symlink_to("x"), "alerts.lock cannot be used"),
    "history": (lambda _: Path(".dagster").write_text("mine"), ".dagster cannot be used"),
    "dagster.yaml": (lambda _: os.mkfifo("dagster.yaml"), "dagster.yaml cannot be used (it is not a plain file)"),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_what_a_sync_would_stumble_over_is_found(
    deployment: Any, call: Any, warehouse: Warehouse, obstacle: str
) -> None:
    with warehouse.transaction() as connection:
        connection.execute("INSERT INTO warehouse_meta SELECT 'n' || i, hash(i) FROM range(100_000) AS numbers(i)")
    put, says = OBSTACLES[obstacle]
    put(warehouse.path)
    result = call("doctor", ZENDESK_AUDIT_DB=str(warehouse.path))
    assert result.exit_code == 1
    assert any(says in line for line in bad(result.output)), result.output


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a file system that takes no files")
@pytest.mark.parametrize("name", ["ZENDESK_AUDIT_DB", "DAGSTER_HOME"])
def test_a_folder_that_takes_no_files_is_found(deployment: Any, call: Any, name: str) -> None:
    result = call("doctor", **{name: "/proc/audit.duckdb"})
    assert result.exit_code == 1
    assert any(line.startswith("✗ The folder /proc cannot be used (") for line in bad(result.output)), result.output


def test_a_folder_that_cannot_be_written_to_is_found(deployment: Any, call: Any, warehouse: Warehouse) -> None:
    with warehouse.transaction():
        pass
    user = os.geteuid()
    warehouse.path.parent.chmod(0o555)
    if user == 0:
        os.seteuid(65_534)
    try:
        result = call("doctor", ZENDESK_AUDIT_DB=str(warehouse.path))
    finally:
        os.seteuid(user)
        warehouse.path.parent.chmod(0o755)
    assert result.exit_code == 1
    assert "cannot be used (Permission denied" in result.output


def test_a_file_that_every_user_can_read_is_noted(deployment: Any, call: Any, warehouse: Warehouse) -> None:
    with warehouse.transaction():
        pass
    warehouse.path.chmod(0o644)
    result = call("doctor", ZENDESK_AUDIT_DB=str(warehouse.path))
    assert (result.exit_code, f"! Every user of this machine can read {warehouse.path}" in result.output) == (0, True)


def test_a_count_that_cannot_be_read_is_a_note(deployment: Any, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(client: object) -> int:
        raise MalformedResponse("There is no count.", "Try again later.")

    monkeypatch.setattr(ZendeskClient, "count", unknown)
    result = call("doctor")
    assert result.exit_code == 0
    (line,) = [line for line in result.output.splitlines() if line.startswith("!")]
    assert "The number of events is unknown" in line
