"""From an event to the summaries that count it, under a real `dagster dev`, and where the time goes.

Events are created at even distances after a tick of the sensor, so that the best and the worst moment are among them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import dagster as dg
import duckdb
from common import HERE, Report, Zendesk, arguments, console, folder, zendesk

from zendesk_audit_assets import settings
from zendesk_audit_assets.orchestration.automation import REFRESH
from zendesk_audit_assets.warehouse.database import Warehouse

BOUND_S = 90.0
POLL_S = 0.5
LONGEST_S = 300.0
DAYS = 60
FIRST_ACTOR = 7_000_000

# What happens between an event and its being counted, in this order.
STAGES = (
    "the sensor's next tick",
    "the tick, until the run exists",
    "the run's turn in the queue, and its launch",
    "the run's process: start, imports",
    "the run, until its first step",
    "audit_logs",
    "the derived tables",
)


def main() -> int:
    given, default = arguments(__doc__, history=20_000, events=8)
    report = Report("freshness", **vars(given), sensor_seconds=int(settings.SENSOR_SECONDS.default))
    until = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1)
    with (
        zendesk(given.history, days=DAYS, until=until, rate_limit=700) as account,
        folder() as scratch,
        _dagster_dev(account, scratch) as deployment,
    ):
        deployment.wait_for("the first refresh", lambda: deployment.events_summed_up() >= given.history)
        measured = [deployment.measure(account, number, given.events) for number in range(given.events)]
    report.figure("from the event to the summaries", "s", [one.seconds for one in measured])
    for number, stage in enumerate(STAGES):
        report.figure(f"of it: {stage}", "s", [one.stages[number] for one in measured])
    report.bound("slowest", max(one.seconds for one in measured), BOUND_S, "s")
    return report.finish(keep=default)


@dataclass(frozen=True)
class Measured:
    """How long one event took, and the seconds of each of the `STAGES`."""

    seconds: float
    stages: list[float]


@dataclass(frozen=True)
class Deployment:
    """A running `dagster dev`: its history, its warehouse, and its processes' log."""

    process: subprocess.Popen[bytes]
    instance: dg.DagsterInstance
    warehouse: Warehouse
    log: Path

    def measure(self, account: Zendesk, number: int, of: int) -> Measured:
        """Let one event happen, `number` / `of` of the time between two ticks after a tick."""
        # A tick takes a moment to look: what happens meanwhile is not after it.
        distance = float(settings.SENSOR_SECONDS.default) * number / of
        self.wait_for("the next tick", lambda: 0 <= time.time() - self._last_tick() - distance - POLL_S < 2 * POLL_S)
        actor = FIRST_ACTOR + number
        created = time.time()
        account.add([{"actor_id": actor, "action": "update", "source_type": "rule"}])
        self.wait_for(f"event {number + 1}", lambda: self.events_summed_up(actor) > 0)
        seen = time.time()
        self.wait_for("its refresh to end", lambda: not self._unfinished_runs())
        stages = self._stages(created, seen)
        console.print(f"{number + 1} of {of}: {seen - created:.1f} s", [round(stage, 1) for stage in stages])
        return Measured(seen - created, stages)

    def wait_for(self, what: str, happened: Callable[[], bool]) -> None:
        """Poll, while `dagster dev` lives."""
        until = time.monotonic() + LONGEST_S
        while not happened():
            if self.process.poll() is not None or time.monotonic() > until:
                console.print(self.log.read_text(errors="replace")[-3000:], markup=False)
                raise SystemExit(f"Waited in vain for {what}; above is the end of the log of `dagster dev`.")
            time.sleep(POLL_S)

    def events_summed_up(self, actor: int | None = None) -> int:
        """The events that `actor_summary` counts, of one actor or of all."""
        # A table that does not exist yet counts nothing.
        with suppress(duckdb.CatalogException), self.warehouse.transaction() as connection:
            ((events,),) = connection.execute(
                "SELECT coalesce(sum(events), 0)::BIGINT FROM actor_summary WHERE $1 IS NULL OR actor_id = $1", [actor]
            ).fetchall()
            return int(events)
        return 0

    def _unfinished_runs(self) -> bool:
        ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
        return any(run.status not in ended for run in self.instance.get_runs())

    def _ticks(self) -> Iterator[tuple[float, list[str]]]:
        """The ticks of the sensor, newest first: when each began, and the runs that it asked for."""
        for state in self.instance.all_instigator_state():
            if state.instigator_name == "new_audit_events":
                for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=20):
                    yield tick.timestamp, list(tick.run_ids)

    def _last_tick(self) -> float:
        return next((moment for moment, _ in self._ticks()), time.time())

    def _stages(self, created: float, seen: float) -> list[float]:
        """From the records of the run that brought the event: the newest whose actor_summary began before `seen`."""
        for record in self.instance.get_run_records(dg.RunsFilter(job_name=REFRESH), limit=5):
            run = record.dagster_run.run_id
            steps = {step.step_key: step for step in self.instance.get_run_step_stats(run)}
            began, log, last = record.start_time, steps.get("audit_logs"), steps.get("derived_tables")
            if began is None or log is None or last is None or (last.start_time or seen) >= seen:
                continue
            asked = record.create_timestamp.timestamp()
            # An hourly schedule may have been first; then the run has no tick of the sensor.
            tick = next((moment for moment, runs in self._ticks() if run in runs), asked)
            starting = [
                entry.timestamp for entry in self.instance.all_logs(run, of_type=dg.DagsterEventType.PIPELINE_STARTING)
            ]
            moments = [created, tick, asked, starting[0], began, log.start_time, log.end_time, last.end_time]
            return [(after or 0.0) - (before or 0.0) for before, after in pairwise(moments)]
        raise SystemExit("No run of the refresh brought the event.")


@contextmanager
def _dagster_dev(account: Zendesk, scratch: Path) -> Iterator[Deployment]:
    """`dagster dev` as in README.md, but with a history, a warehouse and a Zendesk of its own."""
    home = scratch / "dagster"
    home.mkdir()
    # The project's own settings, except where the history is kept: a relative path there means the working folder.
    own = (HERE.parent / "dagster.yaml").read_text().replace(": .dagster", f": {home}/history")
    (home / "dagster.yaml").write_text(own)
    warehouse = Warehouse(scratch / "warehouse.duckdb")
    given = {
        settings.SUBDOMAIN: "demo",
        settings.BASE_URL: account.url,
        settings.ACCESS_TOKEN: "emulator-access-token",
        settings.START_DATE: f"{account.start:%Y-%m-%d}",
        settings.DATABASE: str(warehouse.path),
        settings.DAGSTER_HOME: str(home),
    }
    ours = {variable.name for variable in settings.VARIABLES}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {variable.name: value for variable, value in given.items()}
    module = ["-m", "zendesk_audit_assets.definitions"]
    command = [sys.executable, "-m", "dagster", "dev", *module, "-h", "127.0.0.1", "-p", str(_free_port())]
    log = scratch / "dagster.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=scratch, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            with dg.DagsterInstance.from_config(str(home)) as instance:
                yield Deployment(process, instance, warehouse, log)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Let `dagster dev` stop what it started, and then whatever is left of it."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(60)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
