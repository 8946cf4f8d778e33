"""`build_definitions(account)` uses the account that it is given, whatever the environment names."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets import Account, build_definitions, settings
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.warehouse.database import Warehouse


def test_the_given_account_is_used_and_not_that_of_the_environment(
    deployment: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = deployment.account.start
    history = HistoryOptions(
        start=start, end=start.replace(hour=12), agents=3, events_per_day=30, episodes=False, seed=9
    )
    options = EmulatorOptions(history=history, subdomain="other", client_id="client-b", client_secret="secret-b")
    with Emulator(options) as other:
        account = Account(
            subdomain="other",
            base_url=other.url,
            client_id="client-b",
            client_secret=dg.EnvVar("SECRET_OF_OTHER"),
            start_date=start.date(),
            database=tmp_path / "other.duckdb",
            rate_share=1,
        )
        definitions = build_definitions(account)
        monkeypatch.setenv("SECRET_OF_OTHER", "secret-b")
        result = definitions.resolve_job_def("refresh").execute_in_process(
            instance=deployment.instance, tags=deployment.days.tags, raise_on_error=False
        )
        assert result.success
        with Warehouse(tmp_path / "other.duckdb").transaction() as connection:
            stored = sorted(id for (id,) in connection.execute("SELECT id FROM audit_logs").fetchall())
        assert stored == sorted(event["id"] for event in other.events) != []
        assert other.requests
    assert deployment.zendesk.requests == []
    assert not deployment.warehouse.path.exists()


def test_building_and_ticking_read_no_environment(monkeypatch: pytest.MonkeyPatch, deployment: Any) -> None:
    class Closed(dict[str, str]):
        def read(self, name: object) -> Any:
            if str(name).startswith("ZENDESK_"):
                raise AssertionError(f"{name} was read")

        def __getitem__(self, name: str) -> str:
            self.read(name)
            return super().__getitem__(name)

        def get(self, name: str, default: Any = None) -> Any:
            self.read(name)
            return super().get(name, default)

    monkeypatch.setattr(settings.os, "environ", Closed(settings.os.environ))
    loaded = deployment.definitions
    (sensor,) = (one for one in loaded.sensors or () if one.name == "new_audit_events")
    context = dg.build_sensor_context(deployment.instance, resources=dict(loaded.resources or {}))
    assert sensor.evaluate_tick(context).run_requests
    assert deployment.run("backfill", only="audit_logs").success
