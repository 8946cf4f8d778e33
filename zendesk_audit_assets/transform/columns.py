"""Columns that several derived tables have."""

from __future__ import annotations

from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.warehouse.table import Column

FIELD = {field.name: field for field in FIELDS}

EVENT_ID = Column("event_id", "BIGINT", "The event: audit_logs.id.", required=True)
CREATED_AT = FIELD["created_at"]
ACTOR, ACTOR_NAME, ADDRESS = FIELD["actor_id"], FIELD["actor_name"], FIELD["ip_address"]
ACTION, SOURCE_TYPE, SOURCE, SOURCE_LABEL = (
    FIELD[name] for name in ("action", "source_type", "source_id", "source_label")
)
BATCH = Column("batch_id", "BIGINT", "Batch that brought the event: coverage.batch_id.", required=True)

OBJECT_TYPE = Column(
    "object_type", "VARCHAR", "Kind of object acted on: source_type in lower case, in one spelling per kind."
)
NETWORK = Column(
    "network",
    "VARCHAR",
    "Network of the IP address: the /24 of IPv4, the /48 of IPv6; NULL without a readable address.",
    pii=True,
)

EVENTS = Column("events", "BIGINT", "Number of events.", required=True)
FIRST_SEEN = Column("first_seen", "TIMESTAMPTZ", "Time of the first of these events, UTC.", required=True)
LAST_SEEN = Column("last_seen", "TIMESTAMPTZ", "Time of the last of these events, UTC.", required=True)
SEEN = (EVENTS, FIRST_SEEN, LAST_SEEN)
AS_OF = Column(
    "as_of",
    "TIMESTAMPTZ",
    "End of the coverage of the log, UTC. Relative times count back from it.",
    required=True,
)
