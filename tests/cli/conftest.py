"""What the tests of the command line share: an account to use it with, and a way to call a command."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli import main
from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.copies import publish
from zendesk_audit_assets.warehouse.database import Warehouse


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: empty, and no settings but those that a test gives."""
    for variable in settings.VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def configured(folder: Path, deployment: Any) -> Any:
    """An account that the settings in the environment name."""
    return deployment


@pytest.fixture
def in_memory(configured: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same, and a Dagster instance in memory: one in files costs twice as much."""
    monkeypatch.setattr("zendesk_audit_assets.cli.sync.open_instance", lambda: nullcontext(configured.instance))
    return configured


@pytest.fixture
def call(folder: Path) -> Callable[..., Result]:
    """Calls a command as a program would, but in this process; none ever shows a trace."""

    def invoke(*arguments: object, input: str | bytes | None = None, **variables: str) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=input, env=variables)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in result.output
        return result

    return invoke


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a person read standard output, so that tables are drawn."""
    monkeypatch.setattr("zendesk_audit_assets.cli.output.on_terminal", lambda: True)


@pytest.fixture(scope="session")
def stored_once(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with three events, published; for copies of it."""
    warehouse = Warehouse(tmp_path_factory.mktemp("stored") / "audit.duckdb")
    with warehouse.transaction() as connection:
        connection.execute(
            "INSERT INTO audit_logs BY NAME SELECT id, 'login' AS action, 'Ada, Admin' AS actor_name, "
            "TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_hours(id) AS created_at, "
            "1 AS batch_id, now() AS inserted_at, 'run' AS run_id FROM range(1, 4) AS numbers(id)"
        )
    publish(warehouse, force=True)
    return warehouse


@pytest.fixture
def stored(tmp_path: Path, stored_once: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The same for one test, set as the one to use."""
    return _use_copy(stored_once, tmp_path, monkeypatch)


SECRET = "s3cr3t-0123456789abcdef"
EVENTS = [
    # id, day, who did it, what, to which item, with which label, and what changed
    (1, "2026-01-10", "Ada Admin", "update", "user", 7, "User: Bob [VIP]", "Role changed from Agent to Administrator"),
    (2, "2026-02-10", "Cy Chief", "update", "user", 7, "User: Bob [VIP]", "Role changed from Administrator to Agent"),
    (3, "2026-02-20", "Ada Admin", "update", "user", 8, "User: Dora", "Explore role changed from not set to Viewer"),
    (4, "2026-02-21", "Ada Admin", "update", "trigger", 7, "Trigger: Bob's", f"Api token changed from x to {SECRET}"),
    (5, "2026-02-22", "Ada Admin", "create", "api_token", 9, "API token", f"Sent with Bearer {SECRET}"),
]


@pytest.fixture(scope="session")
def analysed_once(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with a few events, all that follows from them, and their published copy; for copies of it."""
    warehouse = Warehouse(tmp_path_factory.mktemp("analysed") / "audit.duckdb")
    with warehouse.transaction() as connection:
        for id, day, actor, action, source_type, source_id, label, change in EVENTS:
            connection.execute(
                "INSERT INTO audit_logs BY NAME SELECT $1 AS id, $2::TIMESTAMPTZ AS created_at, $3 AS actor_name, "
                "hash($3) % 1000 AS actor_id, $4 AS action, $5 AS source_type, $6 AS source_id, $7 AS source_label, "
                "$8 AS change_description, '203.0.113.7' AS ip_address, 1 AS batch_id, now() AS inserted_at, "
                "'run' AS run_id",
                [id, f"{day} 10:00:00+00", actor, action, source_type, source_id, label, change],
            )
        for table in DERIVED:
            refresh.refresh(connection, table)
        findings.refresh(connection, load_rules())
    publish(warehouse, force=True)
    return warehouse


@pytest.fixture
def analysed(tmp_path: Path, analysed_once: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The same for one test, set as the one to use."""
    return _use_copy(analysed_once, tmp_path, monkeypatch)


def _use_copy(made: Warehouse, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    shutil.copytree(made.path.parent, folder, dirs_exist_ok=True)
    monkeypatch.setenv("ZENDESK_AUDIT_DB", str(folder / made.path.name))
    return Warehouse(folder / made.path.name)
