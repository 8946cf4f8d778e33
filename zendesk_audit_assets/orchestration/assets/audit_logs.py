"""The asset `audit_logs`: fetch what is missing from Zendesk, commit it, record the result."""

import logging
import time
import warnings
from datetime import datetime

import dagster as dg

from zendesk_audit_assets.extract import batches, sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.orchestration.assets.common import (
    failures_as_messages,
    table_metadata,
)
from zendesk_audit_assets.orchestration.partitions import DAYS_PER_RUN, days_from
from zendesk_audit_assets.orchestration.resources import WAREHOUSE, ZENDESK, needed, warehouse_of, zendesk_of
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.warehouse.database import Warehouse

# The metadata key of each materialization that tells the next run where to continue.
COMPLETE_TO = "complete_to"


# Seconds between two lines of progress in a run's log; a handler at level DEBUG gets one for every page.
PROGRESS_SECONDS = 10.0
# Seconds between two lines that Dagster keeps as events, so that sensors see the run alive, whatever else it keeps.
ALIVE_SECONDS = 300.0
progress_logger = logging.getLogger("zendesk_audit_assets.progress")


class AuditLogsConfig(dg.Config):
    """Options of a run."""

    full_refresh: bool = False
    """Fetch settled days again, to find events that appeared very late."""


def build_audit_logs(scope: Scope, start: datetime) -> dg.AssetsDefinition:
    """The asset `audit_logs`, with a partition for each UTC day from `start` to today."""

    # `backfill_policy` is in beta; a user of this package cannot change that.
    warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)

    @dg.asset(
        key=scope.asset_key(AUDIT_LOGS.name),
        partitions_def=days_from(start),
        required_resource_keys=needed(scope, ZENDESK, WAREHOUSE),
        backfill_policy=dg.BackfillPolicy.multi_run(DAYS_PER_RUN),
        group_name=scope.group("log"),
        owners=scope.owners,
        tags=scope.asset_tags,
        kinds={"zendesk", "duckdb", "polars"},
        metadata=table_metadata(AUDIT_LOGS.name, AUDIT_LOGS.columns),
        description=(
            "Every event of the Zendesk audit log, once, as Zendesk sent it. A run fetches the missing parts of its "
            "days, up to now; settled days cost no request."
        ),
    )
    def audit_logs(context: dg.AssetExecutionContext, config: AuditLogsConfig) -> dg.MaterializeResult[None]:
        days = context.partition_time_window
        warehouse = warehouse_of(context, scope).warehouse()
        with failures_as_messages(context.selected_asset_keys, scope), zendesk_of(context, scope).client() as client:
            report = sync.sync(
                client,
                warehouse,
                Interval(days.start, days.end),
                run_id=context.run.run_id,
                full=config.full_refresh,
                on_progress=_ProgressLog(context.log),
            )
            return dg.MaterializeResult(metadata=_metadata(report, warehouse, start))

    return audit_logs


class _ProgressLog:
    """Logs the progress of a run, with its metrics as `progress` on the log record."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._said_at = self._alive_at = time.monotonic()

    def __call__(self, progress: sync.Progress) -> None:
        if time.monotonic() - self._alive_at >= ALIVE_SECONDS:
            self._alive_at = time.monotonic()
            self._log.info(f"{progress.received:,} records so far.")
        due = time.monotonic() - self._said_at >= PROGRESS_SECONDS
        if due:
            self._said_at = time.monotonic()
        progress_logger.log(
            logging.INFO if due else logging.DEBUG,
            "%s records in %s requests, %.0f %% of the time to read",
            f"{progress.received:,}",
            f"{progress.requests:,}",
            100 * progress.share,
            extra={"progress": progress},
        )


def _metadata(report: sync.SyncResult, warehouse: Warehouse, start: datetime) -> dict[str, dg.MetadataValue]:
    with warehouse.transaction() as connection:
        rows = batches.row_count(connection)
        # Past what cannot be read: later runs need not begin there, since every run tries it again when it is due.
        complete_to = batches.tried_to(connection, start)
    metadata: dict[str, dg.MetadataValue] = {
        "rows_received": dg.MetadataValue.int(report.appended.received),
        "rows_inserted": dg.MetadataValue.int(report.appended.inserted),
        "rows_already_there": dg.MetadataValue.int(report.known),
        "rows_rejected": dg.MetadataValue.int(report.appended.rejected),
        "rows_revised": dg.MetadataValue.int(report.appended.revised),
        "requests": dg.MetadataValue.int(report.requests),
        "seconds_waited_for_the_rate_limit": dg.MetadataValue.float(round(report.seconds_waited, 1)),
        "window": dg.MetadataValue.text(_in_words(report.window)),
        "fetched": dg.MetadataValue.text(", ".join(map(_in_words, report.fetched)) or "nothing: everything is settled"),
        COMPLETE_TO: dg.MetadataValue.timestamp(complete_to),
        "dagster/row_count": dg.MetadataValue.int(rows),
        "dagster/uri": dg.MetadataValue.url(warehouse.uri),
    }
    if report.left_out:
        metadata["left_out"] = dg.MetadataValue.text(", ".join(map(_in_words, report.left_out)))
    if report.newest_event is not None:
        metadata["newest_event"] = dg.MetadataValue.timestamp(report.newest_event)
    return metadata


def _in_words(interval: Interval) -> str:
    return f"{interval.start:%Y-%m-%d %H:%M:%S} to {interval.end:%Y-%m-%d %H:%M:%S} UTC"
