"""What the tests of the command line share: an account to use it with, and a way to call a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli import main
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.publish import publish


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
def call(folder: Path) -> Callable[..., Result]:
    """Calls a command as a program would, but in this process; none ever shows a trace."""

    def invoke(*arguments: object, **variables: str) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], env=variables)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in result.output
        return result

    return invoke


@pytest.fixture
def stored(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A warehouse with three events, published, and set as the one to use."""
    monkeypatch.setenv("ZENDESK_AUDIT_DB", str(warehouse.path))
    with warehouse.transaction() as connection:
        connection.execute(
            "INSERT INTO audit_logs BY NAME SELECT id, 'login' AS action, 'Ada, Admin' AS actor_name, "
            "TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_hours(id) AS created_at, "
            "1 AS batch_id, now() AS inserted_at, 'run' AS run_id FROM range(1, 4) AS numbers(id)"
        )
    publish(warehouse, force=True)
    return warehouse
