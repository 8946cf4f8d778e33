"""What the rules find in the log, kept up to date at a cost that depends on what is new and not on the log's length.

The table is what the rules, as they are now, find in the log as it is now; a full refresh gives the same. Only two
things are remembered from before: when a finding was first made, and whether somebody has closed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timezone as _timezone
from hashlib import sha256

import duckdb

from zendesk_audit_assets.detect import HISTORY, Rule, evaluate
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.record import FIELDS, KNOWN_ACTIONS, KNOWN_SOURCE_TYPES
from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE
from zendesk_audit_assets.severity import rank
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS
from zendesk_audit_assets.warehouse.catalog import ensure_derived, relations, scalar
from zendesk_audit_assets.warehouse.table import Column, Table

UTC = _timezone.utc

_FIELD = {field.name: field for field in FIELDS}

FINDINGS = Table(
    "findings",
    "What the rules have found, a row per finding.",
    (
        Column("uid", "VARCHAR", "Its name for ever: SHA-256 of its rule and of what it is about.", required=True),
        Column("rule_id", "VARCHAR", "UUID of the rule.", required=True),
        Column("rule", "VARCHAR", "Name of the rule, such as ZD-001.", required=True),
        Column("severity", "VARCHAR", "informational, low, medium, high or critical.", required=True),
        Column("title", "VARCHAR", "What the rule says has happened.", required=True),
        Column(
            "explanation", "VARCHAR", "What was seen; if it is unusual, compared with what, and over which time.",
            pii=True, required=True,
        ),
        _FIELD["actor_id"],
        _FIELD["actor_name"],
        Column("object_type", "VARCHAR", "Kind of item that the last event acted on."),
        Column("object_id", "BIGINT", "That item."),
        Column("object_label", "VARCHAR", "Its name.", pii=True),
        _FIELD["ip_address"],
        Column("first_event_at", "TIMESTAMPTZ", "Time of the first of its events, UTC.", required=True),
        Column("last_event_at", "TIMESTAMPTZ", "Time of the last of its events, UTC.", required=True),
        Column("events", "BIGINT", "Number of events that it consists of.", required=True),
        Column("event_ids", "BIGINT[]", "Their ids in audit_logs, in order of time.", required=True),
        Column("attack", "VARCHAR[]", "Techniques of MITRE ATT&CK.", required=True),
        Column("experimental", "BOOLEAN", "The rule looks for text that Zendesk documents nowhere.", required=True),
        Column(
            "status", "VARCHAR", "open; closed by somebody; over, when it is about the log and no longer so.",
            required=True,
        ),
        Column("found_at", "TIMESTAMPTZ", "When it was first found, UTC.", required=True),
        Column("batch_id", "BIGINT", "Newest batch of its events; 0 when it is about the log itself.", required=True),
    ),
)  # fmt: skip
STATE = Table(
    "findings_state",
    "How far each rule has followed the log, and in which version.",
    (
        Column("rule_id", "VARCHAR", "UUID of the rule.", required=True),
        Column("definition", "VARCHAR", "SHA-256 of the rule and of all that it depends on.", required=True),
        Column("batch_id", "BIGINT", "It has seen the rows of audit_logs up to this batch.", required=True),
        Column("evaluated_to", "TIMESTAMPTZ", "It has judged the events before this time, UTC.", required=True),
        Column("refreshed_at", "TIMESTAMPTZ", "When that was, UTC.", required=True),
    ),
)

FORGOTTEN = Table(
    "findings_forgotten",
    "Findings that are not found at present, as when a rule is off or a gap open; what holds of them once they are.",
    (
        Column("uid", "VARCHAR", "The finding: findings.uid.", required=True),
        Column("status", "VARCHAR", "Its status.", required=True),
        Column("found_at", "TIMESTAMPTZ", "When it was first found, UTC.", required=True),
    ),
)

# Where a rule that judges stands before there is any coverage.
_NOWHERE = datetime(1970, 1, 1, tzinfo=UTC)


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

    Rules about single events look at what new batches have brought. Those that compare or count judge what lies in
    the unbroken coverage from `start` on, the first second ever read if it is not given; because events may arrive
    late, days with late events are judged again. Rules that are new or have changed run over the whole log, all of
    them if `full`; findings of rules that are no longer there go. The variables that rules may read, see
    `docs/rules.md`, stay set on the connection.
    """
    ensure_derived(connection, STATE)
    for table in (FINDINGS, FORGOTTEN):
        if table.name not in relations(connection):
            connection.execute(table.ddl)
    start = start or _covered_from(connection)
    newest = _newest_batch(connection)
    _set_variables(connection, timezone, start)

    definitions = _definitions(connection, rules, start, timezone)
    states = {} if full else _states(connection, definitions)
    end = None
    if start is not None:
        # What was once complete stays so, which spares asking for all coverage each time.
        evaluated = [states[rule.id].evaluated_to for rule in rules if rule.kind != "event" and rule.id in states]
        end = batches.complete_to(connection, max([start, *evaluated]))
    rebuilt = [rule for rule in rules if rule.id not in states]
    # What a rule about the log itself has found is not found again when it is over; it is told to be, and stays.
    kept = [rule.id for rule in rules if rule.id in states or rule.input == "log"]
    _forget(connection, "rule_id NOT IN (SELECT unnest($1))", [kept])
    written = _evaluate_events(connection, rules, states, newest)
    if start is not None and end is not None:
        of_events = [rule for rule in rules if rule.input == "events"]
        of_findings = [rule for rule in rules if rule.input == "findings"]
        written += _evaluate_windows(connection, of_events, states, start, end)
        written += _evaluate_windows(connection, of_findings, states, start, end, of_events)
    written += sum(evaluate.evaluate_state(connection, rule) for rule in rules if rule.input == "log")
    new = written - _remember(connection)

    connection.execute(f"DELETE FROM {STATE.name}")
    connection.execute(
        f"INSERT INTO {STATE.name} SELECT unnest($1), unnest($2), $3, $4, now()",
        [list(definitions), list(definitions.values()), newest, end or _NOWHERE],
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
    connection.execute("SET VARIABLE known_actions = ?", [sorted(KNOWN_ACTIONS)])
    connection.execute("SET VARIABLE known_source_types = ?", [sorted(KNOWN_SOURCE_TYPES)])


def _definitions(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], start: datetime | None, timezone: str
) -> dict[str, str]:
    """What each rule's findings depend on, besides the log: a rule over findings depends on all other rules."""
    everything = [rule.digest for rule in rules]
    tables = relations(connection)
    definitions = {}
    for rule in rules:
        parts: list[object] = [rule.digest, AUDIT_EVENTS.sql, HISTORY]
        if rule.kind != "event":
            parts += [start, timezone, sorted(KNOWN_ACTIONS), sorted(KNOWN_SOURCE_TYPES)]
            parts += [sorted(tables.intersection(rule.needs))]
        if rule.input == "findings":
            parts += everything
        definitions[rule.id] = sha256(repr(parts).encode()).hexdigest()
    return definitions


def _states(connection: duckdb.DuckDBPyConnection, definitions: Mapping[str, str]) -> dict[str, _State]:
    """The states of the rules that have not changed since."""
    rows = connection.execute(f"SELECT rule_id, definition, batch_id, evaluated_to FROM {STATE.name}").fetchall()
    return {
        rule_id: _State(batch_id, evaluated_to)
        for rule_id, definition, batch_id, evaluated_to in rows
        if definitions.get(rule_id) == definition
    }


def _forget(connection: duckdb.DuckDBPyConnection, condition: str, parameters: Sequence[object]) -> None:
    """Take away the findings that are to be found again, or are no longer wanted."""
    columns = "uid, status, found_at"
    connection.execute(
        f"INSERT INTO {FORGOTTEN.name} SELECT {columns} FROM {FINDINGS.name} WHERE {condition}", list(parameters)
    )
    connection.execute(f"DELETE FROM {FINDINGS.name} WHERE {condition}", list(parameters))


def _remember(connection: duckdb.DuckDBPyConnection) -> int:
    """How many of the forgotten ones were found again."""
    again = scalar(
        connection,
        f"""
        UPDATE {FINDINGS.name} AS findings SET status = forgotten.status, found_at = forgotten.found_at
        FROM {FORGOTTEN.name} AS forgotten WHERE forgotten.uid = findings.uid
        """,
    )
    connection.execute(f"DELETE FROM {FORGOTTEN.name} WHERE uid IN (SELECT uid FROM {FINDINGS.name})")
    return int(again)


def _evaluate_events(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], states: Mapping[str, _State], newest: int
) -> int:
    """Rules that stand at the same batch are matched together, in one pass."""
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
    others: Sequence[Rule] = (),
) -> int:
    """Rules that stand at the same place are judged together."""
    by_state: dict[_State | None, list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.kind != "event":
            by_state[states.get(rule.id)].append(rule)
    written = 0
    for state, group in by_state.items():
        since = start if state is None else _changed_since(connection, state, start, end)
        if since is None or since >= end:
            continue
        if state is not None:
            ids = [rule.id for rule in group]
            _forget(connection, "rule_id IN (SELECT unnest($1)) AND last_event_at >= $2", [ids, since])
        written += evaluate.evaluate_window(connection, group, since, end, others, rebuild=state is None)
    return written


def _changed_since(
    connection: duckdb.DuckDBPyConnection, state: _State, start: datetime, end: datetime
) -> datetime | None:
    """Midnight before the first event that a rule has not judged yet, or not with all that happened before it."""
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
