"""The command line names the innermost cause of a failed run, and never an error of Dagster around it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets.cli.runs import DagsterUnusable, _run
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration.partitions import Days

DAYS = Days(date(2026, 1, 1), date(2026, 1, 1))
QUIET = dg.RunConfig(loggers={"console": {"config": {"log_level": "CRITICAL"}}})


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(autouse=True)
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def plain() -> None:
    raise PermissionError(13, "Permission denied", "data/published")


def wrapped() -> None:
    try:
        plain()
    except OSError as error:
        raise RuntimeError("outer") from error


def handled() -> None:
    try:
        plain()
    except OSError:
        raise RuntimeError("outer")  # noqa: B904 -- as careless libraries do


def long() -> None:
    raise ValueError("token: sEcReT-sEcReT-sEcReT \x1b[2J" + "x" * 10_000)


def said() -> None:
    raise dg.Failure("The disk is full. Free some space.")


def job_of(fails: Callable[[], None], *, in_a_resource: bool = False) -> dg.JobDefinition:
    @dg.resource
    def broken(_: Any) -> None:
        if in_a_resource:
            fails()

    @dg.op(required_resource_keys={"broken"})
    def step() -> None:
        fails()

    @dg.job(resource_defs={"broken": broken}, executor_def=dg.in_process_executor)
    def work() -> None:
        step()

    return work


def failure(instance: dg.DagsterInstance, job: dg.JobDefinition) -> str:
    with pytest.raises(AuditError) as error:
        _run(job, instance, DAYS, QUIET, ())
    return str(error.value)


@pytest.mark.parametrize("in_a_resource", [False, True])
@pytest.mark.parametrize("fails", [plain, wrapped, handled])
def test_the_innermost_cause_is_named(
    instance: dg.DagsterInstance, fails: Callable[[], None], in_a_resource: bool
) -> None:
    said = failure(instance, job_of(fails, in_a_resource=in_a_resource))
    assert "PermissionError: [Errno 13] Permission denied: 'data/published'" in said
    assert "dagster._core" not in said


def test_a_cause_is_masked_and_one_short_line(instance: dg.DagsterInstance) -> None:
    said = failure(instance, job_of(long))
    assert said.isprintable()
    assert "sEcReT" not in said
    assert len(said) < 600


def test_the_trace_of_a_failed_step_is_kept_without_secrets(instance: dg.DagsterInstance, traces: Path) -> None:
    said = failure(instance, job_of(long))
    (kept,) = traces.glob("zendesk-audit-fault-*.txt")
    assert said.endswith(f"its trace is in {kept}.")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "in long\n" in kept.read_text()
    assert "sEcReT" not in kept.read_text()


def test_a_message_of_our_own_is_shown_as_it_is(instance: dg.DagsterInstance) -> None:
    assert failure(instance, job_of(said)).startswith("The disk is full. Free some space. (Run ")


def test_a_history_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}}) as instance:
        shutil.rmtree(home)
        home.touch()
        with pytest.raises(DagsterUnusable, match=r"Dagster.s history in .* cannot be written"):
            _run(job_of(said), instance, DAYS, QUIET, ())
