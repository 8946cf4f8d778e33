"""The days of the log as Dagster partitions, and which of them a run takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg

from zendesk_audit_assets.extract.coverage import SETTLE

# How Dagster knows the partitions of a run that takes several of them at once.
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

# A run costs some seconds, whatever is in it; one that fails marks none of its days as materialized, though all that it
# has committed is kept.
DAYS_PER_RUN = 366


@dataclass(frozen=True)
class Days:
    """Consecutive partitions, both ends included."""

    first: date
    last: date

    @property
    def tags(self) -> dict[str, str]:
        """The tags that make a run take these partitions."""
        return {RANGE_START_TAG: self.first.isoformat(), RANGE_END_TAG: self.last.isoformat()}


def days_from(start: datetime) -> dg.DailyPartitionsDefinition:
    """A partition for each UTC day from `start` to today."""
    return dg.DailyPartitionsDefinition(start_date=f"{start:%Y-%m-%d}", timezone="UTC", end_offset=1)


def bounded(days: Days) -> list[Days]:
    """The same days in ranges of at most `DAYS_PER_RUN`, oldest first."""
    firsts = range(days.first.toordinal(), days.last.toordinal() + 1, DAYS_PER_RUN)
    return [
        Days(date.fromordinal(first), min(days.last, date.fromordinal(first + DAYS_PER_RUN - 1))) for first in firsts
    ]


def days_to_refresh(start: date, complete_to: datetime | None, today: date) -> Days:
    """The days from where the log is incomplete or not settled yet, yesterday at the latest, to today."""
    incomplete_from = start if complete_to is None else (complete_to - SETTLE).date()
    return Days(max(start, min(incomplete_from, today - timedelta(days=1))), today)
