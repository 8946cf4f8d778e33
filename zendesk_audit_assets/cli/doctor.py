"""`zendesk-audit doctor`: check the settings and the access to the account."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from math import ceil
from typing import Any

import click

from zendesk_audit_assets import settings
from zendesk_audit_assets.alert.channels import channels_for
from zendesk_audit_assets.cli.terminal import mark, say
from zendesk_audit_assets.detect import load_rules
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract import batches, identity
from zendesk_audit_assets.files import explained, require_folder, require_plain, require_writable
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.text import one_line
from zendesk_audit_assets.warehouse import copies
from zendesk_audit_assets.warehouse.damage import WarehouseBusy
from zendesk_audit_assets.warehouse.database import DISK_RESERVE_BYTES, Warehouse
from zendesk_audit_assets.zendesk import ZendeskClient, ZendeskError
from zendesk_audit_assets.zendesk.connect import client_for

# Bytes of the warehouse per event with all that follows from it: two years of the local Zendesk's took 246 to 394.
BYTES_PER_EVENT = 400
# The warehouse, its published copy, and room for one more copy while that one is replaced.
COPIES = 3

# What Dagster writes to in its home, where other files may lie.
_DAGSTERS = ("history", "schedules", "storage", ".logs_queue", ".telemetry")

_MARKS = {"good": "✓", "note": "!", "bad": "✗"}


@dataclass(frozen=True)
class Line:
    """One result in one sentence; a `bad` one makes the command fail."""

    mark: str
    sentence: str


@click.command()
def doctor() -> None:
    """Check credentials, plan and settings, and estimate the first backfill.

    The command sends at most five requests. Exit code 1 means that at least one line begins with ✗.
    """
    account = settings.load()
    bad = False
    if (file := settings.source()) is not None:
        say(f"{mark(_MARKS['good'])} {file} adds to the settings of the environment.")
    for line in _lines(account):
        say(f"{mark(_MARKS[line.mark])} {one_line(line.sentence)}")
        bad = bad or line.mark == "bad"
    if bad:
        raise SystemExit(1)


def _lines(account: Account) -> Iterator[Line]:
    try:
        with client_for(account) as client:
            yield from _connection(account, client)
    except AuditError as error:
        yield Line("bad", str(error))
        if account.text(Account.start_date):  # unset, the answer would have told the day
            yield _start_date(account)
    for part in (_files, _history, _times, _rules, _alerts):
        try:
            yield from part(account)
        except AuditError as error:
            yield Line("bad", str(error))


def _connection(account: Account, client: ZendeskClient) -> Iterator[Line]:
    probe = client.probe()
    yield Line("good", f"{client.account.url} answers: credentials, role, plan and scope are good.")
    yield _clock(client.clock_ahead)
    yield from _warehouse(account, client)
    limit = probe.rate_limit.limit if probe.rate_limit else None
    if limit is None:
        yield Line("note", "Zendesk did not say how many requests a minute it allows.")
    else:
        yield Line(
            "good", f"Zendesk allows {limit} requests a minute; this project uses {account.rate_share:.0%} of them."
        )
    oldest, newest = client.oldest().records, [probe.newest] if probe.newest else []
    if not oldest or not newest:
        yield Line("note", "The audit log is empty so far.")
        yield _start_date(account, f"{datetime.now(timezone.utc):%Y-%m-%d}", "today, while the log is empty")
        return
    yield Line("good", f"The first event is of {_moment(oldest[0])}, the newest of {_moment(newest[0])}.")
    yield _start_date(account, _moment(oldest[0])[:10], "the day of the first event")
    try:
        events = client.count()
    except ZendeskError as error:
        yield Line("note", f"The number of events is unknown, which no sync needs: {error.cause}")
        return
    yield Line("good", _effort(events, limit, account.rate_share))
    yield _disk(account, events)


def _warehouse(account: Account, client: ZendeskClient) -> Iterator[Line]:
    """Tell whether the warehouse is that of this account, by its address and by an event."""
    warehouse = Warehouse(account.database)
    if not warehouse.exists():
        return
    with warehouse.transaction() as connection:
        owner = identity.owner_of(connection)
        if owner is None:
            return
        identity.bind_account(connection, client.account.url)
        known = identity.known_events(connection)
    identity.require_same_log(client, known[:1])
    yield Line("good", f"The warehouse holds the log of {owner}.")


def _clock(off: float | None) -> Line:
    if off is None:
        return Line("note", "Zendesk does not tell its time: the clock here has to be right.")
    if abs(off) < 60:
        return Line("good", f"The clocks here and there differ by {abs(off):.0f} s.")
    return Line(
        "note", f"The clock here is {abs(off):.0f} s {'behind' if off > 0 else 'ahead of'} Zendesk's; set it right."
    )


def _start_date(account: Account, day: str = "", meaning: str = "") -> Line:
    """The first day to keep, beside the day that the log suggests, if it was reached."""
    name = Account.start_date.name
    try:
        start = account.start_date
    except AuditError as error:
        return Line("bad", f"{error.cause} Set it to {day}, {meaning}." if day else str(error))
    if day and start.isoformat() > day:
        return Line("note", f"{name} is {start}: earlier events are left out. Set it to {day} to keep all.")
    return Line("good", f"{name} is {start}: every event will be kept." if day else f"{name} is {start}.")


def _effort(events: int, limit: int | None, share: float) -> str:
    requests = ceil(events / 100)
    minutes = f", {requests / (limit * share):,.1f} minutes" if limit else ""
    return f"{events:,} events: a full backfill takes about {requests:,} requests{minutes}."


def _disk(account: Account, events: int) -> Line:
    free = Warehouse(account.database).free_bytes()
    needed = events * _bytes_per_event(account) * COPIES
    sentence = f"The warehouse and its copies will take about {_mib(needed)}; {_mib(free)} are free on its disk."
    return Line("good" if needed + DISK_RESERVE_BYTES < free else "bad", sentence)


def _bytes_per_event(account: Account) -> float:
    """The average of this warehouse once it holds enough events, else `BYTES_PER_EVENT`."""
    warehouse = Warehouse(account.database)
    if not warehouse.exists():
        return BYTES_PER_EVENT
    with warehouse.transaction() as connection:
        stored = batches.row_count(connection)
    return warehouse.size_bytes() / stored if stored > 100_000 else BYTES_PER_EVENT


def _files(account: Account) -> Iterator[Line]:
    """What a sync would stumble over: all of the file is read, and each lock is taken once."""
    warehouse = Warehouse(account.database, lock_timeout_s=10, stray_reader_timeout_s=5)
    try:
        for purpose in ("alerts", "export"):
            with warehouse.exclusive(purpose, "at work"):
                pass
        with warehouse.locked():
            pass
        copies.verify(warehouse)
    except WarehouseBusy as error:
        yield Line("note", f"The warehouse is in use: {error}")
        return
    found = "was read to its end" if warehouse.exists() else "does not exist yet; its folder can be written to"
    yield Line("good", f"The warehouse {warehouse.path} {found}.")
    for path in (warehouse.path, warehouse.published_path):
        if path.exists() and path.stat().st_mode & 0o007:
            yield Line("note", f"Every user of this machine can read {path}: chmod o= {path}")


def _history(_: Account) -> Iterator[Line]:
    """Dagster's own files, without the seconds that importing it takes."""
    home = settings.dagster_home()
    remedy = "Give it to this user, or point DAGSTER_HOME at another folder."
    with explained(home, remedy):
        if os.path.lexists(home):
            require_folder(home)
            for name in _DAGSTERS:
                for path in (*home.glob(name), *home.glob(f"{name}/*")):
                    require_writable(path)
            if os.path.lexists(home / "dagster.yaml"):
                require_plain(home / "dagster.yaml")
        else:
            require_folder(next(parent for parent in home.parents if os.path.lexists(parent)))
    yield Line("good", f"Dagster keeps its history in {home}.")


def _times(account: Account) -> Iterator[Line]:
    yield Line(
        "good",
        f"Business hours are those of {account.timezone}; the sensor runs every {account.sensor_seconds} s.",
    )


def _rules(account: Account) -> Iterator[Line]:
    rules, packaged = load_rules(account.rules_dir), {rule.id: rule.digest for rule in load_rules()}
    own = sum(packaged.get(rule.id) != rule.digest for rule in rules)
    of_them = f", {own} of them from {account.rules_dir}" if own else ""
    yield Line("good", f"{len(rules)} rules are in force{of_them}.")


def _alerts(account: Account) -> Iterator[Line]:
    level, channels = account.alert_level, [channel.name for channel in channels_for(account)]
    hours = account.alert_max_age.total_seconds() / 3600
    to = f"of {level} severity or above, up to {hours:g} hours old, go to {', '.join(channels)}"
    yield Line("good", f"Findings {to}." if channels else "No channel for alerts is configured; see docs/alerts.md.")


def _mib(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _moment(record: Any) -> str:
    return str(record.get("created_at")) if isinstance(record, dict) else "an unknown time"
