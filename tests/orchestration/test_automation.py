"""Schedules and the sensor: what they ask for on a real Dagster instance, and that the runs do what was meant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from unittest.mock import Mock

import dagster as dg
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from support.deployment import NOW
from zendesk_audit_assets.emulator import EmulatorOptions, Fault, HistoryOptions
from zendesk_audit_assets.orchestration import partitions, run_history
from zendesk_audit_assets.orchestration.checks import CHECKS
from zendesk_audit_assets.orchestration.partitions import (
    DAYS_PER_RUN,
    RANGE_END_TAG,
    RANGE_START_TAG,
    Days,
    bounded,
    days_to_refresh,
)
from zendesk_audit_assets.orchestration.run_history import FINGERPRINT_TAG, complete_to, fingerprint
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.zendesk import MalformedResponse, Page, ZendeskClient, ZendeskDown

KEYS = {Scope().check_key(check.table, check.name) for check in CHECKS}
DAY = timedelta(days=1)
dates = st.dates(date(2005, 1, 1), date(2100, 1, 1))
moments = st.datetimes(datetime(2005, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001


def today() -> date:
    return datetime.now(timezone.utc).date()


def tick(deployment: Any) -> dg.SensorExecutionData | Any:
    """A tick of the sensor `new_audit_events`."""
    loaded = deployment.definitions
    return named(loaded, "new_audit_events").evaluate_tick(
        dg.build_sensor_context(deployment.instance, resources=dict(loaded.resources))
    )


def named(loaded: dg.Definitions, name: str) -> Any:
    (sensor,) = (one for one in loaded.sensors or () if one.name == name)
    return sensor


def schedule_tick(deployment: Any, name: str, at: datetime | None = None) -> Any:
    schedule = next(one for one in deployment.definitions.schedules if one.name == name)
    context = dg.build_schedule_context(scheduled_execution_time=at or datetime.now(timezone.utc))
    # It is made for an instance in files, which costs more than all else here; ours lives in memory.
    context._instance, context._instance_ref = deployment.instance, object()
    return schedule.evaluate_tick(context)


def launch(deployment: Any, job: str, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """What the daemon would do."""
    return deployment.run(job, config=request.run_config.get("ops"), **request.tags)


def fetch(deployment: Any, request: dg.RunRequest) -> bool:
    """The same of a refresh, for the log alone; whether it succeeded."""
    return deployment.run("refresh", only="audit_logs", **request.tags).success


def asked(request: dg.RunRequest) -> Days:
    return Days(
        date.fromisoformat(request.tags[RANGE_START_TAG]),
        date.fromisoformat(request.tags[RANGE_END_TAG]),
    )


# The days of a refresh


@given(dates, dates)
def test_long_ranges_are_cut_into_bounded_runs_that_are_the_same_days(one: date, other: date) -> None:
    days = Days(min(one, other), max(one, other))
    pieces = bounded(days)
    assert (pieces[0].first, pieces[-1].last) == (days.first, days.last)
    assert all(before.last + DAY == after.first for before, after in pairwise(pieces))
    assert all(0 < (piece.last - piece.first).days + 1 <= DAYS_PER_RUN for piece in pieces)


@given(dates, st.none() | moments, dates)
def test_a_refresh_begins_at_the_first_gap_or_yesterday(start: date, complete: datetime | None, now: date) -> None:
    start = min(start, now)
    days = days_to_refresh(start, complete, now)
    assert days.last == now
    assert start <= days.first <= now
    assert days.first <= max(start, now - DAY)
    if complete is None:
        assert days.first == start
    else:
        assert days.first <= max(start, complete.date())


def test_a_refresh_after_midnight_begins_on_the_unsettled_day() -> None:
    complete = datetime(2026, 3, 10, 0, 5, tzinfo=timezone.utc)
    assert days_to_refresh(date(2026, 1, 1), complete, date(2026, 3, 20)).first == date(2026, 3, 9)


def test_complete_to_is_read_from_the_newest_materialization(deployment: Any) -> None:
    assert complete_to(deployment.instance, Scope()) is None
    before = datetime.now(timezone.utc)
    deployment.run("backfill")
    known = complete_to(deployment.instance, Scope())
    assert known is not None
    assert before - timedelta(seconds=5) <= known <= datetime.now(timezone.utc) + timedelta(seconds=5)


def test_a_materialization_that_says_nothing_of_it_counts_as_none(deployment: Any) -> None:
    deployment.instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey("audit_logs")))
    assert complete_to(deployment.instance, Scope()) is None


def test_the_order_of_events_does_not_change_a_fingerprint() -> None:
    def page(*ids: Any) -> Page:
        return Page([{"id": id} for id in ids], b"", False, datetime.now(timezone.utc), 1)

    assert fingerprint(page(1, 2)) == fingerprint(page(2, 1)) != fingerprint(page(1, 2, 3))
    assert fingerprint(page("odd", None)) != fingerprint(page())


# The sensor


def test_new_events_request_a_refresh_with_their_fingerprint(deployment: Any) -> None:
    (request,) = tick(deployment).run_requests
    assert asked(request) == deployment.days
    assert request.tags[FINGERPRINT_TAG]
    assert fetch(deployment, request)
    assert deployment.holds_everything()


def test_the_same_newest_events_are_not_fetched_twice_and_others_are(deployment: Any) -> None:
    fetch(deployment, *tick(deployment).run_requests)
    skipped = tick(deployment)
    assert (skipped.run_requests, skipped.skip_message) == ([], "Nothing new in the audit log.")
    deployment.happens()
    (request,) = tick(deployment).run_requests
    assert asked(request) == Days(today() - DAY, today())
    fetch(deployment, request)
    assert deployment.holds_everything()
    assert not tick(deployment).run_requests


@pytest.mark.faults
def test_a_refresh_by_the_clock_does_not_make_the_sensor_ask_again(deployment: Any) -> None:
    fetch(deployment, *tick(deployment).run_requests)
    fetch(deployment, *schedule_tick(deployment, "hourly").run_requests)
    assert tick(deployment).skip_message == "Nothing new in the audit log."


def test_a_tick_costs_exactly_one_request(deployment: Any) -> None:
    for _ in range(2):
        deployment.zendesk.reset_requests()
        tick(deployment)
        assert deployment.requests() == 1


def test_while_a_refresh_has_not_finished_nothing_is_asked(deployment: Any) -> None:
    job = deployment.definitions.resolve_job_def("refresh")
    started, tags = dg.DagsterRunStatus.STARTED, {**job.run_tags, **deployment.days.tags}
    run = deployment.instance.create_run_for_job(job, status=started, tags=tags)
    for skipped in (tick(deployment), schedule_tick(deployment, "hourly")):
        assert not skipped.run_requests
        assert skipped.skip_message == f"The refresh {run.run_id} has not finished yet."
    assert deployment.requests() == 0


def test_an_event_ahead_of_the_clock_is_asked_for_when_it_is_due(deployment: Any) -> None:
    deployment.happens(created_at=NOW + timedelta(minutes=9))
    fetch(deployment, *tick(deployment).run_requests)
    assert not tick(deployment).run_requests
    with time_machine.travel(NOW + timedelta(minutes=10)):
        fetch(deployment, *tick(deployment).run_requests)
        assert not tick(deployment).run_requests
        assert deployment.holds_everything()


def test_a_run_that_has_said_nothing_for_an_hour_stops_nothing(deployment: Any) -> None:
    job = deployment.definitions.resolve_job_def("refresh")
    started, tags = dg.DagsterRunStatus.STARTED, {**job.run_tags, **deployment.days.tags}
    run = deployment.instance.create_run_for_job(job, status=started, tags=tags)

    def asks_after(minutes: int) -> bool:
        with time_machine.travel(NOW + timedelta(minutes=minutes)):
            return bool(tick(deployment).run_requests)

    assert [asks_after(minutes) for minutes in (55, 65)] == [False, True]
    with time_machine.travel(NOW + timedelta(minutes=50)):
        deployment.instance.report_engine_event("1,000 records so far.", run)
    assert [asks_after(minutes) for minutes in (65, 105, 115)] == [False, False, True]


def test_after_failures_the_sensor_waits_5_15_and_60_minutes(deployment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def after(minutes: float) -> Any:
        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(minutes=minutes)

        with monkeypatch.context() as patch:
            patch.setattr(run_history, "datetime", Later)
            return tick(deployment)

    deployment.zendesk.inject(Fault("403", times=None))
    for minutes in (5, 15, 60, 60):
        failed = deployment.run("refresh", only="audit_logs")
        assert not failed.success
        deployment.zendesk.reset_requests()
        waiting = after(minutes - 0.1)
        assert not waiting.run_requests
        assert f"The last refresh failed ({failed.run_id})" in waiting.skip_message
        assert deployment.requests() == 0
        with pytest.raises(dg.Failure):
            after(minutes + 0.1)
        assert deployment.requests() == 1  # it looks again
    deployment.zendesk.clear_faults()
    (request,) = after(61).run_requests
    assert fetch(deployment, request)
    assert tick(deployment).skip_message == "Nothing new in the audit log."


def test_a_failed_refresh_is_asked_for_again_although_nothing_is_new(
    deployment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = tick(deployment).run_requests
    deployment.zendesk.inject(Fault("403", times=None))
    assert not fetch(deployment, request)
    deployment.zendesk.clear_faults()
    monkeypatch.setattr(run_history, "PAUSES_AFTER_FAILURE", (timedelta(0),))
    (again,) = tick(deployment).run_requests
    assert again.tags[FINGERPRINT_TAG] == request.tags[FINGERPRINT_TAG]


@pytest.mark.parametrize(
    ("options", "variables", "says"),
    [
        ({}, {"ZENDESK_CLIENT_SECRET": "mistyped"}, "Check ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET"),
        ({"has_audit_logs": False}, {}, "on an Enterprise plan"),
        ({"admin": False}, {}, "Use the credentials of an administrator"),
        ({"granted_scope": "read_nothing"}, {}, "auditlogs:read"),
    ],
)
def test_what_stays_until_somebody_acts_fails_the_tick_in_words(
    deploy: Callable[..., Any], options: dict[str, Any], variables: dict[str, str], says: str
) -> None:
    with pytest.raises(dg.Failure) as failed:
        tick(deploy(options=EmulatorOptions(**options), **variables))
    assert says in str(failed.value.description)
    assert "\n" not in str(failed.value.description)


def test_what_passes_by_itself_skips_the_tick(deployment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ZendeskClient, "newest", Mock(side_effect=ZendeskDown("Zendesk is down.", "Try again later.")))
    assert tick(deployment).skip_message == "Zendesk is down. Try again later."


def test_a_malformed_newest_page_requests_one_refresh(deployment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(client: ZendeskClient) -> Page:
        raise MalformedResponse("It is broken.", "Wait.", body=body)

    monkeypatch.setattr(ZendeskClient, "newest", broken)
    body = b"{"
    (request,) = tick(deployment).run_requests
    assert fetch(deployment, request)
    assert not tick(deployment).run_requests
    body = b"{ and more"
    assert tick(deployment).run_requests


# What heals by itself


@pytest.mark.faults
def test_after_an_outage_of_a_month_the_next_hour_brings_everything(deploy: Callable[..., Any]) -> None:
    deployment = deploy(days=40)
    assert deployment.run("backfill", Days(deployment.days.first, today() - 32 * DAY)).success
    assert not deployment.holds_everything()
    deployment.happens()
    (request,) = schedule_tick(deployment, "hourly").run_requests
    assert asked(request) == Days(today() - 32 * DAY, today())
    assert fetch(deployment, request)
    assert deployment.holds_everything()


def test_the_last_run_of_a_long_history_carries_the_fingerprint(
    deploy: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "DAYS_PER_RUN", 92)
    start = NOW - 200 * DAY
    history = HistoryOptions(start=start, end=start + 199 * DAY, style="uniform", total=300)
    deployment = deploy(days=200, options=EmulatorOptions(history=history))
    requests = tick(deployment).run_requests
    assert [asked(request) for request in requests] == bounded(deployment.days)
    assert [FINGERPRINT_TAG in request.tags for request in requests] == [False, False, True]
    assert [asked(request) for request in schedule_tick(deployment, "hourly").run_requests] == bounded(deployment.days)


@pytest.mark.faults
def test_a_gap_left_by_a_failed_piece_is_covered_by_the_next_refresh(
    deployment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "DAYS_PER_RUN", 2)
    first, second, third = tick(deployment).run_requests
    assert fetch(deployment, first)
    deployment.zendesk.inject(Fault("403", times=None))
    assert not fetch(deployment, second)
    deployment.zendesk.clear_faults()
    assert fetch(deployment, third)
    assert not deployment.holds_everything()
    requests = schedule_tick(deployment, "hourly").run_requests
    assert asked(requests[0]).first <= asked(second).first
    assert asked(requests[-1]).last == today()
    for request in requests:
        assert fetch(deployment, request)
    assert deployment.holds_everything()


@pytest.mark.faults
def test_the_nightly_reread_of_three_days_heals_late_events(
    deploy: Callable[..., Any],
) -> None:
    deployment = deploy(days=10)
    for _ in range(120):  # more than a refresh looks back over
        deployment.happens(created_at=f"{today() - DAY}T23:00:00Z")
    deployment.run("backfill")
    late = deployment.happens(created_at=f"{today() - 3 * DAY}T00:00:00Z")
    deployment.run("backfill", Days(today() - DAY, today()))
    assert deployment.query(f"SELECT count(*) FROM audit_logs WHERE id = {late}") == [(0,)]
    request = schedule_tick(deployment, "nightly").run_requests[0]
    assert asked(request) == Days(today() - 3 * DAY, today() - DAY)
    result = launch(deployment, "nightly", request)
    assert result.success
    assert deployment.holds_everything()
    assert deployment.query("SELECT sum(events) FROM actor_summary") == [(len(deployment.zendesk.events),)]
    assert assets_of(result) == {spec.key.to_user_string() for spec in deployment.definitions.resolve_all_asset_specs()}
    assert {one.asset_check_key for one in result.get_asset_check_evaluations()} == {
        Scope().check_key(check.table, check.name) for check in CHECKS
    }


def test_the_nightly_run_is_for_its_due_night_from_the_first_day(
    deploy: Callable[..., Any],
) -> None:
    deployment = deploy(days=3)
    due = datetime.combine(today(), datetime.min.time(), timezone.utc) - DAY + timedelta(hours=3, minutes=30)
    (request,) = schedule_tick(deployment, "nightly", due).run_requests
    assert asked(request) == Days(today() - 3 * DAY, today() - 2 * DAY)


def test_the_first_day_has_hourly_and_nightly_refreshes(
    deploy: Callable[..., Any],
) -> None:
    deployment = deploy(options=EmulatorOptions(), ZENDESK_START_DATE=str(NOW.date()))
    deployment.happens(created_at=datetime.now(timezone.utc).replace(hour=0, minute=0, second=0))
    for job, schedule in (("refresh", "hourly"), ("nightly", "nightly")):
        (request,) = schedule_tick(deployment, schedule).run_requests
        assert asked(request) == Days(today(), today())
        assert deployment.run(job, only="audit_logs", **request.tags).success
    assert deployment.holds_everything()


@pytest.mark.faults
def test_an_hour_costs_one_request_when_nothing_happened(deployment: Any) -> None:
    deployment.run("refresh", only="audit_logs")
    deployment.requests()
    (request,) = schedule_tick(deployment, "hourly").run_requests
    assert fetch(deployment, request)
    assert deployment.requests() == 1


def assets_of(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}


def test_a_backfill_brings_the_log_alone(deployment: Any) -> None:
    result = deployment.run("backfill")
    assert result.success
    assert deployment.holds_everything()
    assert assets_of(result) == {"audit_logs"}
    assert result.get_asset_check_evaluations() == []


def test_maintenance_is_due_weekly_without_an_account_too(deploy: Callable[..., Any]) -> None:
    deployment = deploy(ZENDESK_SUBDOMAIN="")
    assert len(schedule_tick(deployment, "maintenance").run_requests) == 1
