"""What all assets share: owner, tags, the metadata of a table, and errors in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.warehouse.database import QUERY_INTERRUPTED, Warehouse
from zendesk_audit_assets.warehouse.table import Column

OWNERS = ["team:data"]
TAGS = {"domain": "audit", "contains-personal-data": "true"}

# An error that outlasts the client's own retries is waited out for 30, 60 and 120 s before the run fails.
RETRIES = 3
RETRY_SECONDS = 30.0


@contextmanager
def errors_in_words(attempt: int | None = None) -> Iterator[None]:
    """Turn an `AuditError` into a Dagster failure that says what is wrong and what to do, without a trace.

    Given the number of the `attempt`, from 0 on, an error that may pass is tried again some time later; a permanent
    one never is: nothing changes until somebody changes something.
    """
    try:
        yield
    except AuditError as error:
        failure = dg.Failure(description=str(error), allow_retries=False)
        if attempt is None or error.permanent:
            raise failure from None
        # Not by a RetryPolicy: Dagster would follow it also when somebody has stopped the run.
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_SECONDS * 2**attempt) from failure
    except RuntimeError as error:
        if str(error) == QUERY_INTERRUPTED:
            raise KeyboardInterrupt from None  # else Dagster would go on with the next step
        raise


def column_schema(columns: Sequence[Column]) -> dg.TableSchema:
    """Dagster's schema of a table, each column with its meaning and whether it is personal."""
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
    """What is known of a table before it is made."""
    return {"dagster/table_name": table, "dagster/column_schema": column_schema(columns)}


def file_uri(warehouse: Warehouse) -> str:
    """Where the table lives."""
    return warehouse.path.as_uri()
