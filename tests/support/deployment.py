"""Whole deployments: an emulated account, settings for it, a warehouse file, a Dagster instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import time_machine

from zendesk_audit_assets import Account, build_definitions, settings
from zendesk_audit_assets.definitions import KEEP_RUNS_DAYS
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.orchestration.partitions import Days
from zendesk_audit_assets.warehouse.database import Warehouse

# Where deployments live: the middle of a Wednesday, half a year away from any change of a clock or a year.
NOW = datetime(2026, 6, 17, 13, 37, 11, tzinfo=timezone.utc)
# On the path of a Python process, this folder sets its clock: see there.
STARTUP = Path(__file__).with_name("startup")


@dataclass
class Deployment:
    """An emulated account, settings for it (also in the environment), a warehouse file and a Dagster instance."""

    zendesk: Emulator
    account: Account
    variables: Mapping[str, str]
    instance: dg.DagsterInstance

    @property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.account, keep_runs_days=KEEP_RUNS_DAYS)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.account.database)

    @property
    def days(self) -> Days:
        """From the first day to today."""
        return Days(self.account.start_date, today())

    def run(
        self,
        job: str,
        days: Days | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        only: str | None = None,
        **tags: str,
    ) -> dg.ExecuteInProcessResult:
        """Run a job, or `only` one asset of it, over these days, all by default; it may fail."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(only)] if only else None,
            tags={**(days or self.days).tags, **tags},
            run_config={"ops": config or {}, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def happens(self, **event: Any) -> Any:
        """Let an event happen, by default so long ago that its second is over; gives its id."""
        given = {"created_at": datetime.now(timezone.utc) - timedelta(seconds=5), **event}
        (added,) = self.zendesk.add([given])
        return added["id"]

    def requests(self) -> int:
        """Requests for the audit log, tokens apart, since the last call."""
        seen = sum(request.path.endswith("audit_logs") for request in self.zendesk.requests)
        self.zendesk.reset_requests()
        return seen

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.transaction() as connection:
            return connection.execute(sql).fetchall()

    def holds_everything(self) -> bool:
        """Whether the warehouse has every event of the account, once."""
        stored = sorted(id for (id,) in self.query("SELECT id FROM audit_logs"))
        return stored == sorted(event["id"] for event in self.zendesk.events)


def today() -> date:
    return datetime.now(timezone.utc).date()


def midnight(days_ago: int) -> datetime:
    """The first second of a UTC day."""
    return datetime(*today().timetuple()[:3], tzinfo=timezone.utc) - timedelta(days=days_ago)


@contextmanager
def _duckdb_on_the_same_clock() -> Iterator[None]:
    """Let `now()` be the moment at which its connection was opened by Python's clock: DuckDB asks the system itself."""
    connect = duckdb.connect

    def connect_now(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        connection = connect(*arguments, **options)
        moment = datetime.now(timezone.utc).isoformat()
        connection.execute(f"CREATE OR REPLACE TEMP MACRO now() AS TIMESTAMPTZ '{moment}'")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", connect_now)
        yield


@contextmanager
def deployed_in(
    folder: Path,
    instance: dg.DagsterInstance,
    *,
    now: datetime | None = NOW,
    days: int = 4,
    options: EmulatorOptions | None = None,
    **variables: str,
) -> Iterator[Deployment]:
    """A deployment for an account whose history of `days` days ends with yesterday.

    This process lives at `now` meanwhile, so that the day on which a test runs makes no difference: the product,
    Dagster, DuckDB and the emulated account all read that clock, which goes on from there. None is the machine's own
    clock: a deployment needs it when another process uses it too.
    """
    with ExitStack() as stack:
        if now is not None:
            stack.enter_context(time_machine.travel(now, tick=True))
            stack.enter_context(_duckdb_on_the_same_clock())
        start = midnight(days)
        if options is None:
            history = HistoryOptions(start=start, end=midnight(0), agents=5, events_per_day=40, episodes=False)
            options = EmulatorOptions(history=history, rate_limit_per_minute=1500)
        zendesk = stack.enter_context(Emulator(options))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        variables = {
            "ZENDESK_BASE_URL": zendesk.url,
            "ZENDESK_SUBDOMAIN": options.subdomain,
            "ZENDESK_CLIENT_ID": options.client_id,
            "ZENDESK_CLIENT_SECRET": options.client_secret,
            "ZENDESK_START_DATE": f"{start:%Y-%m-%d}",
            "ZENDESK_AUDIT_DB": str(folder / "audit.duckdb"),
            "ZENDESK_RATE_SHARE": "1",
            **variables,
        }
        for variable in settings.VARIABLES:
            patch.delenv(variable.name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield Deployment(zendesk, Account.from_environ(variables), variables, instance)
