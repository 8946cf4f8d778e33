"""Pruning forgets old runs, and nothing that anybody looks at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from copy import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets.definitions import KEEP_RUNS_DAYS
from zendesk_audit_assets.orchestration.checks import CHECKS
from zendesk_audit_assets.orchestration.maintenance import prune
from zendesk_audit_assets.orchestration.partitions import Days
from zendesk_audit_assets.orchestration.run_history import complete_to
from zendesk_audit_assets.orchestration.scope import Scope

NONE = timedelta(0)


QUIET = {"telemetry": {"enabled": False}}


@pytest.fixture(scope="module")
def template(deployed: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A deployment with its history in files, after three runs; the second one's days were all read again."""
    folder = tmp_path_factory.mktemp("template")
    home = folder / "home"
    home.mkdir()
    with (
        dg.DagsterInstance.local_temp(str(home), overrides=QUIET) as instance,
        deployed(folder, instance) as deployment,
    ):
        last = deployment.days.last
        recent = Days(last - timedelta(days=1), last)
        deployment.run_ids = [deployment.run("backfill", days).run_id for days in (deployment.days, recent, recent)]
        deployment.home = home
        yield deployment


@pytest.fixture
def aged(template: Any, tmp_path: Path) -> Iterator[Any]:
    """The same with a history of its own."""
    home = tmp_path / "home"
    shutil.copytree(template.home, home)
    with dg.DagsterInstance.local_temp(str(home), overrides=QUIET) as instance:
        deployment = copy(template)
        deployment.home, deployment.instance = home, instance
        yield deployment


def files_of(deployment: Any, run_id: str) -> list[Path]:
    return [path for path in deployment.home.rglob("*") if run_id in str(path)]


@pytest.mark.faults
def test_superseded_runs_are_deleted_with_their_files(aged: Any) -> None:
    first, second, third = aged.run_ids
    assert files_of(aged, second)
    assert prune(aged.instance, Scope(), NONE) == 1
    assert {run.run_id for run in aged.instance.get_runs()} == {first, third}
    assert files_of(aged, second) == []
    assert files_of(aged, first)
    assert prune(aged.instance, Scope(), NONE) == 0


def test_materializations_and_complete_to_survive_pruning(aged: Any) -> None:
    def known() -> Any:
        return aged.instance.get_materialized_partitions(dg.AssetKey("audit_logs")), complete_to(aged.instance, Scope())

    before = known()
    assert len(before[0]) == 5
    prune(aged.instance, Scope(), NONE)
    assert known() == before


@pytest.mark.faults
def test_runs_that_are_recent_or_unfinished_stay(aged: Any) -> None:
    job = aged.definitions.resolve_job_def("backfill")
    unfinished = aged.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=Scope().run_tags)
    assert prune(aged.instance, Scope(), timedelta(days=KEEP_RUNS_DAYS)) == 0
    prune(aged.instance, Scope(), NONE)
    assert aged.instance.get_run_by_id(unfinished.run_id) is not None


@pytest.mark.faults
def test_failed_and_canceled_runs_are_forgotten_as_well(aged: Any) -> None:
    job = aged.definitions.resolve_job_def("backfill")
    over = [
        aged.instance.create_run_for_job(job, status=status, tags=Scope().run_tags).run_id
        for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    ]
    assert prune(aged.instance, Scope(), NONE) == 3
    assert [run_id for run_id in over if aged.instance.get_run_by_id(run_id)] == []


def test_the_runs_of_other_teams_stay(aged: Any) -> None:
    @dg.op
    def pay() -> None: ...

    def run(job: str, **how: Any) -> str:
        definition = dg.GraphDefinition(name=job, node_defs=[pay]).to_job()
        return aged.instance.create_run_for_job(definition, status=dg.DagsterRunStatus.SUCCESS, **how).run_id

    here, there = ({".dagster/repository": f"__repository__@{name}"} for name in ("zendesk", "payroll"))
    theirs = [
        run("payroll"),
        run("refresh"),
        run("refresh", tags=there),
        run("payroll", tags=here),
        run("refresh", tags=Scope("acme").run_tags),
    ]
    of_an_older_version = run("refresh", tags=here)
    assert prune(aged.instance, Scope(), NONE, here[".dagster/repository"]) == 2
    assert aged.instance.get_run_by_id(of_an_older_version) is None
    assert [run_id for run_id in theirs if aged.instance.get_run_by_id(run_id) is None] == []


def test_the_job_prunes_by_its_configuration_and_says_how_many(aged: Any) -> None:
    result = aged.definitions.resolve_job_def("prune_runs").execute_in_process(
        instance=aged.instance, run_config={"ops": {"prune_old_runs": {"config": {"keep_days": 0}}}}
    )
    assert result.success
    assert aged.instance.get_run_by_id(aged.run_ids[1]) is None
    said = [entry.user_message for entry in aged.instance.all_logs(result.run_id)]
    assert "Deleted 1 runs that finished more than 0 days ago." in said


def test_the_warehouse_is_not_touched(aged: Any) -> None:
    coverage = aged.query("FROM coverage ORDER BY ALL")
    prune(aged.instance, Scope(), NONE)
    assert aged.holds_everything()
    assert aged.query("FROM coverage ORDER BY ALL") == coverage


@pytest.mark.faults
def test_what_the_checks_found_last_stays_known(aged: Any) -> None:
    checks = dg.AssetSelection.checks_for_assets(dg.AssetKey("audit_logs"))
    job = dg.define_asset_job("checks_only", selection=checks, tags=Scope().run_tags)
    definitions = dg.Definitions.merge(aged.definitions, dg.Definitions(jobs=[job]))
    keys = [Scope().check_key(check.table, check.name) for check in CHECKS if check.table == "audit_logs"]

    def found() -> Any:
        latest = aged.instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
        return {key: latest[key].status for key in keys}

    run_id = definitions.resolve_job_def("checks_only").execute_in_process(instance=aged.instance).run_id
    before = found()
    prune(aged.instance, Scope(), NONE)
    assert found() == before
    assert aged.instance.get_run_by_id(run_id) is None
