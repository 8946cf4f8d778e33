from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import duckdb
import polars as pl
import pytest

from support.warehouse import database
from zendesk_audit_assets.transform import DERIVED, refresh

Fill = Callable[..., duckdb.DuckDBPyConnection]
DEPENDS_ON = {table.name: table.depends_on for table in DERIVED}


def with_those_they_read(names: Iterable[str]) -> set[str]:
    below = {name: with_those_they_read(DEPENDS_ON[name]) for name in names if name in DEPENDS_ON}
    return set(below).union(*below.values())


@pytest.fixture(scope="module")
def fill() -> Iterator[Fill]:
    """A warehouse of (created_at, actor_id, actor_name, action, source_type), with derived tables, by default all.

    An event may go on with its source_label and its change_description.
    """
    with ExitStack() as opened:

        def fill(
            events: Iterable[tuple[object, ...]] = (),
            *names: str,
            covered_to: str | None = None,
            timezone: str = "UTC",
        ) -> duckdb.DuckDBPyConnection:
            connection = opened.enter_context(database())
            connection.execute("BEGIN")
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
                cover(connection, covered_to)
            derive(connection, names, timezone=timezone)
            connection.execute("COMMIT")
            return connection

        yield fill


def cover(connection: duckdb.DuckDBPyConnection, to: str) -> None:
    connection.execute(
        "INSERT INTO coverage VALUES (1, '2020-01-01', $1::TIMESTAMPTZ, now(), 'run', 1, 1, 1, 0, 0, now())", [to]
    )


def derive(connection: duckdb.DuckDBPyConnection, names: Iterable[str], **how: Any) -> None:
    wanted = with_those_they_read(names or DEPENDS_ON)
    for table in DERIVED:
        if table.name in wanted:
            refresh.refresh(connection, table, **how)


@pytest.fixture(scope="session")
def read_as() -> Iterator[Callable[..., duckdb.DuckDBPyConnection]]:
    """Makes a log of partial records, one after the other a minute apart, with derived tables, by default all."""
    with database() as connection:

        def read_as(
            records: Iterable[Mapping[str, Any]], *names: str, covered_to: str = "2026-01-02T00:00:00+00"
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
            cover(connection, covered_to)
            if rows:
                connection.register("incoming", pl.DataFrame(rows, infer_schema_length=None))
                connection.execute(
                    "INSERT INTO audit_logs BY NAME SELECT * REPLACE (created_at::TIMESTAMPTZ AS created_at), "
                    "now() AS inserted_at, 'run' AS run_id FROM incoming"
                )
                connection.unregister("incoming")
            derive(connection, names, full=True)
            return connection

        yield read_as


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
