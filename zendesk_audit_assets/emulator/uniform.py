"""A plain history for benchmarks: evenly spread events, generated quickly."""

from __future__ import annotations

import random
from collections.abc import Iterator

from zendesk_audit_assets.emulator.events import Event, Ids
from zendesk_audit_assets.emulator.options import HistoryOptions

_KINDS = (
    ("update", "rule", "Trigger: Route to tier {}", "Title changed from Tier {} to Team {}"),
    ("login", "user", "Team member: Agent {}", "Successful sign-in using SSO from https://sso.example.com/{}"),
    ("create", "macro", "Macro: Close with thanks {}", ""),
    ("destroy", "attachment", "Attachment", ""),
    ("update", "account_setting", "Security: Setting {}", "Turned on"),
)


def uniform_events(options: HistoryOptions, ids: Ids) -> Iterator[Event]:
    """Exactly `options.total` events in order. Their seconds depend on the window alone."""
    start, end = int(options.start.timestamp()), int(options.end.timestamp())
    rng = random.Random(options.seed).random  # noqa: S311 -- generated events need no secrecy
    agents = [(1_000_001 + n, f"Agent {n}", f"203.0.113.{n % 250}") for n in range(options.agents)]
    group: list[Event] = []
    for n in range(options.total):
        second = start + n * (end - start) // options.total
        if group and group[0].created_at != second:
            yield from sorted(group)
            group = []
        actor_id, name, address = agents[int(rng() * len(agents))]
        action, source_type, label, change = _KINDS[n % len(_KINDS)]
        source = n % 997
        group.append(
            Event(
                second, ids.next(second), action, source_type, 2_000_000 + source, label.format(source),
                change.format(source, actor_id), actor_id, name, address,
            )
        )  # fmt: skip
    yield from sorted(group)
