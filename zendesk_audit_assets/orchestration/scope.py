"""The names and labels of one account in Dagster. Everything that has a name there gets it from a `Scope`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

ACCOUNT_TAG = "zendesk_audit_assets/account"
_TAGS = {"domain": "audit", "contains-personal-data": "true"}


@dataclass(frozen=True)
class Scope:
    """A prefix for the names of one account; an empty one leaves the names plain, for a deployment with one account.

    `key_prefix` stands before it in asset keys. The assets have these `owners`, these `tags` besides their own, and
    are all in the group `group_name`, if there is one, instead of those that their kind would give them.
    """

    name: str = ""
    key_prefix: Sequence[str] = ()
    group_name: str | None = None
    owners: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def asset_key(self, table: str) -> dg.AssetKey:
        """The key of the asset that stores a table."""
        return dg.AssetKey([*self.key_prefix, self.name, table] if self.name else [*self.key_prefix, table])

    def group(self, name: str) -> str:
        """The group of an asset of that kind."""
        return self.group_name or self.prefixed(name)

    @property
    def asset_tags(self) -> dict[str, str]:
        """The tags of an asset."""
        return {**_TAGS, **self.tags}

    def check_key(self, table: str, check: str) -> dg.AssetCheckKey:
        """The key of a check on a table's asset."""
        return dg.AssetCheckKey(self.asset_key(table), check)

    def prefixed(self, name: str) -> str:
        """The name of a job, schedule, sensor, resource or op."""
        return f"{self.name}_{name}" if self.name else name

    @property
    def run_tags(self) -> dict[str, str]:
        """The tag that all jobs of this account, and so their runs, carry: others may have jobs of the same names."""
        return {ACCOUNT_TAG: "/".join(filter(None, [*self.key_prefix, self.name])) or "(plain names)"}

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
