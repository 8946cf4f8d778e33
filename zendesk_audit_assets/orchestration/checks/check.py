"""What a check is, and what several of them need."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg
import duckdb

from zendesk_audit_assets.warehouse.catalog import relations

Test = Callable[[duckdb.DuckDBPyConnection, datetime], "Verdict"]


@dataclass(frozen=True)
class Verdict:
    """What a check found: whether all is well, in a sentence, and figures."""

    passed: bool
    sentence: str
    figures: dict[str, Any] = field(default_factory=dict)
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


@dataclass(frozen=True)
class Check:
    """A promise about a table, and the test of it: a function of a connection and the first day of the log."""

    table: str
    name: str
    promise: str
    test: Test
    whole_table: bool = False


def exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a table has been made."""
    return table in relations(connection)


def missing(table: str) -> Verdict:
    """What is said of a table that has not."""
    return Verdict(False, f"{table} does not exist yet; materialize it.", severity=dg.AssetCheckSeverity.WARN)
