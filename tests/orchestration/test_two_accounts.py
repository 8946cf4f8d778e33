"""`build_definitions(account)` uses the account that it is given, whatever the environment names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets import Account, build_definitions, settings
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.orchestration.build import build_scoped
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.warehouse.database import Warehouse

DAY = timedelta(days=1)


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
        result = definitions.resolve_job_def("backfill").execute_in_process(
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


@pytest.mark.faults
def test_two_scopes_share_a_deployment_and_no_name(deployment: Any, tmp_path: Any) -> None:
    history = HistoryOptions(
        start=deployment.account.start, end=deployment.account.start + DAY, agents=3, events_per_day=30, episodes=False
    )
    with Emulator(EmulatorOptions(history=history, subdomain="other")) as other:
        account = Account(
            subdomain="other",
            base_url=other.url,
            access_token=other.options.access_token,
            start_date=deployment.account.start_date,
            database=tmp_path / "other.duckdb",
            rate_share=1,
        )
        scope = Scope("other")
        one, two = deployment.definitions, build_scoped(scope, account)
        both = dg.Definitions.merge(one, two)
        dg.Definitions.validate_loadable(both)
        for job in ("backfill", scope.backfill):
            result = both.resolve_job_def(job).execute_in_process(
                instance=deployment.instance, tags=deployment.days.tags, raise_on_error=False
            )
            assert result.success
            assert len(
                {event.asset_key.path[0] for event in result.get_asset_materialization_events()} & {"other"}
            ) == (job != "backfill")
        with Warehouse(tmp_path / "other.duckdb").transaction() as connection:
            stored = sorted(id for (id,) in connection.execute("SELECT id FROM audit_logs").fetchall())
        assert stored == sorted(event["id"] for event in other.events) != []
    assert deployment.holds_everything()


def test_every_name_of_a_scope_carries_its_prefix() -> None:
    account = Account(subdomain="acme", access_token="x", start_date="2024-01-01")
    loaded = build_scoped(Scope("acme"), account)
    keys = [spec.key for spec in loaded.resolve_all_asset_specs()]
    assert keys
    assert all(key.path[0] == "acme" for key in keys)
    checks = [spec.key.asset_key for one in loaded.asset_checks or [] for spec in one.check_specs]
    assert all(key.path[0] == "acme" for key in checks)
    jobs = [job.name for job in loaded.resolve_all_job_defs() if not job.name.startswith("__")]
    named = [
        *jobs,
        *(one.name for one in [*(loaded.schedules or []), *(loaded.sensors or [])]),
        *(loaded.resources or {}),
    ]
    assert len(named) == 5 + 3 + 2 + 4
    assert all(name.startswith("acme_") for name in named)
