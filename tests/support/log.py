"""A log that batches are appended to, and the findings in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb
import polars as pl

from support.warehouse import transaction
from zendesk_audit_assets.detect import (
    Rule,
    decisions,
    findings,
    load_rules,
)
from zendesk_audit_assets.detect.findings import FindingsRefreshed
from zendesk_audit_assets.emulator.events import Event

UTC = timezone.utc
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
PACK = load_rules()
# Of each kind some, for tests in which the others have nothing to say.
FEW = tuple(
    rule
    for rule in PACK
    if rule.name[3:6] in ("001", "002", "014", "102", "104", "106", "110", "115", "201", "202", "203", "205", "206")
)
# Of the rule of one's own in the tests.
OWN_ID = "00000000-0000-0000-0000-000000000001"
YEARS_AGO = datetime(2020, 1, 1, tzinfo=UTC)

RECORDS = {
    "id": pl.Int64,
    "created_at": pl.Datetime("us", "UTC"),
    "action": pl.String,
    "source_type": pl.String,
    "source_id": pl.Int64,
    "source_label": pl.String,
    "change_description": pl.String,
    "actor_id": pl.Int64,
    "actor_name": pl.String,
    "ip_address": pl.String,
}
Record = Mapping[str, Any]


class Log:
    """A warehouse, such as `database()` gives, that batches are appended to."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.batches = 0
        self.ids = 0

    def append(self, records: Iterable[Record] = (), *, window: tuple[datetime, datetime] | None = None) -> None:
        """A batch of partial records; it vouches for `window`."""
        self.batches += 1
        rows = []
        for record in records:
            self.ids += 1
            rows.append({"id": self.ids, "actor_id": 5, "actor_name": "Ada", "action": "update", **record})
        self.connection.register("incoming", pl.DataFrame(rows, schema=RECORDS))
        self.connection.execute(
            f"INSERT INTO audit_logs BY NAME "
            f"SELECT *, {self.batches} AS batch_id, now() AS inserted_at, 'run' AS run_id FROM incoming"
        )
        self.connection.unregister("incoming")
        if window is not None:
            self.connection.execute(
                "INSERT INTO coverage VALUES (?, ?, ?, ?, 'run', 1, ?, ?, 0, 0, now())",
                [self.batches, *window, window[1] + HOUR, len(rows), len(rows)],
            )

    def refresh(self, rules: Iterable[Rule] = FEW, **how: Any) -> FindingsRefreshed:
        with transaction(self.connection):
            return findings.refresh(self.connection, tuple(rules), **how)

    def refresh_in(self, rules: Iterable[Rule], **how: Any) -> FindingsRefreshed:
        """As the asset does: without the rules whose query fails."""
        return findings.refresh_in(lambda: transaction(self.connection), tuple(rules), **how)

    def close(self, rule: str) -> None:
        with transaction(self.connection) as connection:
            decisions.record(connection, [uid for (uid,) in self.named(rule, "uid")], "closed")

    def found_at(self, instant: datetime) -> None:
        """Let everything so far have been found at this time."""
        self.connection.execute("UPDATE finding_decisions SET decided_at = $1", [instant])
        self.connection.execute("UPDATE findings SET found_at = $1", [instant])

    def rows(self, columns: str = "* EXCLUDE (found_at)", where: str = "true") -> list[tuple[Any, ...]]:
        return self.connection.execute(f"SELECT {columns} FROM findings WHERE {where} ORDER BY ALL").fetchall()

    def named(self, rule: str, columns: str = "event_ids") -> list[tuple[Any, ...]]:
        return self.rows(columns, f"rule = '{rule}'")


def rule(name: str) -> Rule:
    (found,) = (rule for rule in PACK if rule.name == name)
    return found


def records_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [{**event._asdict(), "created_at": datetime.fromtimestamp(event.created_at, UTC)} for event in events]


OWNER_CHANGED = {"source_type": "account", "change_description": "Owner changed from Ada to Bea"}
SUSPENDED = {"source_type": "user_setting", "change_description": "Suspended"}
