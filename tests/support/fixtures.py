"""The fixtures of many folders. They are thin: the other modules here hold the helpers they hand out.

`conftest.py` makes this module a plugin of the processes that run tests.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import sqlalchemy
from hypothesis import settings as hypothesis_settings

from support import records
from support.clock import Clock
from support.deployment import Deployment, deployed_in
from support.examples import examples
from support.process import Program
from support.warehouse import batch as make_batch
from support.zendesk import client_of
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions
from zendesk_audit_assets.extract.batches import Batch
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import ZendeskClient

# How long an example takes says nothing on a busy machine; and the same commit tries the same examples on every day.
hypothesis_settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=examples(25))
hypothesis_settings.load_profile("repeatable")

# A DuckDB starts its threads with each file that it opens, and wakes them for the few rows of a test. `make prove`
# gives it several, by TEST_THREADS.
_connect, _THREADS = duckdb.connect, int(os.environ.get("TEST_THREADS", "1"))


def _connect_with_few_threads(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
    return _connect(*arguments, **{**options, "config": {"threads": _THREADS, **options.get("config", {})}})


duckdb.connect = _connect_with_few_threads


@sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
def prepare_dagsters_history(connection: Any, _: Any) -> None:
    """Dagster commits its history event by event, and no test here is about a loss of power.

    SQLite stamps runs by the machine's clock; here it asks Python, whose clock a deployment sets.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
        connection.create_function("current_timestamp", 0, lambda: f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}")


@pytest.fixture
def clock() -> Clock:
    """Noon of 2026-03-01, until the test advances it."""
    return Clock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a warehouse without events: to make one takes 150 ms, to copy it one."""
    made = Warehouse(tmp_path_factory.mktemp("migrated") / "audit.duckdb")
    with made.transaction():
        return made.path


@pytest.fixture
def warehouse(migrated: Path, tmp_path: Path) -> Warehouse:
    """A warehouse without events."""
    return Warehouse(Path(shutil.copy(migrated, tmp_path / "audit.duckdb")))


@pytest.fixture(scope="session")
def record() -> Callable[..., dict[str, Any]]:
    """A record as Zendesk documents it, with changes."""
    return records.record


@pytest.fixture(scope="session")
def batch() -> Callable[..., Batch]:
    """A batch of records; without a window it vouches for the first day of 2026, read when that was over."""
    return make_batch


@pytest.fixture
def emulate(clock: Clock) -> Iterator[Callable[..., Emulator]]:
    """Starts an emulated account on the clock of the test, and stops it at its end."""
    with ExitStack() as running:

        def start(**options: Any) -> Emulator:
            defaults = {"clock": clock, "rate_limit_per_minute": 100_000}
            return running.enter_context(Emulator(EmulatorOptions(**defaults | options)))

        yield start


@pytest.fixture
def connect(clock: Clock) -> Iterator[Callable[[Emulator], ZendeskClient]]:
    """Clients of an emulated account that use all of its request limit."""
    with ExitStack() as opened:
        yield lambda zendesk: opened.enter_context(client_of(zendesk, clock=clock))


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Starts Python programs; none of them outlives the test."""
    with ExitStack() as running:

        def start(*arguments: Path | str) -> Program:
            started = Program(*arguments)
            running.callback(started.close)
            return started

        yield start


@pytest.fixture(scope="session")
def deployed() -> Callable[..., AbstractContextManager[Deployment]]:
    """For what lives longer than a test: a deployment in a folder, with a Dagster instance."""
    return deployed_in


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[..., Deployment]]:
    """Starts a deployment, with other options and variables if given; stopped at the end of the test."""
    with ExitStack() as stack:

        def start(**how: Any) -> Deployment:
            instance = stack.enter_context(dg.DagsterInstance.ephemeral())
            return stack.enter_context(deployed_in(tmp_path, instance, **how))

        yield start


@pytest.fixture
def deployment(deploy: Callable[..., Deployment]) -> Deployment:
    """A deployment in which nothing has been read yet."""
    return deploy()
