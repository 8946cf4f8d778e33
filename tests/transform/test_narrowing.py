from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from zendesk_audit_assets.transform import CHANGES, DERIVED, refresh
from zendesk_audit_assets.transform.narrowing import narrowed
from zendesk_audit_assets.transform.table import events

ReadAs = Callable[..., duckdb.DuckDBPyConnection]
VIEW = CHANGES[0]
# Each column has a value in one of them.
RARE = {"url": "https://a.example/1", "action_label": "Signed in", "extra": "{}"}
RECORDS = (
    {"action": "login", "change_description": "Successful sign-in using saml from https://a.example/", "actor_id": 7},
    {
        "source_type": "user",
        "ip_address": "2001:db8::1",
        "change_description": "Role changed from Agent to Administrator",
    },
    {"source_type": "account_setting", "source_label": "Security: Require SSO", "change_description": "Disabled"},
    {
        "source_type": "account_setting",
        "source_label": "Session",
        "change_description": "Expiry changed from 1 to 9\nx",
    },
    {
        "source_type": "trigger",
        "change_description": "Actions changed from not set to notify target https://b.example/",
    },
    {"source_type": "apitoken", "change_description": "password changed from a to Bearer abcdefghijklmnop0123456789"},
    RARE,
)


@pytest.fixture(scope="module")
def connection(read_as: ReadAs) -> duckdb.DuckDBPyConnection:
    return read_as(RECORDS, VIEW.name)


def test_a_narrow_query_gives_what_the_whole_one_gives(connection: duckdb.DuckDBPyConnection) -> None:
    whole = connection.execute(f"FROM {VIEW.name} ORDER BY id")
    names = [column[0] for column in whole.description]
    values = dict(zip(names, zip(*whole.fetchall(), strict=True), strict=True))
    assert [name for name in names if set(map(str, values[name])) <= {"None"}] == []
    for name in names:
        narrow = narrowed(VIEW.sql, f"-- the time\nSELECT {name.upper()} FROM audit_events ORDER BY id")
        rows = connection.execute(f"SELECT {name} FROM ({narrow}) ORDER BY id").fetchall()
        assert [value for (value,) in rows] == list(values[name])


def test_a_narrow_query_has_no_column_that_nobody_reads() -> None:
    sql = """
    WITH one AS (
        -- SELECT, FROM, and what isn't closed: (
        SELECT *, 'a, b FROM ''c''' AS a, [a, '--'] AS b, 1 AS c FROM log
    ),
    two AS (
        SELECT *, b[1] AS d, c AS e FROM one
    )
    SELECT x, d, e, (1, 'e') AS f FROM two;
    """.replace("\n    ", "\n")
    found = duckdb.sql(
        f"WITH log AS (SELECT 0 AS x, 0 AS y) {narrowed(sql, 'SELECT D, x, no_column').replace('WITH', ',', 1)}"
    )
    assert (found.columns, found.fetchall()) == (["x", "d"], [(0, "a, b FROM 'c'")])
    assert "AS c" not in narrowed(sql, "d -- e\n || 'e'")
    assert duckdb.sql(f"WITH log AS (SELECT 0 AS x) SELECT count(*) FROM ({narrowed(sql, '')})").fetchall() == [(1,)]


def test_a_view_of_somebody_else_is_read_as_it_is(connection: duckdb.DuckDBPyConnection) -> None:
    table = next(table for table in DERIVED if table.name == "sign_ins")
    connection.execute("CREATE OR REPLACE VIEW audit_events AS SELECT * REPLACE ('login' AS action) FROM audit_logs")
    assert connection.execute(f"SELECT DISTINCT action FROM ({events(connection, table.sql)})").fetchall() == [
        ("login",)
    ]

    refresh.refresh(connection, VIEW)
    assert connection.execute("SELECT count(*) FROM audit_events WHERE action = 'login'").fetchall() == [(1,)]
    assert connection.execute(
        f"SELECT count(*) FROM ({events(connection, 'action')}) WHERE action = 'login'"
    ).fetchall() == [(1,)]
