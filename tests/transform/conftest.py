from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from zendesk_audit_assets.transform import DERIVED, DerivedTable, refresh
from zendesk_audit_assets.warehouse.migrations import migrate

Fill = Callable[..., duckdb.DuckDBPyConnection]


@pytest.fixture
def fill(tmp_path: Path) -> Iterator[Fill]:
    """Makes a warehouse of (created_at, actor_id, actor_name, action, source_type), its derived tables refreshed.

    An event may go on with its source_label and its change_description.
    """
    connection = duckdb.connect(str(tmp_path / "zendesk_audit.duckdb"))

    def fill(
        events: Iterable[tuple[object, ...]] = (), *, covered_to: str | None = None, timezone: str = "UTC"
    ) -> duckdb.DuckDBPyConnection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("BEGIN")
        migrate(connection)
        for number, event in enumerate(events):
            connection.execute(
                """
                INSERT INTO audit_logs BY NAME
                SELECT $1 AS id, $2::TIMESTAMPTZ AS created_at, $3 AS actor_id, $4 AS actor_name, $5 AS action,
                    $6 AS source_type, $7 AS source_label, $8 AS change_description, $1 AS source_id,
                    '192.0.2.1' AS ip_address, 1 AS batch_id, now() AS inserted_at, 'run' AS run_id
                """,
                [number, *event, *[None] * (7 - len(event))],
            )
        if covered_to is not None:
            connection.execute(
                "INSERT INTO coverage VALUES (1, '2020-01-01', $1::TIMESTAMPTZ, now(), 'run', 1, 1, 1, 0, 0, now())",
                [covered_to],
            )
        for table in DERIVED:
            refresh.refresh(connection, table, timezone=timezone)
        connection.execute("COMMIT")
        return connection

    yield fill
    connection.close()


@pytest.fixture(scope="session")
def read_as() -> Callable[..., duckdb.DuckDBPyConnection]:
    """Makes a log of partial records, one after the other a minute apart, with derived tables in it, by default all."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    migrate(connection)

    def read_as(
        records: Iterable[Mapping[str, Any]],
        *,
        tables: Iterable[DerivedTable] = DERIVED,
        covered_to: str = "2026-01-02T00:00:00+00",
    ) -> duckdb.DuckDBPyConnection:
        rows = [
            {
                **DEFAULTS,
                "id": number,
                "created_at": f"2026-01-01T{number // 60 % 24:02}:{number % 60:02}:00+00",
                **given,
            }
            for number, given in enumerate(records, start=1)
        ]
        connection.execute("DELETE FROM audit_logs")
        connection.execute("DELETE FROM coverage")
        connection.execute(
            "INSERT INTO coverage VALUES (1, '2020-01-01', $1::TIMESTAMPTZ, now(), 'run', 1, 1, 1, 0, 0, now())",
            [covered_to],
        )
        if rows:
            connection.register("incoming", pl.DataFrame(rows, infer_schema_length=None))
            connection.execute(
                "INSERT INTO audit_logs BY NAME SELECT * REPLACE (created_at::TIMESTAMPTZ AS created_at), "
                "now() AS inserted_at, 'run' AS run_id FROM incoming"
            )
            connection.unregister("incoming")
        for table in tables:
            refresh.refresh(connection, table, full=True)
        return connection

    return read_as


DEFAULTS = {
    "actor_id": 1,
    "actor_name": "Ada",
    "action": "update",
    "source_type": "user",
    "source_id": 7,
    "source_label": "Team member: Grace",
    "change_description": "",
    "ip_address": "203.0.113.7",
    "batch_id": 1,
}
