"""Window -> its missing intervals -> pages -> committed batches: here Zendesk and the warehouse meet."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import polars as pl

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.coverage import (
    LOOK_BACK,
    SECOND,
    SETTLE,
    Interval,
    Read,
    contiguous_from,
    missing,
)
from zendesk_audit_assets.extract.frames import reject_page, to_frames
from zendesk_audit_assets.extract.gaps import FailedRead, attempts, open_gaps, with_gaps
from zendesk_audit_assets.extract.identity import Known, bind_account, known_events, require_same_log
from zendesk_audit_assets.extract.reading import LeftOut, PageSlice, Reading
from zendesk_audit_assets.extract.slices import Helper, Slice, Slices
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import Stopped, ZendeskClient

logger = logging.getLogger("zendesk_audit_assets.extract")

# Settled events that a refresh fetches again: as many as fill its first page.
LOOK_BACK_ROWS = 90
# A commit takes some 50 ms of CPU whatever its size; a crash costs the pages since the last one: at most 175 requests
# at Zendesk's limit of 700 a minute.
COMMIT_ROWS = 30_000
COMMIT_SECONDS = 15.0
READERS = 8


@dataclass(frozen=True)
class Progress:
    """The progress of a sync: records, requests, and the time of the log that is read and that remains."""

    received: int = 0
    requests: int = 0
    done: timedelta = timedelta()
    left: timedelta = timedelta()

    @property
    def share(self) -> float:
        """The part of the time that is read, from 0 to 1."""
        return self.done / (self.done + self.left) if self.done + self.left else 1.0


@dataclass
class SyncResult:
    """The result of a sync. `fetched` are the requested intervals, none if the whole window was settled.

    `left_out` are the windows that could not be read while others could.
    """

    window: Interval
    fetched: list[Interval] = field(default_factory=list)
    left_out: list[Interval] = field(default_factory=list)
    appended: batches.Appended = field(default_factory=batches.Appended)
    requests: int = 0
    seconds_waited: float = 0.0
    covered_to: datetime | None = None
    newest_event: datetime | None = None

    @property
    def known(self) -> int:
        """The received records that were stored before."""
        return self.appended.received - self.appended.inserted - self.appended.rejected

    def add(self, batches: list[batches.Batch], appended: batches.Appended) -> None:
        """Record a commit."""
        self.appended += appended
        self.left_out += [batch.failed.window for batch in batches if batch.failed is not None]
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
    readers: int = READERS,
    on_progress: Callable[[Progress], None] | None = None,
) -> SyncResult:
    """Fetch the missing part of `window`, up to now, and commit it batch by batch with its coverage.

    `full` fetches everything again, settled or not. Commits before an error or an interruption stay, and the next call
    fetches only the rest. A second that cannot be read while others can is left out, and a later sync of any window
    tries it again. No reader thread outlives the call. Raises the `AuditError`s of the client and the warehouse.
    """
    before = client.usage
    with warehouse.transaction() as connection:
        bind_account(connection, client.account.url)
        holds_events = batches.row_count(connection) > 0
        reads = batches.reads(connection, Interval(window.start - LOOK_BACK, window.end))
        asked = _with_unsettled_before(window, reads)
        todo = [asked] if full else missing(asked, reads, SETTLE)
        if todo and not full:
            todo[-1] = _looking_back(todo[-1], reads, connection)
        gaps = open_gaps(connection)
    result = SyncResult(window, with_gaps(todo, gaps, client.now()))
    _Sync(client, warehouse, result, gaps, run_id, readers, on_progress, is_confirmed=not holds_events).run()
    used = client.usage
    result.requests = used.requests - before.requests
    result.seconds_waited = used.seconds_waited - before.seconds_waited
    return result


def _with_unsettled_before(window: Interval, reads: list[Read]) -> Interval:
    """Return the window, with the unsettled time right before it.

    Later that time would lie within unbroken coverage, and no refresh would ever begin there.
    """
    read_before = Interval(max(contiguous_from(window.start, reads), window.start - SETTLE), window.start)
    unsettled = missing(read_before, reads, SETTLE)
    return Interval(unsettled[0].start, window.end) if unsettled else window


def _looking_back(interval: Interval, reads: list[Read], connection: duckdb.DuckDBPyConnection) -> Interval:
    """Return the interval, with as much time before it as fills the first page with stored events.

    A request costs the same for one event as for a hundred: this finds late events at no extra request.
    """
    start = batches.start_of_last_rows(connection, before=interval.start, rows=LOOK_BACK_ROWS, at_most=LOOK_BACK)
    # The client also asks for the second before, which may hold any number of events.
    start = min(start + SECOND, interval.start)
    return Interval(max(start, contiguous_from(interval.start, reads)), interval.end)


class _Sync:
    """Reader threads hand the pages of slices to one writer: the calling thread."""

    def __init__(
        self,
        client: ZendeskClient,
        warehouse: Warehouse,
        result: SyncResult,
        gaps: list[FailedRead],
        run_id: str,
        readers: int,
        on_progress: Callable[[Progress], None] | None,
        is_confirmed: bool,
    ) -> None:
        self._client = client
        self._warehouse = warehouse
        self._result = result
        self._gaps = gaps
        self._run_id = run_id
        self._readers = readers
        self._on_progress = on_progress
        # Whether Zendesk has shown an event of this warehouse: else its log must not mix with what is stored.
        self._is_confirmed = is_confirmed
        self._slices = Slices(result.fetched, readers)
        # Bounded, so that memory grows with the number of readers and not with the window.
        self._queue: queue.Queue[PageSlice | LeftOut | BaseException | None] = queue.Queue(maxsize=2 * readers)
        self._uncommitted: dict[Slice | Helper, list[PageSlice]] = {}
        self._uncommitted_rows = 0
        self._left_out: list[LeftOut] = []
        self._reading = Reading(client, self._slices, gaps, self._hand_over)
        self._progress = Progress()
        # Rows of a second that is not read to its end wait here, so that no row is without coverage.
        self._held_back: dict[Slice | Helper, pl.DataFrame] = {}

    def run(self) -> None:
        # Daemons, so that a second Ctrl-C ends the program while one of them still waits for a response.
        threads = [
            threading.Thread(target=self._work, name=f"zendesk-reader-{number}", daemon=True)
            for number in range(self._readers)
        ]
        try:
            for thread in threads:
                thread.start()
            self._write_everything()
        except BaseException:
            self._slices.stop()
            self._commit()
            raise
        finally:
            self._slices.stop()
            for thread in threads:
                while thread.is_alive():
                    thread.join(1.0)  # without a timeout, Windows would not let a Ctrl-C through

    def _work(self) -> None:
        try:
            while (part := self._slices.take()) is not None:
                if isinstance(part, Slice):
                    self._reading.read(part)
                    self._slices.finish(part)
                else:
                    self._slices.finish(part, in_vain=not self._reading.help(part))
            self._hand_over(None)
        except Stopped:
            return
        except BaseException as error:  # the writer raises it in the calling thread
            self._hand_over(error)

    def _hand_over(self, item: PageSlice | LeftOut | BaseException | None) -> None:
        while not self._slices.stopping.is_set():
            with suppress(queue.Full):
                self._queue.put(item, timeout=0.2)
                return

    def _write_everything(self) -> None:
        working = self._readers
        committed_at = time.monotonic()
        while working:
            for item in self._arrived():
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    working -= 1
                elif isinstance(item, LeftOut):
                    self._left_out.append(item)
                else:
                    self._record_page(item)
            if self._uncommitted_rows >= COMMIT_ROWS or time.monotonic() - committed_at >= COMMIT_SECONDS:
                self._commit()
                committed_at = time.monotonic()
        self._commit()

    def _arrived(self) -> Iterator[PageSlice | LeftOut | BaseException | None]:
        """Yield the next item; nothing if none arrives before the next commit is due."""
        with suppress(queue.Empty):
            yield self._queue.get(timeout=COMMIT_SECONDS)

    def _record_page(self, page: PageSlice) -> None:
        self._uncommitted.setdefault(page.part, []).append(page)
        received = page.records.received
        self._uncommitted_rows += received
        seen = self._progress
        self._progress = Progress(
            seen.received + received,
            seen.requests + page.requests,
            seen.done + (page.completes.end - page.completes.start),
            self._slices.left(),
        )
        if self._on_progress is not None:
            self._on_progress(self._progress)

    def _commit(self) -> None:
        # Taken out first: after an interruption half-way the same pages must not be committed again.
        uncommitted, self._uncommitted, self._uncommitted_rows = self._uncommitted, {}, 0
        left_out, self._left_out = self._left_out, []
        ready = [self._batch(part, pages) for part, pages in uncommitted.items()]
        ready = [batch for batch in ready if batch.window or not batch.rejects.is_empty()]
        ready += [self._batch_without(one) for one in left_out]
        if not ready:
            return
        size = sum(batch.rows.estimated_size() for batch in ready)
        self._warehouse.require_disk_space(int(size))
        self._result.add(ready, self._append(ready))

    def _append(self, ready: list[batches.Batch]) -> batches.Appended:
        """Store the batches. Raises `OtherAccount` if neither they nor Zendesk know an event of this warehouse."""
        with self._warehouse.transaction() as connection:
            bind_account(connection, self._client.account.url)  # another file may have been restored meanwhile
            known = self._to_confirm(connection, ready)
            if not known:
                return batches.append(connection, ready, self._run_id)
        require_same_log(self._client, known)  # never while the file is open
        self._is_confirmed = True
        return self._append(ready)

    def _to_confirm(self, connection: duckdb.DuckDBPyConnection, ready: list[batches.Batch]) -> list[Known]:
        """The stored events of which Zendesk must show one before these batches are stored; none once it has."""
        if self._is_confirmed or not any(batch.rows.height for batch in ready):
            return []
        if batches.hold_known_events(connection, ready):
            self._is_confirmed = True
            return []
        return known_events(connection)

    def _batch_without(self, left_out: LeftOut) -> batches.Batch:
        """Return the batch that tells of a window left out, with the raw page at the first attempt."""
        self._held_back.pop(left_out.part, None)
        window, error, now = left_out.window, left_out.error, self._client.now()
        attempt = attempts(self._gaps, window) + 1
        failed = FailedRead(window, str(error), attempt, now)
        logger.warning(
            "The log from %s to %s UTC is left out: %s The log goes on behind it; a run from %s UTC on tries it again.",
            *(f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (window.start, window.end)),
            error.cause,
            f"{failed.due_at:%Y-%m-%d %H:%M:%S}",
        )
        raw = reject_page(error.cause, error.body if attempt == 1 else b"")
        return batches.Batch(Interval(window.start, window.start), now, 0, raw.rows, raw.rejects, failed)

    def _batch(self, part: Slice | Helper, pages: list[PageSlice]) -> batches.Batch:
        # A reader completes stretches that touch, one after the other, and a helper one before the other.
        completed = [page.completes for page in pages if page.completes] or [pages[0].completes]
        window = Interval(min(completed).start, max(completed).end)
        fresh = to_frames([page.records for page in pages])
        rows = pl.concat([self._held_back.pop(part), fresh.rows]) if part in self._held_back else fresh.rows
        if not pages[-1].last:
            created_at = pl.col("created_at")
            self._held_back[part] = rows.filter(
                created_at < window.start if part.newest_first else created_at >= window.end
            )
        assert part.read_at is not None
        return batches.Batch(
            window,
            part.read_at,
            sum(page.requests for page in pages),
            rows.filter(pl.col("created_at").is_between(window.start, window.end, closed="left")),
            fresh.rejects,
        )
