"""Changes and histories follow the log: refreshed at any points they are what a recount by hand gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.histories import ROLE, START, SUPPORT, Change, Event, events, plain, recount
from support.refreshes import SomeAtATime
from support.warehouse import database, transaction
from zendesk_audit_assets.transform import (
    CHANGES,
    DERIVED,
    HISTORIES,
    DerivedTable,
    query,
    refresh,
)
from zendesk_audit_assets.transform.refresh import DependencyNotBuilt, Refreshed
from zendesk_audit_assets.warehouse.catalog import scalar

TABLES = (*CHANGES[1:], *HISTORIES)
NEEDED = [table for table in DERIVED if table.name == "actor_names" or table in (*CHANGES, *HISTORIES)]


class Log:
    """A warehouse that batches are appended to."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.events: list[Event] = []
        self.batches = 0

    def append(self, events: Iterable[Event] = ()) -> None:
        self.batches += 1
        # The ids of events that are close in time go up and down.
        new = [
            event._replace(id=(len(self.events) + n) * 7919 % 10_007 + 1, batch_id=self.batches)
            for n, event in enumerate(events)
        ]
        rows = [
            {
                **event._asdict(),
                "changes": None,
                "change_description": "\n".join(change.raw for change in event.changes),
            }
            for event in new
        ]
        if rows:
            self.connection.register("incoming", pl.DataFrame(rows, infer_schema_length=None))
            self.connection.execute(
                "INSERT INTO audit_logs BY NAME "
                "SELECT * EXCLUDE (changes), now() AS inserted_at, 'run' AS run_id FROM incoming"
            )
            self.connection.unregister("incoming")
        self.connection.execute(
            f"INSERT INTO coverage VALUES ({self.batches}, ?, ?, now(), 'run', 1, 0, 0, 0, 0, now())",
            [START, START + timedelta(days=125)],
        )
        self.events += new

    def refresh(self, *tables: DerivedTable, full: bool = False) -> dict[str, Refreshed]:
        refreshed = {}
        for table in tables or NEEDED:
            with transaction(self.connection):
                refreshed[table.name] = refresh.refresh(self.connection, table, full=full)
        return refreshed

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        return sorted(self.connection.execute(f"FROM {name}").fetchall(), key=repr)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table.name: self.rows(table.name) for table in TABLES}


@pytest.fixture
def log() -> Iterator[Log]:
    with database() as connection:
        yield Log(connection)


BATCHES = st.lists(events(), max_size=6)
REFRESHES = st.sets(st.sampled_from([table.name for table in NEEDED]), min_size=1)


@pytest.mark.faults
@settings(max_examples=examples(3))
@given(st.lists(BATCHES | REFRESHES | st.just({table.name for table in NEEDED}), max_size=9))
def test_any_refreshes_equal_a_rebuild_and_a_recount_by_hand(steps: list[Any]) -> None:
    with database() as connection:
        log = Log(connection)
        some = SomeAtATime(log, NEEDED)
        for step in steps:
            if isinstance(step, list):
                log.append(step)
            else:
                some.refresh(step)
        followed = log.refresh()
        incremental = log.tables()
        rebuilt = log.refresh(full=True)

        assert (
            {done.batch_id for done in followed.values()}
            == {log.batches}
            == {done.batch_id for done in rebuilt.values()}
        )
        assert log.tables() == incremental
        for name, rows in recount(log.events).items():
            assert incremental[name] == sorted(rows, key=repr), name


def test_a_history_follows_only_the_keys_that_new_rows_touch(log: Log) -> None:
    log.append(plain("user", [ROLE], source_id=user) for user in (1, 2))
    log.refresh()
    log.connection.execute("UPDATE user_role_history SET user_name = 'by hand'")
    log.append([plain("user", [SUPPORT], source_id=2, day=1), plain("rule", [], source_id=1)])

    done = log.refresh()

    assert (done["user_role_history"].note, done["user_role_history"].rows_written) == ("1 key touched", 3)
    assert {row[0]: row[1] for row in log.rows("user_role_history")} == {1: "by hand", 2: "Grace"}
    assert done["object_history"] == Refreshed(6, 2, False, 2, "1 key touched")
    assert done["schedule_history"] == Refreshed(0, 0, False, 2, "nothing new")
    assert (done["audit_changes"].note, done["audit_changes"].rows_total) == ("1 row written", 3)


def test_periods_that_ended_before_a_change_stay_untouched(log: Log) -> None:
    log.append(plain("user", [ROLE], day=day) for day in (0, 1, 2))
    log.refresh()
    log.connection.execute("UPDATE object_history SET value = 'by hand'")
    log.append([plain("user", [ROLE], day=5)])
    assert log.refresh()["object_history"] == Refreshed(5, 2, False, 2, "1 key touched")
    assert [row[4] for row in in_time(log)] == ["by hand", "by hand", "by hand", "Administrator", "Administrator"]

    log.append([plain("user", [ROLE], day=-1)])  # late
    assert log.refresh()["object_history"] == Refreshed(6, 6, False, 3, "1 key touched")
    assert [row[4] for row in in_time(log)] == ["Agent", *["Administrator"] * 5]


def in_time(log: Log) -> list[tuple[Any, ...]]:
    return log.connection.execute("FROM object_history ORDER BY valid_from NULLS FIRST").fetchall()


def raw(text: str) -> Change:
    return Change(None, None, None, "exact", text)


def test_a_host_that_turns_out_to_be_a_brands_is_no_way_out(log: Log) -> None:
    brand, elsewhere = "Host mapping changed from not set to help.b.example", "Actions changed from not set to "
    log.append(
        plain("trigger", [raw(f"{elsewhere}Notify webhook https://{host}/x")], source_id=day, day=day)
        for day, host in enumerate(("help.b.example", "help.b.example", "c.example"))
    )
    log.refresh(CHANGES[0])
    log.append([plain("view", [])])
    assert log.refresh(CHANGES[0])["audit_events"] == Refreshed(4, 1, False, 2, "1 row written")

    log.append([plain("brand", [raw(brand)], day=1)])

    assert log.refresh(CHANGES[0])["audit_events"] == Refreshed(5, 3, False, 3, "3 rows written")
    stored = log.rows("audit_events")
    ways = "SELECT ways_out FROM audit_events WHERE object_type = 'trigger' ORDER BY source_id"
    assert log.connection.execute(ways).fetchall() == [
        (["webhook:https://help.b.example/x"],), ([],), (["webhook:https://c.example/x"],)
    ]  # fmt: skip
    log.refresh(CHANGES[0], full=True)
    assert sorted(map(repr, log.rows("audit_events"))) == sorted(map(repr, stored))


def test_a_table_waits_for_what_it_is_computed_from(log: Log) -> None:
    with pytest.raises(DependencyNotBuilt, match=r"Materialize audit_events first\."):
        log.refresh(CHANGES[1])
    log.append([plain("user", [ROLE])])
    log.refresh()
    log.append([plain("user", [SUPPORT], day=1)])
    privileged = next(table for table in HISTORIES if table.name == "privileged_changes")

    assert log.refresh(privileged)["privileged_changes"].batch_id == 1
    assert len(log.rows("privileged_changes")) == 1
    log.refresh()
    assert len(log.rows("privileged_changes")) == 2


def test_another_view_builds_anew_all_that_is_computed_from_it(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([plain("user", [ROLE])])
    log.refresh()
    text = CHANGES[0].sql.replace("WHEN 'apitoken'", "WHEN 'user' THEN 'person' WHEN 'apitoken'")
    monkeypatch.setattr(DerivedTable, "sql", property(lambda table: text if table is CHANGES[0] else query(table.name)))

    refreshed = log.refresh()

    assert {name for name, done in refreshed.items() if not done.full} == {"actor_names"}
    assert scalar(log.connection, "SELECT DISTINCT object_type FROM object_history") == "person"


def test_what_changes_and_histories_are_made_of_is_left_as_it_was(log: Log) -> None:
    log.append([plain("user", [ROLE])])
    log.refresh()
    log.append([plain("user", [SUPPORT], day=1)])
    log.refresh()
    assert scalar(log.connection, "SELECT count(*) FROM audit_changes") == 2
    assert scalar(log.connection, "SELECT count(*) FROM audit_events") == 2
    assert scalar(log.connection, "SELECT count(*) FROM duckdb_views() WHERE temporary AND NOT internal") == 0
    assert scalar(log.connection, "SELECT count(*) FROM duckdb_tables() WHERE temporary") == 0
