"""Sync in a process of its own, as Dagster's asset does. `python benchmarks/run_sync.py URL FILE START END`"""

import sys
from datetime import datetime
from pathlib import Path

from usage import Measurement

from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import AccessToken, RateBudget, ZendeskAccount, ZendeskClient


def client(url: str, folder: Path) -> ZendeskClient:
    """A client for the emulator that may use the whole rate limit and shares it in a file, as Dagster's client does."""
    budget = RateBudget(1.0, file=folder / "zendesk.budget")
    return ZendeskClient(ZendeskAccount("demo", AccessToken("emulator-access-token"), url), limiter=budget)


def main(url: str, path: str, start: str, end: str) -> None:
    measured = Measurement()
    window = Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))
    with client(url, Path(path).parent) as zendesk:
        result = sync.sync(zendesk, Warehouse(path), window, run_id="benchmark")
    measured.report(requests=result.requests, seconds_waited=result.seconds_waited)


if __name__ == "__main__":
    main(*sys.argv[1:])
