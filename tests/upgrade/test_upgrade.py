"""A file of each released version opens with today's code, keeps its rows and decisions, and goes on.

`<version>.sql` beside this file is a frozen dump of a warehouse that the version itself created and filled.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from support.records import record
from support.warehouse import DAY, START, batch, transaction
from zendesk_audit_assets.alert import outbox
from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect import Rule, findings, load_rules
from zendesk_audit_assets.detect.tables import FINDING_DECISIONS, FINDINGS_STATE, LOG_FINDINGS
from zendesk_audit_assets.extract import batches, tables
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.backups import backup, restore
from zendesk_audit_assets.warehouse.catalog import META, get_meta, relations, scalar
from zendesk_audit_assets.warehouse.copies import open_read_only, publish
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.migrations import MIGRATIONS, RELEASED, Migration, applied, migrate
from zendesk_audit_assets.warehouse.table import Column

pytestmark = pytest.mark.dates

FOLDER = Path(__file__).parent
DUMPS = sorted(FOLDER.glob("*.sql"))
NAMES = tuple(table.name for table in DERIVED)
KEPT = (tables.AUDIT_LOGS, tables.REVISIONS, tables.REJECTS, tables.COVERAGE, DELIVERIES)
DURABLE = (*KEPT, tables.FAILED_READS, FINDING_DECISIONS, LOG_FINDINGS, META, MIGRATIONS)
BERLIN = "Europe/Berlin"
# After all that the dumps tell of.
NOW = datetime(2026, 1, 4, tzinfo=timezone.utc)


@pytest.fixture(scope="module", params=DUMPS, ids=lambda dump: dump.stem)
def as_left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the older version left it."""
    left = Warehouse(tmp_path_factory.mktemp("left") / "audit.duckdb")
    execute(left, request.param.read_text("utf-8"))
    return left.path


@pytest.fixture(scope="module")
def as_refreshed(as_left: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same file, upgraded and refreshed once."""
    refreshed = copy_of(as_left, tmp_path_factory.mktemp("refreshed"))
    refresh_all(refreshed)
    return refreshed.path


@pytest.fixture
def old(as_left: Path, tmp_path: Path) -> Warehouse:
    return copy_of(as_left, tmp_path / "old")


@pytest.fixture
def upgraded(as_refreshed: Path, tmp_path: Path) -> Warehouse:
    return copy_of(as_refreshed, tmp_path / "upgraded")


def copy_of(path: Path, folder: Path) -> Warehouse:
    folder.mkdir(exist_ok=True)
    return Warehouse(Path(shutil.copy(path, folder)))


def execute(warehouse: Warehouse, sql: str) -> None:
    """Run statements as any program with DuckDB would, without bringing the file up to date."""
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(sql)


def read(warehouse: Warehouse, query: str) -> list[tuple[object, ...]]:
    """Read a file as it is, without bringing it up to date."""
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(query).fetchall()


def read_all(warehouse: Warehouse, names: Iterable[str]) -> dict[str, list[tuple[object, ...]]]:
    """The rows of these tables, sorted."""
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in names}


def refresh_all(warehouse: Warehouse, rules: Sequence[Rule] | None = None) -> None:
    with warehouse.transaction() as connection:
        for table in DERIVED:
            refresh.refresh(connection, table, timezone=BERLIN)
        findings.refresh(connection, load_rules() if rules is None else rules, start=START, timezone=BERLIN)


def schema(warehouse: Warehouse, names: Sequence[str]) -> list[tuple[object, ...]]:
    return read(
        warehouse,
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM duckdb_columns() "
        f"WHERE table_name IN {tuple(names)} ORDER BY table_name, column_index",
    )


def rows(warehouse: Warehouse, table: str) -> list[tuple[object, ...]]:
    return read_all(warehouse, [table])[table]


def test_an_upgrade_keeps_every_row(old: Warehouse) -> None:
    kept = tuple(table.name for table in KEPT)
    columns = dict(
        read(
            old,
            "SELECT table_name, string_agg(column_name, ', ' ORDER BY column_index) FROM duckdb_columns() "
            f"WHERE table_name IN {kept} GROUP BY table_name",
        )
    )
    before = {name: read(old, f"SELECT {columns[name]} FROM {name} ORDER BY ALL") for name in kept}
    assert all(len(before[name]) >= 2 for name in kept)
    with old.transaction():
        pass
    assert {name: read(old, f"SELECT {columns[name]} FROM {name} ORDER BY ALL") for name in kept} == before


def test_an_upgraded_file_equals_a_fresh_one(upgraded: Warehouse, warehouse: Warehouse) -> None:
    refresh_all(warehouse, rules=())
    names = [name for (name,) in read(warehouse, "SELECT table_name FROM duckdb_tables() ORDER BY ALL")]
    assert read(upgraded, "SELECT table_name FROM duckdb_tables() ORDER BY ALL") == [(name,) for name in names]
    assert schema(upgraded, names) == schema(warehouse, names)
    assert read(upgraded, "SELECT name FROM migrations ORDER BY ALL") == [(one.name,) for one in RELEASED]


def test_every_table_and_view_can_be_read_after_an_upgrade(old: Warehouse) -> None:
    with old.transaction() as connection:
        for name in relations(connection):
            connection.execute(f"FROM {name}").fetchall()


def test_facts_about_the_file_are_kept(old: Warehouse) -> None:
    with old.transaction() as connection:
        assert get_meta(connection, "account") == "https://demo.zendesk.com"


def test_derived_tables_after_an_upgrade_equal_a_rebuild(upgraded: Warehouse) -> None:
    after = read_all(upgraded, NAMES)
    with upgraded.transaction() as connection:
        for table in DERIVED:
            refresh.refresh(connection, table, timezone=BERLIN, full=True)
    assert read_all(upgraded, NAMES) == after
    assert all(after[name] for name in ("audit_changes", "daily_activity", "user_role_history"))


# Without what follows from the rules of today.
DECIDED = "CASE WHEN status IN ('noted', 'part') THEN 'open' ELSE status END AS status"


def test_findings_keep_their_status_and_time(old: Warehouse, upgraded: Warehouse) -> None:
    query = f"SELECT uid, {DECIDED}, found_at FROM findings ORDER BY ALL"
    before = read(old, query)
    assert {status for _, status, _ in before} == {"open", "closed", "over"}
    before = [(uid, "resolved" if status == "over" else status, found_at) for uid, status, found_at in before]
    assert set(before) <= set(read(upgraded, query))


def test_a_closed_finding_that_was_forgotten_comes_back_closed(old: Warehouse, upgraded: Warehouse) -> None:
    forgotten = read(old, "SELECT uid, status, found_at FROM findings_forgotten ORDER BY ALL")
    assert {status for _, status, _ in forgotten} == {"open", "closed"}
    after = read(upgraded, f"SELECT uid, {DECIDED}, found_at FROM findings ORDER BY ALL")
    assert set(forgotten) <= set(after)


def test_nothing_is_alerted_twice_after_an_upgrade(old: Warehouse, upgraded: Warehouse) -> None:
    sent = "SELECT * FROM alert_deliveries WHERE status IN ('sent', 'failed', 'suppressed') ORDER BY ALL"
    pending = "SELECT uid, channel FROM alert_deliveries WHERE status = 'pending' ORDER BY ALL"
    settled, waiting = read(old, sent), read(old, pending)
    assert settled
    assert waiting
    known = read(old, "SELECT uid FROM findings UNION SELECT uid FROM findings_forgotten")
    with upgraded.transaction() as connection:
        outbox.enqueue(connection, ["slack", "webhook"], "low", timedelta(days=3650), NOW)
    assert [row for row in read(upgraded, sent) if row in settled] == settled
    new = set(read(upgraded, pending)) - set(waiting)
    # Findings that were open and forgotten have never been sent; the others are new ones.
    assert {uid for uid, _ in new}.isdisjoint({uid for uid, *_ in settled})
    assert len(known) >= 8


def test_the_log_goes_on_after_an_upgrade(upgraded: Warehouse) -> None:
    (before,) = read(upgraded, "SELECT count(*), max(batch_id) FROM audit_logs")
    events = [record(id=1000 + number, created_at="2026-01-03T10:00:00Z", actor_id=101) for number in range(3)]
    with upgraded.transaction() as connection:
        batches.append(connection, [batch(events, Interval(START + 2 * DAY, START + 3 * DAY))], "run")
    refresh_all(upgraded)
    (after,) = read(upgraded, "SELECT count(*), max(batch_id) FROM audit_logs")
    assert (after[0], after[1] > before[1]) == (before[0] + 3, True)
    assert read(upgraded, "SELECT sum(events)::BIGINT FROM daily_activity") == [(after[0],)]
    assert read(upgraded, "SELECT count(*) FROM audit_changes WHERE event_id >= 1000") == [(3,)]


def test_an_empty_file_of_an_older_version_is_brought_up_to_date(old: Warehouse) -> None:
    tables = read(old, "SELECT table_name FROM duckdb_tables() WHERE table_name <> 'warehouse_meta'")
    execute(old, "; ".join(f"DELETE FROM {name} WHERE true" for (name,) in tables))
    refresh_all(old)
    assert rows(old, "audit_logs") == rows(old, "audit_changes") == []


@pytest.mark.faults
def test_a_file_that_never_had_findings_or_alerts_is_upgraded(old: Warehouse, warehouse: Warehouse) -> None:
    kept = {*(table.name for table in tables.TABLES), META.name}
    dropped = [name for (name,) in read(old, "SELECT table_name FROM duckdb_tables()") if name not in kept]
    execute(old, "; ".join(["DROP VIEW audit_events", *(f"DROP TABLE {name}" for name in dropped)]))
    before = rows(old, "audit_logs")
    refresh_all(old)
    assert rows(old, "audit_logs") == before
    assert rows(old, "alert_deliveries") == []
    with warehouse.transaction():
        pass
    names = [table.name for table in DURABLE]
    assert schema(old, names) == schema(warehouse, names)


def test_version_0_1_0_refuses_an_upgraded_file(old: Warehouse) -> None:
    # It refuses a number that is larger than 1, and knows no other sign.
    with old.transaction() as connection:
        assert int(get_meta(connection, "schema_version") or 0) > 1


def test_a_migration_that_fails_leaves_the_older_file_as_it_was(old: Warehouse) -> None:
    tables_before = read(old, "SELECT table_name, sql FROM duckdb_tables() ORDER BY ALL")
    deliveries = rows(old, "alert_deliveries")
    failing = Migration("9000_fail", "DELETE FROM alert_deliveries WHERE true; DROP TABLE nowhere")
    with (
        duckdb.connect(str(old.path)) as connection,
        pytest.raises(duckdb.CatalogException),
        transaction(connection),
    ):
        migrate(connection, [*RELEASED, failing])
    assert read(old, "SELECT table_name, sql FROM duckdb_tables() ORDER BY ALL") == tables_before
    assert rows(old, "alert_deliveries") == deliveries
    with old.transaction() as connection:
        assert applied(connection) == tuple(migration.name for migration in RELEASED)


def test_a_published_copy_of_an_older_version_can_be_read(old: Warehouse) -> None:
    with open_read_only(old.path) as connection:
        assert scalar(connection, "SELECT count(*) FROM audit_logs") >= 2


@pytest.mark.faults
def test_a_backup_of_an_older_version_can_be_restored(old: Warehouse, tmp_path: Path) -> None:
    before = rows(old, "audit_logs")
    other = Warehouse(tmp_path / "other" / "audit.duckdb")
    restore(other, old.path)
    refresh_all(other)
    assert rows(other, "audit_logs") == before
    assert backup(other, tmp_path / "backup.duckdb").rows["audit_logs"] == len(before)
    assert publish(other) is not None


def test_a_state_table_with_other_columns_is_rebuilt(upgraded: Warehouse) -> None:
    before = read_all(upgraded, NAMES)
    for table in (refresh.STATE, FINDINGS_STATE):
        execute(upgraded, f"ALTER TABLE {table.name} ADD COLUMN weight BIGINT; ALTER TABLE {table.name} DROP batch_id")
    refresh_all(upgraded)
    assert read_all(upgraded, NAMES) == before
    assert all(read_all(upgraded, [refresh.STATE.name, FINDINGS_STATE.name]).values())


def test_a_derived_table_with_other_columns_is_rebuilt(upgraded: Warehouse) -> None:
    """As after an upgrade whose declarations have one more column each, and after the way back."""
    before = read_all(upgraded, NAMES)
    with upgraded.transaction() as connection:
        # First those that read other ones, which then still have the definition that they ask for.
        for table in reversed(DERIVED):
            more = replace(table, columns=(*table.columns, Column("weight", "BIGINT", "More.")))
            assert refresh.refresh(connection, more, timezone=BERLIN).full, table.name
    with upgraded.transaction() as connection:
        for table in DERIVED:
            assert refresh.refresh(connection, table, timezone=BERLIN).full, table.name
    assert read_all(upgraded, NAMES) == before
