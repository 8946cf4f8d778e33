"""One run in a process of its own: brings a window of an emulated account into a warehouse.

It says `ready`, waits for a line, works, and says what it did: the number of new events, or an error in words with
exit code 3. Its pages and batches are small, so that it commits often.
"""

from __future__ import annotations

import resource
import sys
from datetime import datetime
from pathlib import Path

import click

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.warehouse import database
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import AccessToken, RateBudget, ZendeskAccount, ZendeskClient, client

PAGE_SIZE = 20
COMMIT_ROWS = 100
READERS = 4


@click.command()
@click.argument("url")
@click.argument("token")
@click.argument("path", type=Path)
@click.argument("start", type=datetime.fromisoformat)
@click.argument("end", type=datetime.fromisoformat)
@click.argument("now", type=datetime.fromisoformat)
@click.option("--largest-file", type=int, help="Bytes: the system refuses to let a file grow beyond.")
@click.option("--disk-reserve", type=int, default=database.DISK_RESERVE_BYTES, help="Bytes that stay free.")
def work(
    url: str,
    token: str,
    path: Path,
    start: datetime,
    end: datetime,
    now: datetime,
    largest_file: int | None,
    disk_reserve: int,
) -> None:
    """Bring what is missing of START to END, as on the moment NOW."""
    client.PAGE_SIZE = PAGE_SIZE
    sync.LOOK_BACK_ROWS = PAGE_SIZE - 2
    sync.COMMIT_ROWS = COMMIT_ROWS
    database.DISK_RESERVE_BYTES = disk_reserve
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    account = ZendeskAccount("demo", AccessToken(token), url)
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        with ZendeskClient(account, limiter=RateBudget(1.0), clock=now.timestamp) as zendesk:
            report = sync.sync(zendesk, Warehouse(path), Interval(start, end), run_id="worker", readers=READERS)
    except AuditError as error:
        print(error, flush=True)
        sys.exit(3)
    print(report.appended.inserted, flush=True)


if __name__ == "__main__":
    work()
