"""Refreshes `findings` at a cost that depends on the new events, not on the length of the log.

The table holds the findings of the rules in force on the log as it is now. It is derived: dropped, or refreshed in
full, it comes back the same, from the log, `finding_decisions` and `log_findings`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timezone as _timezone
from hashlib import sha256

import duckdb

from zendesk_audit_assets.detect import HISTORY, Rule, decisions, evaluate, parts
from zendesk_audit_assets.detect.tables import FINDINGS, FINDINGS_STATE
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.record import KNOWN_ACTIONS, KNOWN_SOURCE_TYPES
from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE
from zendesk_audit_assets.severity import rank
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS
from zendesk_audit_assets.warehouse.catalog import ensure_derived, relations, scalar

UTC = _timezone.utc

# The end of the evaluated time before there is any coverage.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FindingsRefreshed:
    """The result of a refresh, in numbers of findings.

    `new`: reported for the first time. `open_by_severity`: all open ones. `rules_rebuilt`: names of the rules that ran
    over the whole log. `evaluated_to`: end of the time that correlation and SQL rules have evaluated, None before any
    coverage; `batch_id`: newest batch that event rules have evaluated.
    """

    rows_total: int
    rows_written: int
    new: int
    open_by_severity: dict[str, int]
    rules: int
    rules_rebuilt: tuple[str, ...]
    evaluated_to: datetime | None
    batch_id: int


def refresh(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    *,
    start: datetime | None = None,
    timezone: str = "UTC",
    full: bool = False,
) -> FindingsRefreshed:
    """Bring the findings up to date with the log, inside the caller's transaction. The view `audit_events` must exist.

    Event rules evaluate new batches. Correlation and SQL rules evaluate the continuous coverage from `start` on, or
    from the first covered second; days on which events arrive late are evaluated again. Rules that are new or changed
    run over the whole log, with `full` all rules do; findings of rules that are no longer in force disappear. The
    variables that rules may read stay set on the connection.

    Raises `RuleError` when the query of a rule fails.
    """
    existing = relations(connection)
    ensure_derived(connection, FINDINGS_STATE)
    full = ensure_derived(connection, FINDINGS) or full
    start = start or _covered_from(connection)
    newest = _newest_batch(connection)
    _set_variables(connection, timezone, start)

    definitions = _definitions(existing, rules, start, timezone)
    states = {} if full else _states(connection, definitions)
    end = None
    if start is not None:
        # Complete coverage stays complete, which spares reading all of it each time.
        evaluated = [states[rule.id].evaluated_to for rule in rules if rule.kind != "event" and rule.id in states]
        # A second that cannot be read must not silence the rules about all later ones.
        end = batches.tried_to(connection, max([start, *evaluated]))
    rebuilt = [rule for rule in rules if rule.id not in states]
    decisions.remember_closed(connection, list(states))
    gone = scalar(connection, f"DELETE FROM {FINDINGS.name} WHERE NOT list_contains($1, rule_id)", [list(states)])
    written = _evaluate_events(connection, rules, states, newest)
    evaluated_from: list[datetime] = []
    if start is not None and end is not None:
        of_events = [rule for rule in rules if rule.input == "events"]
        of_findings = [rule for rule in rules if rule.input == "findings"]
        for group, others in ((of_events, []), (of_findings, of_events)):
            for since, found in _evaluate_windows(connection, group, states, start, end, others):
                evaluated_from.append(since)
                written += found
    of_the_log = [rule for rule in rules if rule.input == "log"]
    ready = [rule for rule in of_the_log if existing.issuperset(rule.needs)]
    written += evaluate.evaluate_state(connection, ready, [rule.id for rule in of_the_log if rule.id not in states])
    first = scalar(connection, f"SELECT min(first_event_at) FROM {FINDINGS.name} WHERE found_at = now()")
    new = decisions.record_reports(connection)
    if gone or rebuilt:
        parts.settle(connection, None)
    elif evaluated_from or first is not None:
        parts.settle(connection, min(filter(None, (*evaluated_from, first))))
    evaluate.settle_states(connection, ready)

    connection.execute(f"DELETE FROM {FINDINGS_STATE.name}")
    connection.execute(
        f"INSERT INTO {FINDINGS_STATE.name} SELECT unnest($1), unnest($2), $3, $4, now()",
        [list(definitions), list(definitions.values()), newest, end or _NEVER],
    )
    severities = connection.execute(
        f"SELECT severity, count(*) FROM {FINDINGS.name} WHERE status = 'open' GROUP BY severity"
    ).fetchall()
    return FindingsRefreshed(
        rows_total=scalar(connection, f"SELECT count(*) FROM {FINDINGS.name}"),
        rows_written=written,
        new=new,
        open_by_severity=dict(sorted(severities, key=lambda row: rank(row[0]), reverse=True)),
        rules=len(rules),
        rules_rebuilt=tuple(rule.name for rule in rebuilt),
        evaluated_to=end,
        batch_id=newest,
    )


@dataclass(frozen=True)
class _State:
    batch_id: int
    evaluated_to: datetime


def _newest_batch(connection: duckdb.DuckDBPyConnection) -> int:
    batches = " UNION ALL ".join(f"SELECT max(batch_id) AS batch_id FROM {name}" for name in _BATCHES)
    return int(scalar(connection, f"SELECT coalesce(max(batch_id), 0) FROM ({batches})"))


_BATCHES = (AUDIT_LOGS.name, COVERAGE.name)


def _set_variables(connection: duckdb.DuckDBPyConnection, timezone: str, start: datetime | None) -> None:
    connection.execute("SET VARIABLE timezone = ?", [timezone])
    connection.execute("SET VARIABLE log_start = ?::TIMESTAMPTZ", [start])
    connection.execute(f"SET VARIABLE brand_hosts = ({_BRAND_HOSTS})")
    connection.execute("SET VARIABLE known_actions = ?", [sorted(KNOWN_ACTIONS)])
    connection.execute("SET VARIABLE known_source_types = ?", [sorted(KNOWN_SOURCE_TYPES)])


# The hosts that brands have, since when, and the domain of which a help centre is a part: audit_events leaves them out
# of the ways out of the account.
_BRAND_HOSTS = r"""
    SELECT list({host: host, since: created_at} ORDER BY created_at, host)
    FROM (
        SELECT
            created_at,
            unnest([mapped, regexp_replace(mapped, '^(?:help|helpdesk|support|service|desk|hc)[.]', '')]) AS host
        FROM (
            SELECT created_at, unnest(regexp_extract_all(
                lower(change_description),
                '(?:^|\n|\\n)host.?mapping changed from [^\n]* to ([a-z0-9.-]+[.][a-z0-9-]+)',
                1
            )) AS mapped
            FROM audit_logs
            WHERE source_type IN ('brand', 'Brand', 'account', 'Account')
        )
    )
"""


def _definitions(
    existing: frozenset[str], rules: Sequence[Rule], start: datetime | None, timezone: str
) -> dict[str, str]:
    """Hash, per rule id, all that its findings depend on besides the log: for input findings, also all other rules."""
    all_rules = [rule.digest for rule in rules]
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
        yield since, evaluate.evaluate_window(connection, group, since, end, others)


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
