"""`build_definitions(account)` uses the account that it is given, whatever the environment names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets import Account, build_definitions, settings
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration.run_history import FINGERPRINT_TAG
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
    assert ticked(deployment).run_requests
    assert deployment.run("backfill", only="audit_logs").success


@pytest.mark.faults
def test_two_accounts_share_a_deployment_and_no_name(deployment: Any, tmp_path: Any) -> None:
    history = HistoryOptions(
        start=deployment.account.start, end=deployment.account.start + DAY, agents=3, events_per_day=30, episodes=False
    )
    with Emulator(EmulatorOptions(history=history, subdomain="other")) as other:
        account = Account(
            name="other",
            subdomain="other",
            base_url=other.url,
            access_token=other.options.access_token,
            start_date=deployment.account.start_date,
            database=tmp_path / "other.duckdb",
            rate_share=1,
        )
        both = build_definitions(deployment.account, account)
        dg.Definitions.validate_loadable(both)
        for job in ("backfill", "other_backfill"):
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


def ticked(deployment: Any) -> Any:
    """A tick of the sensor `new_audit_events`."""
    loaded = deployment.definitions
    (sensor,) = (one for one in loaded.sensors or () if one.name == "new_audit_events")
    context = dg.build_sensor_context(deployment.instance, resources=dict(loaded.resources or {}))
    return sensor.evaluate_tick(context)


@pytest.mark.few(3)
@pytest.mark.parametrize("tags", [{}, Scope("other").run_tags], ids=["another team", "another account"])
@pytest.mark.parametrize("what", ["runs", "has failed", "has fetched the newest page"])
def test_a_refresh_of_somebody_else_stops_nothing(deployment: Any, what: str, tags: dict[str, str]) -> None:
    @dg.op
    def fail() -> None:
        raise ValueError

    @dg.job(name="refresh", tags=tags)
    def refresh() -> None:
        fail()

    (request,) = ticked(deployment).run_requests
    if what == "has failed":
        assert not refresh.execute_in_process(instance=deployment.instance, raise_on_error=False).success
    else:
        status = dg.DagsterRunStatus.STARTED if what == "runs" else dg.DagsterRunStatus.SUCCESS
        found = {FINGERPRINT_TAG: request.tags[FINGERPRINT_TAG]}
        deployment.instance.create_run_for_job(refresh, status=status, tags={**tags, **found})
    assert ticked(deployment).run_requests


def names(loaded: dg.Definitions) -> list[str]:
    """The names of all jobs, schedules, sensors, resources and ops."""
    jobs = [job for job in loaded.resolve_all_job_defs() if not job.name.startswith("__")]
    return [
        *(job.name for job in jobs),
        *(one.name for one in [*(loaded.schedules or []), *(loaded.sensors or [])]),
        *(loaded.resources or {}),
        *{node.name for job in jobs for node in job.nodes},
    ]


def test_every_name_of_a_named_account_begins_with_it() -> None:
    account = Account(name="acme", subdomain="acme", access_token="x", start_date="2024-01-01")
    loaded = build_definitions(account, keep_runs_days=7)
    specs = list(loaded.resolve_all_asset_specs())
    checks = [spec.key.asset_key for one in loaded.asset_checks or [] for spec in one.check_specs]
    assert specs
    assert checks
    assert all(key.path[0] == "acme" for key in (*(spec.key for spec in specs), *checks))
    assert len(names(loaded)) > 5 + 3 + 2 + 4
    assert all(name.startswith("acme_") for name in (*names(loaded), *(spec.group_name or "" for spec in specs)))
    assert account.database.name == "acme.duckdb"


def test_named_accounts_and_a_deployment_of_others_merge() -> None:
    @dg.op
    def pay() -> None: ...

    plain = {name: name for name in names(build_definitions(Account(), keep_runs_days=7))}
    theirs = dg.Definitions(
        assets=[dg.AssetSpec(name) for name in ("audit_logs", "alerts", "findings")],
        jobs=[dg.GraphDefinition(name, node_defs=[pay]).to_job() for name in ("refresh", "nightly", "prune_runs")],
        resources=plain,
        executor=dg.multiprocess_executor,
        loggers={"console": dg.colored_console_logger},
    )
    accounts = [Account(name=name, subdomain=name, access_token="x", start_date="2024-01-01") for name in ("a", "b")]
    merged = dg.Definitions.merge(theirs, build_definitions(*accounts))
    dg.Definitions.validate_loadable(merged)
    assert merged.executor is dg.multiprocess_executor
    assert merged.resolve_job_def("refresh").executor_def is dg.multiprocess_executor
    assert merged.resolve_job_def("a_refresh").executor_def is dg.in_process_executor
    assert {"a_refresh", "b_refresh", "refresh"} <= {job.name for job in merged.resolve_all_job_defs()}
    assert (merged.resources or {})["warehouse"] == "warehouse"


def test_labels_and_a_prefix_are_those_of_all_assets() -> None:
    account = Account(name="acme", subdomain="acme", access_token="x", start_date="2024-01-01")
    loaded = build_definitions(
        account, key_prefix=["eu", "zendesk"], group_name="logs", owners=["team:security"], tags={"tier": "1"}
    )
    for spec in loaded.resolve_all_asset_specs():
        assert spec.key.path[:3] == ["eu", "zendesk", "acme"]
        assert (spec.group_name, list(spec.owners), spec.tags["tier"]) == ("logs", ["team:security"], "1")
    mapped = [spec.replace_attributes(group_name="theirs") for spec in loaded.resolve_all_asset_specs()]
    assert {spec.group_name for spec in mapped} == {"theirs"}


@pytest.mark.parametrize(("automation", "schedules", "sensors"), [("off", 0, 0), ("schedules", 2, 0), ("sensor", 2, 2)])
def test_automation_is_as_much_as_was_asked_for(automation: str, schedules: int, sensors: int) -> None:
    loaded = build_definitions(Account(), automation=automation)
    assert (len(list(loaded.schedules or [])), len(list(loaded.sensors or []))) == (schedules, sensors)
    assert not [job for job in loaded.resolve_all_job_defs() if job.name == "prune_runs"]


@pytest.mark.parametrize(
    ("accounts", "says"),
    [
        ([], "has no account"),
        ([Account(), Account()], "have no name"),
        ([Account(name="acme"), Account(name="Acme")], "have the name 'acme'"),
        ([Account(name="a", database="x.duckdb"), Account(name="b", database="./x.duckdb")], "have the warehouse"),
    ],
)
def test_accounts_that_would_mix_are_refused(accounts: list[Account], says: str) -> None:
    with pytest.raises(AuditError, match=says):
        build_definitions(*accounts)


@pytest.mark.parametrize("name", ["a b", "1a", "a/b", "a-b", "é", "_a", "a" * 65, "a\n"])
def test_a_name_that_dagster_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(AuditError, match="An account has the name"):
        Account(name=name)


def test_keys_that_were_replaced_are_refused(tmp_path: Any) -> None:
    account = Account(subdomain="acme", access_token="x", start_date="2024-01-01", database=tmp_path / "x.duckdb")
    loaded = build_definitions(account)
    theirs = {spec.key: spec.key.with_prefix("theirs") for spec in loaded.resolve_all_asset_specs()}
    assets: list[Any] = [one.with_attributes(asset_key_replacements=theirs) for one in loaded.assets or []]
    result = dg.materialize(
        assets,
        selection=[dg.AssetKey(["theirs", "actor_names"])],
        resources=dict(loaded.resources or {}),
        raise_on_error=False,
    )
    (failed,) = result.get_step_failure_events()
    assert "Give build_definitions a key_prefix instead." in str(failed.event_specific_data)


def test_automation_of_another_word_is_refused() -> None:
    with pytest.raises(AuditError, match="automation is 'on'"):
        build_definitions(Account(), automation="on")
