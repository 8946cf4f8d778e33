"""`zendesk-audit emulator`: the local Zendesk alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click

from zendesk_audit_assets.emulator import EmulatorOptions, HistoryOptions, serve


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8787,
    show_default=True,
    help="Port on loopback; 0 for any free one.",
)
@click.option(
    "--days",
    type=click.IntRange(1),
    default=730,
    show_default=True,
    help="Length of the history, up to a quarter of an hour ago.",
)
@click.option(
    "--events-per-day", type=click.FloatRange(0), default=90.0, show_default=True, help="Mean of a working day."
)
@click.option("--agents", type=click.IntRange(3), default=40, show_default=True, help="People who work there.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another history.")
@click.option(
    "--live", type=click.FloatRange(0), default=2.0, show_default=True, help="Events per minute that go on happening."
)
@click.option(
    "--late",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of these that appear up to a minute late.",
)
@click.option("--latency-ms", type=click.FloatRange(0), default=0.0, show_default=True, help="Added to each answer.")
@click.option(
    "--rate-limit",
    type=click.IntRange(1),
    default=700,
    show_default=True,
    help="Requests per minute; 700 is Enterprise.",
)
@click.option("--no-audit-logs", is_flag=True, help="A plan without audit logs.")
@click.option("--control", is_flag=True, help="Serve /control/events, /control/requests and /control/faults.")
def emulator(
    port: int,
    days: int,
    events_per_day: float,
    agents: int,
    seed: int,
    live: float,
    late: float,
    latency_ms: float,
    rate_limit: int,
    no_audit_logs: bool,
    control: bool,
) -> None:
    """Run a local Zendesk with a made-up history until Ctrl-C, and print how to connect to it."""
    end = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(minutes=15)
    start = (end - timedelta(days=days)).replace(hour=0, minute=0, second=0)
    options = EmulatorOptions(
        port=port,
        history=HistoryOptions(start=start, end=end, seed=seed, agents=agents, events_per_day=events_per_day),
        live_events_per_minute=live,
        late_share=late,
        latency_ms=latency_ms,
        rate_limit_per_minute=rate_limit,
        has_audit_logs=not no_audit_logs,
        control=control,
    )
    serve(options, lambda url: click.echo("\n".join(_environment(options, url, start))))


def _environment(options: EmulatorOptions, url: str, start: datetime) -> list[str]:
    return [
        f"ZENDESK_BASE_URL={url}",
        f"ZENDESK_SUBDOMAIN={options.subdomain}",
        f"ZENDESK_CLIENT_ID={options.client_id}",
        f"ZENDESK_CLIENT_SECRET={options.client_secret}",
        f"ZENDESK_START_DATE={start:%Y-%m-%d}",
    ]
