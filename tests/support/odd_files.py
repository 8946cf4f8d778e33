"""Files and folders in which nobody would keep a warehouse on purpose."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb


def _sqlite(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE audit_logs (id)")
    connection.close()


def _sql(*statements: str, on: str | None = "good") -> Callable[[Path, Path], None]:
    def make(path: Path, good: Path) -> None:
        if on:
            shutil.copy(good, path)
        with duckdb.connect(str(path)) as connection:
            for statement in statements:
                with suppress(duckdb.Error):
                    connection.execute(statement)

    return make


def _changed(change: Callable[[bytes], bytes]) -> Callable[[Path, Path], None]:
    return lambda path, good: _write(path, change(good.read_bytes()))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _with_wal(content: bytes) -> Callable[[Path, Path], None]:
    def make(path: Path, good: Path) -> None:
        shutil.copy(good, path)
        path.with_name(f"{path.name}.wal").write_bytes(content)

    return make


def _beside(ending: str, make: Callable[[Path], Any]) -> Callable[[Path, Path], None]:
    def put(path: Path, good: Path) -> None:
        shutil.copy(good, path)
        make(path.with_name(f"{path.name}{ending}"))

    return put


def _spoilt(seed: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        damaged, chance = bytearray(content), random.Random(seed)
        for _ in range(chance.randint(1, 40)):
            at = chance.randrange(len(damaged))
            damaged[at : at + 16] = chance.randbytes(16)
        return bytes(damaged)

    return change


# From a path, and the path of a good file, to a file there.
FILES: dict[str, Callable[[Path, Path], None]] = {
    "good": lambda path, good: _write(path, good.read_bytes()),
    "missing": lambda path, good: None,
    "empty": lambda path, good: _write(path, b""),
    "text": lambda path, good: _write(path, b"no database\n" * 1_000),
    "folder": lambda path, good: path.mkdir(),
    "pipe": lambda path, good: os.mkfifo(path),
    "link to nothing": lambda path, good: path.symlink_to("nowhere"),
    "link to itself": lambda path, good: path.symlink_to(path),
    "sqlite": lambda path, good: _sqlite(path),
    "cut": _changed(lambda content: content[: len(content) // 2]),
    "cut at the start": _changed(lambda content: content[:5_000]),
    "longer": _changed(lambda content: content + b"x" * 10_000),
    "zeros": _changed(lambda content: content[:4096] + bytes(len(content) - 4096)),
    **{f"damaged {seed}": _changed(_spoilt(seed)) for seed in range(12)},
    "foreign": _sql("CREATE TABLE orders (id INTEGER)", on=None),
    "foreign of our names": _sql(
        "CREATE TABLE audit_logs (id VARCHAR)", "CREATE TABLE warehouse_meta (name INTEGER)",
        "CREATE TABLE migrations (name INTEGER)", on=None,
    ),
    "no tables": _sql(on=None),
    "only views": _sql("CREATE VIEW audit_logs AS SELECT 1 AS id", on=None),
    "newer": _sql("INSERT INTO migrations VALUES ('9999_later', now())"),
    "of another account": _sql("UPDATE warehouse_meta SET value = 'https://other.zendesk.com' WHERE name = 'account'"),
    "of no account": _sql("DELETE FROM warehouse_meta WHERE name = 'account'"),
    "wrong facts": _sql("UPDATE warehouse_meta SET value = 'x'"),
    "no derived tables": _sql(
        "DROP TABLE audit_events", "DROP TABLE findings", "DROP TABLE user_role_history", "DROP TABLE object_history",
    ),
    "no log": _sql("DROP TABLE audit_events", "DROP TABLE audit_logs"),
    "no coverage": _sql("DROP TABLE coverage"),
    "other columns": _sql(
        "ALTER TABLE audit_logs DROP COLUMN action",
        "ALTER TABLE findings DROP COLUMN severity", "ALTER TABLE user_role_history DROP COLUMN role",
        "ALTER TABLE object_history RENAME value TO val",
    ),
    "other types": _sql(
        "ALTER TABLE findings ALTER events TYPE VARCHAR",
        "ALTER TABLE coverage ALTER window_start TYPE VARCHAR",
        "ALTER TABLE user_role_history ALTER valid_from TYPE VARCHAR",
    ),
    "views for tables": _sql(
        "DROP TABLE findings", "CREATE VIEW findings AS SELECT 1 AS uid", "DROP TABLE object_history",
        "CREATE VIEW object_history AS FROM read_csv('/nowhere')",
    ),
    "odd texts": _sql(
        "UPDATE audit_logs SET actor_name = chr(27) || '[2J' || chr(8238) || chr(0)",
        "UPDATE findings SET title = chr(27) || ']0;x' || chr(7), explanation = repeat('é💥', 2000)",
        "UPDATE object_history SET value = '=cmd|x' || chr(155), source_label = '[/red][bold]'",
    ),
    "odd times": _sql(
        "UPDATE findings SET last_event_at = 'infinity'", "UPDATE user_role_history SET valid_from = '-infinity'",
        "UPDATE object_history SET valid_from = '0044-01-01 (BC)'::TIMESTAMPTZ",
        "UPDATE coverage SET window_end = 'infinity'", "UPDATE failed_reads SET tried_at = 'infinity'",
    ),
    "torn log": _with_wal(b""),
    "foreign log": _with_wal(b"x" * 5_000),
    "log is a folder": _beside(".wal", Path.mkdir),
    "lock is a folder": _beside(".lock", Path.mkdir),
    "lock is a link": _beside(".lock", lambda path: path.symlink_to("x")),
    "alert lock is a folder": _beside(".alerts.lock", Path.mkdir),
    "spill is a file": _beside(".tmp", lambda path: path.write_bytes(b"x")),
}  # fmt: skip

# The largest takes some milliseconds to read.
_RULES: dict[str, tuple[str, bytes]] = {
    "empty": (".yml", b""),
    "no rule": (".yml", b"- 1\n- 2\n"),
    "not YAML": (".yml", b"a: [\n"),
    "binary": (".yml", b"\xff\0\xfe"),
    "aliases": (".yml", b"a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n"),
    "deep": (".yml", b"[" * 5_000),
    "dates": (".yml", b"title: 2026-02-30\nid: x\nlogsource: 1\ndetection: 2\nlevel: 3\n"),
    "sql": (".sql", b"-- ---\n-- title: x\n-- ---\nSELECT 1"),
    "bad sql": (".sql", b"DROP TABLE audit_logs"),
    "python": (".yml", b"a: !!python/object/apply:os.system ['x']"),
}


def _rule(ending: str, content: bytes) -> Callable[[Path], Any]:
    def make(folder: Path) -> None:
        (folder / "rules").mkdir()
        (folder / "rules" / f"own{ending}").write_bytes(content)

    return make


# What is in the working folder besides the data.
FOLDERS: dict[str, Callable[[Path], Any]] = {
    "plain": lambda folder: None,
    ".env is a folder": lambda folder: (folder / ".env").mkdir(),
    ".env is a pipe": lambda folder: os.mkfifo(folder / ".env"),
    ".env leads nowhere": lambda folder: (folder / ".env").symlink_to("nowhere"),
    ".env leads to itself": lambda folder: (folder / ".env").symlink_to(folder / ".env"),
    ".dagster is a file": lambda folder: (folder / ".dagster").write_text("x"),
    "dagster.yaml is wrong": lambda folder: (folder / "dagster.yaml").write_text("run_queue: ["),
    "dagster.yaml is a list": lambda folder: (folder / "dagster.yaml").write_text("- 1"),
    "dagster.yaml is binary": lambda folder: (folder / "dagster.yaml").write_bytes(b"\xff\0"),
    "workspace.yaml is wrong": lambda folder: (folder / "workspace.yaml").write_text("load_from: 3"),
    "data/demo is a file": lambda folder: (folder / "data" / "demo").write_text("x"),
    "budget is a folder": lambda folder: (folder / "data" / "audit.duckdb.budget.json").mkdir(),
    "gone": lambda folder: shutil.rmtree(folder),
    **{f"rules: {name}": _rule(ending, content) for name, (ending, content) in _RULES.items()},
}
