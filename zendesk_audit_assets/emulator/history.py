"""The generated history: days of ordinary work, nightly cleanups and a few suspicious episodes."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from zendesk_audit_assets.emulator.activities import agent_activity, directory_sync, nightly_cleanup
from zendesk_audit_assets.emulator.company import MAIN_TIME_ZONE, SECOND_TIME_ZONE, Company
from zendesk_audit_assets.emulator.episodes import Episode, run_episode, schedule_episodes
from zendesk_audit_assets.emulator.events import Event
from zendesk_audit_assets.emulator.options import HistoryOptions
from zendesk_audit_assets.emulator.uniform import uniform_events


class History(NamedTuple):
    """A complete history: `events` ordered by (created_at, id), `episodes` oldest first."""

    events: list[Event]
    episodes: list[Episode]


def generate_history(options: HistoryOptions) -> list[Event]:
    """Every event of the history, ordered by (created_at, id). Equal options give equal events."""
    return build_history(options).events


def build_history(options: HistoryOptions) -> History:
    """The history with its episodes. Equal options give an equal history."""
    generator = HistoryGenerator(options)
    return History(list(generator), generator.episodes)


class HistoryGenerator:
    """Iterates once over the events of a history; `company` and `episodes` are complete afterwards."""

    def __init__(self, options: HistoryOptions) -> None:
        self._options = options
        self._start, self._end = int(options.start.timestamp()), int(options.end.timestamp())
        legacy_until = self._start + int((self._end - self._start) * _LEGACY_SHARE)
        self.company = Company(options.seed, options.agents, options.subdomain, legacy_until, options.link_share)
        self.episodes: list[Episode] = []
        self._dormant_from = self._start + (self._end - self._start) // 4
        self._scheduled = schedule_episodes(options) if options.episodes else []

    def __iter__(self) -> Iterator[Event]:
        if self._options.style == "uniform":
            return uniform_events(self._options, self.company.ids)
        return self._days()

    def _days(self) -> Iterator[Event]:
        """The events of each day in order; those after midnight are kept for the next day."""
        first = self._options.start.astimezone(timezone.utc).date()
        last = self._options.end.astimezone(timezone.utc).date()
        pending: list[Event] = []
        for offset in range(-1, (last - first).days + 1):
            day = first + timedelta(days=offset)
            pending += self._ordinary_day(day)
            pending.sort()
            complete = bisect_left(pending, (_midnight(day + timedelta(days=1), MAIN_TIME_ZONE),))
            yield from (event for event in pending[:complete] if self._start <= event.created_at < self._end)
            pending = pending[complete:]

    def _ordinary_day(self, day: date) -> list[Event]:
        company, rng = self.company, self.company.rng
        events: list[Event] = []
        midnights = {zone: _midnight(day, zone) for zone in (MAIN_TIME_ZONE, SECOND_TIME_ZONE)}
        count = _poisson(rng, self._options.events_per_day * _busyness(day) * _ACTIVITIES_PER_EVENT)
        hours = rng.choices(range(24), _HOURS, k=count)
        desks = rng.choices(range(len(company.agents)), k=count)
        moments = sorted(
            (midnights[company.agents[desk].zone] + hour * 3600 + rng.randrange(3600), desk)
            for desk, hour in zip(desks, hours, strict=True)
        )
        for at, desk in moments:
            events += self._episodes_until(at)
            events += agent_activity(company, company.agents[desk], at)
        events += self._episodes_until(midnights[MAIN_TIME_ZONE] + 86_400)
        events += self._night(midnights[MAIN_TIME_ZONE])
        if midnights[MAIN_TIME_ZONE] < self._dormant_from and day.weekday() == 1:
            events.append(company.sign_in(midnights[MAIN_TIME_ZONE] + 36_000 + rng.randrange(9_000), company.dormant))
        return events

    def _episodes_until(self, at: int) -> list[Event]:
        """Run the episodes due before `at`, between ordinary activities: both change the same roles and settings."""
        events: list[Event] = []
        while self._scheduled and self._scheduled[0].at < at:
            episode, episode_events = run_episode(self.company, self._scheduled.pop(0))
            self.episodes.append(episode)
            events += episode_events
        return events

    def _night(self, midnight: int) -> list[Event]:
        company, rng = self.company, self.company.rng
        events: list[Event] = []
        for _ in range(_poisson(rng, self._options.events_per_day * 0.03)):
            events += directory_sync(company, midnight + rng.randrange(86_400))
        attachments = _poisson(rng, self._options.events_per_day * 0.05)
        if rng.random() < _BIG_CLEAN_UP:
            attachments += rng.randint(120, 320)
        return events + nightly_cleanup(company, midnight + 10_800 + rng.randrange(3_600), attachments)


_LEGACY_SHARE = 0.03
_BIG_CLEAN_UP = 0.03
_ACTIVITIES_PER_EVENT = 0.75
_HOURS = (0, 0, 0, 0, 0, 0, 0.3, 2, 9, 13, 12, 11, 6, 10, 11, 10, 9, 5, 2, 1, 0.6, 0.3, 0, 0)
_WEEKEND = {5: 0.12, 6: 0.07}
_HOLIDAYS = {(1, 1), (4, 27), (12, 25), (12, 26)}


def _busyness(day: date) -> float:
    if (day.month, day.day) in _HOLIDAYS:
        return 0.08
    return _WEEKEND.get(day.weekday(), 1.0)


def _midnight(day: date, zone: str) -> int:
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    threshold, count, product = math.exp(-mean), 0, rng.random()
    while product > threshold:
        count += 1
        product *= rng.random()
    return count
