"""`zendesk-audit emulator`: run a local Zendesk."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import click

from zendesk_audit_assets import Account
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.emulator import EmulatorOptions, HistoryOptions, serve
from zendesk_audit_assets.emulator.options import LINK_SHARE

# A longer history would begin before Zendesk did, and no setting takes its first day.
LONGEST_HISTORY_DAYS = 9_000


class _Number(click.FloatRange):
    """A number between two bounds; NaN is between none, and no comparison tells."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8787,
    show_default=True,
    help="Port on 127.0.0.1; 0 selects a free one.",
)
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_HISTORY_DAYS),
    default=730,
    show_default=True,
    help="Days of history; it ends 15 minutes before the start.",
)
@click.option(
    "--events-per-day",
    type=_Number(0, 100_000),
    default=90.0,
    show_default=True,
    help="Mean number of events on a working day.",
)
@click.option(
    "--agents", type=click.IntRange(3, 10_000), default=40, show_default=True, help="Number of agents in the company."
)
@click.option(
    "--link-share",
    type=_Number(0, 1),
    default=LINK_SHARE,
    show_default=True,
    help="Share of the changes of macros and triggers that put a link into a text.",
)
@click.option("--seed", default=1, show_default=True, help="Seed of the random history.")
@click.option(
    "--live", type=_Number(0, 100_000), default=2.0, show_default=True, help="Mean number of new events per minute."
)
@click.option(
    "--late",
    type=_Number(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the new events that appear up to a minute late.",
)
@click.option("--latency-ms", type=_Number(0, 600_000), default=0.0, show_default=True, help="Delay of each response.")
@click.option(
    "--rate-limit",
    type=click.IntRange(1, 1_000_000),
    default=700,
    show_default=True,
    help="Requests per minute; the Enterprise plan has 700.",
)
@click.option("--no-audit-logs", is_flag=True, help="Emulate a plan without audit logs.")
@click.option("--control", is_flag=True, help="Also serve /control/events, /control/requests and /control/faults.")
def emulator(
    port: int,
    days: int,
    events_per_day: float,
    agents: int,
    link_share: float,
    seed: int,
    live: float,
    late: float,
    latency_ms: float,
    rate_limit: int,
    no_audit_logs: bool,
    control: bool,
) -> None:
    """Run a local Zendesk with a generated history until Ctrl-C.

    The command prints the settings that connect to it.
    """
    end = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(minutes=15)
    start = (end - timedelta(days=days)).replace(hour=0, minute=0, second=0)
    options = EmulatorOptions(
        port=port,
        history=HistoryOptions(
            start=start, end=end, seed=seed, agents=agents, events_per_day=events_per_day, link_share=link_share
        ),
        live_events_per_minute=live,
        late_share=late,
        latency_ms=latency_ms,
        rate_limit_per_minute=rate_limit,
        has_audit_logs=not no_audit_logs,
        control=control,
    )
    serve(options, lambda url: say("\n".join(_connection_settings(options, url, start))))


def _connection_settings(options: EmulatorOptions, url: str, start: datetime) -> list[str]:
    return [
        f"{Account.base_url}={url}",
        f"{Account.subdomain}={options.subdomain}",
        f"{Account.client_id}={options.client_id}",
        f"{Account.client_secret}={options.client_secret}",
        f"{Account.start_date}={start:%Y-%m-%d}",
    ]
