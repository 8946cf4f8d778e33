"""The log as it reads to a machine: one spelling for each thing, and what changed from what to what."""

from __future__ import annotations

from functools import partial

from zendesk_audit_assets.extract.tables import EVENT
from zendesk_audit_assets.transform.columns import (
    ACTION,
    ACTOR,
    ACTOR_NAME,
    ADDRESS,
    BATCH,
    CREATED_AT,
    EVENT_ID,
    NETWORK,
    OBJECT_TYPE,
    SOURCE,
    SOURCE_LABEL,
)
from zendesk_audit_assets.transform.strategies import ByEvent
from zendesk_audit_assets.transform.table import DerivedTable, Total
from zendesk_audit_assets.warehouse.table import CHANGES_TYPE, Column

_table = partial(DerivedTable, group="changes")

_FIRST_NEW = """
    SELECT min(created_at) FROM audit_logs
    WHERE batch_id > {seen} AND lower(source_type) IN ('brand', 'account')
"""

AUDIT_EVENTS = _table(
    "audit_events",
    "Every event, with one spelling for each thing: what rules and histories read.",
    depends_on=("audit_logs",),
    # An event of a brand that arrives late changes which hosts were the own ones since then.
    strategy=ByEvent(again=f"ways_out IS NOT NULL AND created_at >= ({_FIRST_NEW})"),
    variables=("brand_hosts",),
    total=Total("count(*)", "audit_logs", "count(*)"),
    columns=(
        *EVENT,
        OBJECT_TYPE,
        Column("label_group", "VARCHAR", "Part of source_label before the first ': ': the kind, or the page."),
        Column("label_name", "VARCHAR", "Part of source_label after the first ': ': the object's own name.", pii=True),
        Column("setting", "VARCHAR", "Key of an account setting, the same over all generations; NULL otherwise."),
        Column(
            "state",
            "VARCHAR",
            "New state of a switch: on, off, changed, suspended or unsuspended; NULL for anything else.",
        ),
        Column("sign_in_method", "VARCHAR", "Method of a sign-in: password, jwt, saml, google, sso, ..."),
        Column("sign_in_host", "VARCHAR", "Host of a sign-in."),
        NETWORK,
        Column("is_person", "BOOLEAN", "True for a person or an integration, false for Zendesk itself.", required=True),
        Column(
            "changes",
            CHANGES_TYPE,
            "The description as it was read: what audit_changes has a row for each of.",
            pii=True,
        ),
        Column("fields", "VARCHAR[]", "The fields that changed, in Zendesk's words; 'state' for a switch."),
        Column("old_values", "VARCHAR[]", "Their values before, in the same order; NULL for 'not set'.", pii=True),
        Column("new_values", "VARCHAR[]", "Their values after, in the same order; NULL for 'not set'.", pii=True),
        Column("unparsed", "VARCHAR[]", "What the description says besides, as Zendesk sent it.", pii=True),
        Column(
            "role_change",
            "VARCHAR",
            "Of a user whose role changed: admin_granted, admin_removed or other; NULL for anything else.",
        ),
        Column(
            "direction",
            "VARCHAR",
            "Of a changed account setting: whether it protects the account weaker or stronger, by the words of its "
            "label and fields; unclear where they disagree; NULL where the text does not tell.",
        ),
        Column(
            "ways_out",
            "VARCHAR[]",
            "New ways by which a business rule leads out of the account: webhook:, target:, integration:, sms:, mail: "
            "or link:, and where. The account's own host and those of its brands do not count. NULL for anything else.",
            pii=True,
        ),
        Column(
            "holds_secret",
            "BOOLEAN",
            "True when change_description seems to hold a password or a token.",
            required=True,
        ),
    ),
)

AUDIT_CHANGES = _table(
    "audit_changes",
    "Old and new value of every change: one row per change of a description, unreadable lines included.",
    depends_on=("audit_events",),
    strategy=ByEvent(),
    total=Total(
        "count(DISTINCT event_id)",
        "audit_logs",
        r"count(*) FILTER (regexp_matches(change_description, '[^ \r\n]'))",
    ),
    columns=(
        EVENT_ID,
        Column(
            "line",
            "BIGINT",
            "Number of the line in the description, from 1; a value of several lines counts as one.",
            required=True,
        ),
        CREATED_AT,
        ACTOR,
        ACTOR_NAME,
        ADDRESS,
        ACTION,
        OBJECT_TYPE,
        SOURCE,
        SOURCE_LABEL,
        Column(
            "field",
            "VARCHAR",
            "Field that changed, in Zendesk's words; 'state' for a switch; NULL where there is none.",
        ),
        Column("old_value", "VARCHAR", "Value before; NULL for 'not set', and where the line has none.", pii=True),
        Column(
            "new_value",
            "VARCHAR",
            "Value after; NULL for 'not set'. Of a state: on, off, changed, suspended, unsuspended, activated, "
            "deactivated.",
            pii=True,
        ),
        Column(
            "confidence",
            "VARCHAR",
            "exact; ambiguous, when it can be split in more than one way; state, for a switch; unparsed.",
            required=True,
        ),
        Column("raw", "VARCHAR", "The text as Zendesk sent it.", pii=True, required=True),
        Column(
            "holds_secret",
            "BOOLEAN",
            "True when the description of the event seems to hold a password or a token.",
            required=True,
        ),
        BATCH,
    ),
    metrics=(
        ("share_parsed", "avg((confidence <> 'unparsed')::INTEGER) FILTER (action IS DISTINCT FROM 'login')"),
        ("share_ambiguous", "avg((confidence = 'ambiguous')::INTEGER) FILTER (action IS DISTINCT FROM 'login')"),
    ),
)

CHANGES: tuple[DerivedTable, ...] = (AUDIT_EVENTS, AUDIT_CHANGES)
