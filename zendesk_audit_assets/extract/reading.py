"""A slice, page by page, past what cannot be read: it is narrowed down to a second, and that is left out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from zendesk_audit_assets.extract.coverage import SECOND, Interval
from zendesk_audit_assets.extract.frames import ParsedPage, parse_page
from zendesk_audit_assets.extract.gaps import FailedRead
from zendesk_audit_assets.extract.slices import Helper, Slice, Slices
from zendesk_audit_assets.zendesk import (
    CursorRejected,
    MalformedResponse,
    NotAdmin,
    Page,
    RepeatedCursor,
    RequestRefused,
    RetryLimits,
    ZendeskClient,
    ZendeskDown,
    ZendeskError,
)

# Restarts of a slice in a row, without progress, before its window is narrowed.
RESTARTS_WITHOUT_PROGRESS = 3
# Failures while windows are narrowed to a second, of all readers of a run; after so many, and again after each
# further `FAILURES_TO_DOUBLE`, windows twice as long are narrowed no further. So their number has a bound.
FAILURES_TO_NARROW = 500
FAILURES_TO_DOUBLE = 20
# Each of them repeats what has failed after many attempts already.
NARROWING_RETRY = RetryLimits(attempts=2, total_s=120)
# Pages, and their bytes, that may follow each other without progress in time: 30,000 events in one second.
PAGES_WITHOUT_PROGRESS = 300
BYTES_WITHOUT_PROGRESS = 128 * 2**20
# The same for pages without any record.
EMPTY_PAGES = 20
# A failure of that kind costs as many requests as this many others.
COST_OF_ENDLESS_PAGES = 20
# A second before every event of every account, which tells whether Zendesk serves anything at all.
BEFORE_ZENDESK = Interval(datetime(2000, 1, 1, tzinfo=timezone.utc), datetime(2000, 1, 1, 0, 0, 1, tzinfo=timezone.utc))


class MisplacedPage(MalformedResponse):
    """A page is out of order, or lies outside the requested time."""


class EndlessPages(MalformedResponse):
    """Page follows page, and none leads further in time."""


# What may be the fault of one stretch of the log alone.
UNREADABLE = (CursorRejected, MalformedResponse, NotAdmin, RequestRefused, ZendeskDown)


@dataclass(frozen=True)
class PageSlice:
    """A page of a slice: its records, the stretch of time that it completes, and whether it is the last one."""

    part: Slice | Helper
    completes: Interval
    last: bool
    requests: int
    records: ParsedPage


@dataclass(frozen=True)
class LeftOut:
    """What a slice leaves out where it ends."""

    part: Slice
    window: Interval
    error: ZendeskError


class Reading:
    """Reads slices for one run and hands over its pages and what it leaves out. Any thread may call `read`."""

    def __init__(
        self,
        client: ZendeskClient,
        slices: Slices,
        gaps: list[FailedRead],
        hand_over: Callable[[PageSlice | LeftOut], None],
    ) -> None:
        self._client = client
        self._slices = slices
        self._gaps = gaps
        self._hand_over = hand_over
        self._failures = 0
        self._failures_lock = threading.Lock()
        # Whether Zendesk's bounds are known to be inclusive: then a second can be requested without its neighbours.
        self._inclusive = False
        self._is_served = False

    def read(self, part: Slice) -> None:
        """Read the slice to its end, or up to what it leaves out."""
        restarts = 0
        while not part.done and not self._slices.stopping.is_set():
            position, asked = part.position, part.narrowing.window(part.position, part.end)
            if not asked:
                return  # a helper has read the rest meanwhile
            try:
                self._read_window(part, asked)
                part.narrowing.passed(asked)
            except UNREADABLE as error:
                # A refusal of the first request is one of the account.
                if error.permanent and not self._is_served and not self._is_known(asked):
                    raise
                restarts = 0 if part.position > position else restarts + 1
                fleeting = isinstance(error, (CursorRejected, RepeatedCursor, MisplacedPage))
                if fleeting and not part.narrowing.active and restarts <= RESTARTS_WITHOUT_PROGRESS:
                    continue
                if not self._get_past(part, asked, error):
                    return

    def help(self, helper: Helper) -> bool:
        """Read a slice from its end on until its reader is met; False if something there cannot be read.

        Its own reader narrows that down: here nothing is left out, and nothing is tried again.
        """
        asked = helper.left
        if asked:
            with suppress(*UNREADABLE):
                for page in self._pages(helper, asked):
                    self._hand_over(page)
                return True
        return not asked

    def _get_past(self, part: Slice, asked: Interval, error: ZendeskError) -> bool:
        """Narrow the window that failed down to a second, and leave that out; False if this ends the slice.

        Raises `error` if it is no fault of this window: Zendesk serves no other either.
        """
        if part.position >= asked.end:  # the pages reached beyond the window before one failed
            part.narrowing.passed(asked)
            return True
        endless = isinstance(error, EndlessPages)
        grain = self._count(asked, COST_OF_ENDLESS_PAGES if endless else 1)
        narrow = asked.end - part.position > grain
        if not narrow or not part.narrowing.active:
            self._require_service(error)
        part.narrowing.failed(asked)
        if narrow or (not endless and self._read_alone(part, Interval(part.position, part.position + SECOND))):
            return True
        # No more than what has failed: windows grow again after each success.
        until = min(asked.end, part.end)
        window = Interval(part.position, min(until, self._client.now().replace(microsecond=0)))
        self._slices.leave_out(part, until, grain)
        if window:  # else it lies in the future
            self._hand_over(LeftOut(part, window, error))
        return False

    def _count(self, failed: Interval, cost: int) -> timedelta:
        """Count a failure, unless it is that of a known second; return the longest window to leave out as a whole."""
        with self._failures_lock:
            if not (self._is_known(failed) and failed.end - failed.start <= SECOND):
                self._failures += cost
            doublings = (self._failures - FAILURES_TO_NARROW - 1) // FAILURES_TO_DOUBLE + 1
            seconds: int = 2 ** min(max(doublings, 0), 40)
            return seconds * SECOND

    def _is_known(self, window: Interval) -> bool:
        return any(gap.window & window for gap in self._gaps)

    def _require_service(self, error: ZendeskError) -> None:
        """Raise `error` unless Zendesk serves a time without events."""
        try:
            for page in self._client.pages(
                BEFORE_ZENDESK.start, BEFORE_ZENDESK.end, self._slices.stopping, retry=NARROWING_RETRY
            ):
                _require_place(_parsed(page), BEFORE_ZENDESK, page.body)
        except UNREADABLE:
            raise error from None

    def _read_alone(self, part: Slice, second: Interval) -> bool:
        """Read a second without its neighbours; False if that fails, or proves nothing."""
        with suppress(*UNREADABLE):
            return self._read_window(part, second, alone=True)
        return False

    def _read_window(self, part: Slice, asked: Interval, alone: bool = False) -> bool:
        retry = NARROWING_RETRY if part.narrowing.active or self._is_known(asked) else None
        for page in self._pages(part, asked, alone, retry):
            self._hand_over(page)
        return part.position >= asked.end

    def _pages(
        self, part: Slice | Helper, asked: Interval, alone: bool = False, retry: RetryLimits | None = None
    ) -> Iterator[PageSlice]:
        pages, size, empty = 0, 0, 0
        for page in self._client.pages(
            asked.start, asked.end, self._slices.stopping, newest_first=part.newest_first, alone=alone, retry=retry
        ):
            self._is_served = True
            records = _parsed(page)
            _require_place(records, asked, page.body, part.newest_first)
            if alone and not self._inclusive:
                if records.times is None:
                    return  # there is nothing, or the bounds are exclusive
                self._inclusive = True
            completes = self._slices.advance(part, *_reach(page, records, asked, part.newest_first))
            yield PageSlice(part, completes, part.done, page.requests, records)
            if part.done or self._slices.stopping.is_set():
                return
            pages, size = (0, 0) if completes else (pages + 1, size + len(page.body))
            empty = 0 if records.received else empty + 1
            endless = pages >= PAGES_WITHOUT_PROGRESS or size > BYTES_WITHOUT_PROGRESS or empty >= EMPTY_PAGES
            if page.has_more and endless:
                raise EndlessPages(
                    f"Page follows page, and none leads beyond {completes.start:%Y-%m-%d %H:%M:%S} UTC.",
                    _PAGE_REMEDY,
                )


def _parsed(page: Page) -> ParsedPage:
    try:
        return parse_page(page.records, page.records_exactly)
    except RecursionError:
        raise MalformedResponse("A record is nested too deeply.", _PAGE_REMEDY, body=page.body) from None


def _reach(
    page: Page, records: ParsedPage, asked: Interval, newest_first: bool
) -> tuple[datetime | None, datetime, float | None]:
    """How far a page leads (None: no further), its server time, and its density in pages per second."""
    if not page.has_more:
        return asked.start if newest_first else asked.end, page.date, None
    if records.times is None:
        return asked.end if newest_first else asked.start, page.date, None
    # The rest of the last row's second is on the next page.
    last = records.times.last.replace(microsecond=0)
    seconds = abs((records.times.last - records.times.first).total_seconds())
    return last + SECOND if newest_first else last, page.date, 1 / max(1.0, seconds)


def _require_place(records: ParsedPage, asked: Interval, body: bytes, newest_first: bool = False) -> None:
    """Raise `MisplacedPage` unless the page is in order and lies in the requested time."""
    times = records.times
    if times is None:
        return
    if not (times.in_reverse if newest_first else times.in_order):
        raise MisplacedPage("A page is not in the order of created_at.", _PAGE_REMEDY, body=body)
    # The client asks for a second more on both sides.
    if not asked.start - SECOND <= min(times.first, times.last) <= max(times.first, times.last) < asked.end + SECOND:
        raise MisplacedPage("A page holds records outside the requested time.", _PAGE_REMEDY, body=body)


_PAGE_REMEDY = "Try again later; if the error stays, look for a proxy in between or a change of the API."
