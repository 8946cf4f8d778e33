"""Runs rules and writes `findings`: event rules in one pass over new events, the others over a window of time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Event, Lock, Thread

import duckdb

from zendesk_audit_assets.detect import (
    HISTORY,
    Rule,
    RuleError,
    decisions,
    reports,
)
from zendesk_audit_assets.detect.tables import FINDINGS, LOG_FINDINGS
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.text import first_line
from zendesk_audit_assets.warehouse.catalog import relations, scalar

_SHOWN = ", ".join(reports.SHOWN)


def evaluate_events(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], seen: int) -> int:
    """Add the findings of event rules in batches after `seen`. Returns the number of findings."""
    if not scalar(connection, f"SELECT EXISTS (FROM audit_events WHERE batch_id > {seen})"):
        return 0
    with _rule_table(connection, rules):
        matches = ", ".join(f"CASE WHEN {rule.sql} THEN {number} END" for number, rule in enumerate(rules))
        connection.execute(
            f"""
            CREATE TEMP TABLE matched AS
            SELECT {_SHOWN}, unnest(list_filter([{matches}], lambda n: n IS NOT NULL)) AS number
            FROM audit_events WHERE batch_id > {seen}
            """
        )
        _take_back_days(connection)
        connection.execute(f"CREATE TEMP TABLE reported AS {reports.of_matches()}")
        written = scalar(connection, reports.insert_single("reported")) + scalar(connection, reports.INSERT_DAYS)
    for table in ("reported", "matched"):
        connection.execute(f"DROP TABLE temp.{table}")
    return int(written)


def _take_back_days(connection: duckdb.DuckDBPyConnection) -> None:
    """Move the events of days that go on from their findings, which are written anew, to `matched`."""
    connection.execute(
        f"""
        CREATE TEMP TABLE earlier AS
        SELECT uid, number, event_ids, first_event_at, last_event_at
        FROM findings JOIN (
            SELECT DISTINCT {reports.DAY_UID} AS uid, number
            FROM (SELECT *, created_at AS last_event_at FROM matched JOIN rules USING (number))
            WHERE severity = 'low'
        ) USING (uid)
        """
    )
    ((begin, end),) = connection.execute("SELECT min(first_event_at), max(last_event_at) FROM earlier").fetchall()
    if begin is not None:
        connection.execute(
            f"""
            INSERT INTO matched BY NAME
            SELECT {_SHOWN}, number
            FROM (SELECT unnest(event_ids) AS id, number FROM earlier) JOIN audit_events USING (id)
            WHERE created_at BETWEEN {_literal(begin)} AND {_literal(end)}
            """
        )
        connection.execute("DELETE FROM findings WHERE uid IN (SELECT uid FROM earlier)")
    connection.execute("DROP TABLE temp.earlier")


def evaluate_window(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    since: datetime,
    until: datetime,
    others: Sequence[Rule],
    time_limit_s: float,
) -> int:
    """Add the findings of correlation and SQL rules in the window `[since, until)`. Returns the number of findings.

    Rules with the input `findings` read those of the `others`. Raises `RuleError` when the query of a rule fails, takes
    longer than `time_limit_s`, or returns a row without an event of the log, which would be lost unnoticed.
    """
    existing = relations(connection)
    rules = [rule for rule in rules if existing.issuperset(rule.needs)]
    if not rules:
        return 0
    # With the NOT NULL of the table of findings, so that a result that it refuses fails here, by the name of its rule.
    connection.execute(replace(FINDINGS, name="reported", columns=(*FINDINGS.columns, reports.MOMENTS)).temporary_ddl)
    for rule in rules:
        views = _window(connection, since - rule.look_back, since, until, others)
        with views, _rule_table(connection, [rule]), _errors_of(rule), _limited(connection, rule, time_limit_s):
            connection.execute(f"CREATE TEMP TABLE results AS {reports.results_of(rule)}")
            if scalar(connection, "SELECT EXISTS (FROM results)"):
                if scalar(connection, reports.HAS_NO_EVENT):
                    problem = "its query returns a row whose event_ids are empty or name no event of the log"
                    raise RuleError(rule.file, problem, rule_id=rule.id)
                connection.execute(f"INSERT INTO reported BY NAME {reports.of_results(rule)}", [since])
            connection.execute("DROP TABLE temp.results")
    written = scalar(connection, reports.insert_single("reported")) + scalar(connection, reports.INSERT_DAYS)
    connection.execute("DROP TABLE temp.reported")
    return int(written)


def evaluate_state(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], rebuilt: Collection[str], time_limit_s: float
) -> int:
    """Bring the findings about the log itself up to date: `log_findings`, and their rows of `findings`.

    Writes all findings of the rules whose ids are `rebuilt`, else those that are new or have changed, and leaves the
    table `states`, the findings whose condition holds now, for `settle_states`. Returns the number of rows written.
    Raises `RuleError` when the query of a rule fails or takes longer than `time_limit_s`.
    """
    # With the NOT NULL of the durable table, so that a result that it refuses fails here, by the name of its rule.
    connection.execute(replace(LOG_FINDINGS, name="states").temporary_ddl)
    for rule in rules:
        with _rule_table(connection, [rule]), _errors_of(rule), _limited(connection, rule, time_limit_s):
            connection.execute(reports.insert_states(rule))
    changed = [
        uid for (uid,) in connection.execute("SELECT uid FROM (FROM states EXCEPT FROM log_findings)").fetchall()
    ]
    if not changed and not rebuilt:
        return 0
    for table in ("log_findings", "findings"):
        connection.execute(f"DELETE FROM {table} WHERE list_contains($1, uid)", [changed])
    connection.execute("INSERT INTO log_findings FROM states WHERE list_contains($1, uid)", [changed])
    with _rule_table(connection, rules):
        written = scalar(
            connection,
            f"""
            INSERT INTO findings BY NAME
            SELECT
                log_findings.*, remedy, {reports.NEW_STATUS.format("log_findings.severity")} AS status,
                now() AS found_at
            FROM log_findings LEFT JOIN rules USING (rule_id)
            WHERE list_contains($1, uid) OR list_contains($2, rule_id)
            """,
            [changed, list(rebuilt)],
        )
    return int(written)


def settle_states(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """Resolve the findings of these rules whose condition has cleared; reopen resolved ones whose condition holds."""
    for before, holds, after in ((["open", "noted"], False, "resolved"), (["resolved"], True, "open")):
        uids = connection.execute(
            """
            SELECT uid FROM findings
            WHERE batch_id = 0 AND list_contains($1, status) AND list_contains($2, rule_id)
              AND (uid IN (SELECT uid FROM states)) = $3
            """,
            [before, [rule.id for rule in rules], holds],
        ).fetchall()
        decisions.record(connection, [uid for (uid,) in uids], after)
    connection.execute("DROP TABLE temp.states")


@contextmanager
def _window(
    connection: duckdb.DuckDBPyConnection,
    begin: datetime,
    since: datetime,
    until: datetime,
    others: Sequence[Rule],
) -> Iterator[None]:
    """Create the views that rules read. Their times are constants, so that DuckDB skips the rest of the log."""
    begin_, since_, until_ = map(_literal, (begin, since, until))
    ids = ", ".join(f"'{rule.id}'" for rule in others) or "NULL"
    views = {
        "history": f"FROM ({HISTORY}) WHERE created_at >= {begin_} AND created_at < {until_}",
        "evaluated": f"FROM history WHERE created_at >= {since_}",
        "found": f"FROM findings WHERE last_event_at >= {begin_} AND last_event_at < {until_} AND rule_id IN ({ids})",
    }
    for name, query in views.items():
        connection.execute(f"CREATE TEMP VIEW {name} AS {query}")
    yield
    for name in reversed(views):
        connection.execute(f"DROP VIEW temp.{name}")


def _literal(instant: datetime) -> str:
    return f"TIMESTAMPTZ '{instant.isoformat()}'"


@contextmanager
def _errors_of(rule: Rule) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise RuleError(rule.file, "its query needs more memory than there is", rule_id=rule.id) from None
    except (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException) as error:
        if reports.UNKNOWN_LEVEL in str(error):
            problem = f"its query gives a level that is none of {', '.join(SEVERITIES)}"
        else:  # the message of DuckDB quotes values of the log, which would stay in Dagster's history
            problem = f"its query fails on a row of the log ({type(error).__name__})"
        raise RuleError(rule.file, problem, rule_id=rule.id) from None
    except (duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        missing = _MISSING.search(str(error))
        problem = f"its query returns no column {missing[1]}" if missing else f"its query fails ({first_line(error)})"
        raise RuleError(rule.file, problem, rule_id=rule.id) from error


@contextmanager
def _limited(connection: duckdb.DuckDBPyConnection, rule: Rule, time_limit_s: float) -> Iterator[None]:
    """Stop what runs on the connection after this time. Raises `RuleError` when it was stopped."""
    lock, ended, stopped = Lock(), Event(), False

    def stop() -> None:
        nonlocal stopped
        wait = time_limit_s
        while not ended.wait(wait):
            with lock:  # never a query that runs after the rule
                if not ended.is_set():
                    stopped = True
                    connection.interrupt()
            wait = 1.0  # again, since between two queries it stops neither

    Thread(target=stop, name="limit of a rule", daemon=True).start()
    try:
        yield
    except duckdb.InterruptException:
        if not stopped:
            raise
        problem = f"its query takes longer than {time_limit_s:g} seconds"
        raise RuleError(rule.file, problem, rule_id=rule.id) from None
    finally:
        with lock:
            ended.set()


_MISSING = re.compile('Column "(\\w+)" in REPLACE list not found')


@contextmanager
def _rule_table(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> Iterator[None]:
    """Create the table of the columns that findings take from their rule, by its `number` in `rules`."""
    connection.execute(
        """
        CREATE TEMP TABLE rules (
            number BIGINT, rule_id VARCHAR, rule VARCHAR, severity VARCHAR, level_is_fixed BOOLEAN,
            title VARCHAR, attack VARCHAR[], experimental BOOLEAN, remedy VARCHAR
        )
        """
    )
    columns = [
        range(len(rules)),
        *([getattr(rule, name) for rule in rules] for name in ("id", "name", "level", "level_is_fixed", "title")),
        [list(rule.attack) for rule in rules],
        [rule.experimental for rule in rules],
        [rule.remedy or None for rule in rules],
    ]
    # All at once: a statement takes longer than its rows.
    unnested = ", ".join(f"unnest(${number})" for number, _ in enumerate(columns, start=1))
    connection.execute(f"INSERT INTO rules SELECT {unnested}", list(map(list, columns)))
    yield
    connection.execute("DROP TABLE temp.rules")
