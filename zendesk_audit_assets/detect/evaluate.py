"""Runs rules and writes `findings`: event rules in one pass over new events, the others over a window of time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime

import duckdb

from zendesk_audit_assets.detect import (
    HISTORY,
    Rule,
    RuleError,
    decisions,
)
from zendesk_audit_assets.detect.tables import FINDINGS, LOG_FINDINGS
from zendesk_audit_assets.masking import mask_sql
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.text import first_line
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS
from zendesk_audit_assets.transform.table import events
from zendesk_audit_assets.warehouse.catalog import relations, scalar
from zendesk_audit_assets.warehouse.table import Column

# The rules of a window share one copy of its events up to this number of them: a copy of years would cost memory.
COPIED_EVENTS = 200_000


def evaluate_events(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], seen: int) -> int:
    """Add the findings of event rules in batches after `seen`. Returns the number of findings."""
    columns = ", ".join(_columns_read_by(rules))
    # A copy, because the view computes its columns each time that they are read.
    connection.execute(
        f"CREATE TEMP TABLE news AS SELECT {columns} FROM ({events(connection, columns)}) WHERE batch_id > {seen}"
    )
    with _rule_table(connection, rules):
        matches = ", ".join(f"CASE WHEN {rule.sql} THEN {number} END" for number, rule in enumerate(rules))
        connection.execute(
            f"""
            CREATE TEMP TABLE matched AS
            SELECT {", ".join(sorted(_SHOWN))}, unnest(list_filter([{matches}], lambda n: n IS NOT NULL)) AS number
            FROM news
            """
        )
        written = scalar(connection, _insert_single(f"({_of_matches()})"))
        _take_back_days(connection)
        connection.execute(f"CREATE TEMP TABLE reported AS FROM ({_of_matches()}) WHERE severity = 'low'")
        written += scalar(connection, _INSERT_DAYS)
    for table in ("reported", "matched", "news"):
        connection.execute(f"DROP TABLE temp.{table}")
    return int(written)


def _take_back_days(connection: duckdb.DuckDBPyConnection) -> None:
    """Move the events of days that go on from their findings, which are written anew, to `matched`."""
    connection.execute(
        f"""
        CREATE TEMP TABLE earlier AS
        SELECT uid, number, event_ids, first_event_at, last_event_at
        FROM findings JOIN (
            SELECT DISTINCT {_DAY_UID} AS uid, number
            FROM (SELECT *, created_at AS last_event_at FROM matched JOIN rules USING (number))
            WHERE severity = 'low'
        ) USING (uid)
        """
    )
    ((begin, end),) = connection.execute("SELECT min(first_event_at), max(last_event_at) FROM earlier").fetchall()
    if begin is not None:
        shown = ", ".join(sorted(_SHOWN))
        connection.execute(
            f"""
            INSERT INTO matched BY NAME
            SELECT {shown}, number
            FROM (SELECT unnest(event_ids) AS id, number FROM earlier) JOIN ({events(connection, shown)}) USING (id)
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
) -> int:
    """Add the findings of correlation and SQL rules in the window `[since, until)`. Returns the number of findings.

    Rules with the input `findings` read those of the `others`. All rules read one copy of the events of the window;
    where these are many, such as in a rebuild of years, each reads the view itself.
    Raises `RuleError` when the query of a rule fails.
    """
    existing = relations(connection)
    rules = [rule for rule in rules if existing.issuperset(rule.needs)]
    if not rules:
        return 0
    begin = since - max(rule.look_back for rule in rules)
    number = scalar(
        connection,
        f"SELECT count(*) FROM audit_logs WHERE created_at >= {_literal(begin)} AND created_at < {_literal(until)}",
    )
    few = number <= COPIED_EVENTS
    # With the NOT NULL of the table of findings, so that a result that it refuses fails here, by the name of its rule.
    connection.execute(replace(FINDINGS, name="reported", columns=(*FINDINGS.columns, _MOMENTS)).temporary_ddl)
    every = f"({_history(connection, rules)})"
    with _copy_of_recent(connection, every, begin, until) if few else nullcontext(every) as source:
        for rule in rules:
            views = _window(connection, source, since - rule.look_back, since, until, others)
            with views, _rule_table(connection, [rule]), _errors_of(rule):
                connection.execute(f"INSERT INTO reported BY NAME {_of_results(rule)}", [since])
    written = scalar(connection, _insert_single("reported")) + scalar(connection, _INSERT_DAYS)
    connection.execute("DROP TABLE temp.reported")
    return int(written)


def evaluate_state(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], rebuilt: Collection[str]) -> int:
    """Bring the findings about the log itself up to date: `log_findings`, and their rows of `findings`.

    Writes all findings of the rules whose ids are `rebuilt`, else those that are new or have changed, and leaves the
    table `states`, the findings whose condition holds now, for `settle_states`. Returns the number of rows written.
    Raises `RuleError` when the query of a rule fails.
    """
    # With the NOT NULL of the durable table, so that a result that it refuses fails here, by the name of its rule.
    connection.execute(replace(LOG_FINDINGS, name="states").temporary_ddl)
    for rule in rules:
        with _rule_table(connection, [rule]), _errors_of(rule):
            connection.execute(_insert_states(rule, events(connection, f"{rule.sql} {' '.join(_SHOWN)}")))
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
            SELECT log_findings.*, remedy, {_NEW.format("log_findings.severity")} AS status, now() AS found_at
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


def _columns_read_by(rules: Sequence[Rule]) -> list[str]:
    """Return the columns of `audit_events` that findings show, and those whose names occur in the SQL of a rule."""
    words = set(re.findall(r"\w+", " ".join(rule.sql for rule in rules).lower()))
    return [column.name for column in AUDIT_EVENTS.columns if column.name in _SHOWN or column.name in words]


def _history(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> str:
    """A query for the events with the columns that some rule reads."""
    columns = ", ".join(_columns_read_by(rules))
    if not any("is_privileged" in rule.sql.lower() for rule in rules):
        return f"SELECT {columns} FROM ({events(connection, columns)})"
    source = HISTORY.replace("FROM audit_events", f"FROM ({events(connection, f'{columns} {HISTORY}')})")
    return f"SELECT {columns}, is_privileged FROM ({source})"


@contextmanager
def _copy_of_recent(
    connection: duckdb.DuckDBPyConnection, source: str, begin: datetime, until: datetime
) -> Iterator[str]:
    """Copy the events of `source` from `begin` to `until`. Yields the name of the copy."""
    connection.execute(
        f"CREATE TEMP TABLE recent AS FROM {source} "
        f"WHERE created_at >= {_literal(begin)} AND created_at < {_literal(until)}"
    )
    yield "recent"
    connection.execute("DROP TABLE temp.recent")


@contextmanager
def _window(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    begin: datetime,
    since: datetime,
    until: datetime,
    others: Sequence[Rule],
) -> Iterator[None]:
    """Create the views that rules read. Their times are constants, so that DuckDB skips the rest of the log."""
    begin_, since_, until_ = map(_literal, (begin, since, until))
    ids = ", ".join(f"'{rule.id}'" for rule in others) or "NULL"
    views = {
        "history": f"FROM {source} WHERE created_at >= {begin_} AND created_at < {until_}",
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
        if _UNKNOWN_LEVEL in str(error):
            problem = f"its query gives a level that is none of {', '.join(SEVERITIES)}"
        else:  # the message of DuckDB quotes values of the log, which would stay in Dagster's history
            problem = f"its query fails on a row of the log ({type(error).__name__})"
        raise RuleError(rule.file, problem, rule_id=rule.id) from None
    except (duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        missing = _MISSING.search(str(error))
        problem = f"its query returns no column {missing[1]}" if missing else f"its query fails ({first_line(error)})"
        raise RuleError(rule.file, problem, rule_id=rule.id) from error


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
    for number, rule in enumerate(rules):
        values = [rule.level, rule.level_is_fixed, rule.title, list(rule.attack), rule.experimental, rule.remedy]
        connection.execute(
            "INSERT INTO rules VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''))", [number, rule.id, rule.name, *values]
        )
    yield
    connection.execute("DROP TABLE temp.rules")


_SHOWN = frozenset(
    {
        "id", "created_at", "batch_id", "actor_id", "actor_name", "ip_address", "action", "object_type", "source_id",
        "source_label", "change_description",
    }
)  # fmt: skip

# The status of a finding without a decision.
_NEW = "CASE WHEN {} = 'informational' THEN 'noted' ELSE 'open' END"

_WHO = "coalesce(actor_name, 'Actor ' || actor_id, 'Somebody')"
_FROM = "coalesce(' from ' || ip_address, '')"
_DID = """
    CASE WHEN action = 'login' THEN 'signed in' ELSE
        CASE action
            WHEN 'create' THEN 'created' WHEN 'update' THEN 'changed' WHEN 'destroy' THEN 'deleted'
            ELSE coalesce(action, 'acted on')
        END || coalesce(' ' || replace(object_type, '_', ' '), '')
    END
"""
# Kinds of acts that a sentence names.
_ACTS = 5
_NAMED = """CASE WHEN action = 'login' THEN '' ELSE coalesce(' "' || source_label || '"', '') END"""

# Masked before it is cut: half a secret no longer looks like one.
_MASKED = mask_sql("change_description")
_WHAT_HAPPENED = f"""
    {_WHO} || ' ' || {_DID} || {_NAMED} || {_FROM}
    || CASE
        WHEN coalesce(change_description, '') = '' THEN '.'
        WHEN length(change_description) > 300 THEN ': ' || ({_MASKED})[:300] || '…'
        ELSE ': ' || change_description
    END
"""


def _of_matches() -> str:
    """A finding for each event of `matched` and each rule that it matches."""
    return f"""
        SELECT
            sha256(rule_id || ' ' || id) AS uid, rule_id, rule, severity, title, {_WHAT_HAPPENED} AS explanation,
            actor_id, actor_name, object_type, source_id AS object_id, source_label AS object_label, ip_address,
            created_at AS first_event_at, created_at AS last_event_at, 1 AS events, [id] AS event_ids,
            [{{'at': created_at, 'id': id}}] AS moments, attack, experimental, remedy,
            {_NEW.format("severity")} AS status, now() AS found_at, batch_id
        FROM matched JOIN rules USING (number)
    """


def _insert_single(reported: str) -> str:
    """Insert the findings of `reported` that stand for themselves: all but the low ones."""
    return f"""
        INSERT INTO findings BY NAME
        SELECT * EXCLUDE (moments) FROM {reported} WHERE severity <> 'low' ORDER BY first_event_at, uid
    """


# The low findings of a rule and an actor on a day are one: by the day of their last event, in UTC.
_DAY = "(last_event_at AT TIME ZONE 'UTC')::DATE"
_DAY_UID = f"sha256(concat_ws(' ', rule_id, 'day', {_DAY}, actor_id))"
_LAST = "ORDER BY last_event_at, event_ids[-1], uid"

_MOMENTS = Column("moments", 'STRUCT("at" TIMESTAMPTZ, id BIGINT)[]', "Its events, each with its time.", required=True)
_INSERT_DAYS = f"""
    INSERT INTO findings BY NAME
    WITH days AS (
        SELECT
            {_DAY_UID} AS uid, rule_id, severity, actor_id, any_value(rule) AS rule, any_value(title) AS title,
            CASE
                WHEN count(*) = 1 THEN any_value(explanation)
                ELSE format('{{}} times on this day. The last: {{}}', count(*), last(explanation {_LAST}))
            END AS explanation,
            last(actor_name {_LAST}) AS actor_name, last(object_type {_LAST}) AS object_type,
            last(object_id {_LAST}) AS object_id, last(object_label {_LAST}) AS object_label,
            last(ip_address {_LAST}) AS ip_address,
            min(first_event_at) AS first_event_at, max(last_event_at) AS last_event_at,
            list_sort(list_distinct(flatten(list(moments)))) AS moments,
            any_value(attack) AS attack, any_value(experimental) AS experimental, any_value(remedy) AS remedy,
            'open' AS status, now() AS found_at, max(batch_id) AS batch_id
        FROM reported
        WHERE severity = 'low'
        GROUP BY rule_id, severity, actor_id, {_DAY}
    )
    SELECT
        * EXCLUDE (moments), len(moments) AS events, list_transform(moments, lambda moment: moment.id) AS event_ids
    FROM days
    ORDER BY first_event_at, uid
"""


_UNKNOWN_LEVEL = "unknown level"
# The level that the query of a rule returns, if it may and does.
_SEVERITY = f"""
    CASE
        WHEN level_is_fixed OR level IS NULL THEN severity
        WHEN level IN {SEVERITIES} THEN level
        ELSE error('{_UNKNOWN_LEVEL}')
    END
"""
_EVENTS_RESULT = "NULL::VARCHAR AS group_key, NULL::BIGINT[] AS event_ids, NULL::VARCHAR AS explanation"
_LOG_RESULT = """
    NULL::VARCHAR AS group_key, NULL::VARCHAR AS explanation, NULL::TIMESTAMPTZ AS began_at,
    NULL::TIMESTAMPTZ AS ended_at
"""
_LEVEL, _EVENTS = "NULL::VARCHAR AS level", "NULL::BIGINT AS events"


def _results(rule: Rule, columns: str, optional: str) -> str:
    """The rows that the query of a rule returns in these `columns`, NULL in the `optional` ones that it leaves out."""
    # It must return the others: without event_ids, for example, it would find nothing for ever, unnoticed.
    required = ", ".join(f"{name} AS {name}" for name in re.findall(r"AS (\w+)", columns))
    return f"""
        SELECT row_number() OVER () AS finding, *
        FROM (
            SELECT * FROM (SELECT {columns}, {optional} LIMIT 0)
            UNION ALL BY NAME
            SELECT * REPLACE ({required}) FROM ({rule.sql}
            )
        )
    """


def _of_results(rule: Rule) -> str:
    """The findings of the query of a rule that end in the evaluated time, which is `$1` and later."""
    # The day is part of the uid, since a finding that goes on past midnight goes on as another one. The first event is
    # not part of it for findings about findings, because these may grow.
    began = "''" if rule.input == "findings" else "epoch(first_event_at)::BIGINT"
    return f"""
        WITH results AS ({_results(rule, _EVENTS_RESULT, _LEVEL)}),
        parts AS (
            SELECT finding, event.*
            FROM (SELECT finding, unnest(list_distinct(event_ids)) AS event_id FROM results)
            JOIN history AS event ON event.id = event_id
        ),
        complete AS (
            SELECT
                finding, min(created_at) AS first_event_at, max(created_at) AS last_event_at, count(*) AS events,
                list(id ORDER BY created_at, id) AS event_ids,
                list({{'at': created_at, 'id': id}}) AS moments, max(batch_id) AS batch_id,
                -- The last event gives the finding its actor and its object.
                last(actor_id ORDER BY created_at, id) AS actor_id,
                last(actor_name ORDER BY created_at, id) AS actor_name,
                last(object_type ORDER BY created_at, id) AS object_type,
                last(source_id ORDER BY created_at, id) AS object_id,
                last(source_label ORDER BY created_at, id) AS object_label,
                last(ip_address ORDER BY created_at, id) AS ip_address
            FROM parts GROUP BY finding
        ),
        acts AS (
            SELECT
                finding, {_DID} AS did, count(*) AS times, any_value({_NAMED}) AS named,
                max({{'at': created_at, 'id': id}}) AS last_done
            FROM (
                SELECT parts.* FROM parts JOIN complete USING (finding)
                WHERE parts.actor_id IS NOT DISTINCT FROM complete.actor_id
            )
            GROUP BY finding, did
        ),
        -- What its actor did, in the order of the last time of each.
        said AS (
            SELECT
                finding,
                list(
                    did || CASE WHEN times = 1 THEN named ELSE format(' ({{}} times)', times) END ORDER BY last_done
                ) AS did
            FROM acts GROUP BY finding
        )
        SELECT
            sha256(concat_ws(' ', rule_id, {began}, last_event_at::DATE, group_key)) AS uid,
            rule_id, rule, {_SEVERITY} AS severity, title,
            {_WHO} || ' ' || array_to_string(did[-{_ACTS}:], ', ')
            || CASE WHEN len(did) > {_ACTS} THEN ' and more' ELSE '' END
            || {_FROM} || '. ' || explanation AS explanation,
            complete.* EXCLUDE (finding), attack, experimental, remedy, {_NEW.format(_SEVERITY)} AS status,
            now() AS found_at
        FROM results JOIN complete USING (finding) JOIN said USING (finding) CROSS JOIN rules
        WHERE last_event_at >= $1
        QUALIFY row_number() OVER (PARTITION BY uid ORDER BY last_event_at DESC, events DESC) = 1
    """


def _insert_states(rule: Rule, events: str) -> str:
    return f"""
        INSERT INTO states BY NAME
        WITH audit_events AS ({events}), results AS ({_results(rule, _LOG_RESULT, f"{_LEVEL}, {_EVENTS}")})
        SELECT
            sha256(concat_ws(' ', rule_id, epoch(began_at)::BIGINT, group_key)) AS uid, rule_id, rule,
            {_SEVERITY} AS severity, title, explanation, 'log' AS object_type, group_key AS object_label,
            began_at AS first_event_at, ended_at AS last_event_at, coalesce(events, 0) AS events,
            []::BIGINT[] AS event_ids, attack, experimental, 0 AS batch_id
        FROM results CROSS JOIN rules
        QUALIFY row_number() OVER (PARTITION BY uid ORDER BY last_event_at DESC, events DESC) = 1
        ORDER BY first_event_at, uid
    """
