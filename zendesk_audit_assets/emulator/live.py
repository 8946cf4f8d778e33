"""Live events: the company goes on working while the emulator runs. They are generated when a request needs them."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

from zendesk_audit_assets.emulator.activities import EVENTS_PER_ACTIVITY, agent_activity
from zendesk_audit_assets.emulator.company import Company
from zendesk_audit_assets.emulator.events import Event
from zendesk_audit_assets.emulator.options import EmulatorOptions


class LiveEvents:
    """Generates events at a mean rate at any hour of the day; a share of them becomes visible late."""

    def __init__(self, options: EmulatorOptions, company: Company, now: float) -> None:
        self._activities_per_second = options.live_events_per_minute / 60 / EVENTS_PER_ACTIVITY
        self._late_share, self._late_max_s = options.late_share, options.late_max_s
        self._company = company
        self._rng = random.Random(options.live_seed)  # noqa: S311 -- generated events need no secrecy
        self._coming: list[Event] = []
        self._next_at = now + self._pause() if self._activities_per_second > 0 else float("inf")

    def due(self, now: float) -> Iterator[tuple[Event, float | None]]:
        """The events since the last call, each with the epoch second when it becomes visible (None: at once)."""
        while self._next_at <= now:
            agent = self._rng.choice(self._company.agents)
            for event in agent_activity(self._company, agent, int(self._next_at)):
                heapq.heappush(self._coming, event)
            self._next_at += self._pause()
        while self._coming and self._coming[0].created_at <= now:
            event = heapq.heappop(self._coming)
            is_late = self._rng.random() < self._late_share
            yield event, event.created_at + self._rng.random() * self._late_max_s if is_late else None

    def _pause(self) -> float:
        return self._rng.expovariate(self._activities_per_second)
