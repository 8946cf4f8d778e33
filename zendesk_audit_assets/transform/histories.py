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
from zendesk_audit_assets.transform.functions import written_out
from zendesk_audit_assets.transform.strategies import ByEvent, ByKey, ByKeyRecompute, ByPeriod, Full
from zendesk_audit_assets.transform.table import DerivedTable, Total
from zendesk_audit_assets.warehouse.table import Column

_table = partial(DerivedTable, group="histories")

_VALID_FROM = Column("valid_from", "TIMESTAMPTZ", "Start of the period, UTC; NULL before the first known change.")
_VALID_TO = Column("valid_to", "TIMESTAMPTZ", "End of the period, UTC; NULL for the current one.")
_CHANGED_BY = Column("changed_by", "BIGINT", "User who made the change; NULL when unknown.", pii=True)
_CAUSE = Column("event_id", "BIGINT", "Event of the change: audit_logs.id; NULL when unknown.")
_LINE = Column("line", "BIGINT", "Line of its description: audit_changes.line.")
_METHOD = Column("method", "VARCHAR", "Method: password, jwt, saml, google, sso, ...; NULL when the text has none.")
_HOST = Column("host", "VARCHAR", "Host of the sign-in.")

OBJECT_HISTORY = _table(
    "object_history",
    "Every value of every field of every object, with its period.",
    depends_on=("audit_changes",),
    strategy=ByPeriod(("object_type", "source_id", "field"), rows="confidence <> 'unparsed' AND source_id IS NOT NULL"),
    total=Total(
        "count(event_id)", "audit_changes", "count(*) FILTER (confidence <> 'unparsed' AND source_id IS NOT NULL)"
    ),
    columns=(
        OBJECT_TYPE,
        SOURCE,
        SOURCE_LABEL,
        Column("field", "VARCHAR", "Field, in Zendesk's words; 'state' for a switch.", required=True),
        Column("value", "VARCHAR", "Value; NULL for 'not set'.", pii=True),
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
    "Every role of every user in every product, with its period and the user who granted it.",
    depends_on=("audit_changes",),
    strategy=ByKeyRecompute(
        ("user_id",),
        in_base=("source_id",),
        rows=written_out("object_type = 'user' AND source_id IS NOT NULL AND is_role_field(field)"),
    ),
    open_period=("user_id", "product"),
    columns=(
        Column("user_id", "BIGINT", "User with the role.", pii=True, required=True),
        Column("user_name", "VARCHAR", "Name of the user at that time.", pii=True),
        Column("product", "VARCHAR", "support, or the other product's name in lower case.", required=True),
        Column("role", "VARCHAR", "Name of the role; NULL for none ('not set')."),
        _VALID_FROM,
        _VALID_TO,
        Column("granted_by", "BIGINT", "User who granted the role; NULL when unknown.", pii=True),
        ACTOR_NAME,
        ADDRESS,
        _CAUSE,
        _LINE,
        Column("is_admin", "BOOLEAN", "True for an administrator's role and the account owner's.", required=True),
        Column(
            "confidence",
            "VARCHAR",
            "How sure the change is: exact or ambiguous, as in audit_changes. An ambiguous one ends no administrator.",
            required=True,
        ),
    ),
)
SCHEDULE_HISTORY = _table(
    "schedule_history",
    "The business hours of every schedule, with their period.",
    depends_on=("audit_changes",),
    strategy=ByKeyRecompute(
        ("schedule_id",),
        in_base=("source_id",),
        rows="object_type = 'workweek' AND source_id IS NOT NULL AND regexp_matches(field, '(?i)^workweek$')",
    ),
    open_period=("schedule_id",),
    columns=(
        Column("schedule_id", "BIGINT", "The schedule.", required=True),
        Column("schedule", "VARCHAR", "Name of the schedule at that time."),
        Column("weekday", "BIGINT", "1, Monday, to 7, Sunday; NULL for a workweek without readable hours."),
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
    "The current state of every account setting in the log.",
    depends_on=("audit_events",),
    strategy=ByKeyRecompute(("setting",), rows="setting IS NOT NULL"),
    key=("setting",),
    total=Total("coalesce(sum(times_changed), 0)::BIGINT", "audit_events", "count(setting)"),
    columns=(
        Column("setting", "VARCHAR", "Key of the setting, the same over all generations.", required=True),
        Column("label", "VARCHAR", "Name of the setting in the newest event.", pii=True),
        Column(
            "state",
            "VARCHAR",
            "on, off, the new value of its one field, or just changed; NULL for 'not set', or when the text has none.",
            pii=True,
        ),
        Column(
            "confidence",
            "VARCHAR",
            "How sure the state is: exact or ambiguous, as in audit_changes; state, for on, off and changed.",
        ),
        Column("since", "TIMESTAMPTZ", "Time of the last change, UTC.", required=True),
        _CHANGED_BY,
        ACTOR_NAME,
        Column("event_id", "BIGINT", "Event of the last change: audit_logs.id.", required=True),
        Column("times_changed", "BIGINT", "Number of events about the setting.", required=True),
        Column("first_seen", "TIMESTAMPTZ", "Time of the first of these events, UTC.", required=True),
    ),
)
SIGN_INS = _table(
    "sign_ins",
    "Every successful sign-in: method, host, address and network.",
    depends_on=("audit_events",),
    strategy=ByEvent(),
    total=Total("count(*)", "audit_logs", "count(*) FILTER (action = 'login')"),
    columns=(EVENT_ID, CREATED_AT, ACTOR, ACTOR_NAME, _METHOD, _HOST, ADDRESS, NETWORK, BATCH),
)
ACTOR_NETWORKS = _table(
    "actor_networks",
    "Every network of every actor, with the time of its use.",
    depends_on=("audit_events",),
    strategy=ByKey(("actor_id", "network")),
    columns=(ACTOR, NETWORK, *SEEN),
)
PRIVILEGED_CHANGES = _table(
    "privileged_changes",
    "Changes to permissions and to the protection of the account.",
    depends_on=("audit_events", "audit_changes"),
    strategy=ByEvent(),
    key=("event_id",),
    columns=(
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
        Column("state", "VARCHAR", "New state of a switch: on, off, changed, suspended or unsuspended."),
        ADDRESS,
        BATCH,
    ),
)
DORMANT_PRIVILEGED_ACTORS = _table(
    "dormant_privileged_actors",
    "Administrators and authors of privileged changes without an event for 90 days or more.",
    depends_on=("actor_names", "user_role_history", "privileged_changes"),
    strategy=Full(),
    key=("actor_id",),
    columns=(
        ACTOR,
        Column("actor_name", "VARCHAR", "Newest name of the actor, or the one in the history of roles.", pii=True),
        Column("is_admin", "BOOLEAN", "True for a current administrator; NULL when no role is known."),
        Column("privileged_changes", "BIGINT", "Number of privileged changes by the actor.", required=True),
        Column("last_privileged_change", "TIMESTAMPTZ", "Time of the last of these, UTC."),
        Column("last_seen", "TIMESTAMPTZ", "Time of the last event of any kind, UTC; NULL if there is none."),
        Column(
            "days_silent",
            "BIGINT",
            "Full days between last_seen and as_of; counted from the grant of the role for an actor without events.",
            required=True,
        ),
        AS_OF,
    ),
)
ADMINISTRATORS = _table(
    "administrators",
    "Every administrator in the log, with the period and the proof: a recorded role, the ownership, or an act.",
    depends_on=("actor_names", "audit_changes", "user_role_history", "privileged_changes"),
    strategy=Full(),
    columns=(
        Column("user_id", "BIGINT", "The person; NULL for an owner whose name is no or several actors'.", pii=True),
        Column("user_name", "VARCHAR", "Name of the person.", pii=True),
        Column("product", "VARCHAR", "support or the other product of the role; account for the owner.", required=True),
        Column("role", "VARCHAR", "Name of the role; of an inferred administrator the recorded one, NULL if none is."),
        _VALID_FROM,
        _VALID_TO,
        Column("known_by", "VARCHAR", "role, owner or act: how the log knows it.", required=True),
        Column("granted_by", "BIGINT", "User who granted the role; NULL when unknown.", pii=True),
        Column("granted_by_name", "VARCHAR", "Name of that user.", pii=True),
        ADDRESS,
        Column("event_id", "BIGINT", "Event that granted the role, or the last of the acts; NULL when unknown."),
        Column("acts", "BIGINT", "Number of acts that take an administrator; NULL unless known_by is act."),
        Column("first_act_at", "TIMESTAMPTZ", "Time of the first of these, UTC."),
        Column("last_act_at", "TIMESTAMPTZ", "Time of the last of these, UTC."),
        Column("act", "VARCHAR", "Kind of the last of these: privileged_changes.kind."),
        Column("act_on", "VARCHAR", "Object of the last of these: the setting, the credential or the user.", pii=True),
    ),
)

HISTORIES: tuple[DerivedTable, ...] = (
    OBJECT_HISTORY, USER_ROLE_HISTORY, SCHEDULE_HISTORY, SETTING_STATE, SIGN_INS, ACTOR_NETWORKS,
    PRIVILEGED_CHANGES, DORMANT_PRIVILEGED_ACTORS, ADMINISTRATORS,
)  # fmt: skip
