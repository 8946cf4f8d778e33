"""The names of one account in Dagster. Everything that has a name there gets it from a `Scope`."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

ACCOUNT_TAG = "zendesk_audit_assets/account"


@dataclass(frozen=True)
class Scope:
    """A prefix for the names of one account; an empty one leaves the names plain, for a deployment with one account."""

    name: str = ""

    def asset_key(self, table: str) -> dg.AssetKey:
        """The key of the asset that stores a table."""
        return dg.AssetKey([self.name, table] if self.name else [table])

    def check_key(self, table: str, check: str) -> dg.AssetCheckKey:
        """The key of a check on a table's asset."""
        return dg.AssetCheckKey(self.asset_key(table), check)

    def prefixed(self, name: str) -> str:
        """The name of a job, schedule, sensor, resource or op."""
        return f"{self.name}_{name}" if self.name else name

    @property
    def tags(self) -> dict[str, str]:
        """The tag that all jobs of this account, and so their runs, carry: others may have jobs of the same names."""
        return {ACCOUNT_TAG: self.name or "(plain names)"}

    @property
    def jobs(self) -> tuple[str, ...]:
        """All jobs of this account."""
        return (self.refresh, self.backfill, self.nightly, self.deliver_alerts, self.prune_runs)

    @property
    def refresh(self) -> str:
        """The job that syncs the log, refreshes all derived tables, sends alerts and publishes a copy."""
        return self.prefixed("refresh")

    @property
    def backfill(self) -> str:
        """The job that syncs the log alone."""
        return self.prefixed("backfill")

    @property
    def nightly(self) -> str:
        """The job that fetches the last closed days again, runs all checks and exports all tables."""
        return self.prefixed("nightly")

    @property
    def deliver_alerts(self) -> str:
        """The job that sends the alerts that are due."""
        return self.prefixed("deliver_alerts")

    @property
    def prune_runs(self) -> str:
        """The job that deletes old runs from Dagster's history."""
        return self.prefixed("prune_runs")
