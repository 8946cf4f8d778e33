"""`ingest.sync` alone in a process, as Dagster's asset calls it. `python benchmarks/synced.py URL FILE START END`"""

import sys
from datetime import datetime
from pathlib import Path

from usage import Measured

from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import (
    AccessToken,
    Account,
    RateBudget,
    ZendeskClient,
)


def client(url: str, folder: Path) -> ZendeskClient:
    """A client for the emulator that may use the whole of the rate limit; as Dagster's, it shares it with others."""
    budget = RateBudget(1.0, file=folder / "zendesk.budget")
    return ZendeskClient(Account("demo", AccessToken("emulator-access-token"), url), limiter=budget)


def main(url: str, path: str, start: str, end: str) -> None:
    measured = Measured()
    window = Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))
    with client(url, Path(path).parent) as zendesk:
        report = sync.sync(zendesk, Warehouse(path), window, run_id="benchmark")
    measured.report(requests=report.requests, seconds_waited=report.seconds_waited)


if __name__ == "__main__":
    main(*sys.argv[1:])
