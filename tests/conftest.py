"""What many tests need: records, a warehouse in a file of its own, an emulated account whose clock stands still.

And for what Dagster runs: a whole deployment for an account on this machine's own clock.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from hypothesis import settings as hypothesis_settings

from zendesk_audit_assets import settings
from zendesk_audit_assets.definitions import build_definitions
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.orchestration.automation import Days
from zendesk_audit_assets.settings import Settings
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import (
    AccessToken,
    Account,
    RateBudget,
    ZendeskClient,
)

# How long an example takes says nothing on a machine that does other things as well.
hypothesis_settings.register_profile("busy machine", deadline=None)
hypothesis_settings.load_profile("busy machine")


class Clock:
    """A clock that goes on only when a test says so; called, it tells epoch seconds."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()

    def advance(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 1, 12, tzinfo=timezone.utc))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "audit.duckdb")


@pytest.fixture(scope="session")
def record() -> Callable[..., dict[str, Any]]:
    """A record as documented, with changes."""

    def make(id: Any = 1, created_at: Any = "2026-01-01T00:00:00Z", **changes: Any) -> dict[str, Any]:
        return {
            "url": f"https://demo.zendesk.com/api/v2/audit_logs/{id}.json",
            "id": id,
            "action_label": "Updated",
            "actor_id": 1_000_001,
            "source_id": 2_000_001,
            "source_type": "rule",
            "source_label": "Trigger: Notify requester",
            "action": "update",
            "change_description": "Title changed from A to B",
            "ip_address": "203.0.113.7",
            "created_at": created_at,
            "actor_name": "Ada Admin",
        } | changes

    return make


@pytest.fixture
def emulate(clock: Clock) -> Iterator[Callable[..., Emulator]]:
    """Starts an emulated account, on the clock of the test; stopped at its end."""
    with ExitStack() as running:

        def start(**options: Any) -> Emulator:
            defaults = {"clock": clock, "rate_limit_per_minute": 100_000}
            return running.enter_context(Emulator(EmulatorOptions(**defaults | options)))

        yield start


@pytest.fixture
def connect(clock: Clock) -> Iterator[Callable[[Emulator], ZendeskClient]]:
    """Clients of an emulated account that use all of its request limit."""
    with ExitStack() as opened:

        def open_client(zendesk: Emulator) -> ZendeskClient:
            account = Account("demo", AccessToken(zendesk.options.access_token), zendesk.url)
            limiter = RateBudget(1.0)
            # As if an answer had told the limit: until one does, requests are sent slowly.
            limiter.observe({"X-Rate-Limit": str(zendesk.options.rate_limit_per_minute)})
            client = ZendeskClient(account, limiter=limiter, clock=clock, timeouts=(5, 10))
            return opened.enter_context(client)

        yield open_client


@sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
def do_not_wait_for_the_disk(connection: Any, _: Any) -> None:
    """Dagster commits its history event by event, and no test here is about a loss of power."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@dataclass
class Deployment:
    """An emulated account, settings for it in the environment, a warehouse file and a Dagster instance."""

    zendesk: Emulator
    settings: Settings
    instance: dg.DagsterInstance

    @property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.settings)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings.database)

    @property
    def days(self) -> Days:
        """From the first day to today."""
        return Days(self.settings.start_date, today())

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
def deployed_in(
    folder: Path,
    instance: dg.DagsterInstance,
    *,
    days: int = 4,
    options: EmulatorOptions | None = None,
    **variables: str,
) -> Iterator[Deployment]:
    """A deployment for an account whose history of `days` days ends with yesterday."""
    start = midnight(days)
    history = HistoryOptions(start=start, end=midnight(0), agents=5, events_per_day=40, episodes=False)
    options = options or EmulatorOptions(history=history, rate_limit_per_minute=1500)
    with Emulator(options) as zendesk, pytest.MonkeyPatch.context() as patch:
        given = Settings(
            {
                "ZENDESK_BASE_URL": zendesk.url,
                "ZENDESK_SUBDOMAIN": options.subdomain,
                "ZENDESK_CLIENT_ID": options.client_id,
                "ZENDESK_CLIENT_SECRET": options.client_secret,
                "ZENDESK_START_DATE": f"{start:%Y-%m-%d}",
                "ZENDESK_AUDIT_DB": str(folder / "audit.duckdb"),
                "ZENDESK_RATE_SHARE": "1",
                **variables,
            }
        )
        for variable in settings.VARIABLES:
            patch.delenv(variable.name, raising=False)
        for name, value in given.values.items():
            patch.setenv(name, value)
        # Where the rate budget of all processes of a user lives: no test waits for another one.
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield Deployment(zendesk, given, instance)


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
