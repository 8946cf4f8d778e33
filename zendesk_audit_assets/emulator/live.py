"""Events that go on happening while the emulator runs, worked out when somebody looks."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

from zendesk_audit_assets.emulator.acts import EVENTS_PER_ACT, ordinary_act
from zendesk_audit_assets.emulator.company import Company
from zendesk_audit_assets.emulator.events import Event
from zendesk_audit_assets.emulator.options import EmulatorOptions


class LiveEvents:
    """The company of the history at work, at any hour; some events become visible late."""

    def __init__(self, options: EmulatorOptions, company: Company, now: float) -> None:
        self._acts_per_second = options.live_events_per_minute / 60 / EVENTS_PER_ACT
        self._late_share, self._late_max_s = options.late_share, options.late_max_s
        self._company = company
        self._chance = random.Random(options.live_seed)  # noqa: S311 -- made-up events need no secrecy
        self._coming: list[Event] = []
        self._next_at = now + self._pause() if self._acts_per_second > 0 else float("inf")

    def until(self, now: float) -> Iterator[tuple[Event, float | None]]:
        """What has happened since the last call, and when it becomes visible (None: at once)."""
        while self._next_at <= now:
            agent = self._chance.choice(self._company.agents)
            for event in ordinary_act(self._company, agent, int(self._next_at)):
                heapq.heappush(self._coming, event)
            self._next_at += self._pause()
        while self._coming and self._coming[0].created_at <= now:
            event = heapq.heappop(self._coming)
            is_late = self._chance.random() < self._late_share
            yield event, event.created_at + self._chance.random() * self._late_max_s if is_late else None

    def _pause(self) -> float:
        return self._chance.expovariate(self._acts_per_second)
