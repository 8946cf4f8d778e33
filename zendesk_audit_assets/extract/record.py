"""The one schema of an audit-log record: fields, types, descriptions, and which of them are PII.

The warehouse's tables, the Polars schema, Dagster's column schema, the checks and the documentation all
derive from `FIELDS`. Source: Zendesk API reference, Audit Logs, "JSON format", and captured answers.
"""

from __future__ import annotations

from zendesk_audit_assets.warehouse.table import Column

# In the order in which Zendesk sends them.
FIELDS: tuple[Column, ...] = (
    Column("url", "VARCHAR", "Address of this record in the Zendesk API."),
    Column("id", "BIGINT", "Identifier that Zendesk gave the event; unique in an account.", required=True),
    Column("action_label", "VARCHAR", "The action in words, in the language of the user whose token read it."),
    Column("actor_id", "BIGINT", "User who did it; -1 is Zendesk itself.", pii=True),
    Column("source_id", "BIGINT", "Item acted on; unique only together with source_type."),
    Column("source_type", "VARCHAR", "Kind of item acted on, such as user, rule or account_setting; an open set."),
    Column("source_label", "VARCHAR", "Name of the item, usually with its kind before it.", pii=True),
    Column("action", "VARCHAR", "What was done: create, destroy, exported, login or update; an open set."),
    Column("change_description", "VARCHAR", "What changed, in words, a line per change; often empty.", pii=True),
    Column("ip_address", "VARCHAR", "IPv4 or IPv6 address it was done from; NULL for Zendesk itself.", pii=True),
    Column("created_at", "TIMESTAMPTZ", "When it happened, UTC, to the second.", required=True),
    Column("actor_name", "VARCHAR", "Name of the actor; missing in old records.", pii=True),
)

FIELD_NAMES = frozenset(field.name for field in FIELDS)

# The system's own actor, as Zendesk numbers it.
SYSTEM_ACTOR_ID = -1

# What is documented, or has been met with. Both sets are open: anything else is stored as well and reported as drift.
KNOWN_ACTIONS = frozenset({"create", "destroy", "exported", "login", "update"})
KNOWN_SOURCE_TYPES = frozenset(
    {
        "account", "account_setting", "api_token", "apitoken", "attachment", "audit_log", "brand",
        "custom_field/field", "custom_status", "group", "macro", "oauth_client", "organization", "permission_set",
        "recipient_address", "rule", "sla/policy", "ticket", "ticket_field", "ticket_form", "trigger", "user",
        "user_setting", "view", "webhook", "zendesk/app_market/app", "zendesk/app_market/installation",
        "zendesk/business_hours/holiday", "zendesk/business_hours/workweek",
    }
)  # fmt: skip
