"""The one schema of an audit-log record: fields, types, meaning, and which of them are personal.

The warehouse's tables, the Polars schema, Dagster's column schema, the checks and the documentation all
derive from `FIELDS`. Source: Zendesk API reference, Audit Logs, "JSON format", and captured answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Column:
    """A column of a table: its DuckDB type, what it means, whether it identifies a person, may it be NULL."""

    name: str
    type: str
    meaning: str
    personal: bool = False
    required: bool = False

    @property
    def polars(self) -> pl.DataType:
        """The Polars type that holds this column without loss."""
        return _POLARS[self.type]


# In the order in which Zendesk sends them.
FIELDS: tuple[Column, ...] = (
    Column("url", "VARCHAR", "Address of this record in the Zendesk API."),
    Column("id", "BIGINT", "Identifier that Zendesk gave the event; unique in an account.", required=True),
    Column("action_label", "VARCHAR", "The action in words, in the language of the user whose token read it."),
    Column("actor_id", "BIGINT", "User who did it; -1 is Zendesk itself.", personal=True),
    Column("source_id", "BIGINT", "Item acted on; unique only together with source_type."),
    Column("source_type", "VARCHAR", "Kind of item acted on, such as user, rule or account_setting; an open set."),
    Column("source_label", "VARCHAR", "Name of the item, usually with its kind before it.", personal=True),
    Column("action", "VARCHAR", "What was done: create, destroy, exported, login or update; an open set."),
    Column("change_description", "VARCHAR", "What changed, in words, a line per change; often empty.", personal=True),
    Column("ip_address", "VARCHAR", "IPv4 or IPv6 address it was done from; NULL for Zendesk itself.", personal=True),
    Column("created_at", "TIMESTAMPTZ", "When it happened, UTC, to the second.", required=True),
    Column("actor_name", "VARCHAR", "Name of the actor; missing in old records.", personal=True),
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

_POLARS: dict[str, pl.DataType] = {
    "BIGINT": pl.Int64(),
    "VARCHAR": pl.String(),
    "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
    "JSON": pl.String(),
}
