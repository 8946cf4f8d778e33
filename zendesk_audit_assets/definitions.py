"""The code location that Dagster loads: the account that the environment and `.env` describe."""

from __future__ import annotations

import dagster as dg

from zendesk_audit_assets import settings
from zendesk_audit_assets.orchestration.build import build_definitions

# Each refresh adds some 400 KB to Dagster's history, and there may be one a minute.
KEEP_RUNS_DAYS = 7


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of that account."""
    # Also for runs started from an asset's page: steps of one process never wait for each other's lock on the file.
    host = dg.Definitions(executor=dg.in_process_executor)
    return dg.Definitions.merge(build_definitions(settings.load(), keep_runs_days=KEEP_RUNS_DAYS), host)
