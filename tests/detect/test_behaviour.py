"""Rules that compare with what was usual, against a recount in Python over random months of work."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import NamedTuple

import duckdb
import polars as pl
import pytest

from zendesk_audit_assets.detect import HISTORY, load_rules
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
QUARTER = 90 * DAY
RULES = {rule.name: rule for rule in load_rules()}


class Event(NamedTuple):
    id: int
    created_at: datetime
    actor_id: int
    action: str
    source_type: str
    source_id: int
    change_description: str
    ip_address: str

    @property
    def network(self) -> str:
        return self.ip_address.rpartition(".")[0]

    @property
    def is_privileged(self) -> bool:
        is_role = self.source_type == "user" and "ole changed from" in self.change_description
        return self.action == "exported" or self.source_type == "permission_set" or is_role


Found = set[tuple[int, ...]]
Recount = Callable[[Sequence[Event]], Iterator[Sequence[Event]]]


def work(seed: int) -> list[Event]:
    """Half a year of a few people, who now and then are away, move, delete much, or are suspended."""
    chance = random.Random(seed)
    events: list[Event] = []

    def add(at: datetime, actor: int, action: str, kind: str, source: int = 0, text: str = "", ip: int = 1) -> None:
        address = f"203.0.{ip}.{chance.randrange(9)}"
        events.append(Event(len(events), at, actor, action, kind, source, text, address))

    for actor in range(1, 7):
        at = START + chance.random() * 10 * DAY
        at -= timedelta(microseconds=at.microsecond)
        while at < START + 300 * DAY:
            usual = chance.choices((actor, actor + 1, chance.randrange(200)), (80, 19, 1))[0]
            kind = chance.choices(("login", "macro", "export", "rights", "burst", "turn"), (40, 50, 1, 3, 2, 1))[0]
            match kind:
                case "login":
                    method = "Zendesk password" if chance.random() < (0.5 if actor == 1 else 0.02) else "SSO"
                    text = f"Successful sign-in using {method} from https://demo.zendesk.com/access"
                    add(at, actor, "login", "user", actor, text, usual)
                case "macro":
                    add(at, actor, "update", "macro", 1, "", usual)
                case "export":
                    add(at, actor, "exported", "ticket", 1, "", usual)
                case "rights":
                    add(at, actor, "update", "permission_set", 1, "", usual)
                case "burst":
                    for n in range(chance.choice((1, 3, 9, 12, 30))):
                        add(at + n * chance.choice((1, 50)) * SECOND, actor, "destroy", "ticket", n, "", usual)
                case _:
                    role = chance.choice(("Agent to End User", "End User to Agent", "Agent to Team Lead"))
                    target = chance.randrange(1, 7)
                    state = chance.choice(("Suspended", "Unsuspended", f"Support role changed from {role}"))
                    source_type = "user" if "role" in state else "user_setting"
                    add(at, actor, "update", source_type, target, state, usual)
            pause = chance.choices((0.5, 3, 40, 120), (68, 27, 2, 3))[0] * (0.2 + chance.random()) * DAY
            at += timedelta(seconds=int(pause.total_seconds()))
            if pause > QUARTER:
                add(at, actor, "login", "user", actor, "", actor)
                add(at + chance.randrange(2000) * MINUTE, actor, "update", "permission_set", 1, "", actor)
    return sorted(events, key=lambda event: (event.created_at, event.id))


def found(rule: str, events: Sequence[Event]) -> Found:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET VARIABLE log_start = ?", [START])
        connection.execute(AUDIT_LOGS.ddl)
        connection.register("incoming", pl.DataFrame(events, schema=list(Event._fields), orient="row"))
        connection.execute(
            "INSERT INTO audit_logs BY NAME "
            "SELECT *, 1 AS batch_id, now() AS inserted_at, 'run' AS run_id FROM incoming"
        )
        connection.execute(f"CREATE TABLE audit_events AS {AUDIT_EVENTS.sql}")
        connection.execute(f"CREATE VIEW history AS {HISTORY}")
        connection.execute("CREATE VIEW evaluated AS FROM history")
        rows = connection.execute(f"SELECT event_ids FROM ({RULES[rule].sql}\n)").fetchall()
    return {tuple(sorted(ids)) for (ids,) in rows}


def earlier(own: Sequence[Event], event: Event, span: timedelta = QUARTER) -> list[Event]:
    """The actor's events strictly before, within the span."""
    return [
        one
        for one in own
        if one.actor_id == event.actor_id and event.created_at - span <= one.created_at < event.created_at
    ]


def is_known(before: Sequence[Event], event: Event, least: int = 20) -> bool:
    """Whether enough is known of the actor, and of the log, to call something unusual."""
    return (
        len(before) >= least
        and event.created_at - before[0].created_at >= 14 * DAY
        and event.created_at - START >= 30 * DAY
    )


def new_networks(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    last: dict[tuple[int, str], datetime] = {}
    for event in events:
        before = earlier(events, event)
        key = (event.actor_id, event.network)
        is_new = key not in last or last[key] < event.created_at - QUARTER
        last[key] = event.created_at
        is_privileged = event.is_privileged or any(one.is_privileged for one in before)
        if is_new and is_privileged and is_known(before, event):
            yield [event]


def first_exports(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for event in events:
        before = earlier(events, event)
        exports = [one for one in before if one.action == "exported"]
        if event.action == "exported" and not exports and is_known(before, event):
            yield [event]


def downgrades(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    logins = [event for event in events if event.action == "login"]
    for event in logins:
        before = earlier(logins, event)
        if (
            "password" in event.change_description
            and not any("password" in one.change_description for one in before)
            and is_known(before, event, least=10)
        ):
            yield [event]


def returns(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for actor in range(1, 7):
        own = [event for event in events if event.actor_id == actor]
        for previous, event in pairwise(own):
            after = [
                one for one in own if one.is_privileged and timedelta() <= one.created_at - event.created_at <= DAY
            ]
            if event.created_at - previous.created_at >= QUARTER and after:
                yield sorted({event, after[0]})


def bursts(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for actor in range(1, 7):
        own = [event for event in events if event.actor_id == actor and event.action == "destroy"]
        observed = {
            event: sum(event.created_at - 10 * MINUTE <= one.created_at <= event.created_at for one in own)
            for event in own
        }
        stretches: list[list[Event]] = []
        for event in own:
            usual = sorted(
                observed[one] for one in own if DAY <= event.created_at.date() - one.created_at.date() <= QUARTER
            )
            # The smallest number that 99 of 100 do not exceed.
            limit = usual[-(-99 * len(usual) // 100) - 1] if usual else 0
            if observed[event] < max(10, limit + 1):
                continue
            last = stretches[-1][-1] if stretches else None
            same_day = last is not None and last.created_at.date() == event.created_at.date()
            if last is not None and same_day and event.created_at - last.created_at <= 10 * MINUTE:
                stretches[-1].append(event)
            else:
                stretches.append([event])
        for stretch in stretches:
            begin, end = stretch[0].created_at - 10 * MINUTE, stretch[-1].created_at
            yield [one for one in own if begin <= one.created_at <= end]


def acts_after_removal(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    days: dict[tuple[int, int, object], list[Event]] = {}
    for event in events:
        before = [one for one in events if one.source_id == event.actor_id and one.created_at < event.created_at]
        turns = (
            [one for one in before if one.source_type == "user_setting"],
            [one for one in before if "role changed" in one.change_description],
        )
        removals = [
            of_kind[-1]
            for of_kind in turns
            if of_kind
            and of_kind[-1].change_description.endswith(("Suspended", "to End User"))
            and event.created_at - of_kind[-1].created_at <= 180 * DAY
        ]
        if removals:
            last = max(removals, key=lambda one: (one.created_at, one.id))
            days.setdefault((event.actor_id, last.id, event.created_at.date()), [last]).append(event)
    for of_day in days.values():
        yield sorted(set(of_day))


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2, 4])
@pytest.mark.parametrize(
    ("rule", "recount"),
    [
        ("ZD-101", new_networks),
        ("ZD-015-first", first_exports),
        ("ZD-112", downgrades),
        ("ZD-109", returns),
        ("ZD-105", bursts),
        ("ZD-114", acts_after_removal),
    ],
)
def test_a_rule_finds_what_a_recount_finds(rule: str, recount: Recount, seed: int) -> None:
    events = work(seed)
    expected = {tuple(sorted(event.id for event in of_finding)) for of_finding in recount(events)}
    assert found(rule, events) == expected
    assert expected, "nothing to find: this seed proves nothing"


def office_work(actor: int, days: int = 40, kind: str = "macro", action: str = "update") -> list[Event]:
    """Three events on every one of these days, at 9, 12 and 15 UTC."""
    return [
        Event(0, START + day * DAY + timedelta(hours=hour), actor, action, kind, 1, "", "203.0.1.1")
        for day in range(days)
        for hour in (9, 12, 15)
    ]


def numbered(events: Sequence[Event]) -> list[Event]:
    return [event._replace(id=number) for number, event in enumerate(sorted(events, key=lambda one: one.created_at))]


@pytest.mark.few(4)
@pytest.mark.parametrize(
    ("kind", "hour", "days", "is_found"),
    [
        ("permission_set", 3, 40, True),
        ("permission_set", 22, 40, True),
        ("permission_set", 7, 40, True),
        ("permission_set", 12, 40, False),  # office hours
        ("permission_set", 17, 40, False),  # office hours, although not this actor's own
        ("macro", 3, 40, False),  # not privileged
        ("permission_set", 3, 20, False),  # the log is not known for long enough
    ],
)
def test_a_privileged_change_at_an_unusual_hour_is_found(kind: str, hour: int, days: int, is_found: bool) -> None:
    at = START + days * DAY + timedelta(hours=hour)
    odd = Event(0, at, 1, "update", kind, 1, "", "203.0.1.1")
    events = numbered([*office_work(1, days), odd])
    assert found("ZD-104", events) == ({(len(events) - 1,)} if is_found else set())


def test_a_burst_does_not_hide_what_it_goes_on_with() -> None:
    """A day of deletions at one rate, which grows slowly at first."""
    pauses = [max(150 - n, 50) for n in range(300)]
    times = [START + 40 * DAY + sum(pauses[:n]) * SECOND for n in range(300)]
    deletions = numbered([Event(0, at, 1, "destroy", "ticket", 1, "", "203.0.1.1") for at in times])
    (ids,) = found("ZD-105", deletions)
    assert len(ids) > 200


def test_an_hour_at_which_the_actor_often_works_is_not_unusual() -> None:
    nights = [event._replace(created_at=event.created_at - timedelta(hours=8)) for event in office_work(1)]
    odd = Event(0, START + 40 * DAY + timedelta(hours=2), 1, "update", "permission_set", 1, "", "203.0.1.1")
    assert found("ZD-104", numbered([*nights, odd])) == set()


def test_a_first_action_is_found_while_it_is_rare() -> None:
    people = [event for actor in range(1, 31) for event in office_work(actor)]
    first = Event(0, START + 41 * DAY, 7, "create", "webhook", 1, "", "203.0.1.1")
    others = [first._replace(actor_id=actor, created_at=START + 20 * DAY) for actor in (1, 2)]
    assert found("ZD-108", numbered([*people, first])) == {(len(people),)}
    assert found("ZD-108", numbered([*people, *others[:1], first])) == {(len(people) + 1,)}
    # 2 of 30 are more than 1 in 20.
    assert found("ZD-108", numbered([*people, *others, first])) == set()
    # For whoever did it lately it is not the first.
    assert found("ZD-108", numbered([*people, first._replace(created_at=START + 20 * DAY), first])) == set()
