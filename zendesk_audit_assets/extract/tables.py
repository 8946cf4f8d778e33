"""The durable tables of the log: what Zendesk sent, and the coverage that vouches for it."""

from __future__ import annotations

from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.warehouse.table import Column, Table

# The batch, the time and the run of a stored row.
ORIGIN = (
    Column("batch_id", "BIGINT", "Batch that brought the row: coverage.batch_id.", required=True),
    Column("inserted_at", "TIMESTAMPTZ", "Time of the commit to this file, UTC.", required=True),
    Column("run_id", "VARCHAR", "Dagster run that fetched the row.", required=True),
)
# An event as it is stored: the documented record, the other fields, and the origin.
EVENT = (*FIELDS, Column("extra", "JSON", "Fields outside the documented record, as JSON."), *ORIGIN)

AUDIT_LOGS = Table("audit_logs", "Every event of the account's audit log, once, as Zendesk sent it.", EVENT)
REVISIONS = Table(
    "audit_log_revisions",
    "Other versions of stored events: same id, other content. The first version stays in audit_logs.",
    EVENT,
)
REJECTS = Table(
    "audit_log_rejects",
    "Records with a value of the wrong type, and pages that cannot be read, with the reason and the raw text.",
    (
        Column("reason", "VARCHAR", "Reason for the rejection.", required=True),
        Column("raw", "VARCHAR", "What Zendesk sent, as JSON text: the record, or the page.", pii=True, required=True),
        *ORIGIN,
    ),
)  # fmt: skip
COVERAGE = Table(
    "coverage",
    "The time windows that were fetched completely, one row per committed batch.",
    (
        Column("batch_id", "BIGINT", "Number of the batch, ascending in the order of commits.", required=True),
        Column("window_start", "TIMESTAMPTZ", "First second of the window, UTC.", required=True),
        Column("window_end", "TIMESTAMPTZ", "Second after the last one of the window, UTC.", required=True),
        Column("read_at", "TIMESTAMPTZ", "Zendesk's clock at the first response.", required=True),
        Column("run_id", "VARCHAR", "Dagster run that fetched the window.", required=True),
        Column("requests", "BIGINT", "HTTP requests for the window, retries included.", required=True),
        Column("rows_received", "BIGINT", "Records received for this window.", required=True),
        Column("rows_inserted", "BIGINT", "Of these, new to the warehouse.", required=True),
        Column("rows_revised", "BIGINT", "New rows of audit_log_revisions: known ids, other content.", required=True),
        Column("rows_rejected", "BIGINT", "Of these, new rows of audit_log_rejects.", required=True),
        Column("committed_at", "TIMESTAMPTZ", "Time of the commit, UTC.", required=True),
    ),
)  # fmt: skip
FAILED_READS = Table(
    "failed_reads",
    "The time windows that could not be fetched while Zendesk served others, one row per attempt.",
    (
        Column("batch_id", "BIGINT", "Number of the batch; a later one may cover the window.", required=True),
        Column("window_start", "TIMESTAMPTZ", "First second of the window, UTC.", required=True),
        Column("window_end", "TIMESTAMPTZ", "Second after the last one of the window, UTC.", required=True),
        Column("reason", "VARCHAR", "Why it could not be fetched.", required=True),
        Column("attempt", "BIGINT", "Runs that have tried this window so far, this one included.", required=True),
        Column("tried_at", "TIMESTAMPTZ", "Time of the attempt, UTC; later pauses are longer.", required=True),
        Column("run_id", "VARCHAR", "Dagster run that tried.", required=True),
    ),
)  # fmt: skip

TABLES: tuple[Table, ...] = (AUDIT_LOGS, REVISIONS, REJECTS, COVERAGE, FAILED_READS)
