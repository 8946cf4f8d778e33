"""The durable tables of the log: what Zendesk sent, and the coverage that vouches for it."""

from __future__ import annotations

from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.warehouse.table import Column, Table

_ORIGIN = (
    Column("batch_id", "BIGINT", "The batch that brought it: coverage.batch_id.", required=True),
    Column("inserted_at", "TIMESTAMPTZ", "When it was committed here, UTC.", required=True),
    Column("run_id", "VARCHAR", "The Dagster run that brought it.", required=True),
)
_EVENT = (*FIELDS, Column("extra", "JSON", "Fields that the documented record does not have, untouched."), *_ORIGIN)

AUDIT_LOGS = Table("audit_logs", "Every event of the account's audit log, once, as Zendesk sent it.", _EVENT)
REVISIONS = Table(
    "audit_log_revisions",
    "Other versions of an event already stored: same id, other content. The first version stays in audit_logs.",
    _EVENT,
)
REJECTS = Table(
    "audit_log_rejects",
    "Records that could not be typed, with the reason and their raw text.",
    (
        Column("reason", "VARCHAR", "Why the record could not be typed.", required=True),
        Column("raw", "VARCHAR", "The record as Zendesk sent it, as JSON text.", pii=True, required=True),
        *_ORIGIN,
    ),
)
COVERAGE = Table(
    "coverage",
    "The stretches of time that were read completely, one row per committed batch.",
    (
        Column("batch_id", "BIGINT", "Number of the batch, ascending in the order of commits.", required=True),
        Column("window_start", "TIMESTAMPTZ", "First second that was read, UTC.", required=True),
        Column("window_end", "TIMESTAMPTZ", "The second after the last one that was read, UTC.", required=True),
        Column("read_at", "TIMESTAMPTZ", "Zendesk's clock when the first of its answers came.", required=True),
        Column("run_id", "VARCHAR", "The Dagster run that read it.", required=True),
        Column("requests", "BIGINT", "HTTP requests that it took, retries included.", required=True),
        Column("rows_received", "BIGINT", "Records received for this window.", required=True),
        Column("rows_inserted", "BIGINT", "Of these, new to the warehouse.", required=True),
        Column("rows_revised", "BIGINT", "New rows of audit_log_revisions: known ids, other content.", required=True),
        Column("rows_rejected", "BIGINT", "Of these, new rows of audit_log_rejects.", required=True),
        Column("committed_at", "TIMESTAMPTZ", "When the batch was committed, UTC.", required=True),
    ),
)  # fmt: skip

TABLES: tuple[Table, ...] = (AUDIT_LOGS, REVISIONS, REJECTS, COVERAGE)
