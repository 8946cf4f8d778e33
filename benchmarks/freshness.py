"""Measure the time from an event to the summaries that count it, under a real `zendesk-audit serve`, and its stages.

Baseline: the interval of the sensor, which is the longest wait for a tick. Bound: 90 s for the slowest event. The
events are created at even distances after a tick, so the best and the worst moment are among them.
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
from common import HERE, LocalZendesk, Report, console, local_zendesk, parse_options, temporary_folder

from zendesk_audit_assets import Account, settings
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.warehouse.database import Warehouse

BOUND_S = 90.0
POLL_S = 0.5
LONGEST_S = 300.0
DAYS = 60
FIRST_ACTOR = 7_000_000

# The stages between the event and the summaries, in order.
STAGES = (
    "wait for the sensor's next tick",
    "tick, until the run exists",
    "queue and launch of the run",
    "start of the run's process, imports",
    "run, until its first step",
    "audit_logs",
    "derived tables",
)


def main() -> int:
    options, default = parse_options(__doc__, history=20_000, events=8)
    report = Report("freshness", **vars(options), sensor_seconds=int(Account.sensor_seconds.default))
    until = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1)
    with (
        local_zendesk(options.history, days=DAYS, until=until, rate_limit=700) as zendesk,
        temporary_folder() as scratch,
        _serving(zendesk, scratch) as deployment,
    ):
        deployment.wait_for("the first refresh", lambda: deployment.events_summed_up() >= options.history)
        measured = [deployment.measure(zendesk, number, options.events) for number in range(options.events)]
    report.metric("from the event to the summaries", "s", [one.seconds for one in measured])
    for number, stage in enumerate(STAGES):
        report.metric(f"stage: {stage}", "s", [one.stages[number] for one in measured])
    report.ratio(
        "from the event to the summaries / interval of the sensor",
        [one.seconds for one in measured],
        [float(Account.sensor_seconds.default)],
    )
    report.bound("slowest", max(one.seconds for one in measured), BOUND_S, "s")
    return report.finish(keep=default)


@dataclass(frozen=True)
class Measurement:
    """How long one event took, and the seconds of each of the `STAGES`."""

    seconds: float
    stages: list[float]


@dataclass(frozen=True)
class Deployment:
    """A running `zendesk-audit serve`: its history, its warehouse, and its processes' log."""

    process: subprocess.Popen[bytes]
    instance: dg.DagsterInstance
    warehouse: Warehouse
    log: Path

    def measure(self, zendesk: LocalZendesk, number: int, events: int) -> Measurement:
        """Create an event after `number` / `events` of the time between two ticks, and wait for its refresh."""
        # A tick reads the log a moment after it begins, so the event must come a little later still.
        distance = float(Account.sensor_seconds.default) * number / events
        self.wait_for("the next tick", lambda: 0 <= time.time() - self._last_tick() - distance - POLL_S < 2 * POLL_S)
        actor = FIRST_ACTOR + number
        created = time.time()
        zendesk.add([{"actor_id": actor, "action": "update", "source_type": "rule"}])
        self.wait_for(f"event {number + 1}", lambda: self.events_summed_up(actor) > 0)
        seen = time.time()
        self.wait_for("its refresh to end", lambda: not self._unfinished_runs())
        stages = self._stages(created, seen)
        console.print(f"{number + 1} of {events}: {seen - created:.1f} s", [round(stage, 1) for stage in stages])
        return Measurement(seen - created, stages)

    def wait_for(self, event: str, happened: Callable[[], bool]) -> None:
        """Poll until it happened. Exits with an error after 300 s, or when `zendesk-audit serve` ends."""
        until = time.monotonic() + LONGEST_S
        while not happened():
            if self.process.poll() is not None or time.monotonic() > until:
                console.print(self.log.read_text(errors="replace")[-3000:], markup=False)
                raise SystemExit(f"Timed out waiting for {event}; see the end of the log above.")
            time.sleep(POLL_S)

    def events_summed_up(self, actor: int | None = None) -> int:
        """The number of events that `actor_summary` counts, of one actor or of all; 0 before the table exists."""
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
        """The ticks of the sensor, newest first: the start of each in epoch seconds, and the runs it requested."""
        for state in self.instance.all_instigator_state():
            if state.instigator_name == "new_audit_events":
                for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=20):
                    yield tick.timestamp, list(tick.run_ids)

    def _last_tick(self) -> float:
        return next((moment for moment, _ in self._ticks()), time.time())

    def _stages(self, created: float, seen: float) -> list[float]:
        """The seconds of each stage, from the records of the run that fetched the event.

        That is the newest run whose refresh of the derived tables began before `seen`.
        """
        for record in self.instance.get_run_records(dg.RunsFilter(job_name=Scope().refresh), limit=5):
            run = record.dagster_run.run_id
            steps = {step.step_key: step for step in self.instance.get_run_step_stats(run)}
            started, log, last = record.start_time, steps.get("audit_logs"), steps.get("derived_tables")
            if started is None or log is None or last is None or (last.start_time or seen) >= seen:
                continue
            created_run = record.create_timestamp.timestamp()
            # The hourly schedule may have been faster; then the run has no tick of the sensor.
            tick = next((moment for moment, runs in self._ticks() if run in runs), created_run)
            starting = [
                entry.timestamp for entry in self.instance.all_logs(run, of_type=dg.DagsterEventType.PIPELINE_STARTING)
            ]
            moments = [created, tick, created_run, starting[0], started, log.start_time, log.end_time, last.end_time]
            return [(after or 0.0) - (before or 0.0) for before, after in pairwise(moments)]
        raise SystemExit("No run of the job `refresh` fetched the event.")


@contextmanager
def _serving(zendesk: LocalZendesk, scratch: Path) -> Iterator[Deployment]:
    """Run `zendesk-audit serve` as in README.md, with its own Dagster history, warehouse and Zendesk."""
    home = scratch / "dagster"
    home.mkdir()
    # The project's own file, except for the path of the history, which is relative to the working folder.
    own = (HERE.parent / "dagster.yaml").read_text().replace(": .dagster", f": {home}/history")
    (home / "dagster.yaml").write_text(own)
    warehouse = Warehouse(scratch / "warehouse.duckdb")
    values = {
        Account.subdomain: "demo",
        Account.base_url: zendesk.url,
        Account.access_token: "emulator-access-token",
        Account.start_date: f"{zendesk.start:%Y-%m-%d}",
        Account.database: str(warehouse.path),
        settings.DAGSTER_HOME: str(home),
    }
    ours = {variable.name for variable in settings.VARIABLES}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {variable.name: value for variable, value in values.items()}
    command = [sys.executable, "-m", "zendesk_audit_assets.cli", "serve", "--port", str(_free_port())]
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
    """Interrupt `zendesk-audit serve`, which stops its processes, and kill those that remain."""
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
