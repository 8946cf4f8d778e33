"""Correlations against a recount in Python, event by event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.examples import examples
from zendesk_audit_assets.detect import Rule, RuleError

Write = Callable[..., Path]
Own = Callable[..., Rule]

SPAN = 600
# Around midnight, which ends a finding.
START = datetime(2026, 1, 1, 23, 30, tzinfo=timezone.utc)

RULES = """
title: A
id: 00000000-0000-0000-0000-00000000000a
name: a
logsource: {{product: zendesk, service: audit}}
detection: {{one: {{action: create}}, condition: one}}
---
title: B
id: 00000000-0000-0000-0000-00000000000b
name: b
logsource: {{product: zendesk, service: audit}}
detection: {{one: {{action: [destroy, exported]}}, condition: one}}
---
title: Together
id: 00000000-0000-0000-0000-00000000000c
name: OWN-1
level: high
correlation: {correlation}
"""


class Event(NamedTuple):
    id: int
    at: int
    action: str
    actor: int | None
    source: int | None


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3600),
        st.sampled_from(["create", "destroy", "exported", "login"]),
        st.sampled_from([1, 2, None]),
        st.sampled_from([1, 2, 3, None]),
    ),
    max_size=40,
).map(lambda drawn: [Event(number, *event) for number, event in enumerate(drawn)])

Found = set[tuple[object, frozenset[int]]]


def found(rule: Rule, events: Iterable[Event]) -> Found:
    """What the query of the rule gives: groups with their events."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TABLE history "
            "(id BIGINT, created_at TIMESTAMPTZ, action VARCHAR, actor_id BIGINT, source_id BIGINT)"
        )
        for event in events:
            row = [event.id, START + timedelta(seconds=event.at), event.action, event.actor, event.source]
            connection.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?)", row)
        rows = connection.execute(f"SELECT group_key, event_ids FROM ({rule.sql})").fetchall()
    assert len({(key, frozenset(ids)) for key, ids in rows}) == len(rows)
    return {(key, frozenset(ids)) for key, ids in rows}


def expected(
    events: list[Event], key: Callable[[Event], object], completes: Callable[[list[Event], Event], bool]
) -> Found:
    """The same by hand: `completes` says whether a span of a group's events, given with its last one, holds enough."""
    groups: dict[object, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.at):
        if event.action != "login":
            groups[key(event)].append(event)
    result: Found = set()
    for group, members in groups.items():
        times = [
            event.at
            for event in members
            if completes([one for one in members if event.at - SPAN <= one.at <= event.at], event)
        ]
        stretches: list[list[int]] = []
        for at in times:
            last = stretches[-1][-1] if stretches else None
            if last is None or at - last > SPAN or day(at) != day(last):
                stretches.append([at])
            else:
                stretches[-1].append(at)
        for stretch in stretches:
            ids = frozenset(one.id for one in members if stretch[0] - SPAN <= one.at <= stretch[-1])
            result.add((f'["{group}"]' if group is not None else "[null]", ids))
    return result


def day(at: int) -> object:
    return (START + timedelta(seconds=at)).date()


def write_correlation(write: Write, correlation: str) -> None:
    write(text=RULES.format(correlation=correlation))


RECOUNT = settings(max_examples=examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(events=EVENTS, least=st.integers(1, 5))
@RECOUNT
def test_events_are_counted_in_a_sliding_span(write: Write, own: Own, events: list[Event], least: int) -> None:
    write_correlation(
        write,
        f"{{type: event_count, rules: [a, b], group-by: actor_id, timespan: 10m, condition: {{gte: {least}}}}}",
    )
    assert found(own(), events) == expected(events, lambda one: one.actor, lambda span, _: len(span) >= least)


@given(events=EVENTS, most=st.integers(0, 3))
@RECOUNT
def test_different_values_are_counted_in_a_sliding_span(write: Write, own: Own, events: list[Event], most: int) -> None:
    write_correlation(
        write,
        "{type: value_count, rules: [a, b], group-by: [actor_id], timespan: 600s, "
        f"condition: {{gt: {most}, field: source_id}}}}",
    )
    assert found(own(), events) == expected(
        events, lambda one: one.actor, lambda span, _: len({one.source for one in span} - {None}) > most
    )


@given(events=EVENTS)
@RECOUNT
def test_a_temporal_correlation_asks_for_all_rules_in_any_order(write: Write, own: Own, events: list[Event]) -> None:
    write_correlation(write, "{type: temporal, rules: [a, b], group-by: [actor_id], timespan: 10m}")
    assert found(own(), events) == expected(
        events, lambda one: one.actor, lambda span, _: len({one.action == "create" for one in span}) == 2
    )


@given(events=EVENTS)
@RECOUNT
def test_an_ordered_one_asks_for_them_in_their_order(write: Write, own: Own, events: list[Event]) -> None:
    write_correlation(write, "{type: temporal_ordered, rules: [a, b], group-by: [actor_id], timespan: 10m}")
    assert found(own(), events) == expected(
        events,
        lambda one: one.actor,
        lambda span, last: last.action != "create" and any(one.action == "create" for one in span),
    )


@given(events=EVENTS)
@RECOUNT
def test_rules_may_be_grouped_by_different_fields(write: Write, own: Own, events: list[Event]) -> None:
    write_correlation(
        write,
        "{type: temporal_ordered, rules: [a, b], group-by: [user], timespan: 10m, "
        "aliases: {user: {a: source_id, b: actor_id}}}",
    )
    assert found(own(), events) == expected(
        events,
        lambda one: one.source if one.action == "create" else one.actor,
        lambda span, last: last.action != "create" and any(one.action == "create" for one in span),
    )


def test_without_a_group_all_events_are_one(write: Write, own: Own) -> None:
    write_correlation(write, "{type: event_count, rules: [a], timespan: 10m, condition: {gte: 2}}")
    assert found(own(), [Event(1, 0, "create", 1, 1), Event(2, 60, "create", 2, None)]) == {("[]", frozenset({1, 2}))}


def test_it_says_what_was_seen_and_what_was_asked_for(write: Write, own: Own) -> None:
    write_correlation(
        write, "{type: event_count, rules: [a, b], group-by: [actor_id], timespan: 1h, condition: {gt: 1}}"
    )
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE history (id BIGINT, created_at TIMESTAMPTZ, action VARCHAR, actor_id BIGINT)")
        connection.execute("INSERT INTO history VALUES (1, now(), 'create', 1), (2, now(), 'destroy', 1)")
        ((explanation,),) = connection.execute(f"SELECT explanation FROM ({own().sql})").fetchall()
    assert explanation == '2 events of "A" or "B" by actor_id within 1h; the threshold is 2.'


@pytest.mark.parametrize(
    ("correlation", "problem"),
    [
        ("{type: value_sum, rules: [a], timespan: 1h, condition: {gte: 1, field: source_id}}", "type value_sum"),
        ("{type: value_avg, rules: [a], timespan: 1h, condition: {gte: 1, field: source_id}}", "type value_avg"),
        ("{type: event_count, rules: [a], timespan: 1h, condition: {lt: 1}}", "the condition 'lt' of a correlation"),
        ("{type: event_count, rules: [a], timespan: 1h, condition: {eq: 1}}", "the condition 'eq' of a correlation"),
        ("{type: temporal_ordered, rules: [a, b], timespan: 1h, condition: {gte: 1}}", "a condition of its own"),
        ("{type: temporal, rules: [a, b], timespan: 1h, condition: a and not b}", "temporal_extended"),
        ("{type: event_count, rules: [a], timespan: 1h, group-by: [shoe], condition: {gte: 1}}", "the field 'shoe'"),
        ("{type: value_count, rules: [a], timespan: 1h, condition: {gte: 1, field: shoe}}", "the field 'shoe'"),
        (
            "{type: value_count, rules: [a], timespan: 1h, condition: {gte: 1, field: [action, state]}}",
            "several fields",
        ),
        ("{type: event_count, rules: [c], timespan: 1h, condition: {gte: 1}}", "c"),
        ("{type: event_count, rules: [a], timespan: a while, condition: {gte: 1}}", "a while"),
    ],
)
def test_what_a_correlation_cannot_ask_for_is_refused_by_its_name(
    write: Write, own: Own, correlation: str, problem: str
) -> None:
    write_correlation(write, correlation)
    with pytest.raises(RuleError) as error:
        own()
    assert problem in error.value.cause
    assert "own.yml" in error.value.cause


def test_a_correlation_of_a_correlation_is_refused(write: Write, own: Own) -> None:
    write_correlation(write, "{type: event_count, rules: [a], timespan: 1h, condition: {gte: 2}}")
    text = """
title: Twice
id: 00000000-0000-0000-0000-00000000000d
name: OWN-2
correlation: {type: event_count, rules: [OWN-1], timespan: 1h, condition: {gte: 2}}
"""
    write(text=text, file="twice.yml")
    with pytest.raises(RuleError, match=r"twice\.yml cannot be used: 'OWN-2' uses correlations of correlations"):
        own("OWN-2")


def test_names_of_rules_are_never_sql(write: Write, own: Own) -> None:
    correlation = '{type: event_count, rules: ["it\'s; -- {x} %"], timespan: 1h, condition: {gte: 1}}'
    write_correlation(write, correlation)
    path = write(text=RULES.format(correlation=correlation).replace("name: a", 'name: "it\'s; -- {x} %"'))
    assert path.exists()
    assert found(own(), [Event(1, 0, "create", 1, 1)]) == {("[]", frozenset({1}))}
