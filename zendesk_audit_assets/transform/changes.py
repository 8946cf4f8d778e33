"""The log as it reads to a machine: one spelling for each thing, and what changed from what to what."""

from __future__ import annotations

from functools import partial

from zendesk_audit_assets.extract.record import FIELDS
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
from zendesk_audit_assets.transform.table import ByEvent, DerivedTable, View
from zendesk_audit_assets.warehouse.table import Column

_table = partial(DerivedTable, "changes")

AUDIT_EVENTS = _table(
    "audit_events",
    "Every event with its spellings and generations unified: the view that rules and histories read.",
    ("audit_logs",),
    View(),
    (
        *FIELDS,
        Column("extra", "JSON", "Fields that the documented record does not have, untouched."),
        Column("batch_id", "BIGINT", "The batch that brought it: coverage.batch_id.", required=True),
        Column("inserted_at", "TIMESTAMPTZ", "When it was committed here, UTC.", required=True),
        Column("run_id", "VARCHAR", "The Dagster run that brought it.", required=True),
        OBJECT_TYPE,
        Column("label_group", "VARCHAR", "What stands before the first ': ' of source_label: the kind, or the page."),
        Column("label_name", "VARCHAR", "What stands after it: the item's own name.", pii=True),
        Column("setting", "VARCHAR", "Key of an account setting, the same over all generations; NULL otherwise."),
        Column(
            "state",
            "VARCHAR",
            "What a thing was switched to: on, off, changed, suspended or unsuspended; NULL for anything else.",
        ),
        Column("sign_in_method", "VARCHAR", "How somebody signed in: password, jwt, saml, google, sso, ..."),
        Column("sign_in_host", "VARCHAR", "Host at which they signed in."),
        NETWORK,
        Column("is_person", "BOOLEAN", "Done by a person or an integration, not by Zendesk itself.", required=True),
        Column("holds_secret", "BOOLEAN", "change_description seems to hold a password or a token.", required=True),
    ),
)

AUDIT_CHANGES = _table(
    "audit_changes",
    "What changed from what to what: one row per line of each event's description. A line that cannot be read is kept.",
    ("audit_events",),
    ByEvent(),
    (
        EVENT_ID,
        Column("line", "BIGINT", "Number of the line in the description, from 1.", required=True),
        CREATED_AT,
        ACTOR,
        ACTOR_NAME,
        ADDRESS,
        ACTION,
        OBJECT_TYPE,
        SOURCE,
        SOURCE_LABEL,
        Column("field", "VARCHAR", "What changed, in Zendesk's words; 'state' for a switch; NULL when unparsed."),
        Column("old_value", "VARCHAR", "Value before; NULL for 'not set', and where the line does not tell.", pii=True),
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
            "exact; ambiguous, where the values can be told apart in more than one way; state, for a switch; unparsed.",
            required=True,
        ),
        Column("raw", "VARCHAR", "The line as Zendesk sent it.", pii=True, required=True),
        Column(
            "holds_secret",
            "BOOLEAN",
            "The description that the line is part of seems to hold a password or a token.",
            required=True,
        ),
        BATCH,
    ),
    # Sign-ins are no changes, and have a table of their own.
    figures=(
        ("share_parsed", "avg((confidence <> 'unparsed')::INTEGER) FILTER (action IS DISTINCT FROM 'login')"),
        ("share_ambiguous", "avg((confidence = 'ambiguous')::INTEGER) FILTER (action IS DISTINCT FROM 'login')"),
    ),
)

CHANGES: tuple[DerivedTable, ...] = (AUDIT_EVENTS, AUDIT_CHANGES)
