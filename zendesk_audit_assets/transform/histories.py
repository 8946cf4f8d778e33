"""What can be told from the changes: how things stood and when, sign-ins, and who could do harm."""

from __future__ import annotations

from functools import partial

from zendesk_audit_assets.transform.columns import (
    ACTOR,
    ACTOR_NAME,
    ADDRESS,
    AS_OF,
    BATCH,
    CREATED_AT,
    EVENT_ID,
    NETWORK,
    OBJECT_TYPE,
    SEEN,
    SOURCE,
    SOURCE_LABEL,
)
from zendesk_audit_assets.transform.table import (
    ByEvent,
    ByKey,
    ByPeriod,
    ByTouched,
    DerivedTable,
    Whole,
)
from zendesk_audit_assets.warehouse.table import Column

_table = partial(DerivedTable, "histories")

_VALID_FROM = Column("valid_from", "TIMESTAMPTZ", "When it began, UTC; NULL for before the first known change.")
_VALID_TO = Column("valid_to", "TIMESTAMPTZ", "When it ended, UTC; NULL while it still holds.")
_CHANGED_BY = Column("changed_by", "BIGINT", "User who changed it to this; NULL where that is not known.", pii=True)
_CAUSE = Column("event_id", "BIGINT", "The event that changed it to this: audit_logs.id; NULL where it is not known.")
_LINE = Column("line", "BIGINT", "The line of its description: audit_changes.line.")
_METHOD = Column("method", "VARCHAR", "How: password, jwt, saml, google, sso, ...; NULL where the text does not tell.")
_HOST = Column("host", "VARCHAR", "Host at which it happened.")

OBJECT_HISTORY = _table(
    "object_history",
    "What every field of every item was set to, and from when to when.",
    ("audit_changes",),
    ByPeriod(("object_type", "source_id", "field"), rows="field IS NOT NULL AND source_id IS NOT NULL"),
    (
        OBJECT_TYPE,
        SOURCE,
        SOURCE_LABEL,
        Column("field", "VARCHAR", "What was set, in Zendesk's words; 'state' for a switch.", required=True),
        Column("value", "VARCHAR", "What it was set to; NULL for 'not set'.", pii=True),
        _VALID_FROM,
        _VALID_TO,
        _CHANGED_BY,
        ACTOR_NAME,
        ADDRESS,
        _CAUSE,
        _LINE,
    ),
)
USER_ROLE_HISTORY = _table(
    "user_role_history",
    "Which role every user had in which product, from when to when, and who gave it to them.",
    ("audit_changes",),
    ByTouched(
        ("user_id",),
        in_base=("source_id",),
        rows="object_type = 'user' AND source_id IS NOT NULL AND regexp_matches(field, '(?i)(?:^| )role$')",
    ),
    (
        Column("user_id", "BIGINT", "User who has the role.", pii=True, required=True),
        Column("user_name", "VARCHAR", "Name of the user at that time.", pii=True),
        Column("product", "VARCHAR", "support, or the other product's name in lower case.", required=True),
        Column("role", "VARCHAR", "Name of the role; NULL for none ('not set')."),
        _VALID_FROM,
        _VALID_TO,
        Column("granted_by", "BIGINT", "User who gave it; NULL where that is not known.", pii=True),
        ACTOR_NAME,
        ADDRESS,
        _CAUSE,
        _LINE,
        Column("is_admin", "BOOLEAN", "The role is one of administrators or of the account's owner.", required=True),
    ),
)
SCHEDULE_HISTORY = _table(
    "schedule_history",
    "The business hours of every schedule, from when to when.",
    ("audit_changes",),
    ByTouched(
        ("schedule_id",),
        in_base=("source_id",),
        rows="object_type = 'workweek' AND source_id IS NOT NULL AND regexp_matches(field, '(?i)^workweek$')",
    ),
    (
        Column("schedule_id", "BIGINT", "The schedule.", required=True),
        Column("schedule", "VARCHAR", "Name of the schedule at that time."),
        Column("weekday", "BIGINT", "1, Monday, to 7, Sunday; NULL where a workweek has no hours that can be read."),
        Column("start_minute", "BIGINT", "Minutes from midnight, in the time zone of the schedule."),
        Column("end_minute", "BIGINT", "Minutes from midnight, in the time zone of the schedule."),
        _VALID_FROM,
        _VALID_TO,
        _CHANGED_BY,
        ACTOR_NAME,
        _CAUSE,
        _LINE,
    ),
)
SETTING_STATE = _table(
    "setting_state",
    "How every account setting stands, as far as the log tells.",
    ("audit_events",),
    ByTouched(("setting",), rows="setting IS NOT NULL"),
    (
        Column("setting", "VARCHAR", "Key of the setting, the same over all generations.", required=True),
        Column("label", "VARCHAR", "Its name in the newest event.", pii=True),
        Column("state", "VARCHAR", "on, off, the value that it was set to, or just changed; NULL if not told."),
        Column("since", "TIMESTAMPTZ", "Time of the last change, UTC.", required=True),
        _CHANGED_BY,
        ACTOR_NAME,
        Column("event_id", "BIGINT", "The event of the last change: audit_logs.id.", required=True),
        Column("times_changed", "BIGINT", "Number of events about it.", required=True),
        Column("first_seen", "TIMESTAMPTZ", "Time of the first of these events, UTC.", required=True),
    ),
)
SIGN_INS = _table(
    "sign_ins",
    "Every sign-in that succeeded: how, and from where.",
    ("audit_events",),
    ByEvent(),
    (EVENT_ID, CREATED_AT, ACTOR, ACTOR_NAME, _METHOD, _HOST, ADDRESS, NETWORK, BATCH),
)
ACTOR_NETWORKS = _table(
    "actor_networks",
    "The networks that every actor has come from.",
    ("audit_events",),
    ByKey(("actor_id", "network")),
    (ACTOR, NETWORK, *SEEN),
)
PRIVILEGED_CHANGES = _table(
    "privileged_changes",
    "Changes of who may do what, and of how the account is protected.",
    ("audit_events", "audit_changes"),
    ByEvent(),
    (
        EVENT_ID,
        CREATED_AT,
        ACTOR,
        ACTOR_NAME,
        Column(
            "kind",
            "VARCHAR",
            "owner, admin_role, role, identity, custom_role, credential, suspension, authentication, network, "
            "assumption, data_protection, api_access, mobile_access or app.",
            required=True,
        ),
        OBJECT_TYPE,
        SOURCE,
        SOURCE_LABEL,
        Column("state", "VARCHAR", "What it was switched to: on, off, changed, suspended or unsuspended."),
        ADDRESS,
        BATCH,
    ),
)
DORMANT_PRIVILEGED_ACTORS = _table(
    "dormant_privileged_actors",
    "Who has made a privileged change or is an administrator, and has not been seen for 90 days or more.",
    ("actor_names", "user_role_history", "privileged_changes"),
    Whole(),
    (
        ACTOR,
        Column("actor_name", "VARCHAR", "Name of the actor as last seen, or as in the history of roles.", pii=True),
        Column("is_admin", "BOOLEAN", "Has an administrator's role today; NULL where no role is known."),
        Column("privileged_changes", "BIGINT", "Number of privileged changes that they made.", required=True),
        Column("last_privileged_change", "TIMESTAMPTZ", "Time of the last of these, UTC."),
        Column("last_seen", "TIMESTAMPTZ", "Time of their last event of any kind, UTC; NULL if there is none."),
        Column(
            "days_silent",
            "BIGINT",
            "Full days between last_seen and as_of; from the grant of the role on for those never seen.",
            required=True,
        ),
        AS_OF,
    ),
)

HISTORIES: tuple[DerivedTable, ...] = (
    OBJECT_HISTORY, USER_ROLE_HISTORY, SCHEDULE_HISTORY, SETTING_STATE, SIGN_INS, ACTOR_NETWORKS,
    PRIVILEGED_CHANGES, DORMANT_PRIVILEGED_ACTORS,
)  # fmt: skip
