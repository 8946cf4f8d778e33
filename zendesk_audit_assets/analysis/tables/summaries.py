"""The derived tables: what each row means, where it comes from, and how it follows the log.

The query of a table stands in `sql/<name>.sql` and runs by itself in any DuckDB shell. The same text serves the
incremental refresh, which only shows it less of the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from zendesk_audit_assets.record import FIELDS, Column


@dataclass(frozen=True)
class ByDay:
    """Its column `day` is the UTC day of the events: the days that new rows fall on are computed again."""


@dataclass(frozen=True)
class ByKey:
    """A set of keys with `events`, `first_seen` and `last_seen`: what is new is added to what is stored."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Whole:
    """Read from other derived tables, which are small: computed as a whole each time."""


@dataclass(frozen=True)
class DerivedTable:
    """A table that is computed from the log, directly or through others.

    `depends_on` names `audit_logs` or derived tables; the coverage of the log may be read besides them.
    """

    name: str
    meaning: str
    depends_on: tuple[str, ...]
    follows: ByDay | ByKey | Whole
    columns: tuple[Column, ...]

    @property
    def sql(self) -> str:
        """The text of its one SELECT."""
        return query(self.name)


@cache
def query(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (files(__package__) / "sql" / f"{name}.sql").read_text("utf-8")


_FIELD = {field.name: field for field in FIELDS}
_ACTOR, _NAME, _ADDRESS = _FIELD["actor_id"], _FIELD["actor_name"], _FIELD["ip_address"]
_ACTION, _SOURCE_TYPE, _SOURCE = _FIELD["action"], _FIELD["source_type"], _FIELD["source_id"]

_EVENTS = Column("events", "BIGINT", "Number of events.", required=True)
_FIRST_SEEN = Column("first_seen", "TIMESTAMPTZ", "Time of the first of these events, UTC.", required=True)
_LAST_SEEN = Column("last_seen", "TIMESTAMPTZ", "Time of the last of these events, UTC.", required=True)
_SEEN = (_EVENTS, _FIRST_SEEN, _LAST_SEEN)
_SOURCES = Column("distinct_sources", "BIGINT", "Number of items acted on, as far as known.", required=True)
_ADDRESSES = Column("distinct_addresses", "BIGINT", "Number of IP addresses, as far as known.", required=True)
_AS_OF = Column(
    "as_of",
    "TIMESTAMPTZ",
    "The log is known up to here, UTC: the end of its coverage. What is relative counts back from it.",
    required=True,
)

DAILY_ACTIVITY = DerivedTable(
    "daily_activity",
    "What every actor did on every UTC day, by action and kind of item.",
    ("audit_logs",),
    ByDay(),
    (
        Column("day", "DATE", "UTC day.", required=True),
        _ACTOR,
        _ACTION,
        _SOURCE_TYPE,
        _EVENTS,
        _SOURCES,
        _ADDRESSES,
        Column(
            "off_hours_events",
            "BIGINT",
            "Events outside 08:00 to 18:00, Monday to Friday, in the configured time zone; weekends included.",
            required=True,
        ),
        Column("weekend_events", "BIGINT", "Events on Saturday or Sunday in that zone.", required=True),
        _FIRST_SEEN,
        _LAST_SEEN,
    ),
)
ACTOR_NAMES = DerivedTable(
    "actor_names",
    "The names that every actor has borne.",
    ("audit_logs",),
    ByKey(("actor_id", "actor_name")),
    (_ACTOR, _NAME, *_SEEN),
)
ACTOR_SOURCES = DerivedTable(
    "actor_sources",
    "The items that every actor has acted on.",
    ("audit_logs",),
    ByKey(("actor_id", "source_type", "source_id")),
    (_ACTOR, _SOURCE_TYPE, _SOURCE, *_SEEN),
)
ACTOR_ADDRESSES = DerivedTable(
    "actor_addresses",
    "The IP addresses that every actor has come from.",
    ("audit_logs",),
    ByKey(("actor_id", "ip_address")),
    (_ACTOR, _ADDRESS, *_SEEN),
)
ACTOR_SUMMARY = DerivedTable(
    "actor_summary",
    "Every actor in one row: who, since when, how much, at which hours.",
    ("daily_activity", "actor_names", "actor_sources", "actor_addresses"),
    Whole(),
    (
        _ACTOR,
        Column("actor_name", "VARCHAR", "Name of the actor as last seen.", personal=True),
        Column("is_system", "BOOLEAN", "Zendesk itself, not a person.", required=True),
        _FIRST_SEEN,
        _LAST_SEEN,
        Column("days_since_last_seen", "BIGINT", "Full days between last_seen and as_of.", required=True),
        _EVENTS,
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
        _AS_OF,
    ),
)  # fmt: skip
ACTION_SUMMARY = DerivedTable(
    "action_summary",
    "What is done to which kind of item, how often, and whether that is changing.",
    ("daily_activity",),
    Whole(),
    (
        _ACTION,
        _SOURCE_TYPE,
        _EVENTS,
        Column("share_of_events", "DOUBLE", "Share of all events, 0 to 1.", required=True),
        Column("distinct_actors", "BIGINT", "Number of actors, as far as known.", required=True),
        _FIRST_SEEN,
        _LAST_SEEN,
        Column("events_last_7_days", "BIGINT", "Events on the last 7 UTC days up to as_of.", required=True),
        Column("events_last_30_days", "BIGINT", "Events on the last 30 UTC days up to as_of.", required=True),
        Column("events_previous_30_days", "BIGINT", "Events on the 30 UTC days before those.", required=True),
        _AS_OF,
    ),
)

# In an order in which every table comes after those it depends on.
DERIVED: tuple[DerivedTable, ...] = (
    DAILY_ACTIVITY, ACTOR_NAMES, ACTOR_SOURCES, ACTOR_ADDRESSES, ACTOR_SUMMARY, ACTION_SUMMARY,
)  # fmt: skip
