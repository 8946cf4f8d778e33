"""The one schema of an audit-log record: fields, types, descriptions, and which of them are PII.

The columns of `audit_logs` and of the tables that repeat them, the Polars schema, the parser and the generated pages
derive from `FIELDS`. Source: Zendesk API reference, Audit Logs, "JSON format", and captured responses.
"""

from __future__ import annotations

from zendesk_audit_assets.warehouse.table import Column

# Zendesk's own actor.
SYSTEM_ACTOR_ID = -1

# In the order in which Zendesk sends them.
FIELDS: tuple[Column, ...] = (
    Column("url", "VARCHAR", "Address of this record in the Zendesk API."),
    Column("id", "BIGINT", "Identifier that Zendesk gave the event; unique in an account.", required=True),
    Column("action_label", "VARCHAR", "Description of the action, in the language of the user whose token fetched it."),
    Column("actor_id", "BIGINT", f"Id of the acting user; {SYSTEM_ACTOR_ID} is Zendesk itself.", pii=True),
    Column("source_id", "BIGINT", "Id of the changed object; unique only together with source_type."),
    Column("source_type", "VARCHAR", "Type of the changed object, such as user, rule or account_setting; an open set."),
    Column("source_label", "VARCHAR", "Name of the object, usually after its type.", pii=True),
    Column("action", "VARCHAR", "Action: create, destroy, exported, login or update; an open set."),
    Column("change_description", "VARCHAR", "The changes in prose, one per line; often empty.", pii=True),
    Column("ip_address", "VARCHAR", "IPv4 or IPv6 address of the actor; NULL for Zendesk itself.", pii=True),
    Column("created_at", "TIMESTAMPTZ", "Time of the event, UTC, to the second.", required=True),
    Column("actor_name", "VARCHAR", "Name of the actor; missing in old records.", pii=True),
)

FIELD_NAMES = frozenset(field.name for field in FIELDS)

# Documented or observed values. Both sets are open: other values are stored as well, and reported as drift.
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
