"""How much happens: what every actor did on every day, and sums of it."""

from __future__ import annotations

from functools import partial

from zendesk_audit_assets.transform.columns import (
    ACTION,
    ACTOR,
    ACTOR_NAME,
    ADDRESS,
    AS_OF,
    EVENTS,
    FIRST_SEEN,
    LAST_SEEN,
    SEEN,
    SOURCE,
    SOURCE_TYPE,
)
from zendesk_audit_assets.transform.strategies import ByDay, ByKey, Full
from zendesk_audit_assets.transform.table import DerivedTable
from zendesk_audit_assets.warehouse.table import Column

_table = partial(DerivedTable, group="summaries")

_SOURCES = Column("distinct_sources", "BIGINT", "Number of known objects acted on.", required=True)
_ADDRESSES = Column("distinct_addresses", "BIGINT", "Number of known IP addresses.", required=True)

DAILY_ACTIVITY = _table(
    "daily_activity",
    "Events per UTC day, actor, action and kind of object.",
    depends_on=("audit_logs",),
    strategy=ByDay(),
    key=("day", "actor_id", "action", "source_type"),
    columns=(
        Column("day", "DATE", "UTC day.", required=True),
        ACTOR,
        ACTION,
        SOURCE_TYPE,
        EVENTS,
        _SOURCES,
        _ADDRESSES,
        Column(
            "off_hours_events",
            "BIGINT",
            "Events outside 08:00 to 18:00, Monday to Friday, in the configured time zone; weekends included.",
            required=True,
        ),
        Column("weekend_events", "BIGINT", "Events on Saturday or Sunday in that zone.", required=True),
        FIRST_SEEN,
        LAST_SEEN,
    ),
)
ACTOR_NAMES = _table(
    "actor_names",
    "Every name of every actor, with the time of its use.",
    depends_on=("audit_logs",),
    strategy=ByKey(("actor_id", "actor_name")),
    columns=(ACTOR, ACTOR_NAME, *SEEN),
)
ACTOR_SOURCES = _table(
    "actor_sources",
    "Every object that an actor acted on, with the time.",
    depends_on=("audit_logs",),
    strategy=ByKey(("actor_id", "source_type", "source_id")),
    columns=(ACTOR, SOURCE_TYPE, SOURCE, *SEEN),
)
ACTOR_ADDRESSES = _table(
    "actor_addresses",
    "Every IP address of every actor, with the time of its use.",
    depends_on=("audit_logs",),
    strategy=ByKey(("actor_id", "ip_address")),
    columns=(ACTOR, ADDRESS, *SEEN),
)
ACTOR_SUMMARY = _table(
    "actor_summary",
    "One row per actor: name, first and last event, counts, and shares by hour and weekday.",
    depends_on=("daily_activity", "actor_names", "actor_sources", "actor_addresses"),
    strategy=Full(),
    key=("actor_id",),
    columns=(
        ACTOR,
        Column("actor_name", "VARCHAR", "Newest name of the actor.", pii=True),
        Column("is_system", "BOOLEAN", "True for Zendesk itself.", required=True),
        FIRST_SEEN,
        LAST_SEEN,
        Column("days_since_last_seen", "BIGINT", "Full days between last_seen and as_of.", required=True),
        EVENTS,
        Column(
            "events_by_action",
            "MAP(VARCHAR, BIGINT)",
            "Number of events by action, most frequent first; '(none)' where an event has no action.",
            required=True,
        ),
        Column("active_days", "BIGINT", "Number of UTC days with events.", required=True),
        Column("distinct_source_types", "BIGINT", "Number of kinds of objects acted on.", required=True),
        _SOURCES,
        _ADDRESSES,
        Column(
            "off_hours_share",
            "DOUBLE",
            "Share of off-hours events, 0 to 1, as in daily_activity; NULL for Zendesk itself.",
        ),
        Column("weekend_share", "DOUBLE", "Share of events on weekends, 0 to 1; NULL for Zendesk itself."),
        AS_OF,
    ),
)  # fmt: skip
ACTION_SUMMARY = _table(
    "action_summary",
    "One row per action and kind of object: counts, share and recent trend.",
    depends_on=("daily_activity",),
    strategy=Full(),
    key=("action", "source_type"),
    columns=(
        ACTION,
        SOURCE_TYPE,
        EVENTS,
        Column("share_of_events", "DOUBLE", "Share of all events, 0 to 1.", required=True),
        Column("distinct_actors", "BIGINT", "Number of known actors.", required=True),
        FIRST_SEEN,
        LAST_SEEN,
        Column("events_last_7_days", "BIGINT", "Events on the last 7 UTC days up to as_of.", required=True),
        Column("events_last_30_days", "BIGINT", "Events on the last 30 UTC days up to as_of.", required=True),
        Column("events_previous_30_days", "BIGINT", "Events on the 30 UTC days before those.", required=True),
        AS_OF,
    ),
)

SUMMARIES: tuple[DerivedTable, ...] = (
    DAILY_ACTIVITY, ACTOR_NAMES, ACTOR_SOURCES, ACTOR_ADDRESSES, ACTOR_SUMMARY, ACTION_SUMMARY,
)  # fmt: skip
