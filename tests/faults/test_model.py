"""Random histories of an account and of its warehouse, beside a model that is simple enough to be right.

The histories follow from `SEED`, which `FAULT_SEED` in the environment sets. TEST_EXAMPLES multiplies
their number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from support.examples import examples
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, Fault
from zendesk_audit_assets.emulator.faults import FaultKind
from zendesk_audit_assets.extract import batches, sync
from zendesk_audit_assets.extract.coverage import SETTLE, Interval
from zendesk_audit_assets.extract.sync import Progress
from zendesk_audit_assets.orchestration.partitions import days_to_refresh
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import AccessToken, RateBudget, ZendeskAccount, ZendeskClient, client

SEED = int(os.environ.get("FAULT_SEED", "1"))
EXAMPLES = 5
STEPS = 14

# Pages, batches and the look-back are small, so that a handful of events takes several of each.
PAGE_SIZE = 5
COMMIT_ROWS = 8

FIRST_DAY = date(2026, 2, 20)
START = datetime(2026, 2, 25, 12, tzinfo=timezone.utc)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Event:
    created_at: datetime
    visible_at: datetime


class Crash(BaseException):
    pass


LATENESS = [timedelta(), MINUTE, 10 * MINUTE, SETTLE - SECOND, SETTLE, HOUR, DAY]

# What may happen to a run: a fault, a crash after so many pages, events that appear meanwhile and are so late.
DISTURBANCES: dict[str, st.SearchStrategy[Any]] = {
    "readers": st.integers(1, 4),
    "fault": st.none() | st.sampled_from(["cursor_rejected", "page_twice", "cut_json", "reset"]),
    "crash_after": st.none() | st.none() | st.integers(1, 5),
    "meanwhile": st.none() | st.sampled_from(LATENESS),
}


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.utc)


class AccountAndWarehouse(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.events: dict[int, Event] = {}
        self.stored: dict[int, datetime] = {}
        self.complete_to: datetime | None = None
        self.opened = ExitStack()
        options = EmulatorOptions(clock=self.clock, rate_limit_per_minute=1_000_000)
        self.zendesk = self.opened.enter_context(Emulator(options))
        account = ZendeskAccount("demo", AccessToken(options.access_token), self.zendesk.url)
        limiter = RateBudget(1.0)
        self.client = self.opened.enter_context(
            ZendeskClient(account, limiter=limiter, clock=self.clock, wait=lambda seconds: None)
        )
        self.warehouse = Warehouse(Path(self.opened.enter_context(TemporaryDirectory())) / "audit.duckdb")

    def clock(self) -> float:
        return self.now.timestamp()

    @rule(
        by=st.sampled_from([SECOND, 10 * MINUTE, SETTLE, 16 * MINUTE, HOUR, DAY, 3 * DAY]) | st.just("midnight"),
        count=st.integers(0, 12),
        late=st.sampled_from(LATENESS),
        apart=st.sampled_from([timedelta(), SECOND, 7 * SECOND]),
    )
    def events_appear(self, by: timedelta | Literal["midnight"], count: int, late: timedelta, apart: timedelta) -> None:
        self.now = midnight(self.now.date() + DAY) if by == "midnight" else self.now + by
        self._add(self.now - late - n * apart for n in range(count))

    @rule(**DISTURBANCES)
    def refresh(self, **disturbances: Any) -> None:
        self.now += SECOND
        began = self.now
        days = days_to_refresh(FIRST_DAY, self.complete_to, self.now.date())
        if self._sync(days.first, days.last, **disturbances):
            for id, event in self.events.items():
                soon = event.visible_at - event.created_at < SETTLE
                if soon and event.created_at < began and event.visible_at < began:
                    assert id in self.stored, f"{event} is not stored after a refresh at {began}"

    @rule(ago=st.integers(0, 6), length=st.integers(1, 4), full=st.booleans(), **DISTURBANCES)
    def backfill(self, ago: int, length: int, full: bool, **disturbances: Any) -> None:
        self.now += SECOND
        first = max(FIRST_DAY, self.now.date() - ago * DAY)
        last = min(self.now.date(), first + (length - 1) * DAY)
        self._sync(first, last, full=full, **disturbances)

    def teardown(self) -> None:
        try:
            self.refresh()
            self.now += SECOND
            assert self._sync(FIRST_DAY, self.now.date(), full=True)
            past = {id: event.created_at for id, event in self.events.items() if event.created_at < self.now}
            assert self.stored == past
        finally:
            self.opened.close()

    def _add(self, times: Iterable[datetime]) -> None:
        added = [{"created_at": max(moment, midnight(FIRST_DAY))} for moment in times]
        for record in self.zendesk.add(added):
            self.events[record["id"]] = Event(datetime.fromisoformat(record["created_at"][:-1] + "+00:00"), self.now)

    def _sync(
        self,
        first: date,
        last: date,
        *,
        full: bool = False,
        readers: int = 2,
        fault: FaultKind | None = None,
        crash_after: int | None = None,
        meanwhile: timedelta | None = None,
    ) -> bool:
        """Whether it got through. Whatever became of it, what is stored and what is claimed must be right."""
        pages = 0

        def on_progress(progress: Progress) -> None:
            nonlocal pages
            pages += 1
            if pages == crash_after:
                raise Crash
            if meanwhile is not None and pages < 20:
                self.now += MINUTE
                self._add([self.now, self.now - meanwhile])

        if fault is not None:
            self.zendesk.inject(Fault(fault, after_requests=1))
        window = Interval(midnight(first), midnight(last + DAY))
        succeeded = True
        try:
            sync.sync(
                self.client, self.warehouse, window, run_id="test", full=full, readers=readers, on_progress=on_progress
            )
        except Crash:
            succeeded = False
        self.zendesk.clear_faults()
        complete_to = self._look()
        # Dagster knows of runs that succeeded only.
        self.complete_to = complete_to if succeeded else self.complete_to
        return succeeded

    def _look(self) -> datetime:
        """See what is stored, and that it may be; the moment up to which the log is complete."""
        with self.warehouse.transaction() as connection:
            rows = connection.execute("SELECT id, created_at FROM audit_logs").fetchall()
            reads = batches.reads(connection, Interval(midnight(FIRST_DAY), self.now + DAY))
            complete_to = batches.complete_to(connection, midnight(FIRST_DAY))
        self.stored = {id: created_at.astimezone(timezone.utc) for id, created_at in rows}
        assert len(self.stored) == len(rows), "an event is stored twice"
        for id, created_at in self.stored.items():
            assert id in self.events, f"{id} is stored and never happened"
            assert created_at == self.events[id].created_at
        for read in reads:
            assert read.interval.end <= read.read_at <= self.now
            for id, event in self.events.items():
                if read.interval.start <= event.created_at < read.interval.end and event.visible_at < read.read_at:
                    assert id in self.stored, f"{event} is claimed by {read} and not stored"
        return complete_to


def test_any_history_leaves_what_the_model_says(monkeypatch) -> None:
    monkeypatch.setattr(client, "PAGE_SIZE", PAGE_SIZE)
    monkeypatch.setattr(sync, "LOOK_BACK_ROWS", PAGE_SIZE - 2)
    monkeypatch.setattr(sync, "COMMIT_ROWS", COMMIT_ROWS)
    run_state_machine_as_test(
        seed(SEED)(AccountAndWarehouse),
        settings=settings(
            max_examples=examples(EXAMPLES),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
