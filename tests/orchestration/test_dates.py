"""Deployments on days that are unlike others. The events are written by hand: no assertion rests on a random one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from zendesk_audit_assets.emulator import EmulatorOptions

DAYS = [
    "2028-02-29T12:00:00",  # a leap day
    "2026-12-31T23:59:57",  # the year ends during the run
]


def run(deployment: Any, job: str) -> Any:
    """Run a job after events of several days; every event must be there once."""
    now = datetime.now(timezone.utc)
    for hours in (1, 24, 25, 49):
        deployment.happens(created_at=now - timedelta(hours=hours), source_type="rule", action="update")
    deployment.happens()
    result = deployment.run(job)
    assert result.success
    assert deployment.holds_everything()
    return result


@pytest.mark.faults
@pytest.mark.parametrize("now", DAYS)
def test_an_unlike_day_brings_every_event(deploy: Callable[..., Any], now: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=timezone.utc)
    run(deploy(now=moment, options=EmulatorOptions()), "refresh")


@pytest.mark.dates
@pytest.mark.faults
def test_the_present_day_passes_every_check_at_night(deploy: Callable[..., Any]) -> None:
    # By the machine's clock, which `make test-dates` shifts beneath Python, Dagster and DuckDB alike.
    deployment = deploy(now=None, options=EmulatorOptions())
    result = run(deployment, "nightly")
    assert [one.description for one in result.get_asset_check_evaluations() if not one.passed] == []
