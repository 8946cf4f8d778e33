"""Events with changes, and the histories that follow from them, counted one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from hypothesis import strategies as st

UTC = timezone.utc
START = datetime(2025, 6, 1, tzinfo=UTC)


class Change(NamedTuple):
    field: str | None
    old: str | None
    new: str | None
    confidence: str
    raw: str


ROLE = Change("Role", "Agent", "Administrator", "exact", "Role changed from Agent to Administrator")
SUPPORT = Change(
    "Support role", "Administrator", "End User", "exact", "Support role changed from Administrator to End User"
)
EXPLORE = Change("Explore role", None, "Viewer", "exact", "Explore role changed from not set to Viewer")
WEEK = '{"mon":{"09:00":"12:00","13:00":"17:30"},"sun":{"00:00":"24:00"}}'
CHANGES_BY_SOURCE: dict[str, list[list[Change]]] = {
    "user": [
        [], [ROLE], [SUPPORT], [SUPPORT, EXPLORE], [ROLE, ROLE],
        [Change("Email", None, "a@example.com", "exact", "Email changed from not set to a@example.com")],
        [Change(None, None, None, "unparsed", "Rolle geändert")],
    ],
    "account": [[Change("Owner", "Ada", "Bo", "exact", "Owner changed from Ada to Bo")], []],
    "account_setting": [
        [Change("state", None, "on", "state", "Turned on")],
        [Change("state", None, "off", "state", "Disabled")],
        [Change("Duration", "1 day", "1 year", "exact", "Duration changed from 1 day to 1 year")],
        [],
    ],
    "user_setting": [[Change("state", None, "suspended", "state", "Suspended")], []],
    "apitoken": [[]],
    "zendesk/business_hours/workweek": [
        [Change("Workweek", "{}", WEEK, "exact", f"Workweek changed from {{}} to {WEEK}")],
        [Change("Workweek", WEEK, None, "exact", f"Workweek changed from {WEEK} to not set")],
        [Change("Name", "A", "B to C", "ambiguous", "Name changed from A to B to C")],
    ],
    "rule": [[], [Change("Title", "A", "B", "exact", "Title changed from A to B")]],
}  # fmt: skip
LABELS = {
    "user": ["Team member: Grace", "Grace"],
    "account_setting": ["Security: Enable IP restrictions", "IP restrictions", "Email blocklist", None],
}
HOURS = [(1, 540, 720), (1, 780, 1050), (7, 0, 1440)]
NETWORKS = {
    "203.0.113.7": "203.0.113.0/24",
    "203.0.113.9": "203.0.113.0/24",
    "2001:db8::1": "2001:db8::/48",
    None: None,
}


class Event(NamedTuple):
    created_at: datetime
    actor_id: int | None
    actor_name: str | None
    ip_address: str | None
    action: str
    source_type: str
    source_id: int | None
    source_label: str | None
    changes: tuple[Change, ...]
    id: int = 0
    batch_id: int = 0

    @property
    def object_type(self) -> str:
        return {"apitoken": "api_token"}.get(self.source_type, self.source_type.split("/")[-1])

    @property
    def setting(self) -> str | None:
        if self.source_type != "account_setting" or self.source_label is None:
            return None
        return "blocklist" if self.source_label == "Email blocklist" else "ip restrictions"


@st.composite
def events(draw: Callable[..., Any]) -> Event:
    source_type = draw(st.sampled_from(list(CHANGES_BY_SOURCE)))
    days = draw(st.sampled_from([0, 0, 1, 2, 120]))
    return Event(
        START + timedelta(days=days, seconds=draw(st.integers(0, 1))),
        draw(st.sampled_from([None, -1, 1, 2, 3])),
        draw(st.sampled_from([None, "Ada", "Bo"])),
        draw(st.sampled_from(list(NETWORKS))),
        draw(st.sampled_from(["update", "login", "destroy"])),
        source_type,
        draw(st.sampled_from([1, 1, 2, None])),
        draw(st.sampled_from(LABELS.get(source_type, ["Thing: A"]))),
        tuple(draw(st.sampled_from(CHANGES_BY_SOURCE[source_type]))),
    )


def recount(events: list[Event]) -> dict[str, list[tuple[Any, ...]]]:
    """The tables counted one by one; as_of is the end of the coverage."""
    ordered = sorted(events, key=lambda event: (event.created_at, event.id))
    of_setting = grouped((event.setting, event) for event in ordered if event.setting)
    of_network = grouped(((event.actor_id, NETWORKS[event.ip_address]), event) for event in ordered)
    return {
        "audit_changes": [
            (event.id, line, event.created_at, event.actor_id, event.actor_name, event.ip_address, event.action,
             event.object_type, event.source_id, event.source_label, change.field, change.old, change.new,
             change.confidence, change.raw, False, event.batch_id)
            for event in events for line, change in enumerate(event.changes, start=1)
        ],
        "object_history": [
            (key[0], key[1], held.label, key[2], held.value, held.start, held.end, *held.by, held.id, held.line)
            for key, periods in all_periods(ordered, object_key) for held in periods
        ],
        "user_role_history": [
            (user, "Grace", product, held.value, held.start, held.end, *held.by, held.id, held.line,
             held.value == "Administrator", "exact")
            for (user, product), periods in all_periods(ordered, role_key) for held in periods
        ],
        "schedule_history": [
            (schedule, "A", *hours, held.start, held.end, *held.by[:2], held.id, held.line)
            for schedule, periods in all_periods(ordered, week_key) for held in periods
            for hours in (HOURS if held.value == WEEK else [(None, None, None)])
        ],
        "setting_state": [
            (setting, last.source_label, "1 year" if state(last) == "changed" else state(last),
             "exact" if state(last) == "changed" else state(last) and "state", last.created_at,
             last.actor_id, last.actor_name, last.id, len(group), group[0].created_at)
            for setting, group in of_setting.items() for last in group[-1:]
        ],
        "sign_ins": [
            (event.id, event.created_at, event.actor_id, event.actor_name, None, None, event.ip_address,
             NETWORKS[event.ip_address], event.batch_id)
            for event in events if event.action == "login"
        ],
        "actor_networks": [
            (*key, len(group), group[0].created_at, group[-1].created_at) for key, group in of_network.items()
        ],
        "privileged_changes": [
            (event.id, event.created_at, event.actor_id, event.actor_name, kind(event), event.object_type,
             event.source_id, event.source_label, state(event), event.ip_address, event.batch_id)
            for event in events if kind(event)
        ],
        "dormant_privileged_actors": list(dormant(ordered)),
    }  # fmt: skip


def grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


class Held(NamedTuple):
    value: str | None
    start: datetime | None
    end: datetime | None
    label: str | None
    by: tuple[int | None, str | None, str | None] = (None, None, None)
    id: int | None = None
    line: int | None = None


def all_periods(events: list[Event], key: Callable[[Event, Change], Any]) -> Iterator[tuple[Any, list[Held]]]:
    """Each key with the values that it had, one after the other; a key of None does not count."""
    changes = grouped(
        (key(event, change), (event, line, change))
        for event in events if event.source_id is not None
        for line, change in enumerate(event.changes, start=1) if change.field and key(event, change) is not None
    )  # fmt: skip
    for name, group in changes.items():
        ends = [event.created_at for event, _, _ in group[1:]] + [None]
        held = [
            Held(change.new, event.created_at, end, event.source_label,
                 (event.actor_id, event.actor_name, event.ip_address), event.id, line)
            for (event, line, change), end in zip(group, ends, strict=True)
        ]  # fmt: skip
        (first, _, change) = group[0]
        if change.confidence != "state":
            held.insert(0, Held(change.old, None, first.created_at, first.source_label))
        yield name, held


def object_key(event: Event, change: Change) -> Any:
    return event.object_type, event.source_id, change.field


def role_key(event: Event, change: Change) -> Any:
    products = {"Role": "support", "Support role": "support", "Explore role": "explore"}
    is_role = event.object_type == "user" and change.field in products
    return (event.source_id, products[str(change.field)]) if is_role else None


def week_key(event: Event, change: Change) -> Any:
    return event.source_id if change.field == "Workweek" else None


def state(event: Event) -> str | None:
    if event.changes and event.changes[0].confidence == "state":
        return event.changes[0].new
    if event.source_type != "account_setting":
        return None
    if event.action == "destroy":
        return "off"
    return "changed" if event.changes else None


def kind(event: Event) -> str | None:
    fields = {change.field for change in event.changes}
    if event.source_type == "user":
        if ROLE in event.changes or SUPPORT in event.changes:
            return "admin_role"
        return "role" if EXPLORE in event.changes else "identity" if "Email" in fields else None
    return {
        "account": "owner" if fields else None,
        "account_setting": "network" if event.setting == "ip restrictions" else None,
        "user_setting": "suspension" if fields else None,
        "apitoken": "credential",
    }.get(event.source_type)


def dormant(events: list[Event]) -> Iterator[tuple[Any, ...]]:
    as_of = START + timedelta(days=125)
    roles = grouped(
        (user, (product, periods[-1])) for (user, product), periods in all_periods(events, role_key)
    )  # fmt: skip
    privileged = grouped(
        (event.actor_id, event.created_at) for event in events if kind(event) and (event.actor_id or 0) > 0
    )
    for actor in {*roles, *privileged}:
        own = [event for event in events if event.actor_id == actor]
        named = [(event.created_at, event.actor_name) for event in own if event.actor_name]
        last_seen = max((event.created_at for event in own), default=None)
        is_admin = any(held.value == "Administrator" for _, held in roles[actor]) if roles[actor] else None
        ended = any(product == "support" and held.value == "End User" for product, held in roles[actor])
        silent = as_of - (last_seen or max(held.start for _, held in roles[actor]))
        if (is_admin or (privileged[actor] and not ended)) and silent >= timedelta(days=90):
            name = max(named)[1] if named else "Grace" if roles[actor] else None
            yield (actor, name, is_admin, len(privileged[actor]), max(privileged[actor], default=None), last_seen,
                   silent.days, as_of)  # fmt: skip


def plain(source_type: str, changes: list[Change], *, source_id: int = 1, day: int = 0) -> Event:
    at = START + timedelta(days=day)
    return Event(at, 1, "Ada", "203.0.113.7", "update", source_type, source_id, "Thing: Grace", tuple(changes))
