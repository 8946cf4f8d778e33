"""Run configuration, job configuration and the launchpad change no address, credential, path, rule or channel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets import Account, build_definitions, settings

JOBS = ("refresh", "backfill", "nightly", "deliver_alerts", "prune_runs")
# All that a run can be told of this project: what to do again, and for how many days runs are kept.
OPTIONS = {"full_refresh", "full_rebuild", "force", "retry_failed", "keep_days"}
SECRET = "tok-of-the-environment"
DEFINITIONS = build_definitions(Account(subdomain="acme", access_token="x", start_date="2026-01-01"), keep_runs_days=7)
BOUND = dict(DEFINITIONS.resources or {})


@pytest.fixture(autouse=True)
def _secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODYS_SECRET", SECRET)


@cache
def job_of(name: str) -> dg.JobDefinition:
    return DEFINITIONS.resolve_job_def(name)


@pytest.mark.parametrize("field", settings.FIELDS)
@pytest.mark.parametrize("value", ["https://evil.example", {"env": "SOMEBODYS_SECRET"}], ids=str)
@pytest.mark.parametrize("job", JOBS)
def test_no_field_of_a_resource_comes_from_a_run(job: str, field: str, value: Any) -> None:
    context: Any = SimpleNamespace(resource_config={field: value})
    resources = job_of(job).resource_defs
    for name in BOUND.keys() & resources.keys():
        assert resources[name].resource_fn(context) is BOUND[name]


@pytest.mark.parametrize("value", ["https://evil.example", {"env": "SOMEBODYS_SECRET"}], ids=str)
@pytest.mark.parametrize("job", JOBS)
def test_a_launchpad_that_sets_everything_shows_nothing(job: str, value: Any) -> None:
    everything = {"config": dict.fromkeys([*settings.FIELDS, *sorted(OPTIONS)], value)}
    nodes, resources = [node.name for node in job_of(job).nodes], BOUND.keys() & job_of(job).resource_defs.keys()
    for run_config in (
        {"ops": dict.fromkeys(nodes, everything)},
        {"resources": dict.fromkeys(resources, everything)},
        {"ops": {name: {"config": dict.fromkeys(sorted(OPTIONS), value)} for name in nodes}},
    ):
        assert SECRET not in _validated(job, run_config)


@pytest.mark.parametrize("job", JOBS)
def test_a_run_is_told_what_to_repeat_and_nothing_else(job: str) -> None:
    leaves = list(_leaves(job_of(job).run_config_schema.config_type))
    # An op without options takes any configuration, and never sees it. Nothing is put into Dagster's own io_manager.
    assert {path[-1] for path in leaves if path[0] == "ops"} <= {*OPTIONS, "config"}
    assert {path[1] for path in leaves if path[0] == "resources"} <= {*BOUND, "io_manager"}


def _validated(job: str, run_config: dict[str, Any]) -> str:
    """What Dagster makes of a run configuration, or its error."""
    try:
        return str(dg.validate_run_config(job_of(job), run_config))
    except dg.DagsterInvalidConfigError as error:
        return str(error)


def _leaves(config_type: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    fields = getattr(config_type, "fields", None)
    if not fields:
        yield path
        return
    for name, field in fields.items():
        yield from _leaves(field.config_type, (*path, name))
