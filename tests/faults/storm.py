"""Runs all commands at once on one warehouse, kills some of them, and looks at what is left.

    python tests/faults/storm.py --minutes 10 --seed 1

The account goes on working meanwhile, and a reader opens the published copy all the time. Ends with one line, and with
exit code 1 if an event is lost or twice, a copy or a backup could not be read, or a command ended in no way it should.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import duckdb

from zendesk_audit_assets import settings
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.text import sql_literal
from zendesk_audit_assets.warehouse.copies import table_rows
from zendesk_audit_assets.warehouse.database import Warehouse

DAYS = 20
# One command in so many is killed; it is one that writes.
KILLED = 4
# A command that takes longer hangs.
MOST_SECONDS = 300
DATABASE = "data/audit.duckdb"


@dataclass
class Storm:
    """What the threads share: the deployment, the end of it all, and what happened."""

    folder: Path
    environment: dict[str, str]
    until: float
    commands: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    reads: int = 0
    # Sentences of commands that ended with 1, by how often: some lose a race and say so.
    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until or bool(self.problems)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.folder / DATABASE)

    def run(self, *arguments: str, kill_after: float | None = None) -> None:
        """Run a command, and note how it ended; kill it after so many seconds if it still runs."""
        command = [sys.executable, "-m", "zendesk_audit_assets.cli", *arguments]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                _, said = process.communicate(timeout=kill_after or MOST_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                _, said = process.communicate()
                if kill_after is None:
                    self.problems.append(f"`{' '.join(arguments)}` still runs after {MOST_SECONDS} s")
                self.kills += 1
                return
        self.commands[arguments[0]] += 1
        if process.returncode == 1 and "fault of the program" not in said and "Traceback" not in said:
            self.refused[f"{arguments[0]}: {' '.join(said.splitlines()[-1:])}"] += 1
        elif process.returncode != 0:
            self.problems.append(f"`{' '.join(arguments)}` ended with {process.returncode}: {said}")


def reading(storm: Storm, chance: random.Random) -> list[str]:
    """A command that changes nothing but files of its own."""
    number = str(chance.randrange(10**9))
    return chance.choice(
        [
            ["sql", "SELECT count(*), count(DISTINCT id) FROM audit_logs"],
            ["sql", "FROM audit_changes LIMIT 100", "--output", f"{number}.parquet"],
            ["findings", "--json"],
            ["findings", "--live", "--csv"],
            ["who", "--admin"],
            ["who", "--live"],
            ["rules", "list"],
            ["rules", "explain", "ZD-002"],
            ["doctor"],
            ["backup", f"backups/{number}.duckdb"],
        ]
    )


def writing(storm: Storm, chance: random.Random, first: date) -> list[str]:
    """A command that changes the warehouse."""
    day = first + timedelta(days=chance.randrange(DAYS))
    backups = sorted((storm.folder / "backups").glob("[0-9]*.duckdb"))
    commands = [
        ["sync"],
        ["sync", "--no-alerts", "--quiet"],
        ["sync", "--from", f"{day}", "--to", f"{min(day + timedelta(days=3), first + timedelta(days=DAYS))}", "--full"],
        ["findings", "--close", chance.choice(uids(storm) or ["none"])],
    ]
    if backups and chance.random() < 0.3:
        commands = [["restore", str(chance.choice(backups))]]
    return chance.choice(commands)


def uids(storm: Storm) -> list[str]:
    """Those of some findings of the published copy."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {sql_literal(str(storm.warehouse.published_path))} AS copy (READ_ONLY)")
        return [uid for (uid,) in connection.execute("SELECT uid FROM copy.findings LIMIT 50").fetchall()]


def blow(storm: Storm, seed: int, first: date, *, writes: bool) -> None:
    """Run one command after the other until the storm is over."""
    chance = random.Random(seed)
    while not storm.is_over:
        if not writes:
            storm.run(*reading(storm, chance))
            continue
        killed = chance.randrange(KILLED) == 0
        storm.run(*writing(storm, chance, first), kill_after=chance.uniform(1, 15) if killed else None)


def read_all_the_time(storm: Storm) -> None:
    """Open the published copy as an analyst's program does, as often as possible."""
    path = storm.warehouse.published_path
    while not storm.is_over:
        try:
            with duckdb.connect() as connection:
                connection.execute(f"ATTACH {sql_literal(str(path))} AS copy (READ_ONLY)")
                rows, ids = connection.execute("SELECT count(*), count(DISTINCT id) FROM copy.audit_logs").fetchall()[0]
        except duckdb.Error as error:
            storm.problems.append(f"the published copy could not be read: {error}")
            return
        if rows != ids:
            storm.problems.append(f"the published copy has {rows} rows of {ids} events")
        storm.reads += 1
        time.sleep(0.05)


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0.1), default=10, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--at-once", type=click.IntRange(min=2), default=5, show_default=True, help="Commands that run at once.")
def main(minutes: float, seed: int, at_once: int) -> None:
    """Run all commands at once for so long, then check that nothing is lost or twice."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    history = HistoryOptions(start=now - timedelta(days=DAYS), end=now - timedelta(minutes=30), seed=seed)
    options = EmulatorOptions(
        history=history, live_events_per_minute=120, late_share=0.1, rate_limit_per_minute=100_000
    )
    with Emulator(options) as zendesk, TemporaryDirectory() as folder:
        storm = Storm(Path(folder), environment(zendesk, history.start.date()), time.monotonic() + MOST_SECONDS)
        storm.run("sync")
        storm.until = time.monotonic() + 60 * minutes
        threads = [threading.Thread(target=read_all_the_time, args=[storm])]
        for number in range(at_once):
            how = {"seed": seed * 1000 + number, "first": history.start.date(), "writes": number % 2 == 0}
            threads.append(threading.Thread(target=blow, args=[storm], kwargs=how))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        problems = storm.problems or what_is_wrong(storm, zendesk)
    for refusal, times in storm.refused.most_common():
        click.echo(f"{times} times {refusal}", err=True)
    if problems:
        click.echo("\n".join([f"A storm (seed {seed}) went wrong:", *problems]))
        sys.exit(1)
    click.echo(
        f"{storm.commands.total()} commands of {len(storm.commands)} kinds in {minutes:g} minutes, {storm.kills} "
        f"killed, {storm.refused.total()} refused in a sentence (seed {seed}): none of {len(zendesk.events)} events "
        f"lost, none twice; {storm.reads} reads of the published copy, none failed."
    )


def environment(zendesk: Emulator, first: date) -> dict[str, str]:
    """That of the commands: no setting but those of the account."""
    own = {name: value for name, value in os.environ.items() if name not in {one.name for one in settings.VARIABLES}}
    return {
        **own,
        "ZENDESK_BASE_URL": zendesk.url,
        "ZENDESK_SUBDOMAIN": zendesk.options.subdomain,
        "ZENDESK_CLIENT_ID": zendesk.options.client_id,
        "ZENDESK_CLIENT_SECRET": zendesk.options.client_secret,
        "ZENDESK_START_DATE": f"{first}",
        "ZENDESK_AUDIT_DB": DATABASE,
        "ZENDESK_RATE_SHARE": "1",
    }


def what_is_wrong(storm: Storm, zendesk: Emulator) -> Sequence[str]:
    """What is wrong once all is quiet and one sync, with everything read again, has gone through."""
    first = storm.environment["ZENDESK_START_DATE"]
    storm.refused.clear()
    storm.run("sync", "--from", first, "--full")
    storm.run("doctor")
    problems = [*storm.problems, *storm.refused]
    events = {event["id"] for event in zendesk.events}
    with storm.warehouse.transaction() as connection:
        ids = [id for (id,) in connection.execute("SELECT id FROM audit_logs").fetchall()]
    if len(set(ids)) < len(ids):
        problems.append(f"{len(ids) - len(set(ids))} events are stored twice")
    if set(ids) - events:
        problems.append(f"{len(set(ids) - events)} events are stored that are not in the log")
    problems += [f"{len(missing)} events are lost"] if (missing := settled(zendesk) - set(ids)) else []
    for backup in sorted((storm.folder / "backups").glob("[0-9]*.duckdb")):
        if not table_rows(backup).get("audit_logs"):
            problems.append(f"the backup {backup.name} is empty")
    if left := [path.name for path in (storm.folder / "data").rglob("*.tmp")]:
        problems.append(f"files of killed commands are left: {', '.join(left)}")
    return problems


def settled(zendesk: Emulator) -> set[int]:
    """The ids of the events that were there before the last sync began to read."""
    young = f"{datetime.now(timezone.utc) - timedelta(minutes=2):%Y-%m-%dT%H:%M:%SZ}"
    return {event["id"] for event in zendesk.events if event["created_at"] < young}


if __name__ == "__main__":
    main()
