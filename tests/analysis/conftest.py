from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import duckdb
import pytest

from zendesk_audit_assets.analysis.tables import DERIVED
from zendesk_audit_assets.warehouse import derived
from zendesk_audit_assets.warehouse.schema import migrate

Fill = Callable[..., duckdb.DuckDBPyConnection]


@pytest.fixture
def fill(tmp_path: Path) -> Iterator[Fill]:
    """Makes a warehouse of (created_at, actor_id, actor_name, action, source_type), its derived tables refreshed."""
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
                    $6 AS source_type, $1 AS source_id, '192.0.2.1' AS ip_address, 1 AS batch_id,
                    now() AS inserted_at, 'run' AS run_id
                """,
                [number, *event],
            )
        if covered_to is not None:
            connection.execute(
                "INSERT INTO coverage VALUES (1, '2020-01-01', $1::TIMESTAMPTZ, now(), 'run', 1, 1, 1, 0, 0, now())",
                [covered_to],
            )
        for table in DERIVED:
            derived.refresh(connection, table, timezone=timezone)
        connection.execute("COMMIT")
        return connection

    yield fill
    connection.close()
