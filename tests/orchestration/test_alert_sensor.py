"""The sensor that asks for undelivered alerts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest


def alert_tick(deployment: Any) -> dg.SensorExecutionData | Any:
    """A tick of the sensor `undelivered_alerts`; it is given no warehouse that it could open."""
    (sensor,) = (one for one in deployment.definitions.sensors or () if one.name == "undelivered_alerts")
    return sensor.evaluate_tick(dg.build_sensor_context(deployment.instance))


# The sensor for alerts


def reports(deployment: Any, **metadata: Any) -> None:
    """As if a run had materialized `alerts`."""
    event = dg.AssetMaterialization(dg.AssetKey("alerts"), metadata=metadata)
    deployment.instance.report_runless_asset_event(event)


def at(minutes: float) -> dg.MetadataValue:
    moment = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    return dg.MetadataValue.timestamp(moment)


def test_a_waiting_alert_is_sent_when_its_pause_is_over(deployment: Any) -> None:
    assert alert_tick(deployment).skip_message == "No alert waits."
    reports(deployment, pending=2, next_try=at(5))
    skipped = alert_tick(deployment)
    assert skipped.run_requests == []
    assert "The next alert is due at" in skipped.skip_message
    reports(deployment, pending=2, next_try=at(-0.01))
    assert len(alert_tick(deployment).run_requests) == 1
    reports(deployment, pending=0)
    assert alert_tick(deployment).skip_message == "No alert waits."


@pytest.mark.parametrize("job", ["refresh", "deliver_alerts"])
def test_while_a_run_sends_alerts_no_other_is_asked_for(deployment: Any, job: str) -> None:
    reports(deployment, pending=1, next_try=at(-1))
    definition = deployment.definitions.resolve_job_def(job)
    tags = {**definition.run_tags, **(deployment.days.tags if job == "refresh" else {})}
    run = deployment.instance.create_run_for_job(definition, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert alert_tick(deployment).skip_message == f"The {job} {run.run_id} has not finished yet."


def test_after_a_failed_run_the_sensor_for_alerts_waits(deployment: Any) -> None:
    reports(deployment, pending=1, next_try=at(-1))
    job = deployment.definitions.resolve_job_def("deliver_alerts")
    failed = job.execute_in_process(instance=deployment.instance, raise_on_error=False)  # there are no findings
    assert not failed.success
    assert f"The last deliver_alerts failed ({failed.run_id})" in alert_tick(deployment).skip_message
