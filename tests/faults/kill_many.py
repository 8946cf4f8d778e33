"""Kills a backfill with SIGKILL at random moments, again and again, and looks each time at what is left of it.

    python tests/faults/kill_many.py --kills 200 --seed 1

A round is a backfill into an empty warehouse: it is killed and started again until it gets through. Ends with one
line, and with exit code 1 as soon as anything is lost, twice, half there, or claimed without having been read.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from zendesk_audit_assets.emulator import Emulator, EmulatorOptions
from zendesk_audit_assets.warehouse.database import Warehouse

WORKER = Path(__file__).with_name("worker.py")
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = START + timedelta(days=30)
NOW = END + timedelta(days=30)
PAGES, PAGE_SIZE = 120, 20

# A worker is killed at most so long after it has sent at most so many requests; every other one in its next commit.
MOST_REQUESTS = 40
MOST_SECONDS = 0.1
MOST_SECONDS_IN_COMMIT = 0.02
# What a kill may cost in requests: a batch of 5 pages that was not committed, 8 pages in the writer's queue, 4 in the
# hands of the 4 readers, and the beginning of each slice once more.
REQUESTS_PER_KILL = 5 + 8 + 4 + 10


@dataclass
class Tally:
    """What happened so far."""

    kills: int = 0
    in_a_commit: int = 0
    rounds: int = 0
    requests: int = 0


@click.command()
@click.option("--kills", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def main(kills: int, seed: int) -> None:
    """Kill a backfill so many times, and check what is left each time."""
    chance = random.Random(seed)
    tally = Tally()
    events = [{"id": n + 1, "created_at": time} for n, time in enumerate(made_up_times(chance))]
    options = EmulatorOptions(events=events, rate_limit_per_minute=1_000_000, clock=NOW.timestamp)
    with Emulator(options) as zendesk, TemporaryDirectory() as folder:
        while tally.kills < kills:
            path = Path(folder) / f"{tally.rounds}.duckdb"
            if problem := one_round(zendesk, path, chance, tally, kills):
                click.echo(f"After {tally.kills} kills (seed {seed}): {problem}.")
                sys.exit(1)
    click.echo(
        f"{tally.kills} kills, {tally.in_a_commit} of them in a commit, over {tally.rounds} backfills of "
        f"{len(events)} events (seed {seed}): none lost, none twice, nothing claimed that was not read; "
        f"{tally.requests} requests, {tally.rounds * PAGES} without kills at best."
    )


def made_up_times(chance: random.Random) -> list[datetime]:
    """A month with some seconds that have more than a page of events."""
    times: list[datetime] = []
    while len(times) < PAGES * PAGE_SIZE:
        moment = START + timedelta(seconds=chance.randrange(int((END - START).total_seconds())))
        times += [moment] * (chance.randint(5, 50) if chance.random() < 0.02 else 1)
    return times[: PAGES * PAGE_SIZE]


def one_round(zendesk: Emulator, path: Path, chance: random.Random, tally: Tally, kills: int) -> str | None:
    """Backfill into an empty file, killed until it gets through; what is wrong with what was left, if anything."""
    zendesk.reset_requests()
    bound = 1.10 * PAGES + 4
    while not run(zendesk, path, chance if tally.kills < kills else None):
        tally.kills += 1
        tally.in_a_commit += is_committing(path)
        bound += REQUESTS_PER_KILL
        if problem := what_is_wrong(zendesk, path):
            return problem
    tally.rounds += 1
    tally.requests += len(zendesk.requests)
    if len(zendesk.requests) > bound:
        return f"{len(zendesk.requests)} requests, more than {bound:.0f}: what was committed was asked for again"
    return what_is_wrong(zendesk, path, complete=True)


def run(zendesk: Emulator, path: Path, chance: random.Random | None) -> bool:
    """Whether a backfill got through before it was killed; without `chance` it is not killed at all."""
    times = [moment.isoformat() for moment in (START, END, NOW)]
    command = [sys.executable, str(WORKER), zendesk.url, zendesk.options.access_token, str(path), *times]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
        if chance is not None:
            requests = len(zendesk.requests) + chance.randint(0, MOST_REQUESTS)
            wait_until(worker, lambda: len(zendesk.requests) >= requests)
            if chance.random() < 0.5:
                wait_until(worker, lambda: is_committing(path))
                wait(worker, chance.uniform(0, MOST_SECONDS_IN_COMMIT))
            else:
                wait(worker, chance.uniform(0, MOST_SECONDS))
            worker.kill()
        said, _ = worker.communicate()
    if worker.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the backfill failed with code {worker.returncode}: {said}")
    return worker.returncode == 0


def is_committing(path: Path) -> bool:
    """Whether there is a write-ahead log: from a COMMIT until all of it is in the file, or what a kill left of it."""
    return path.with_name(f"{path.name}.wal").exists()


def wait_until(worker: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Wait for the condition, or for the worker's end."""
    while worker.poll() is None and not condition():
        wait(worker, 0.001)


def wait(worker: subprocess.Popen[str], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        worker.wait(seconds)


def what_is_wrong(zendesk: Emulator, path: Path, *, complete: bool = False) -> str | None:
    """The first thing that is wrong with a warehouse, in words."""
    events = {event["id"]: event["created_at"] for event in zendesk.events}
    with Warehouse(path).transaction() as connection:
        rows = connection.execute(
            "SELECT id, strftime(created_at, '%Y-%m-%dT%H:%M:%SZ'), batch_id FROM audit_logs"
        ).fetchall()
        batches = connection.execute(
            """
            SELECT batch_id, strftime(window_start, '%Y-%m-%dT%H:%M:%SZ'), strftime(window_end, '%Y-%m-%dT%H:%M:%SZ'),
                   rows_inserted
            FROM coverage
            """
        ).fetchall()
    windows = {batch_id: (start, end) for batch_id, start, end, _ in batches}
    stored = {id: time for id, time, _ in rows}
    if len(stored) < len(rows):
        return "an event is stored twice"
    if not stored.items() <= events.items():
        return "an event is stored that is not in the log"
    if not all(batch in windows and windows[batch][0] <= time < windows[batch][1] for _, time, batch in rows):
        return "an event is stored that no coverage vouches for"
    if any(inserted != sum(batch == batch_id for _, _, batch in rows) for batch_id, _, _, inserted in batches):
        return "a batch is there in part"
    unread = {id for id, time in events.items() if id not in stored}
    if any(start <= events[id] < end for start, end in windows.values() for id in unread):
        return "coverage claims an event that is not stored"
    if complete and unread:
        return f"{len(unread)} events are lost"
    return None


if __name__ == "__main__":
    main()
