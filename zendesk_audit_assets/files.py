"""Files of ours: private, not reached through a link, replaced as a whole; and a sentence when the system refuses."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zendesk_audit_assets.errors import AuditError

# Only this user reads the log and what lies beside it; the group reads what is published, and gets to it.
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
SHARED_FILE, SHARED_FOLDER = 0o640, 0o750
FOLDER_ON_THE_WAY = 0o710

_CHUNK_BYTES = 4 * 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


class FileUnusable(AuditError):
    """The system refuses what has to be done with a file or a folder."""


class _Mask:
    """The process's mask for new files, closed to all others while anybody needs it so."""

    def __init__(self) -> None:
        self._lock, self._users, self._before = threading.Lock(), 0, 0

    def close(self) -> None:
        with self._lock:
            if self._users == 0:
                self._before = os.umask(0o077)
            self._users += 1

    def reopen(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                os.umask(self._before)


_MASK = _Mask()


@contextmanager
def private() -> Iterator[None]:
    """Give what this process creates to its user alone: DuckDB and Dagster choose no mode for their files."""
    _MASK.close()
    try:
        yield
    finally:
        _MASK.reopen()


@contextmanager
def explained(path: Path, remedy: str, error: type[AuditError] = FileUnusable) -> Iterator[None]:
    """Turn an `OSError` into an `error` that names the file or folder, by default `path`, and what is wrong with it."""
    try:
        yield
    except OSError as failure:
        raise explain(failure, path, remedy, error) from failure


def explain(failure: OSError, path: Path, remedy: str, error: type[AuditError] = FileUnusable) -> AuditError:
    """The error that names what a failure is about: a file, the folder that refuses a new one, or a full disk."""
    reason = failure.strerror or str(failure)
    named = Path(os.fsdecode(failure.filename2 or failure.filename or path))
    # A file that cannot be made is refused by its folder.
    culprit = next((one for one in (named, *named.parents) if os.path.lexists(one)), named)
    if failure.errno in (errno.ENAMETOOLONG, errno.ENOENT):
        culprit = named
    if failure.errno in _FULL:
        folder = culprit if os.path.isdir(culprit) else culprit.parent
        return error(f"The disk of {folder} is full ({reason}).", "Free some space on it, then run again.")
    if failure.errno in _REFUSED and culprit == named and writable(culprit):
        culprit = culprit.parent
    kind = "The folder " if os.path.isdir(culprit) else ""
    owner = _owner(culprit) if failure.errno in _REFUSED else ""
    return error(f"{kind}{culprit} cannot be used ({reason}{owner}).", remedy)


def exists(path: Path) -> bool:
    """Tell whether something is at a path. Raises `OSError` where this user may not look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def writable(path: Path) -> bool:
    """Tell whether this user may write to a file, or make files in a folder."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def require_writable(path: Path) -> None:
    """Refuse a file that this user may not write to, or a folder in which it cannot make files. Raises `OSError`."""
    if not writable(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def require_plain(path: Path) -> None:
    """Refuse a folder, a pipe or a device where a file is to be opened. Raises `OSError`."""
    if path.is_symlink() and not os.path.exists(path):
        raise OSError(errno.ELOOP, "it is a link that leads to no file", str(path))
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a plain file", str(path))


def require_folder(folder: Path) -> None:
    """Refuse what is no folder, and a folder in which this user cannot make files. Raises `OSError`."""
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(folder))
    require_writable(folder)
    with _takes_files(folder), tempfile.TemporaryFile(dir=folder):
        pass


def require_own(path: Path) -> None:
    """Refuse what is no plain file of ours where one is to be opened. Raises `OSError`; a missing file is fine.

    Ours are this user's, the superuser's and those of the folder's owner: nobody else can have made them.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a plain file", str(path))
    if found.st_uid not in (os.geteuid(), 0, path.parent.stat().st_uid):
        raise PermissionError(errno.EPERM, "it is another user's", str(path))


def create_own(path: Path) -> None:
    """Make an empty private file unless it is there; `require_own` tells whether that one is ours. Raises `OSError`."""
    require_own(path)
    with _takes_files(path.parent):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), PRIVATE_FILE))


@contextmanager
def _takes_files(folder: Path) -> Iterator[None]:
    """Blame a folder that permits new files and cannot have them, such as /proc. Raises `OSError`."""
    try:
        yield
    except FileNotFoundError as failure:
        raise OSError(errno.ENOENT, "it takes no new files", str(folder)) from failure


def make_folder(folder: Path, mode: int = PRIVATE_FOLDER) -> None:
    """Make a folder and those on the way; existing ones keep their mode. Raises `OSError`."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent, FOLDER_ON_THE_WAY)
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(mode)  # whatever the mask is
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(folder))


@contextmanager
def replacing(target: Path, mode: int = PRIVATE_FILE) -> Iterator[Path]:
    """A path beside `target` for a new file, which takes its place as a whole at the end.

    Removes what killed processes left of such files: callers hold the lock of the target. Raises `OSError`.
    """
    _remove_leftovers(target)
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield fresh
        put_in_place(fresh, target, mode)
    finally:
        remove(fresh)


def put_in_place(fresh: Path, target: Path, mode: int = PRIVATE_FILE) -> None:
    """Let a whole file, made beside `target`, take its place, safe from a loss of power. Raises `OSError`.

    The write-ahead log of the database that was there would make the new one unreadable: it goes first.
    """
    with fresh.open("rb+") as file:
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    wal_of(target).unlink(missing_ok=True)
    os.replace(fresh, target)
    _flush_folder(target.parent)


def remove(path: Path) -> None:
    """Remove a file of ours and its write-ahead log, if they are there. Raises `OSError`."""
    for one in (path, wal_of(path)):
        one.unlink(missing_ok=True)


def copy(source: Path, fresh: Path) -> None:
    """Copy a file to a path where nothing is. Raises `OSError`, also when something is there: it may be a link."""
    with source.open("rb") as origin, os.fdopen(os.open(fresh, _CREATE, PRIVATE_FILE), "wb") as file:
        shutil.copyfileobj(origin, file, _CHUNK_BYTES)


_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def wal_of(database: Path) -> Path:
    """Where DuckDB keeps the write-ahead log of a database file."""
    return database.with_name(f"{database.name}.wal")


def _remove_leftovers(target: Path) -> None:
    ours = re.compile(rf"\.{re.escape(target.name)}\.(\d+)\.tmp(\.wal)?")
    for entry in os.scandir(target.parent):
        match = ours.fullmatch(entry.name)
        if match and not _runs_elsewhere(int(match[1])):
            os.unlink(entry.path)


def _runs_elsewhere(pid: int) -> bool:
    """Whether another process has this number."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system can; the file itself is flushed
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _owner(path: Path) -> str:
    """Whose a file is, if it is not this user's, as a part of a sentence."""
    try:
        owner = path.lstat().st_uid
    except OSError:
        return ""
    if owner == os.geteuid():
        return ""
    try:
        import pwd  # not on every system

        return f"; it belongs to {pwd.getpwuid(owner).pw_name}"
    except (ImportError, KeyError):
        return f"; it belongs to the user {owner}"
