"""The derived tables: what each row means, where it comes from, and how it follows the log.

The query of a table stands in `sql/<name>.sql` and runs by itself in any DuckDB shell. The same text serves the
incremental refresh, which only shows it less of the log.
"""

from zendesk_audit_assets.transform.changes import CHANGES
from zendesk_audit_assets.transform.histories import HISTORIES
from zendesk_audit_assets.transform.strategies import (
    ByDay,
    ByEvent,
    ByKey,
    ByKeyRecompute,
    ByPeriod,
    Full,
    Strategy,
)
from zendesk_audit_assets.transform.summaries import (
    ACTION_SUMMARY,
    ACTOR_ADDRESSES,
    ACTOR_NAMES,
    ACTOR_SOURCES,
    ACTOR_SUMMARY,
    DAILY_ACTIVITY,
    SUMMARIES,
)
from zendesk_audit_assets.transform.table import DerivedTable, Total, query

# In an order in which every table comes after those it depends on.
DERIVED: tuple[DerivedTable, ...] = (*SUMMARIES, *CHANGES, *HISTORIES)

__all__ = [
    "ACTION_SUMMARY",
    "ACTOR_ADDRESSES",
    "ACTOR_NAMES",
    "ACTOR_SOURCES",
    "ACTOR_SUMMARY",
    "CHANGES",
    "DAILY_ACTIVITY",
    "DERIVED",
    "HISTORIES",
    "SUMMARIES",
    "ByDay",
    "ByEvent",
    "ByKey",
    "ByKeyRecompute",
    "ByPeriod",
    "DerivedTable",
    "Full",
    "Strategy",
    "Total",
    "query",
]
