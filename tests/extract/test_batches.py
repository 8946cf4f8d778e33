"""Batches and the coverage that vouches for them, in a real file; and the questions that are asked of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.batches import Appended, Batch
from zendesk_audit_assets.extract.coverage import SECOND, Interval, Read
from zendesk_audit_assets.extract.identity import OtherAccount, bind_account
from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.extract.tables import TABLES
from zendesk_audit_assets.warehouse.catalog import scalar
from zendesk_audit_assets.warehouse.database import Warehouse

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
RECORD = ", ".join([*(field.name for field in FIELDS), "extra"])

Make = Callable[..., Any]


def at(second: int) -> datetime:
    return START + second * SECOND


def wire(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with Warehouse(tmp_path_factory.mktemp("log") / "audit.duckdb").transaction() as connection:
        yield connection


@pytest.fixture
def connection(opened: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """An empty warehouse, within a transaction."""
    empty(opened)
    return opened


def empty(connection: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES:
        connection.execute(f"DELETE FROM {table.name} WHERE true")


def events(connection: duckdb.DuckDBPyConnection, table: str = "audit_logs") -> Counter[tuple[Any, ...]]:
    return Counter(connection.execute(f"SELECT {RECORD} FROM {table}").fetchall())


def counts(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    query = "SELECT rows_received, rows_inserted, rows_revised, rows_rejected FROM coverage ORDER BY batch_id"
    return connection.execute(query).fetchall()


def test_a_batch_comes_with_the_coverage_that_vouches_for_it(
    connection: duckdb.DuckDBPyConnection, batch: Make, record: Make
) -> None:
    one = batch([record(id=1), record(id=2), record(id=None)], Interval(at(0), at(60)), read_at=at(90), requests=3)
    assert batches.append(connection, [one], "run-1") == Appended(received=3, inserted=2, revised=0, rejected=1)
    assert batches.append(connection, [batch(window=Interval(at(60), at(90)))], "run-2") == Appended()

    columns = "batch_id, window_start, window_end, read_at, run_id, requests"
    assert connection.execute(f"SELECT {columns} FROM coverage ORDER BY batch_id").fetchall() == [
        (1, at(0), at(60), at(90), "run-1", 3),
        (2, at(60), at(90), START + DAY, "run-2", 1),
    ]
    assert counts(connection) == [(3, 2, 0, 1), (0, 0, 0, 0)]
    origins = "SELECT batch_id, run_id, inserted_at FROM audit_logs UNION SELECT batch_id, run_id, inserted_at FROM {}"
    committed_at = scalar(connection, "SELECT committed_at FROM coverage WHERE batch_id = 1")
    assert connection.execute(origins.format("audit_log_rejects")).fetchall() == [(1, "run-1", committed_at)]


def test_appending_a_batch_again_changes_only_the_coverage(
    connection: duckdb.DuckDBPyConnection, batch: Make, record: Make
) -> None:
    batches.append(connection, [batch([record(id=7, action="create")])], "run-1")
    one = batch([record(id=7), record(id=8), record(id=8), record(id=None), record(id=9, brand="x")])
    batches.append(connection, [one], "run-2")
    tables = ["audit_logs", "audit_log_revisions", "audit_log_rejects"]
    before = [connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in tables]
    assert batches.append(connection, [one], "run-3") == Appended(received=5)
    assert [connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in tables] == before
    assert counts(connection) == [(1, 1, 0, 0), (5, 2, 1, 1), (5, 0, 0, 0)]


def test_a_record_twice_in_a_batch_is_stored_once(
    connection: duckdb.DuckDBPyConnection, batch: Make, record: Make
) -> None:
    twice = [record(id=1), record(id=2), record(id=1)]
    assert batches.append(connection, [batch(twice)], "run").inserted == 2
    assert sorted(connection.execute("SELECT id FROM audit_logs").fetchall()) == [(1,), (2,)]
    assert not events(connection, "audit_log_revisions")


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_a_revision_is_kept_beside_the_first_version(
    connection: duckdb.DuckDBPyConnection, batch: Make, record: Make, in_one_batch: bool
) -> None:
    versions = [record(id=1, source_label=label) for label in ("first", "second", "third", "second", "first")]
    received = [batch(versions)] if in_one_batch else [batch([version]) for version in versions]
    appended = batches.append(connection, received, "run")
    assert appended == Appended(received=5, inserted=1, revised=2)
    assert connection.execute("SELECT id, source_label FROM audit_logs").fetchall() == [(1, "first")]
    revisions = "SELECT id, source_label FROM audit_log_revisions ORDER BY source_label"
    assert connection.execute(revisions).fetchall() == [(1, "second"), (1, "third")]


@pytest.mark.parametrize(
    "change", [{"actor_name": None}, {"brand": 1}, {"created_at": wire(at(5))}, {"url": ""}, {"source_id": 0}]
)
def test_a_change_of_any_field_is_another_version(
    connection: duckdb.DuckDBPyConnection, batch: Make, record: Make, change: dict[str, Any]
) -> None:
    before, after = record(id=2, created_at=wire(at(0))), record(id=3, created_at=wire(at(9)))
    event = record(id=1, created_at=wire(at(3)))
    batches.append(connection, [batch([before, event, after])], "run")
    assert batches.append(connection, [batch([before, event | change, after])], "run") == Appended(
        received=3, revised=1
    )
    assert connection.execute("SELECT id FROM audit_log_revisions").fetchall() == [(1,)]


@pytest.mark.parametrize("moved", [-400 * DAY, DAY, 400 * DAY], ids=["earlier", "a day later", "later"])
@pytest.mark.parametrize("together", [True, False], ids=["one commit", "two commits"])
def test_an_id_is_known_wherever_in_the_log_it_is(
    connection: duckdb.DuckDBPyConnection, batch: Make, record: Make, moved: timedelta, together: bool
) -> None:
    there = START + moved
    first = batch([record(id=n, created_at=wire(at(n))) for n in range(5)])
    again = batch(
        [record(id=n, created_at=wire(there + n * SECOND)) for n in (3, 7)], Interval(there, there + DAY), there + DAY
    )
    commits = [[first, again]] if together else [[first], [again]]
    appended = sum((batches.append(connection, commit, "run") for commit in commits), Appended())
    assert appended == Appended(received=7, inserted=6, revised=1)
    assert connection.execute("SELECT created_at FROM audit_logs WHERE id = 3").fetchall() == [(at(3),)]
    assert batches.append(connection, [again, first], "run") == Appended(received=7)


def test_a_row_of_an_id_that_is_stored_twice_is_no_revision(
    connection: duckdb.DuckDBPyConnection, batch: Make, record: Make
) -> None:
    batches.append(connection, [batch([record(id=1), record(id=2, created_at=wire(at(9)))])], "run")
    connection.execute("UPDATE audit_logs SET id = 1")  # as versions before 0.3 could leave it
    assert batches.append(connection, [batch([record(id=1)])], "run") == Appended(received=1)


def test_a_reject_is_kept_once(connection: duckdb.DuckDBPyConnection, batch: Make, record: Make) -> None:
    strange = [record(id="no 1"), record(id="no 1"), record(id="no 2"), None]
    assert batches.append(connection, [batch(strange)], "run").rejected == 3
    assert batches.append(connection, [batch([*strange, record(id="no 3")])], "run").rejected == 1
    raw = [json.loads(raw) for (raw,) in connection.execute("SELECT raw FROM audit_log_rejects").fetchall()]
    assert sorted(raw, key=str) == sorted([record(id="no 1"), record(id="no 2"), record(id="no 3"), None], key=str)


texts = st.text(st.characters(exclude_categories=()), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
int64s = st.integers(-(2**63), 2**63 - 1)
strange_records = values | st.builds(
    lambda id, created_at, fields, extra: {"id": id, "created_at": created_at} | fields | extra,
    int64s | values,
    st.sampled_from(["0001-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999+00:00"]) | values,
    st.fixed_dictionaries({}, optional={"actor_id": int64s | values, "action": texts, "source_label": values}),
    st.dictionaries(texts, values, max_size=3),
)


@given(records=st.lists(strange_records, max_size=6))
def test_whatever_can_be_typed_can_be_stored_and_read_back(
    opened: duckdb.DuckDBPyConnection, batch: Make, records: list[Any]
) -> None:
    empty(opened)
    one = batch(records)
    appended = batches.append(opened, [one], "run")
    assert appended.received == len(records)
    sent = Counter(tuple(row.values()) for row in one.rows.to_dicts())
    # Of equal ones one is kept, of one id the first version; the others are revisions.
    assert events(opened) + events(opened, "audit_log_revisions") == Counter(set(sent))
    raw = "SELECT raw FROM audit_log_rejects"
    assert {text for (text,) in opened.execute(raw).fetchall()} == set(one.rejects["raw"])


def test_a_file_belongs_to_the_account_that_claims_it_first(connection: duckdb.DuckDBPyConnection) -> None:
    bind_account(connection, "https://acme.zendesk.com")
    bind_account(connection, "https://acme.zendesk.com")
    with pytest.raises(
        OtherAccount, match=r"https://acme\.zendesk\.com, not of https://other\.zendesk\.com"
    ) as refused:
        bind_account(connection, "https://other.zendesk.com")
    assert "ZENDESK_AUDIT_DB" in refused.value.remedy


def test_coverage_is_read_back_as_it_was_claimed(connection: duckdb.DuckDBPyConnection, batch: Make) -> None:
    spans = [(0, 10), (10, 20), (50, 60)]
    for start, end in spans:
        batches.append(connection, [batch(window=Interval(at(start), at(end)), read_at=at(end + 100))], "run")
    claimed = [Read(Interval(at(start), at(end)), at(end + 100)) for start, end in spans]
    assert batches.reads(connection, Interval(at(0), at(100))) == claimed
    assert batches.reads(connection, Interval(at(20), at(49))) == claimed[1:2]  # it touches
    assert batches.reads(connection, Interval(at(21), at(50))) == claimed[2:]
    assert batches.reads(connection, Interval(at(61), at(70))) == []


def test_an_empty_window_delivers_rejects_and_claims_nothing(
    connection: duckdb.DuckDBPyConnection, batch: Make, record: Make
) -> None:
    batches.append(connection, [batch([record(id=None)], Interval(at(30), at(30)))], "run")
    assert scalar(connection, "SELECT count(*) FROM audit_log_rejects") == 1
    assert batches.reads(connection, Interval(at(0), at(60))) == []
    assert batches.covered_to(connection) is None
    assert batches.complete_to(connection, at(30)) == at(30)


def test_nothing_is_covered_before_the_first_batch(connection: duckdb.DuckDBPyConnection) -> None:
    assert batches.covered_to(connection) is None
    assert batches.complete_to(connection, START) == START
    assert batches.row_count(connection) == 0


windows = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)


@given(spans=st.lists(windows, max_size=6), start=st.integers(0, 30))
def test_coverage_is_complete_up_to_its_first_gap(
    opened: duckdb.DuckDBPyConnection, batch: Make, spans: list[tuple[int, int]], start: int
) -> None:
    empty(opened)
    for first, end in spans:
        batches.append(opened, [batch(window=Interval(at(first), at(end)))], "run")
    covered = {second for first, end in spans for second in range(first, end)}
    end = start
    while end in covered:
        end += 1
    assert batches.complete_to(opened, at(start)) == at(end)
    assert batches.covered_to(opened) == (at(max(covered) + 1) if covered else None)


@given(
    seconds=st.lists(st.integers(0, 60), max_size=30),
    before=st.integers(0, 60),
    rows=st.integers(0, 12),
    at_most=st.integers(0, 60),
)
def test_the_last_rows_begin_at_the_earliest_second_possible(
    opened: duckdb.DuckDBPyConnection,
    batch: Make,
    record: Make,
    seconds: list[int],
    before: int,
    rows: int,
    at_most: int,
) -> None:
    empty(opened)
    batches.append(
        opened, [batch(record(id=id, created_at=wire(at(second))) for id, second in enumerate(seconds))], "run"
    )

    def few_from(start: int) -> bool:
        return sum(second >= start for second in seconds) <= rows

    expected = next(start for start in range(before - at_most, before + 1) if start == before or few_from(start))
    start = batches.start_of_last_rows(opened, before=at(before), rows=rows, at_most=at_most * SECOND)
    assert start == at(expected)


def test_what_is_stored_tells_its_rows(connection: duckdb.DuckDBPyConnection, batch: Make, record: Make) -> None:
    batches.append(connection, [batch(record(id=id) for id in range(5))], "run")
    assert batches.row_count(connection) == 5


def test_counts_of_batches_add_up() -> None:
    assert Appended(4, 3, 2, 1) + Appended(10, 20, 30, 40) == Appended(14, 23, 32, 41)


def test_the_cleanup_hides_no_error_of_an_append(warehouse: Warehouse, batch: Make, record: Make) -> None:
    one: Batch = batch([record(brand="x")])
    broken = Batch(one.window, one.read_at, 1, one.rows.with_columns(extra=one.rows["extra"] + "}"), one.rejects)
    with pytest.raises(duckdb.ConversionException, match="JSON"), warehouse.transaction() as connection:
        batches.append(connection, [broken], "run")
    with warehouse.transaction() as connection:
        assert batches.row_count(connection) == 0
