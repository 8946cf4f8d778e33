"""The warehouse file: one writer at a time, one transaction per use, never left open."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout
from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception, stop_after_delay, wait_fixed

from zendesk_audit_assets import files
from zendesk_audit_assets.deadline import NOTABLE_WAIT_S
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.text import as_unicode, first_line, is_utf8, sql_literal
from zendesk_audit_assets.warehouse.damage import (
    WarehouseBusy,
    WarehouseUnusable,
    changes_explained,
    damage_explained,
    is_open_elsewhere,
    opening_failed,
)
from zendesk_audit_assets.warehouse.migrations import is_current, migrate

logger = logging.getLogger("zendesk_audit_assets.warehouse")

LOCK_TIMEOUT_S = 600.0
STRAY_READER_TIMEOUT_S = 60.0
# Attempts to open a file that another program has open, one a second, before the wait is told.
ATTEMPTS_UNTOLD = 5
# What a disk must keep free: DuckDB's own log and checkpoint need room, and so does everything else there.
DISK_RESERVE_BYTES = 256 * 2**20


# What DuckDB raises when the disk fails it; a COMMIT on a full disk raises the last one.
_WRITE_FAILURES = (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `KeyboardInterrupt` when a signal stops a query: DuckDB turns it into a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise


class DiskAlmostFull(AuditError):
    """Writing on would fill the disk."""


class Warehouse:
    """One DuckDB file, holding the audit log of one Zendesk account.

    Writers in any process queue on an operating-system lock beside the file, which the system frees when a process
    dies. Hold a transaction for the work with the file only, never while waiting for the network.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
        stray_reader_timeout_s: float = STRAY_READER_TIMEOUT_S,
    ) -> None:
        self.path = Path(path).absolute()
        if not is_utf8(str(self.path)):  # DuckDB and Dagster keep paths as text
            raise WarehouseUnusable(
                f"The path {as_unicode(str(self.path))} is not UTF-8.",
                "Rename the folder, or point ZENDESK_AUDIT_DB at another place.",
            )
        self._lock_timeout_s = lock_timeout_s
        self._stray_reader_timeout_s = stray_reader_timeout_s

    @property
    def uri(self) -> str:
        """The address of the file, for people and tools."""
        return self.path.as_uri()

    def exists(self) -> bool:
        """Tell whether the file is there. Raises `WarehouseUnusable` where this user may not look."""
        with self._explained(self.path):
            return files.exists(self.path)

    def size_bytes(self) -> int:
        """The size of the file; 0 before it exists."""
        return self.path.stat().st_size if self.exists() else 0

    def free_bytes(self) -> int:
        """The free space on the disk that holds the file, or will hold it."""
        folder = next(parent for parent in self.path.parents if os.path.exists(parent))
        return shutil.disk_usage(folder).free

    @property
    def published_path(self) -> Path:
        """The copy that analysts read, replaced as a whole; see `publish`."""
        return self.path.parent / "published" / self.path.name

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """An open connection inside BEGIN; COMMIT at the end, ROLLBACK on any exception, closed in either case.

        Raises `WarehouseBusy` when another program does not let go of the file, `WarehouseUnusable` when there
        is no usable file at the path or the disk fails, `NewerWarehouse` when a newer version of this project wrote it.
        """
        with self.transactions() as transaction, transaction() as connection:
            yield connection

    @contextmanager
    def transactions(self) -> Iterator[Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]]:
        """The file kept open for several transactions in a row, each begun by calling what this gives.

        To open it takes longer than most of what is done with it; others who want it wait meanwhile.
        Raises what `transaction` does.
        """
        with self.locked(), self._connection() as connection:
            yield partial(self._transaction, connection)

    @contextmanager
    def _transaction(self, connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
        changes = changes_explained(connection, self.path, self.remedy_for_damage)
        with self._failures_explained(), changes:
            current = is_current(connection)
            connection.execute("BEGIN")
            try:
                if not current:
                    migrate(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):  # a COMMIT that failed, or damage, has ended the transaction
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _failures_explained(self) -> Iterator[None]:
        """Turn what DuckDB raises when the file or the disk fails into `WarehouseUnusable`."""
        try:
            with damage_explained(self.path, self.remedy_for_damage):
                yield
        except _WRITE_FAILURES as error:
            raise WarehouseUnusable(
                f"Writing to {self.path} failed ({first_line(error)}).",
                "Look at the disk; then run again: what was committed is kept, and only the rest is fetched.",
            ) from error
        except duckdb.InternalException as error:
            raise WarehouseUnusable(
                f"DuckDB failed inside {self.path} ({first_line(error)}).",
                "The file may be damaged: run `zendesk-audit doctor`, which reads all of it.",
            ) from error

    def locked(self) -> AbstractContextManager[None]:
        """The right to touch the file, across threads and processes. Raises `WarehouseBusy`, `WarehouseUnusable`."""
        return self._lock(f"{self.path}.lock", f"writing to {self.path}")

    def exclusive(self, purpose: str, doing: str) -> AbstractContextManager[None]:
        """The right to do one thing for this warehouse, such as `alerts`, across threads and processes.

        The system frees it when a process dies. Raises `WarehouseBusy`, which says what another run is `doing`, and
        `WarehouseUnusable`.
        """
        return self._lock(f"{self.path}.{purpose}.lock", doing)

    @contextmanager
    def _lock(self, path: str, doing: str) -> Iterator[None]:
        with self._explained(Path(path)):
            files.make_folder(self.path.parent, files.FOLDER_ON_THE_WAY)
            files.create_own(Path(path))  # where none can be made, FileLock waits for one
            lock = FileLock(path, timeout=self._lock_timeout_s, mode=files.PRIVATE_FILE)
            try:
                self._acquire(lock, doing)
            except Timeout as error:
                raise WarehouseBusy(
                    f"Another run has been {doing} for {self._lock_timeout_s:.0f} s.",
                    "Wait until it has finished, or stop it in the Dagster UI.",
                ) from error
        try:
            yield
        finally:
            lock.release()

    def _acquire(self, lock: FileLock, doing: str) -> None:
        """Acquire the lock, and tell of a long wait for it. Raises `Timeout`."""
        rest = self._lock_timeout_s - NOTABLE_WAIT_S
        if rest <= 0:
            lock.acquire()
            return
        with suppress(Timeout):
            lock.acquire(NOTABLE_WAIT_S)
            return
        logger.warning("Another run is %s: waiting for up to %.0f s until it has finished.", doing, rest)
        lock.acquire(rest)

    def _tell_of_wait(self, state: RetryCallState) -> None:
        if state.attempt_number == ATTEMPTS_UNTOLD:
            logger.warning(
                "Another program has %s open: waiting for up to %.0f s until it closes it.",
                self.path,
                self._stray_reader_timeout_s,
            )

    def checkpoint(self) -> None:
        """Bring everything from the write-ahead log into the file itself. Only for who has it `locked`."""
        with self._connection() as connection, self._failures_explained():
            connection.execute("CHECKPOINT")

    def require_disk_space(self, needed_bytes: int = 0, folder: Path | None = None) -> None:
        """Raises `DiskAlmostFull` when `needed_bytes` more would leave less than the reserve.

        The disk is that of `folder`, or else the warehouse's own.
        """
        folder = folder or self.path.parent
        free = shutil.disk_usage(folder).free
        if free - needed_bytes < DISK_RESERVE_BYTES:
            raise DiskAlmostFull(
                f"The disk of {folder} has {free / 2**20:,.0f} MiB left, and "
                f"{(needed_bytes + DISK_RESERVE_BYTES) / 2**20:,.0f} MiB are needed to go on safely.",
                "Free some space and run again: what was committed is kept, and only the rest is fetched.",
            )

    @property
    def remedy_for_damage(self) -> str:
        """What to do about a damaged file."""
        return (
            f"Restore a backup, or the published copy {self.published_path}, with `zendesk-audit restore`; "
            "or point ZENDESK_AUDIT_DB at another file."
        )

    def _explained(self, path: Path) -> AbstractContextManager[None]:
        remedy = "Give this user write access to it, or point ZENDESK_AUDIT_DB at another place."
        return files.explained(path, remedy, WarehouseUnusable)

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with files.private():
            connection = self._connect()
            try:
                self._remove_spilled()
                yield connection
            finally:
                connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        attempts = Retrying(
            retry=retry_if_exception(is_open_elsewhere),
            wait=wait_fixed(min(1.0, self._stray_reader_timeout_s / 10)),
            stop=stop_after_delay(self._stray_reader_timeout_s),
            before_sleep=self._tell_of_wait,
        )
        with self._explained(self.path):
            if not os.path.lexists(self.path):
                self._create()
            self._require_access()
        try:
            return attempts(connect, self.path)
        except RetryError as error:
            raise WarehouseBusy(
                f"Another program has {self.path} open ({error.last_attempt.exception()}).",
                f"Close it; to query while runs go on, open the published copy {self.published_path} instead.",
            ) from error
        except duckdb.Error as error:
            raise opening_failed(error, self.path, self.remedy_for_damage) from error

    def _remove_spilled(self) -> None:
        """Remove what DuckDB could not hold in memory in a process that was killed."""
        spilled = self.path.with_name(f"{self.path.name}.tmp")
        if spilled.is_dir() and not spilled.is_symlink():
            with self._explained(spilled):
                shutil.rmtree(spilled)

    def _require_access(self) -> None:
        """DuckDB tells a file that it may not write from a damaged one in its message only. Raises `OSError`."""
        files.require_plain(self.path)
        for path in (self.path, files.wal_of(self.path)):
            if files.exists(path):
                files.require_writable(path)

    def _create(self) -> None:
        """Put an empty database in place when it is whole: a full disk or a kill would leave a stump of one."""
        with files.replacing(self.path) as fresh:
            try:
                connect(fresh).close()
            except duckdb.Error as error:
                raise WarehouseUnusable(
                    f"{self.path} cannot be created ({first_line(error)}).",
                    "Look at the disk, or point ZENDESK_AUDIT_DB at another place; then run again.",
                ) from error


def connect(path: Path | str, *, read_only: bool = False, writes_to: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open a database file, in UTC, so that every DuckDB from 1.5 on can open what is written to it.

    No SQL on the connection, be it of a rule, of a view in the file or typed by a person, reaches another file, except
    below the folder `writes_to`, or the network, an extension, a Python object or a setting.
    """
    connection = duckdb.connect(str(path), read_only=read_only, config=_CONFIGURATION)
    try:
        # The settings of a file that this process has open already, and thus are locked, hold for this connection too.
        if not connection.execute("SELECT current_setting('lock_configuration')").fetchall()[0][0]:
            for statement in _confine(writes_to):
                connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


_CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "storage_compatibility_version": "v1.5.0",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
}


def _confine(writes_to: Path | None) -> Iterator[str]:
    # Without it Polars gets times in the zone of the host.
    yield "SET GLOBAL TimeZone = 'UTC'"
    if writes_to is not None:
        yield f"SET allowed_directories = [{sql_literal(str(writes_to))}]"
    yield "SET enable_external_access = false"
    yield "SET lock_configuration = true"
