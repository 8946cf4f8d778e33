"""Alerts as an asset: from an event at Zendesk to a message at a receiver, and what Dagster is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest

from support.findings import finding, store
from support.receivers import Receiver
from zendesk_audit_assets.orchestration.run_history import alerts_due
from zendesk_audit_assets.orchestration.scope import Scope

GRANTED = {
    "action": "update",
    "source_type": "user",
    "source_id": 7,
    "source_label": "Name: Bob",
    "change_description": "Role changed from Agent to Administrator",
}


@pytest.fixture
def receiver() -> Iterator[Any]:
    with Receiver() as running:
        yield running


@pytest.fixture
def alerting(deploy: Callable[..., Any], receiver: Any) -> Any:
    """A deployment that alerts the receiver of high and critical findings of the last hour."""
    return deploy(
        days=2,
        ZENDESK_ALERT_WEBHOOK_URL=receiver.url,
        ZENDESK_ALERT_WEBHOOK_SECRET="s3cret",
        ZENDESK_ALERT_ALLOW_HTTP="on",
        ZENDESK_ALERT_MAX_AGE="1",
    )


def told(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (materialization,) = result.asset_materializations_for_node("alerts")
    return {name: value.value for name, value in materialization.metadata.items()}


def deliver(deployment: Any, **config: Any) -> dg.ExecuteInProcessResult:
    job = deployment.definitions.resolve_job_def("deliver_alerts")
    return job.execute_in_process(
        instance=deployment.instance, run_config={"ops": {"alerts": {"config": config}}}, raise_on_error=False
    )


def found(deployment: Any, ago: timedelta = timedelta(0)) -> None:
    """As if the rules had found something that happened so long ago."""
    at = datetime.now(timezone.utc) - ago
    with deployment.warehouse.transaction() as connection:
        store(connection, [finding(first_event_at=at, last_event_at=at)])


def failed(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    return str(event.step_failure_data.user_failure_data.description)


def test_a_granted_role_is_alerted_once_after_one_refresh(alerting: Any, receiver: Any) -> None:
    event_id = alerting.happens(**GRANTED)
    result = alerting.run("refresh")
    assert result.success
    (request,) = [one for one in receiver.received if one.json["rule"] == "ZD-002"]
    assert request.json["event_ids"] == [event_id]
    assert request.json["severity"] == "high"
    sent = len(receiver.received)
    assert told(result)["webhook_sent"] == sent
    assert alerting.run("refresh", only="findings", config={"findings": {"config": {"full_rebuild": True}}}).success
    assert deliver(alerting).success
    assert len(receiver.received) == sent


def test_a_first_backfill_tells_nothing_of_what_is_old(alerting: Any, receiver: Any) -> None:
    found(alerting, timedelta(hours=2))
    said = told(deliver(alerting))
    assert receiver.received == []
    assert (said["webhook_expired"], said["pending"]) == (1, 0)


def test_an_undelivered_alert_is_due_a_minute_later_and_arrives(alerting: Any, receiver: Any) -> None:
    found(alerting)
    receiver.says(503, b"down")
    before = datetime.now(timezone.utc)
    said = told(deliver(alerting))
    minute = timedelta(minutes=1)
    assert (said["webhook_sent"], said["webhook_pending"], said["pending"]) == (0, 1, 1)
    assert said["webhook_last_error"] == "127.0.0.1 answered 503 (down). It will be retried."
    due = alerts_due(alerting.instance, Scope())
    assert due is not None
    assert before + minute <= due <= datetime.now(timezone.utc) + minute

    with alerting.warehouse.transaction() as connection:
        connection.execute("UPDATE alert_deliveries SET last_tried_at = last_tried_at - INTERVAL 1 MINUTE")
    said = told(deliver(alerting))
    assert (said["pending"], said["webhook_sent"], said["webhook_failed"]) == (0, 1, 0)
    assert alerts_due(alerting.instance, Scope()) is None
    refused, taken = receiver.received
    assert refused.headers["idempotency-key"] == taken.headers["idempotency-key"]


def test_a_failed_delivery_fails_the_check_until_it_is_sent_again(alerting: Any, receiver: Any) -> None:
    found(alerting)
    receiver.says(404, b"no such hook")
    (check,) = deliver(alerting).get_asset_check_evaluations()
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert "1 to webhook" in str(check.description)

    again = deliver(alerting, retry_failed=True)
    (check,) = again.get_asset_check_evaluations()
    assert check.passed
    assert (told(again)["webhook_failed"], told(again)["webhook_sent"]) == (0, 1)


def test_without_a_channel_it_says_where_to_read_on(deploy: Callable[..., Any]) -> None:
    deployment = deploy()
    found(deployment)
    assert told(deliver(deployment)) == {"channels": "none is configured; see docs/alerts.md", "pending": 0}


def test_before_there_are_findings_it_says_what_makes_them(alerting: Any) -> None:
    assert (
        failed(deliver(alerting))
        == "There are no findings yet. Materialize findings first; the job `refresh` does both."
    )


def test_a_setting_that_is_wrong_is_named(deploy: Callable[..., Any]) -> None:
    deployment = deploy(ZENDESK_ALERT_SLACK_URL="http://hooks.slack.com/services/the-secret")
    said = failed(deliver(deployment))
    assert "ZENDESK_ALERT_SLACK_URL" in said
    assert "the-secret" not in said
