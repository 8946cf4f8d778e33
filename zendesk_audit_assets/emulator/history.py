"""The made-up past: day after day of ordinary work, nightly clean-ups, and a few suspicious episodes."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from zendesk_audit_assets.emulator.acts import clean_up, ordinary_act, robot_act
from zendesk_audit_assets.emulator.company import MAIN_ZONE, SECOND_ZONE, Company
from zendesk_audit_assets.emulator.episodes import Episode, appointments, play
from zendesk_audit_assets.emulator.events import Event
from zendesk_audit_assets.emulator.options import HistoryOptions
from zendesk_audit_assets.emulator.uniform import uniform_events


class History(NamedTuple):
    """`events` ordered by (created_at, id); `episodes` oldest first."""

    events: list[Event]
    episodes: list[Episode]


def generate_history(options: HistoryOptions) -> list[Event]:
    """Every event of the history, ordered by (created_at, id); the same for the same options."""
    return build_history(options).events


def build_history(options: HistoryOptions) -> History:
    """The history together with where its episodes are."""
    past = Past(options)
    return History(list(past), past.episodes)


class Past:
    """A history that is told once, event by event; `company` and `episodes` are complete afterwards."""

    def __init__(self, options: HistoryOptions) -> None:
        self._options = options
        self._start, self._end = int(options.start.timestamp()), int(options.end.timestamp())
        earlier_until = self._start + int((self._end - self._start) * _EARLIER_SHARE)
        self.company = Company(options.seed, options.agents, options.subdomain, earlier_until)
        self.episodes: list[Episode] = []
        self._dormant_from = self._start + (self._end - self._start) // 4
        self._planned = appointments(options) if options.episodes else []

    def __iter__(self) -> Iterator[Event]:
        if self._options.style == "uniform":
            return uniform_events(self._options, self.company.ids)
        return self._days()

    def _days(self) -> Iterator[Event]:
        """Each day's events in order; what runs past midnight waits for the next day."""
        first = self._options.start.astimezone(timezone.utc).date()
        last = self._options.end.astimezone(timezone.utc).date()
        waiting: list[Event] = []
        for offset in range(-1, (last - first).days + 1):
            day = first + timedelta(days=offset)
            waiting += self._ordinary_day(day)
            waiting.sort()
            told = bisect_left(waiting, (_midnight(day + timedelta(days=1), MAIN_ZONE),))
            yield from (event for event in waiting[:told] if self._start <= event.created_at < self._end)
            waiting = waiting[told:]

    def _ordinary_day(self, day: date) -> list[Event]:
        company, chance = self.company, self.company.chance
        events: list[Event] = []
        midnights = {zone: _midnight(day, zone) for zone in (MAIN_ZONE, SECOND_ZONE)}
        count = _poisson(chance, self._options.events_per_day * _busyness(day) * _ACTS_PER_EVENT)
        hours = chance.choices(range(24), _HOURS, k=count)
        desks = chance.choices(range(len(company.agents)), k=count)
        moments = sorted(
            (midnights[company.agents[desk].zone] + hour * 3600 + chance.randrange(3600), desk)
            for desk, hour in zip(desks, hours, strict=True)
        )
        for at, desk in moments:
            events += self._episodes_until(at)
            events += ordinary_act(company, company.agents[desk], at)
        events += self._episodes_until(midnights[MAIN_ZONE] + 86_400)
        events += self._night(midnights[MAIN_ZONE])
        if midnights[MAIN_ZONE] < self._dormant_from and day.weekday() == 1:
            events.append(company.sign_in(midnights[MAIN_ZONE] + 36_000 + chance.randrange(9_000), company.dormant))
        return events

    def _episodes_until(self, at: int) -> list[Event]:
        """In between the ordinary acts, since both change the same roles and settings."""
        events: list[Event] = []
        while self._planned and self._planned[0].at < at:
            episode, of_episode = play(self.company, self._planned.pop(0))
            self.episodes.append(episode)
            events += of_episode
        return events

    def _night(self, midnight: int) -> list[Event]:
        company, chance = self.company, self.company.chance
        events: list[Event] = []
        for _ in range(_poisson(chance, self._options.events_per_day * 0.03)):
            events += robot_act(company, midnight + chance.randrange(86_400))
        attachments = _poisson(chance, self._options.events_per_day * 0.05)
        if chance.random() < _BIG_CLEAN_UP:
            attachments += chance.randint(120, 320)
        return events + clean_up(company, midnight + 10_800 + chance.randrange(3_600), attachments)


_EARLIER_SHARE = 0.03
_BIG_CLEAN_UP = 0.03
_ACTS_PER_EVENT = 0.75
_HOURS = (0, 0, 0, 0, 0, 0, 0.3, 2, 9, 13, 12, 11, 6, 10, 11, 10, 9, 5, 2, 1, 0.6, 0.3, 0, 0)
_WEEKEND = {5: 0.12, 6: 0.07}
_HOLIDAYS = {(1, 1), (4, 27), (12, 25), (12, 26)}


def _busyness(day: date) -> float:
    if (day.month, day.day) in _HOLIDAYS:
        return 0.08
    return _WEEKEND.get(day.weekday(), 1.0)


def _midnight(day: date, zone: str) -> int:
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())


def _poisson(chance: random.Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    threshold, count, product = math.exp(-mean), 0, chance.random()
    while product > threshold:
        count += 1
        product *= chance.random()
    return count
