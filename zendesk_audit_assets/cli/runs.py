"""Runs of the jobs from the command line; Dagster's history records them like any other run."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import SQLAlchemyError

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.main import Stopped
from zendesk_audit_assets.cli.terminal import tell
from zendesk_audit_assets.cli.unforeseen import fault, reason, short
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.files import make_folder, require_plain
from zendesk_audit_assets.orchestration._private import InstanceRef, RunFailureReason
from zendesk_audit_assets.orchestration.assets.alerts import ALERTS
from zendesk_audit_assets.orchestration.assets.audit_logs import progress_logger
from zendesk_audit_assets.orchestration.event_batches import events_in_batches
from zendesk_audit_assets.orchestration.jobs import op_config
from zendesk_audit_assets.orchestration.partitions import Days, bounded
from zendesk_audit_assets.orchestration.scope import Scope

# Where nobody has configured Dagster: what this project says is in the log of its runs.
MINIMAL_DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_monitoring: {enabled: true, max_runtime_seconds: 21600}
run_retries: {enabled: true, max_retries: 1, retry_on_asset_or_op_failure: false}
python_logs: {managed_python_loggers: [zendesk_audit_assets], python_log_level: INFO}
"""

_project_logger = logging.getLogger("zendesk_audit_assets")


class RunFailed(AuditError):
    """A run of a job failed; the message is that of the failed step."""


class DagsterUnusable(AuditError):
    """Dagster's own history or its configuration cannot be used."""


def open_instance() -> dg.DagsterInstance:
    """Open the Dagster instance of DAGSTER_HOME, of a `dagster.yaml` in this folder, or of `.dagster`.

    Its telemetry is off, whatever the file says. Raises `DagsterUnusable`.
    """
    home = settings.dagster_home()
    file = home / "dagster.yaml"
    try:
        make_folder(home)
        if not file.exists():
            file.write_text(MINIMAL_DAGSTER_YAML)
        require_plain(file)  # to open a pipe would wait for who writes to it
        # Its commands may be told to use another team's home, whose file says nothing about telemetry.
        reference = InstanceRef.from_dir(str(home), overrides={"telemetry": {"enabled": False}})
        instance = dg.DagsterInstance.from_ref(reference)
        # Dagster loads what the file names, and opens its history, only when a run needs it.
        _ = instance.compute_log_manager, instance.run_coordinator, instance.run_launcher, instance.get_runs(limit=1)
        return instance
    except Exception as error:  # whatever a class that the file names may raise
        raise DagsterUnusable(
            f"Dagster cannot use {file} ({reason(error)}).",
            "Correct the file or the folder's owner, or point DAGSTER_HOME at another folder.",
        ) from error


def sync_days(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    days: Days,
    console: Console,
    *,
    full: bool = False,
    alerts: bool = True,
    quiet: bool = False,
) -> None:
    """Sync the log for `days` in bounded runs, then refresh and publish; with `alerts`, also send them.

    A `quiet` sync shows neither progress nor waits, only errors and failed checks. Raises `RunFailed`.
    """
    scope = Scope()
    ranges = bounded(days)
    with events_in_batches(instance), _progress_bar(console, quiet) as bar:
        for number, part in enumerate(ranges, start=1):
            bar.begin(part, number, len(ranges))
            last = number == len(ranges)
            # Summaries once, at the end.
            job = definitions.resolve_job_def(scope.refresh if last else scope.backfill)
            without = () if alerts or not last else (scope.asset_key(ALERTS),)
            result = _run(job, instance, part, _run_config(scope, full, publish=last), without)
            bar.end()
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            tell(console, f"! {check.check_name}: {check.description}")


def _run(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    days: Days,
    config: dg.RunConfig,
    without: Collection[dg.AssetKey],
) -> dg.ExecuteInProcessResult:
    selected = [key for key in job.asset_layer.executable_asset_keys if key not in without] if without else None
    try:
        result = job.execute_in_process(
            instance=instance, tags=days.tags, run_config=config, asset_selection=selected, raise_on_error=False
        )
    except SQLAlchemyError as error:
        raise DagsterUnusable(
            f"Dagster's history in {instance.root_directory} cannot be written ({reason(error)}).",
            "Check its owner and the space on its disk; what was committed to the warehouse is kept.",
        ) from error
    if any(_is_interruption(event) for event in result.all_events):
        # Dagster takes it for a crash.
        instance.report_run_canceled(result.dagster_run, "Stopped from the command line.")
        raise Stopped("Stopped.", "What was committed is kept; the next `zendesk-audit sync` asks only for the rest.")
    for event in result.filter_events(lambda event: event.is_step_failure):
        failure = event.step_failure_data.user_failure_data
        if failure is not None and failure.description:
            raise RunFailed(failure.description, f"(Run {result.run_id}.)")
        raise _failed(event.step_key or "A step", event.step_failure_data.error, result.run_id)
    for event in result.filter_events(lambda event: event.event_type == dg.DagsterEventType.RUN_FAILURE):
        raise _failed("The run", event.job_failure_data.error, result.run_id)
    if not result.success:
        raise RunFailed(f"Run {result.run_id} did not succeed.", "Look at it in the Dagster UI.")
    return result


def _failed(what: str, error: Any, run_id: str) -> AuditError:
    """The error with the innermost cause: Dagster wraps the one that says why."""
    if error is None:
        return RunFailed(f"{what} failed without a reason.", f"The run's log in the Dagster UI tells more: {run_id}.")
    trace = error.to_string()
    while (inner := error.cause or error.context) is not None:
        error = inner
    return fault(what, short(error.message), trace)


def _is_interruption(event: dg.DagsterEvent) -> bool:
    if event.event_type != dg.DagsterEventType.RUN_FAILURE:
        return False
    return event.job_failure_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION


def _run_config(scope: Scope, full: bool, publish: bool) -> dg.RunConfig:
    # Dagster's own log goes to its instance; the terminal has the bar.
    quiet = {"console": {"config": {"log_level": "CRITICAL"}}}
    return dg.RunConfig(ops=op_config(scope, full_refresh=full, publish=publish), loggers=quiet)


class _Bar(logging.Handler):
    """Shows the progress that the asset `audit_logs` logs, and above it what is logged at level `shown` or higher."""

    def __init__(self, progress: Progress, shown: int) -> None:
        super().__init__(logging.DEBUG)
        self._shown = shown
        self._progress = progress
        self._task = progress.add_task("", total=1.0, events=0, requests=0, rate=0.0)
        self._events = self._requests = 0  # of the ranges before
        self._seen = sync.Progress()
        self._started = datetime.now(timezone.utc)
        self._part = (1, 1)

    def begin(self, days: Days, number: int, ranges: int) -> None:
        self._events += self._seen.received
        self._requests += self._seen.requests
        self._seen = sync.Progress()
        self._part = (number, ranges)
        self._progress.update(self._task, description=f"{days.first} to {days.last}")

    def end(self) -> None:
        number, ranges = self._part
        self._progress.update(self._task, completed=number / ranges)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            if record.levelno >= self._shown:
                tell(self._progress.console, record.getMessage())
            return
        self._seen = getattr(record, "progress", self._seen)
        number, ranges = self._part
        events = self._events + self._seen.received
        elapsed = (datetime.now(timezone.utc) - self._started).total_seconds()
        self._progress.update(
            self._task,
            completed=(number - 1 + self._seen.share) / ranges,
            events=events,
            requests=self._requests + self._seen.requests,
            rate=events / elapsed if elapsed else 0.0,
        )


@contextmanager
def _progress_bar(console: Console, quiet: bool) -> Iterator[_Bar]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} read, {task.fields[requests]:,} requests, {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, disable=quiet) as progress:
        bar = _Bar(progress, logging.ERROR if quiet else logging.WARNING)
        before = progress_logger.level
        progress_logger.setLevel(logging.DEBUG)
        progress_logger.propagate = False  # or each page would be an event in Dagster's history
        progress_logger.addHandler(bar)
        _project_logger.addHandler(bar)
        # Ctrl-C may hit Dagster's own bookkeeping, which would print a trace of it.
        logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
        try:
            yield bar
        finally:
            _project_logger.removeHandler(bar)
            progress_logger.removeHandler(bar)
            progress_logger.propagate = True
            progress_logger.setLevel(before)
