"""`demo`: everything, in a folder without settings, by one command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import time_machine

from support.deployment import NOW, STARTUP
from support.patience import PATIENCE_S
from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.demo import FOLDER
from zendesk_audit_assets.orchestration.checks import CHECKS

# What it is made of is tested by itself; `make test-dates` and CI run it as well.
pytestmark = pytest.mark.faults

DAYS = 20


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The demo of a short history, finished; `cwd` of the process is in its environment's PWD."""
    folder = tmp_path_factory.mktemp("demo")
    names = {variable.name for variable in settings.VARIABLES}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    # The history that the demo makes up depends on the day, so its processes live at a fixed moment.
    offset = NOW.timestamp() - time.time()
    path = os.pathsep.join([str(STARTUP), *environment.get("PYTHONPATH", "").split(os.pathsep)])
    environment |= {"PYTHONPATH": path, "TEST_CLOCK_OFFSET": str(offset)}
    result = subprocess.run(
        [sys.executable, "-m", "zendesk_audit_assets.cli", "demo", "--days", str(DAYS)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    result.folder = folder  # type: ignore[attr-defined]
    return result


@pytest.fixture
def published(done: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    path = done.folder / FOLDER / "published" / "zendesk_audit.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


def test_it_ends_well_and_shows_summaries_and_where_to_look(done: Any) -> None:
    assert done.returncode == 0, done.stderr
    for title in ("Most active actors", "Most frequent actions", "Findings, most severe first", "Newest events"):
        assert title in done.stdout
    for hint in (" sql ", " demo --serve", " doctor"):
        assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_every_event_of_the_history_is_published_once(published: duckdb.DuckDBPyConnection, done: Any) -> None:
    ((events, distinct, first, last),) = published.execute(
        "SELECT count(*), count(DISTINCT id), min(created_at)::DATE, max(created_at)::DATE FROM audit_logs"
    ).fetchall()
    assert events == distinct > 500
    today = NOW.date()
    assert first == today - timedelta(days=DAYS)
    assert last >= today - timedelta(days=4)
    assert published.execute("SELECT sum(events)::BIGINT FROM action_summary").fetchall() == [(events,)]
    assert published.execute("SELECT sum(rows_inserted)::BIGINT FROM coverage").fetchall() == [(events,)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.table}.{check.name}")
def test_every_check_holds_of_it(published: duckdb.DuckDBPyConnection, check: Any) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    with time_machine.travel(NOW + timedelta(minutes=10), tick=False):
        result = check.run(published, midnight - timedelta(days=DAYS))
    assert result.passed, result.summary


def test_the_run_is_in_the_demos_own_history_of_dagster(done: Any) -> None:
    with dg.DagsterInstance.from_config(str(done.folder / FOLDER / "dagster")) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
        assert not instance.telemetry_enabled


def test_it_leaves_nothing_outside_its_folder(done: Any) -> None:
    assert {path.relative_to(done.folder) for path in done.folder.iterdir()} == {Path("data")}
    assert {path.relative_to(done.folder) for path in (done.folder / "data").iterdir()} == {FOLDER}


def test_its_hint_for_a_query_works_as_printed(done: Any) -> None:
    (hint,) = [line for line in done.stderr.splitlines() if line.startswith("Query it:")]
    command = hint.removeprefix("Query it:").strip()
    answer = subprocess.run(
        command, shell=True, cwd=done.folder, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert "share_of_events" in "".join(answer.stdout.split())
