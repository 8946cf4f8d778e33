"""The tables of detection: findings and their state, which are derived, and two durable ones that cannot be."""

from __future__ import annotations

from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.transform.refresh import STATE
from zendesk_audit_assets.warehouse.table import Column, Table

_FIELD = {field.name: field for field in FIELDS}
_UID = Column("uid", "VARCHAR", "Permanent id of the finding: SHA-256 of its rule and its subject.", required=True)
_STATUS = Column(
    "status",
    "VARCHAR",
    "open; part: its events belong to a larger or more severe finding; noted: informational, to be queried; "
    "closed by a person; resolved: about the log, and its condition has cleared.",
    required=True,
)
_REMEDY = Column("remedy", "VARCHAR", "What to do next; NULL if the rule does not say.")
_PART_OF = Column("part_of", "VARCHAR", "The finding that all its events belong to: its uid; NULL if there is none.")
_FOUND_AT = Column(
    "found_at", "TIMESTAMPTZ", "Time of the first report, UTC; of the last one if it opened again.", required=True
)

FINDINGS = Table(
    "findings",
    "The findings of the detection rules, one row per finding; the low ones of a rule, an actor and a day are one.",
    (
        _UID,
        Column("rule_id", "VARCHAR", "UUID of the rule.", required=True),
        Column("rule", "VARCHAR", "Name of the rule, such as ZD-001.", required=True),
        Column("severity", "VARCHAR", "informational, low, medium, high or critical.", required=True),
        Column("title", "VARCHAR", "Title of the rule.", required=True),
        Column(
            "explanation", "VARCHAR",
            "Who did what to what, from where; then the observation with its baseline, threshold and time span.",
            pii=True, required=True,
        ),
        _FIELD["actor_id"],
        _FIELD["actor_name"],
        Column("object_type", "VARCHAR", "Kind of object that the last event acted on; log if about the log itself."),
        Column("object_id", "BIGINT", "Id of that object."),
        Column("object_label", "VARCHAR", "Name of that object.", pii=True),
        _FIELD["ip_address"],
        Column("first_event_at", "TIMESTAMPTZ", "Time of its first event, UTC.", required=True),
        Column("last_event_at", "TIMESTAMPTZ", "Time of its last event, UTC.", required=True),
        Column("events", "BIGINT", "Number of its events.", required=True),
        Column("event_ids", "BIGINT[]", "Ids of its events in audit_logs, ordered by time.", required=True),
        Column("attack", "VARCHAR[]", "MITRE ATT&CK techniques of the rule.", required=True),
        Column("experimental", "BOOLEAN", "The rule matches text that Zendesk does not document.", required=True),
        _REMEDY,
        _STATUS,
        _PART_OF,
        _FOUND_AT,
        Column("batch_id", "BIGINT", "Newest batch of its events; 0 if it is about the log itself.", required=True),
    ),
)  # fmt: skip

FINDINGS_STATE = Table(
    "findings_state",
    "Per rule, the version that was evaluated and how far it has evaluated the log.",
    (
        Column("rule_id", "VARCHAR", "UUID of the rule.", required=True),
        Column("definition", "VARCHAR", "SHA-256 of the rule and of everything else it depends on.", required=True),
        Column("batch_id", "BIGINT", "Newest batch of audit_logs that the rule has evaluated.", required=True),
        Column("evaluated_to", "TIMESTAMPTZ", "End of the time that the rule has evaluated, UTC.", required=True),
        Column("refreshed_at", "TIMESTAMPTZ", "Time of the last refresh, UTC.", required=True),
        Column("failure", "VARCHAR", "Why the last refresh left the rule out; NULL if it evaluated the rule."),
    ),
)

FOLLOWING = (*DERIVED, FINDINGS, FINDINGS_STATE, STATE)
"""All tables that follow from the log: they may be dropped, and the next refresh makes them again."""

FINDING_DECISIONS = Table(
    "finding_decisions",
    "The history of each finding's status, append-only: the newest row of a uid is its status.",
    (
        Column("uid", "VARCHAR", "The finding: findings.uid.", required=True),
        Column("status", "VARCHAR", "open, closed or resolved.", required=True),
        Column("decided_at", "TIMESTAMPTZ", "Time of the decision, UTC.", required=True),
    ),
)

LOG_FINDINGS = Table(
    "log_findings",
    "Findings about the log itself: once their condition has cleared, they cannot be recomputed.",
    tuple(column for column in FINDINGS.columns if column not in (_REMEDY, _STATUS, _PART_OF, _FOUND_AT)),
)
