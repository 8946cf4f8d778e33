"""What a check of the data is. The subjects declare theirs; `orchestration/checks` shows them to Dagster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import duckdb

from zendesk_audit_assets.warehouse.catalog import relations

CheckFunction = Callable[[duckdb.DuckDBPyConnection, datetime], "CheckResult"]


@dataclass(frozen=True)
class CheckResult:
    """The result of a check: whether it passed, a sentence that sums it up, and metrics."""

    passed: bool
    summary: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    severity: Literal["warn", "error"] = "error"


@dataclass(frozen=True)
class Check:
    """A promise about an asset, and the function that tests it.

    `table` names the asset, `description` is the promise in one line, and `remedy` the advice when it is broken. The
    function gets a connection and the first second of the log. `needs` names the derived tables that must exist before
    it can run. A check of the `whole_table` costs more the longer the log is, and runs nightly instead of with each
    refresh.
    """

    table: str
    name: str
    description: str
    remedy: str
    function: CheckFunction
    needs: tuple[str, ...] = ()
    whole_table: bool = False

    def run(self, connection: duckdb.DuckDBPyConnection, start: datetime) -> CheckResult:
        """Test the promise. A missing table fails as a warning that names the remedy."""
        missing = [name for name in self.needs if name not in relations(connection)]
        if missing:
            return CheckResult(False, f"{missing[0]} does not exist yet; materialize it.", severity="warn")
        return self.function(connection, start)
