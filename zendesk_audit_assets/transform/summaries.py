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
from zendesk_audit_assets.transform.table import (
    ByDay,
    ByKey,
    DerivedTable,
    Whole,
)
from zendesk_audit_assets.warehouse.table import Column

_table = partial(DerivedTable, "summaries")

_SOURCES = Column("distinct_sources", "BIGINT", "Number of items acted on, as far as known.", required=True)
_ADDRESSES = Column("distinct_addresses", "BIGINT", "Number of IP addresses, as far as known.", required=True)

DAILY_ACTIVITY = _table(
    "daily_activity",
    "What every actor did on every UTC day, by action and kind of item.",
    ("audit_logs",),
    ByDay(),
    (
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
    "The names that every actor has borne.",
    ("audit_logs",),
    ByKey(("actor_id", "actor_name")),
    (ACTOR, ACTOR_NAME, *SEEN),
)
ACTOR_SOURCES = _table(
    "actor_sources",
    "The items that every actor has acted on.",
    ("audit_logs",),
    ByKey(("actor_id", "source_type", "source_id")),
    (ACTOR, SOURCE_TYPE, SOURCE, *SEEN),
)
ACTOR_ADDRESSES = _table(
    "actor_addresses",
    "The IP addresses that every actor has come from.",
    ("audit_logs",),
    ByKey(("actor_id", "ip_address")),
    (ACTOR, ADDRESS, *SEEN),
)
ACTOR_SUMMARY = _table(
    "actor_summary",
    "Every actor in one row: who, since when, how much, at which hours.",
    ("daily_activity", "actor_names", "actor_sources", "actor_addresses"),
    Whole(),
    (
        ACTOR,
        Column("actor_name", "VARCHAR", "Name of the actor as last seen.", pii=True),
        Column("is_system", "BOOLEAN", "Zendesk itself, not a person.", required=True),
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
        Column("distinct_source_types", "BIGINT", "Number of kinds of items acted on.", required=True),
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
    "What is done to which kind of item, how often, and whether that is changing.",
    ("daily_activity",),
    Whole(),
    (
        ACTION,
        SOURCE_TYPE,
        EVENTS,
        Column("share_of_events", "DOUBLE", "Share of all events, 0 to 1.", required=True),
        Column("distinct_actors", "BIGINT", "Number of actors, as far as known.", required=True),
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
