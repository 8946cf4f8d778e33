from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.refreshes import SomeAtATime
from support.summaries import BERLIN, SECOND, Event, Log, at, recount
from support.warehouse import database, transaction
from zendesk_audit_assets.extract.record import SYSTEM_ACTOR_ID
from zendesk_audit_assets.transform import (
    ACTOR_ADDRESSES,
    ACTOR_SOURCES,
    ACTOR_SUMMARY,
    DAILY_ACTIVITY,
    DERIVED,
    SUMMARIES,
    DerivedTable,
    Full,
    refresh,
    strategies,
)
from zendesk_audit_assets.transform.refresh import DependencyNotBuilt, Refreshed
from zendesk_audit_assets.warehouse.catalog import drop, scalar
from zendesk_audit_assets.warehouse.migrations import migrate


@pytest.fixture
def log() -> Iterator[Log]:
    with database() as connection:
        yield Log(connection)


# Around a week-end with a change of the clock in Berlin (29 March 2026), with gaps of one day and of months.
DAYS = [
    at(day)
    for day in ("2025-12-31", "2026-02-26", "2026-02-28", "2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30")
]
EVENTS = st.builds(
    Event,
    created_at=st.builds(
        lambda day, hour, second: day + timedelta(hours=hour, seconds=second),
        st.sampled_from(DAYS),
        st.integers(0, 23),
        st.sampled_from([0, 1, 3599]),
    ),
    actor_id=st.sampled_from([None, SYSTEM_ACTOR_ID, 0, 1]),
    action=st.sampled_from([None, "update", "login"]),
    source_type=st.sampled_from([None, "user", "rule"]),
    source_id=st.sampled_from([None, 1, 2]),
    ip_address=st.sampled_from([None, "192.0.2.1", "2001:db8::1"]),
    actor_name=st.sampled_from([None, "Ada", "Grace"]),
)
BATCHES = st.tuples(st.lists(EVENTS, max_size=6), st.none() | st.sampled_from([*DAYS, at("2026-04-02T12:34:56")]))
REFRESHES = st.sets(st.sampled_from([table.name for table in SUMMARIES]), min_size=1)


@pytest.mark.faults
@settings(max_examples=examples(4))
@given(st.lists(BATCHES | REFRESHES | st.just({table.name for table in SUMMARIES}), max_size=9))
def test_any_refreshes_equal_a_rebuild_and_a_recount_by_hand(steps: list[Any]) -> None:
    with database() as connection:
        log = Log(connection)
        some = SomeAtATime(log, SUMMARIES)
        for step in steps:
            if isinstance(step, tuple):
                log.append(step[0], covers_to=step[1])
            else:
                some.refresh(step)
        followed = log.refresh()
        incremental = log.tables()
        rebuilt = log.refresh(full=True)

        assert incremental == recount(log)
        assert log.tables() == incremental
        assert {done.batch_id for done in followed.values()} == {done.batch_id for done in rebuilt.values()}
        assert [done.rows_total for done in rebuilt.values()] == [len(rows) for rows in incremental.values()]


def test_late_events_in_an_old_day_are_counted_there(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00")), Event(at("2026-03-05T10:00:00"))])
    log.refresh()
    log.append([Event(at("2026-01-05T09:00:00"), ip_address="192.0.2.2")])

    assert log.refresh()["daily_activity"].note == "1 day touched"
    day, *_, addresses, _, _, first_seen, last_seen = log.rows(DAILY_ACTIVITY)[-1]
    assert (day, addresses) == (date(2026, 1, 5), 2)
    assert (first_seen, last_seen) == (at("2026-01-05T09:00:00"), at("2026-01-05T10:00:00"))


def test_days_without_new_rows_are_not_computed_again(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00")), Event(at("2026-01-06T10:00:00")), Event(at("2026-01-07T10:00:00"))])
    log.refresh(DAILY_ACTIVITY)
    log.connection.execute("UPDATE daily_activity SET events = 99")
    log.append([Event(at("2026-01-05T11:00:00")), Event(at("2026-01-07T11:00:00"))])

    refreshed = log.refresh(DAILY_ACTIVITY)["daily_activity"]

    assert sorted((row[0].day, row[4]) for row in log.rows(DAILY_ACTIVITY)) == [(5, 2), (6, 99), (7, 2)]
    assert (refreshed.rows_written, refreshed.rows_total, refreshed.full) == (2, 3, False)


def test_keys_without_new_rows_are_not_computed_again(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"), source_id=item) for item in (1, 2, None)])
    log.refresh(ACTOR_SOURCES)
    log.connection.execute("UPDATE actor_sources SET events = 99")
    log.append([Event(at("2026-01-06T10:00:00"), source_id=item) for item in (None, None, 3)])

    refreshed = log.refresh(ACTOR_SOURCES)["actor_sources"]

    assert {row[2]: row[3] for row in log.rows(ACTOR_SOURCES)} == {1: 99, 2: 99, None: 101, 3: 1}
    assert refreshed.note == "1 new row, 1 known one updated"
    assert (refreshed.rows_written, refreshed.rows_total) == (2, 4)


def test_a_batch_over_many_stretches_equals_a_rebuild(log: Log) -> None:
    days = [at("2025-01-01T12:00:00") + timedelta(days=number) for number in range(2 * strategies.MAX_STRETCHES + 3)]
    log.append([Event(day) for day in days])
    log.refresh()
    log.append([Event(day + SECOND) for day in days[::2]])

    assert log.refresh()["daily_activity"].note == f"{strategies.MAX_STRETCHES + 2} days touched"
    assert log.tables() == recount(log)


def test_coverage_without_new_rows_moves_as_of_and_rewrites_no_day(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))], covers_to=at("2026-01-06T00:00:00"))
    log.refresh()
    log.append(covers_to=at("2026-01-08T10:00:00"))

    refreshed = log.refresh()

    assert {done.batch_id for done in refreshed.values()} == {2}
    assert (refreshed["daily_activity"].rows_written, refreshed["daily_activity"].note) == (0, "nothing new")
    assert summary(log, 1)["as_of"] == at("2026-01-08T10:00:00")
    assert summary(log, 1)["days_since_last_seen"] == 3


def test_coverage_that_the_activity_has_not_seen_does_not_count_yet(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))], covers_to=at("2026-01-06T00:00:00"))
    log.refresh()
    log.append([Event(at("2026-01-08T09:00:00"))], covers_to=at("2026-01-08T10:00:00"))

    assert log.refresh(ACTOR_SUMMARY)["actor_summary"].batch_id == 1
    assert summary(log, 1)["as_of"] == at("2026-01-06T00:00:00")


def test_a_summary_is_as_far_as_the_least_of_the_tables_below_it(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))], covers_to=at("2026-01-06T00:00:00"))
    log.refresh()
    log.append([Event(at("2026-01-08T09:00:00"))], covers_to=at("2026-01-08T10:00:00"))
    log.refresh(DAILY_ACTIVITY, ACTOR_SOURCES)
    assert log.refresh(ACTOR_SUMMARY)["actor_summary"].batch_id == 1


def test_the_name_is_the_last_seen_or_of_one_second_by_alphabet(log: Log) -> None:
    for name in ("Bea", "Cora", "Ann"):
        log.append([Event(at("2026-01-05T10:00:00"), actor_name=name)])
        log.refresh()
    assert summary(log, 1)["actor_name"] == "Cora"
    log.append([Event(at("2026-01-05T10:00:01"), actor_name="Ann"), Event(at("2026-01-06T10:00:01"), actor_name=None)])
    log.refresh()
    assert summary(log, 1)["actor_name"] == "Ann"


def test_an_empty_window_of_coverage_does_not_count(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))], covers_to=at("2026-01-06T00:00:00"))
    log.append(covers_to=at("2026-02-01T00:00:00"))
    log.connection.execute("UPDATE coverage SET window_start = window_end WHERE batch_id = 2")
    log.refresh()
    assert summary(log, 1)["as_of"] == at("2026-01-06T00:00:00")


def test_business_hours_are_8_to_18_on_weekdays_in_the_zone(log: Log) -> None:
    # In Berlin: Friday in winter (UTC+1) and Monday in summer (UTC+2), both sides of both bounds; Saturday.
    inside = ["2026-03-27T07:00:00", "2026-03-27T16:59:59", "2026-03-30T06:00:00", "2026-03-30T15:59:59"]
    outside = ["2026-03-27T06:59:59", "2026-03-27T17:00:00", "2026-03-30T05:59:59", "2026-03-30T16:00:00"]
    weekend = ["2026-03-27T23:00:00", "2026-03-28T11:00:00", "2026-03-29T21:59:59"]
    for actor, times in enumerate((inside, outside, weekend), start=1):
        log.append(Event(at(time), actor_id=actor) for time in times)
    log.refresh(zone=BERLIN)

    shares = {
        actor: (summary(log, actor)["off_hours_share"], summary(log, actor)["weekend_share"]) for actor in (1, 2, 3)
    }
    assert shares == {1: (0.0, 0.0), 2: (1.0, 0.0), 3: (1.0, 1.0)}


def test_the_system_actor_is_flagged_and_keeps_no_hours(log: Log) -> None:
    log.append([Event(at("2026-03-28T03:00:00"), actor_id=actor) for actor in (SYSTEM_ACTOR_ID, 1, None)])
    log.refresh()
    hours = {
        actor: [summary(log, actor)[column] for column in ("is_system", "off_hours_share", "weekend_share")]
        for actor in (SYSTEM_ACTOR_ID, 1, None)
    }
    assert hours == {SYSTEM_ACTOR_ID: [True, None, None], 1: [False, 1.0, 1.0], None: [False, 1.0, 1.0]}


def test_recent_events_count_whole_days_to_the_last_known_one(log: Log) -> None:
    # Known up to midnight: the last day is the one before.
    last = at("2026-06-30T12:00:00")
    log.append([Event(last - timedelta(days=days)) for days in (0, 6, 7, 29, 30, 59, 60)], covers_to=at("2026-07-01"))
    log.refresh()
    (row,) = log.connection.sql("FROM action_summary").pl().drop("as_of").rows(named=True)
    assert row["events"] == 7
    assert (row["events_last_7_days"], row["events_last_30_days"], row["events_previous_30_days"]) == (2, 4, 2)


def test_another_time_zone_builds_the_tables_anew(log: Log) -> None:
    log.append([Event(at("2026-01-05T23:30:00"))])
    log.refresh(zone="UTC")
    assert log.refresh(zone="UTC")["daily_activity"].full is False

    assert all(done.full for done in log.refresh(zone="Asia/Tokyo").values())
    assert summary(log, 1)["off_hours_share"] == 0.0


def test_other_columns_build_the_table_anew(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))])
    log.refresh(ACTOR_ADDRESSES)
    changed = replace(ACTOR_ADDRESSES, columns=ACTOR_ADDRESSES.columns[::-1])

    assert log.refresh(changed)["actor_addresses"].full
    assert log.connection.table("actor_addresses").columns == [column.name for column in changed.columns]
    assert log.refresh(changed)["actor_addresses"].full is False


def test_a_table_that_was_dropped_is_built_anew(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))])
    log.refresh()
    log.connection.execute("DROP TABLE daily_activity")
    assert log.refresh()["daily_activity"] == Refreshed(1, 1, True, 1, "built from the whole log")


def test_a_full_refresh_repairs_what_was_changed_by_hand(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))])
    log.refresh()
    before = log.tables()
    for table in SUMMARIES:
        log.connection.execute(f"UPDATE {table.name} SET events = 99")
    assert log.tables() != before

    assert all(done.full for done in log.refresh(full=True).values())
    assert log.tables() == before


@pytest.mark.parametrize("table", [table for table in SUMMARIES if isinstance(table.strategy, Full)])
def test_a_summary_asks_for_the_tables_below_it(log: Log, table: DerivedTable) -> None:
    with pytest.raises(DependencyNotBuilt, match=r"Materialize daily_activity first\."):
        log.refresh(table)
    log.refresh(zone="UTC")
    with pytest.raises(DependencyNotBuilt, match=r"Materialize daily_activity first\."):
        log.refresh(table, zone=BERLIN)


def test_an_empty_log_gives_empty_tables(log: Log) -> None:
    assert set(log.refresh().values()) == {
        Refreshed(0, 0, True, 0, "built from the whole log"),
        Refreshed(0, 0, True, 0, "computed from daily_activity, actor_names, actor_sources, actor_addresses"),
        Refreshed(0, 0, True, 0, "computed from daily_activity"),
    }


def test_the_query_sees_the_whole_log_again_afterwards(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))], covers_to=at("2026-01-06"))
    log.refresh()
    log.append([Event(at("2026-01-07T10:00:00"))], covers_to=at("2026-01-08"))
    log.refresh()
    for name in ("audit_logs", "coverage"):
        assert scalar(log.connection, f"SELECT count(*) FROM {name}") == 2
    assert scalar(log.connection, "SELECT count(*) FROM duckdb_views() WHERE temporary AND NOT internal") == 0
    assert scalar(log.connection, "SELECT count(*) FROM duckdb_tables() WHERE temporary") == 0


def test_a_rollback_undoes_a_refresh_and_leaves_nothing_behind(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))])
    log.refresh()
    before = log.tables()
    log.append([Event(at("2026-01-05T11:00:00")), Event(at("2026-01-05T11:00:00"), actor_id=2)])

    for table in SUMMARIES:
        log.connection.execute("BEGIN")
        refresh.refresh(log.connection, table, timezone=BERLIN)
        log.connection.execute("ROLLBACK")
    assert log.tables() == before

    broken = replace(DAILY_ACTIVITY, columns=DAILY_ACTIVITY.columns[:-1])
    with pytest.raises(duckdb.Error):
        log.refresh(broken)
    assert log.tables() == before

    log.refresh()
    assert log.tables() == recount(log)


def test_an_error_in_the_middle_leaves_no_view_before_the_log(log: Log) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))])
    log.refresh(zone="UTC")
    log.append([Event(at("2026-01-06T10:00:00"))])
    log.connection.execute("ALTER TABLE audit_logs RENAME COLUMN action TO gone")

    with pytest.raises(duckdb.Error):
        log.refresh(DAILY_ACTIVITY, zone="UTC")
    assert scalar(log.connection, "SELECT count(*) FROM audit_logs") == 2


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "other",
    ["TABLE {} AS SELECT 1 AS one", "VIEW {} AS SELECT 1 AS one", "VIEW {} AS FROM gone", "TABLE {} AS FROM gone"],
)
def test_what_somebody_put_in_a_tables_place_is_rebuilt(log: Log, other: str) -> None:
    log.append([Event(at("2026-01-05T10:00:00"))], covers_to=at("2026-01-06"))
    log.refresh(*DERIVED)
    for table in DERIVED:
        log.connection.execute(f"CREATE OR REPLACE TABLE gone AS FROM {table.name} LIMIT 0")
        log.connection.execute("ALTER TABLE gone ADD COLUMN more INTEGER")
        drop(log.connection, table.name)
        log.connection.execute(f"CREATE {other.format(table.name)}")
    log.connection.execute("DROP TABLE gone")
    log.append([Event(at("2026-01-06T10:00:00"))], covers_to=at("2026-01-07"))
    log.refresh(*DERIVED)

    assert log.tables() == recount(log)


def test_a_database_of_any_name_that_is_in_use_is_refreshed(log: Log, tmp_path: Path) -> None:
    other = log.connection
    own = scalar(other, "SELECT current_database()")
    other.execute(f"""ATTACH '{tmp_path / "other.duckdb"}' AS "an account's ""audit""-log" """)
    other.execute('USE "an account\'s ""audit""-log"')
    with transaction(log.connection):
        migrate(other)
    log.append([Event(at("2026-01-05T10:00:00"))], covers_to=at("2026-01-06"))
    log.refresh()
    log.append([Event(at("2026-01-06T10:00:00"))], covers_to=at("2026-01-07"))
    log.refresh()

    assert log.tables() == recount(log)
    other.execute(f"USE {own}")
    made = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
    assert not {table.name for table in DERIVED} & {name for (name,) in other.execute(made).fetchall()}


def test_the_same_batches_give_the_same_file_order(tmp_path: Path) -> None:
    orders = []
    for name in ("one", "two"):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as connection:
            migrate(connection)
            log = Log(connection)
            for batch in range(3):
                log.append(
                    Event(
                        at("2026-01-05T00:00:00") + timedelta(hours=7 * n), n % 5, source_id=(n * 31 + batch * 17) % 97
                    )
                    for n in range(200)
                )
                log.refresh()
            orders.append([log.rows(table) for table in SUMMARIES])
    assert orders[0] == orders[1]


def test_the_tables_are_plain(log: Log) -> None:
    log.refresh()
    kinds = log.connection.execute("SELECT DISTINCT constraint_type FROM duckdb_constraints()").fetchall()
    assert kinds == [("NOT NULL",)]
    assert log.connection.execute("FROM duckdb_indexes()").fetchall() == []
    assert log.connection.execute("FROM duckdb_sequences()").fetchall() == []


def summary(log: Log, actor_id: int | None) -> dict[str, object]:
    relation = log.connection.sql("FROM actor_summary WHERE actor_id IS NOT DISTINCT FROM ?", params=[actor_id])
    (row,) = relation.fetchall()
    return dict(zip(relation.columns, row, strict=True))
