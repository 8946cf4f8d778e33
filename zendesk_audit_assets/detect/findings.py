"""Refreshes `findings` at a cost that depends on the new events, not on the length of the log.

The table holds the findings of the rules in force on the log as it is now. It is derived: dropped, or refreshed in
full, it comes back the same, from the log, `finding_decisions` and `log_findings`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from datetime import timezone as _timezone
from hashlib import sha256

import duckdb

from zendesk_audit_assets.detect import HISTORY, Rule, RuleError, decisions, evaluate, parts
from zendesk_audit_assets.detect.tables import FINDINGS, FINDINGS_STATE
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.record import KNOWN_ACTIONS, KNOWN_SOURCE_TYPES
from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE
from zendesk_audit_assets.severity import rank
from zendesk_audit_assets.transform import refresh as derived
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS
from zendesk_audit_assets.warehouse.catalog import ensure_derived, kinds, scalar

UTC = _timezone.utc

# The end of the evaluated time before there is any coverage.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# For the query of each rule. Others wait meanwhile, for LOCK_TIMEOUT_S of the warehouse.
TIME_LIMIT_S = 300.0


@dataclass(frozen=True)
class FindingsRefreshed:
    """The result of a refresh, in numbers of findings.

    `new`: reported for the first time. `open_by_severity`: all open ones. `rules_rebuilt`: names of the rules that ran
    over the whole log. `left_out`: by rule id, why it was not evaluated. `evaluated_to`: end of the time that
    correlation and SQL rules have evaluated, None before any coverage; `batch_id`: newest batch that event rules have
    evaluated.
    """

    rows_total: int
    rows_written: int
    new: int
    open_by_severity: dict[str, int]
    rules: int
    rules_rebuilt: tuple[str, ...]
    left_out: Mapping[str, str]
    evaluated_to: datetime | None
    batch_id: int


def refresh_in(
    transaction: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]],
    rules: Sequence[Rule],
    *,
    start: datetime | None = None,
    timezone: str = "UTC",
    full: bool = False,
    time_limit_s: float = TIME_LIMIT_S,
) -> FindingsRefreshed:
    """`refresh` in a transaction of its own, without the rules whose query fails on the log as it is now.

    Else who writes a text into the log that one rule cannot read would stop all detection.
    """
    left_out: dict[str, str] = {}
    while True:  # DuckDB has no savepoints: a failed statement ends the transaction
        try:
            with transaction() as connection:
                return refresh(
                    connection,
                    rules,
                    start=start,
                    timezone=timezone,
                    full=full,
                    left_out=left_out,
                    time_limit_s=time_limit_s,
                )
        except RuleError as error:
            if error.rule_id is None or error.rule_id in left_out:
                raise
            left_out[error.rule_id] = error.cause


def refresh(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    *,
    start: datetime | None = None,
    timezone: str = "UTC",
    full: bool = False,
    left_out: Mapping[str, str] | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> FindingsRefreshed:
    """Bring the findings up to date with the log, inside the caller's transaction.

    Event rules evaluate new batches. Correlation and SQL rules evaluate the continuous coverage from `start` on, or
    from the first covered second; days on which events arrive late are evaluated again. Rules that are new or changed
    run over the whole log, with `full` all rules do; findings of rules that are no longer in force disappear. First
    `audit_events`, which rules read, is brought up to date. The variables of rules stay set on the connection.

    The rules whose ids are in `left_out`, with a reason each, are not evaluated: their findings and how far they have
    evaluated the log stay as they are, so that a later refresh catches up.

    Raises `RuleError` when the query of a rule fails, or takes longer than `time_limit_s`.
    """
    newest = derived.refresh(connection, AUDIT_EVENTS, timezone=timezone).batch_id
    there = kinds(connection)
    ensure_derived(connection, FINDINGS_STATE, there)
    is_new = ensure_derived(connection, FINDINGS, there)
    full = is_new or full
    left_out = left_out or {}
    start = start or _covered_from(connection)
    _set_variables(connection, timezone, start)

    if is_new:
        connection.execute(f"DELETE FROM {FINDINGS_STATE.name}")
    existing = frozenset(there)
    definitions = _definitions(existing, rules, start, timezone, left_out)
    in_force, rules = rules, [rule for rule in rules if rule.id not in left_out]
    states = {} if full else _states(connection, definitions)
    end = None
    if start is not None:
        # Complete coverage stays complete, which spares reading all of it each time.
        evaluated = [states[rule.id].evaluated_to for rule in rules if rule.kind != "event" and rule.id in states]
        # A second that cannot be read must not silence the rules about all later ones.
        end = batches.tried_to(connection, max([start, *evaluated]))
    rebuilt = [rule for rule in rules if rule.id not in states]
    kept = [*states, *left_out]
    decisions.remember_closed(connection, kept)
    gone = scalar(connection, f"DELETE FROM {FINDINGS.name} WHERE NOT list_contains($1, rule_id)", [kept])
    written = _evaluate_events(connection, rules, states, newest)
    evaluated_from: list[datetime] = []
    if start is not None and end is not None:
        of_events = [rule for rule in rules if rule.input == "events"]
        of_findings = [rule for rule in rules if rule.input == "findings"]
        read = [rule for rule in in_force if rule.input == "events"]
        for group, others in ((of_events, []), (of_findings, read)):
            for since, found in _evaluate_windows(connection, group, states, start, end, others, time_limit_s):
                evaluated_from.append(since)
                written += found
    of_the_log = [rule for rule in rules if rule.input == "log"]
    ready = [rule for rule in of_the_log if existing.issuperset(rule.needs)]
    rebuilt_of_the_log = [rule.id for rule in of_the_log if rule.id not in states]
    written += evaluate.evaluate_state(connection, ready, rebuilt_of_the_log, time_limit_s)
    first = scalar(connection, f"SELECT min(first_event_at) FROM {FINDINGS.name} WHERE found_at = now()")
    new = decisions.record_reports(connection)
    if gone or rebuilt:
        parts.settle(connection, None)
    elif evaluated_from or first is not None:
        parts.settle(connection, min(filter(None, (*evaluated_from, first))))
    evaluate.settle_states(connection, ready)

    _save_states(connection, {rule.id: definitions[rule.id] for rule in rules}, newest, end or _NEVER, left_out)
    severities = connection.execute(
        f"SELECT severity, count(*) FROM {FINDINGS.name} WHERE status = 'open' GROUP BY severity"
    ).fetchall()
    return FindingsRefreshed(
        rows_total=scalar(connection, f"SELECT count(*) FROM {FINDINGS.name}"),
        rows_written=written,
        new=new,
        open_by_severity=dict(sorted(severities, key=lambda row: rank(row[0]), reverse=True)),
        rules=len(in_force),
        rules_rebuilt=tuple(rule.name for rule in rebuilt),
        left_out=left_out,
        evaluated_to=end,
        batch_id=newest,
    )


@dataclass(frozen=True)
class _State:
    batch_id: int
    evaluated_to: datetime


def _set_variables(connection: duckdb.DuckDBPyConnection, timezone: str, start: datetime | None) -> None:
    connection.execute("SET VARIABLE timezone = ?", [timezone])
    connection.execute("SET VARIABLE log_start = ?::TIMESTAMPTZ", [start])
    connection.execute("SET VARIABLE known_actions = ?", [sorted(KNOWN_ACTIONS)])
    connection.execute("SET VARIABLE known_source_types = ?", [sorted(KNOWN_SOURCE_TYPES)])


def _definitions(
    existing: frozenset[str],
    rules: Sequence[Rule],
    start: datetime | None,
    timezone: str,
    left_out: Mapping[str, str],
) -> dict[str, str]:
    """Hash, per rule id, all that its findings depend on besides the log: for input findings, also all other rules.

    Those rules also run over the whole log once a rule that was left out has caught up.
    """
    all_rules = [*(rule.digest for rule in rules), *(rule.id for rule in rules if rule.id in left_out)]
    definitions = {}
    for rule in rules:
        parts: list[object] = [rule.digest, AUDIT_EVENTS.sql, HISTORY]
        if rule.kind != "event":
            parts += [start, timezone, sorted(KNOWN_ACTIONS), sorted(KNOWN_SOURCE_TYPES)]
            parts += [sorted(existing.intersection(rule.needs))]
        if rule.input == "findings":
            parts += all_rules
        definitions[rule.id] = sha256(repr(parts).encode()).hexdigest()
    return definitions


def _states(connection: duckdb.DuckDBPyConnection, definitions: Mapping[str, str]) -> dict[str, _State]:
    """Return the states of the rules whose definition has not changed since."""
    rows = connection.execute(
        f"SELECT rule_id, definition, batch_id, evaluated_to FROM {FINDINGS_STATE.name}"
    ).fetchall()
    return {
        rule_id: _State(batch_id, evaluated_to)
        for rule_id, definition, batch_id, evaluated_to in rows
        if definitions.get(rule_id) == definition
    }


def _save_states(
    connection: duckdb.DuckDBPyConnection,
    definitions: Mapping[str, str],
    newest: int,
    end: datetime,
    left_out: Mapping[str, str],
) -> None:
    """Record how far the rules of these definitions have evaluated the log, and which rules were left out."""
    name, ids = FINDINGS_STATE.name, list(left_out)
    connection.execute(f"DELETE FROM {name} WHERE NOT list_contains($1, rule_id)", [ids])
    connection.execute(f"UPDATE {name} SET failure = NULL, refreshed_at = now()")
    connection.execute(
        f"INSERT INTO {name} SELECT unnest($1), unnest($2), $3, $4, now(), NULL",
        [list(definitions), list(definitions.values()), newest, end],
    )
    for rule_id, failure in left_out.items():
        connection.execute(
            f"INSERT INTO {name} SELECT $1, '', 0, $2, now(), NULL WHERE NOT EXISTS (FROM {name} WHERE rule_id = $1)",
            [rule_id, _NEVER],
        )
        connection.execute(f"UPDATE {name} SET failure = $2 WHERE rule_id = $1", [rule_id, failure])


def _evaluate_events(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], states: Mapping[str, _State], newest: int
) -> int:
    """Evaluate the event rules: in one pass those that have seen the same batches."""
    by_seen: dict[int, list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.kind == "event":
            by_seen[states[rule.id].batch_id if rule.id in states else 0].append(rule)
    return sum(evaluate.evaluate_events(connection, group, seen) for seen, group in by_seen.items() if seen < newest)


def _evaluate_windows(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    states: Mapping[str, _State],
    start: datetime,
    end: datetime,
    others: Sequence[Rule],
    time_limit_s: float,
) -> Iterator[tuple[datetime, int]]:
    """Evaluate the other rules: together those that have evaluated the same time.

    Yields from when, and the number of findings written.
    """
    by_state: dict[_State | None, list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.kind != "event":
            by_state[states.get(rule.id)].append(rule)
    for state, group in by_state.items():
        since = start if state is None else _changed_since(connection, state, start, end)
        if since is None or since >= end:
            continue
        if state is not None:
            ids = [rule.id for rule in group]
            connection.execute(
                f"DELETE FROM {FINDINGS.name} WHERE list_contains($1, rule_id) AND last_event_at >= $2", [ids, since]
            )
        yield since, evaluate.evaluate_window(connection, group, since, end, others, time_limit_s)


def _changed_since(
    connection: duckdb.DuckDBPyConnection, state: _State, start: datetime, end: datetime
) -> datetime | None:
    """Return midnight before the first event that is new, late or beyond the evaluated time; None without any."""
    first = scalar(
        connection,
        f"""
        SELECT least(
            (SELECT min(created_at) FROM {AUDIT_LOGS.name} WHERE batch_id > $1 AND created_at >= $2),
            (SELECT min(created_at) FROM {AUDIT_LOGS.name} WHERE created_at >= $3 AND created_at < $4)
        )
        """,
        [state.batch_id, start, state.evaluated_to, end],
    )
    if first is None or first >= end:
        return None
    midnight: datetime = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(start, midnight)


def _covered_from(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    start = scalar(connection, f"SELECT min(window_start) FROM {COVERAGE.name} WHERE window_start < window_end")
    return None if start is None else start.astimezone(UTC)
