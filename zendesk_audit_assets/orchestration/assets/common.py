"""Helpers of all assets: metadata of a table, failures as messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import dagster as dg

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.markdown import Markdown
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.parsers import BadSettings
from zendesk_audit_assets.warehouse.damage import exhausted
from zendesk_audit_assets.warehouse.database import interruptible
from zendesk_audit_assets.warehouse.table import Column


@contextmanager
def failures_as_messages(keys: Iterable[dg.AssetKey], scope: Scope) -> Iterator[None]:
    """Turn an `AuditError`, or a lack of memory or disk, into a Dagster failure that shows cause and remedy, no trace.

    A step is not retried: the client has retried each request, and the next refresh continues where this one stopped.
    `keys` are those of the step's assets. Others than ours would be looked for in vain by jobs, checks and sensors.
    """
    try:
        if any(key.path[:-1] != scope.asset_key(key.path[-1]).path[:-1] for key in keys):
            raise BadSettings(
                "The keys of these assets were replaced after they were built.",
                "Give build_definitions a key_prefix instead.",
            )
        with interruptible():  # else Dagster would go on with the next step after Ctrl-C
            yield
    except AuditError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    except Exception as error:
        if (lack := exhausted(error, "The step")) is None:
            raise
        raise dg.Failure(description=str(lack), allow_retries=False) from None


def column_schema(columns: Sequence[Column]) -> dg.TableSchema:
    """Dagster's schema of a table: each column with its type, description and whether it is PII."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.description,
                tags={"pii": ""} if column.pii else {},
                constraints=dg.TableColumnConstraints(nullable=not column.required),
            )
            for column in columns
        ]
    )


def table_metadata(table: str, columns: Sequence[Column]) -> Mapping[str, Any]:
    """The metadata of a table's definition: its name and its columns."""
    return {"dagster/table_name": table, "dagster/column_schema": column_schema(columns)}


def as_metadata(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics as Dagster's metadata: Markdown is rendered, times are shown as such, None is left out."""
    return {name: _metadata_value(value) for name, value in metrics.items() if value is not None}


def _metadata_value(value: Any) -> Any:
    if isinstance(value, Markdown):
        return dg.MetadataValue.md(value)
    return dg.MetadataValue.timestamp(value) if isinstance(value, datetime) else value
