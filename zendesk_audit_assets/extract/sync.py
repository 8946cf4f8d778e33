"""Window -> what is missing of it -> pages -> committed batches: where Zendesk and the warehouse meet."""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import duckdb
import polars as pl

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.coverage import (
    SECOND,
    Interval,
    Read,
    missing,
    run_ending_at,
)
from zendesk_audit_assets.extract.frames import Checked, checked, typed
from zendesk_audit_assets.extract.slices import Slice, Slices
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import (
    CursorRejected,
    MalformedAnswer,
    Page,
    RepeatedCursor,
    ZendeskClient,
)

# Late events may still appear in what was read sooner than this after it happened.
SETTLE = timedelta(minutes=15)
# A refresh also reads again what is settled, as far as it fits into its first page and is not older than this.
LOOK_BACK = timedelta(days=7)
LOOK_BACK_ROWS = 90
# A commit takes some 50 ms whatever its size; what was read since the last one is what a crash costs.
COMMIT_ROWS = 30_000
COMMIT_SECONDS = 5.0
WORKERS = 8
# A slice that had to be started again this often without getting any further is given up.
RESTARTS_WITHOUT_PROGRESS = 3


class MisplacedPage(MalformedAnswer):
    """A page that is not in order, or not of the time that was asked for."""


@dataclass(frozen=True)
class Progress:
    """How far a sync has come: records, requests, and the time of the log that was read and that is left."""

    received: int = 0
    requests: int = 0
    done: timedelta = timedelta()
    left: timedelta = timedelta()

    @property
    def share(self) -> float:
        """The part of the time that was read, from 0 to 1."""
        return self.done / (self.done + self.left) if self.done + self.left else 1.0


@dataclass
class Report:
    """What a sync did. `fetched` are the intervals that were asked for; none when all was settled already."""

    window: Interval
    fetched: list[Interval] = field(default_factory=list)
    appended: batches.Appended = field(default_factory=batches.Appended)
    requests: int = 0
    seconds_waited: float = 0.0
    covered_to: datetime | None = None
    newest_event: datetime | None = None

    @property
    def known(self) -> int:
        """Records received that the warehouse had already."""
        return self.appended.received - self.appended.inserted - self.appended.rejected

    def add(self, batches: list[batches.Batch], appended: batches.Appended) -> None:
        """Note what was committed."""
        self.appended += appended
        ends = [batch.window.end for batch in batches if batch.window]
        self.covered_to = max([*ends, *filter(None, [self.covered_to])], default=None)
        newest = [batch.rows["created_at"].max() for batch in batches]
        self.newest_event = max(filter(None, [self.newest_event, *newest]), default=None)


def sync(
    client: ZendeskClient,
    warehouse: Warehouse,
    window: Interval,
    *,
    run_id: str,
    full: bool = False,
    workers: int = WORKERS,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Fetch what is missing of `window`, up to now, and commit it batch by batch with its coverage.

    `full` reads everything again, settled or not. What was committed before an error or an interruption stays,
    and the next call asks only for the rest. Raises the `AuditError`s of the client and of the warehouse.
    """
    before = client.usage
    with warehouse.transaction() as connection:
        batches.claim(connection, client.account.url)
        reads = batches.reads(connection, Interval(window.start - LOOK_BACK, window.end))
        asked = _with_unsettled_before(window, reads)
        todo = [asked] if full else missing(asked, reads, SETTLE)
        if todo and not full:
            todo[-1] = _looking_back(todo[-1], reads, connection)
    report = Report(window, todo)
    _Sync(client, warehouse, report, run_id, workers, on_progress).run()
    used = client.usage
    report.requests = used.requests - before.requests
    report.seconds_waited = used.seconds_waited - before.seconds_waited
    return report


def _with_unsettled_before(window: Interval, reads: list[Read]) -> Interval:
    """The window, begun early enough to settle what was read right before it.

    Otherwise it would lie in unbroken coverage from now on, and no refresh would ever begin there.
    """
    read_before = Interval(max(run_ending_at(window.start, reads), window.start - SETTLE), window.start)
    unsettled = missing(read_before, reads, SETTLE)
    return Interval(unsettled[0].start, window.end) if unsettled else window


def _looking_back(interval: Interval, reads: list[Read], connection: duckdb.DuckDBPyConnection) -> Interval:
    """The interval, begun early enough to fill its first page with rows that are stored already.

    A request costs the same for one row as for a hundred: this heals late events without asking more often.
    """
    start = batches.start_of_last_rows(connection, before=interval.start, rows=LOOK_BACK_ROWS, at_most=LOOK_BACK)
    # The client asks for the second before it as well, and that may hold any number of rows.
    start = min(start + SECOND, interval.start)
    return Interval(max(start, run_ending_at(interval.start, reads)), interval.end)


@dataclass(frozen=True)
class _Piece:
    """A page of a slice: its records, the stretch of time that it completes, and whether it is the last one."""

    part: Slice
    completes: Interval
    last: bool
    requests: int
    records: Checked


class _Sync:
    """Workers read slices and hand pieces to the one writer, which is the calling thread."""

    def __init__(
        self,
        client: ZendeskClient,
        warehouse: Warehouse,
        report: Report,
        run_id: str,
        workers: int,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._client = client
        self._warehouse = warehouse
        self._report = report
        self._run_id = run_id
        self._workers = workers
        self._on_progress = on_progress
        self._slices = Slices(report.fetched, workers)
        # Bounded, so that memory depends on the number of workers and not on the window.
        self._pieces: queue.Queue[_Piece | BaseException | None] = queue.Queue(maxsize=2 * workers)
        self._uncommitted: dict[Slice, list[_Piece]] = {}
        self._uncommitted_rows = 0
        self._progress = Progress()
        # Rows of a second that has not been read to its end yet wait here, so that no row is without coverage.
        self._held_back: dict[Slice, pl.DataFrame] = {}

    def run(self) -> None:
        for number in range(self._workers):
            threading.Thread(target=self._work, name=f"zendesk-reader-{number}", daemon=True).start()
        try:
            self._write_everything()
        except BaseException:
            self._slices.stop()
            self._commit()
            raise

    def _work(self) -> None:
        try:
            while (part := self._slices.take()) is not None:
                self._read(part)
                self._slices.finish(part)
            self._hand_over(None)
        except BaseException as error:  # the writer raises it in the thread that called
            self._hand_over(error)

    def _read(self, part: Slice) -> None:
        restarts = 0
        while not part.done and not self._slices.stopped:
            position = part.position
            try:
                for piece in self._pages(part):
                    self._hand_over(piece)
            except (CursorRejected, RepeatedCursor, MisplacedPage):
                restarts = 0 if part.position > position else restarts + 1
                if restarts > RESTARTS_WITHOUT_PROGRESS:
                    raise

    def _pages(self, part: Slice) -> Iterator[_Piece]:
        asked = Interval(part.position, part.end)
        for page in self._client.pages(asked.start, asked.end):
            records = checked(page.records, partial(_reread, page))
            _require_place(records, asked)
            # The rest of the last row's second is on the next page.
            last_second = records.times.last.replace(microsecond=0) if records.times else part.position
            completes = self._slices.advance(part, last_second if page.has_more else None, page.date)
            yield _Piece(part, completes, part.done, page.requests, records)
            if part.done or self._slices.stopped:
                return

    def _hand_over(self, item: _Piece | BaseException | None) -> None:
        while not self._slices.stopped:
            with suppress(queue.Full):
                self._pieces.put(item, timeout=0.2)
                return

    def _write_everything(self) -> None:
        working = self._workers
        committed_at = time.monotonic()
        while working:
            for item in self._arrived():
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    working -= 1
                else:
                    self._note(item)
            if self._uncommitted_rows >= COMMIT_ROWS or time.monotonic() - committed_at >= COMMIT_SECONDS:
                self._commit()
                committed_at = time.monotonic()
        self._commit()

    def _arrived(self) -> Iterator[_Piece | BaseException | None]:
        """The next item; none when there is none for so long that what is there should be committed."""
        with suppress(queue.Empty):
            yield self._pieces.get(timeout=COMMIT_SECONDS)

    def _note(self, piece: _Piece) -> None:
        self._uncommitted.setdefault(piece.part, []).append(piece)
        received = piece.records.received
        self._uncommitted_rows += received
        seen = self._progress
        self._progress = Progress(
            seen.received + received,
            seen.requests + piece.requests,
            seen.done + (piece.completes.end - piece.completes.start),
            self._slices.left(),
        )
        if self._on_progress is not None:
            self._on_progress(self._progress)

    def _commit(self) -> None:
        # Taken before anything is done with it: what an interruption finds half-way is not to be committed again.
        uncommitted, self._uncommitted, self._uncommitted_rows = self._uncommitted, {}, 0
        ready = [self._batch(part, pieces) for part, pieces in uncommitted.items()]
        ready = [batch for batch in ready if batch.window or not batch.rejects.is_empty()]
        if not ready:
            return
        size = sum(batch.rows.estimated_size() for batch in ready)
        self._warehouse.require_disk_space(int(size))
        with self._warehouse.transaction() as connection:
            appended = batches.append(connection, ready, self._run_id)
        self._report.add(ready, appended)

    def _batch(self, part: Slice, pieces: list[_Piece]) -> batches.Batch:
        window = Interval(pieces[0].completes.start, pieces[-1].completes.end)
        fresh = typed([piece.records for piece in pieces])
        rows = pl.concat([self._held_back.pop(part), fresh.rows]) if part in self._held_back else fresh.rows
        if not pieces[-1].last:
            self._held_back[part] = rows.filter(pl.col("created_at") >= window.end)
        assert part.read_at is not None
        return batches.Batch(
            window,
            part.read_at,
            sum(piece.requests for piece in pieces),
            rows.filter(pl.col("created_at").is_between(window.start, window.end, closed="left")),
            fresh.rejects,
        )


def _reread(page: Page) -> list[Any]:
    """The page's records without the rounding of numbers beyond 64 bits that a fast decoder does."""
    records: list[Any] = json.loads(page.body, parse_int=_integer, parse_float=_float)["audit_logs"]
    return records


def _integer(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:  # Python converts no more than 4300 digits
        return text


def _float(text: str) -> float | str:
    number = float(text)
    return text if math.isinf(number) else number


def _require_place(records: Checked, asked: Interval) -> None:
    """Raises `MisplacedPage` unless the page is in order and of the time that was asked for."""
    if records.times is None:
        return
    if not records.times.in_order:
        raise MisplacedPage("A page is not in the order of created_at.", _REMEDY_OF_PAGES)
    # The client asks for a second more on both sides.
    if not asked.start - SECOND <= records.times.first <= records.times.last < asked.end + SECOND:
        raise MisplacedPage("A page holds records of another time than was asked for.", _REMEDY_OF_PAGES)


_REMEDY_OF_PAGES = "Try again later; if it stays, a proxy or a changed API is in the way."
