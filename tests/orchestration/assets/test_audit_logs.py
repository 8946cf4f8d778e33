"""The asset `audit_logs`, run by Dagster against an emulated account and a real DuckDB file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest

from support.poison import KINDS, poisoned
from zendesk_audit_assets.emulator import EmulatorOptions, Fault
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.orchestration.assets.audit_logs import COMPLETE_TO, progress_logger
from zendesk_audit_assets.orchestration.assets.common import failures_as_messages
from zendesk_audit_assets.orchestration.partitions import Days
from zendesk_audit_assets.orchestration.scope import Scope

FULL_REFRESH = {"audit_logs": {"config": {"full_refresh": True}}}


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """The values of the run's first materialization."""
    (materialization, *_) = result.asset_materializations_for_node("audit_logs")
    return {name: value.value for name, value in materialization.metadata.items()}


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.description is not None
    return failure.description


def ids_between(deployment: Any, first: date, last: date) -> list[int]:
    return sorted(
        event["id"]
        for event in deployment.zendesk.events
        if first <= date.fromisoformat(event["created_at"][:10]) <= last
    )


def stored_ids(deployment: Any) -> list[int]:
    return [id for (id,) in deployment.query("SELECT id FROM audit_logs ORDER BY id")]


def test_each_day_from_the_first_to_today_has_a_partition(deployment: Any) -> None:
    partitions = deployment.definitions.get_assets_def(dg.AssetKey("audit_logs")).partitions_def
    assert partitions is not None
    keys = partitions.get_partition_keys()
    assert (keys[0], keys[-1]) == (str(deployment.days.first), str(deployment.days.last))


def test_a_partition_brings_the_events_of_its_day(deployment: Any) -> None:
    day = deployment.days.first + timedelta(days=1)
    result = deployment.definitions.resolve_job_def("backfill").execute_in_process(
        instance=deployment.instance, partition_key=str(day)
    )
    assert result.success
    assert stored_ids(deployment) == ids_between(deployment, day, day) != []


def test_a_range_of_days_is_one_run_that_materializes_each_of_them(deployment: Any) -> None:
    first, last = deployment.days.first, deployment.days.first + timedelta(days=2)
    result = deployment.run("backfill", Days(first, last))
    assert stored_ids(deployment) == ids_between(deployment, first, last)
    materialized = [event.partition for event in result.asset_materializations_for_node("audit_logs")]
    assert materialized == [str(first + timedelta(days=n)) for n in range(3)]


def test_days_that_are_settled_are_not_asked_for_again(deployment: Any) -> None:
    closed = Days(deployment.days.first, deployment.days.last - timedelta(days=1))
    assert deployment.run("backfill", closed).success
    assert deployment.requests() > 0
    again = deployment.run("backfill", closed)
    assert deployment.requests() == 0
    assert metadata_of(again)["fetched"] == "nothing: everything is settled"


def test_a_full_refresh_brings_an_event_late_in_a_settled_day(deployment: Any) -> None:
    closed = Days(deployment.days.first, deployment.days.first + timedelta(days=1))
    deployment.run("backfill", closed)
    late = deployment.happens(created_at=f"{closed.first}T12:00:00Z")
    deployment.run("backfill", closed)
    assert late not in stored_ids(deployment)
    result = deployment.run("backfill", closed, config=FULL_REFRESH)
    assert stored_ids(deployment) == ids_between(deployment, closed.first, closed.last)
    assert metadata_of(result)["rows_inserted"] == 1


def test_the_metadata_say_what_was_done(deployment: Any) -> None:
    result = deployment.run("backfill")
    events = len(deployment.zendesk.events)
    requests = len(deployment.zendesk.requests)
    said = metadata_of(result)
    assert said.keys() == {
        "rows_received", "rows_inserted", "rows_already_there", "rows_rejected", "rows_revised", "requests",
        "seconds_waited_for_the_rate_limit", "window", "fetched", "complete_to", "newest_event",
        "dagster/row_count", "dagster/uri",
    }  # fmt: skip
    assert (said["rows_received"], said["rows_inserted"], said["rows_already_there"]) == (events, events, 0)
    assert (said["rows_rejected"], said["rows_revised"], said["dagster/row_count"]) == (0, 0, events)
    assert said["requests"] == requests
    assert said["window"].startswith(f"{deployment.days.first} 00:00:00 to ")
    assert said["dagster/uri"] == deployment.warehouse.path.as_uri()
    newest = datetime.fromisoformat(deployment.zendesk.events[-1]["created_at"].replace("Z", "+00:00"))
    assert datetime.fromtimestamp(said["newest_event"], timezone.utc) == newest


def test_rows_that_are_known_rejected_or_changed_are_counted_apart(deployment: Any) -> None:
    deployment.run("backfill")
    known = len(deployment.zendesk.events)
    deployment.zendesk.amend(deployment.zendesk.events[0]["id"], source_label="renamed")
    deployment.zendesk.add([{"created_at": f"{deployment.days.first}T12:00:00Z", "id": "not-a-number"}])
    said = metadata_of(deployment.run("backfill", config=FULL_REFRESH))
    assert (said["rows_received"], said["rows_inserted"]) == (known + 1, 0)
    assert (said["rows_already_there"], said["rows_revised"], said["rows_rejected"]) == (known, 1, 1)


def test_no_person_and_no_address_gets_into_dagsters_history(deployment: Any) -> None:
    result = deployment.run("backfill")
    history = " ".join(map(repr, result.all_events)) + " ".join(
        str(entry) for entry in deployment.instance.all_logs(result.run_id)
    )
    people = [event for event in deployment.zendesk.events if event["actor_id"] > 0]
    personal = {str(event[name]) for event in people for name in ("actor_name", "ip_address") if event[name]}
    assert personal
    assert [value for value in personal if value in history] == []


def test_complete_to_stops_at_a_gap_until_it_is_filled(deployment: Any) -> None:
    first, last = deployment.days.first, deployment.days.last

    def complete_to(days: Days) -> datetime:
        return datetime.fromtimestamp(metadata_of(deployment.run("backfill", days))[COMPLETE_TO], timezone.utc)

    def midnight(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)

    assert complete_to(Days(first, first)) == midnight(first + timedelta(days=1))
    assert complete_to(Days(last, last)) == midnight(first + timedelta(days=1))
    before = datetime.now(timezone.utc).replace(microsecond=0)
    assert complete_to(Days(first, last)) >= before - timedelta(seconds=2)


def test_progress_can_be_followed_page_by_page(deployment: Any) -> None:
    seen = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.__dict__["progress"])

    listener = Listener(logging.DEBUG)
    before = progress_logger.level
    progress_logger.setLevel(logging.DEBUG)
    progress_logger.addHandler(listener)
    try:
        deployment.run("backfill")
    finally:
        progress_logger.removeHandler(listener)
        progress_logger.setLevel(before)
    assert [progress.requests for progress in seen] == sorted(progress.requests for progress in seen)
    # A page counts twice where two readers meet.
    assert seen[-1].received >= len(deployment.zendesk.events)
    assert seen[-1].share == 1.0


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("options", "variables", "cause", "remedy"),
    [
        pytest.param(
            {},
            {"ZENDESK_CLIENT_ID": "", "ZENDESK_CLIENT_SECRET": "", "ZENDESK_ACCESS_TOKEN": "mistyped"},
            "401",
            "Check ZENDESK_ACCESS_TOKEN",
            id="wrong token",
        ),
        pytest.param(
            {},
            {
                "ZENDESK_CLIENT_ID": "",
                "ZENDESK_CLIENT_SECRET": "",
                "ZENDESK_EMAIL": "someone@example.com",
                "ZENDESK_API_TOKEN": "mistyped",
            },
            "401",
            "Check ZENDESK_EMAIL and ZENDESK_API_TOKEN",
            id="wrong API token",
        ),
        pytest.param({}, {"ZENDESK_CLIENT_SECRET": "x"}, "401", "Check ZENDESK_CLIENT_ID", id="wrong client secret"),
        pytest.param(
            {"has_audit_logs": False},
            {"ZENDESK_CLIENT_ID": "", "ZENDESK_CLIENT_SECRET": "", "ZENDESK_ACCESS_TOKEN": "emulator-access-token"},
            "no audit log",
            "Enterprise",
            id="plan without audit logs",
        ),
        pytest.param(
            {"admin": False},
            {"ZENDESK_CLIENT_ID": "", "ZENDESK_CLIENT_SECRET": "", "ZENDESK_ACCESS_TOKEN": "emulator-access-token"},
            "403",
            "credentials of an administrator",
            id="not an administrator",
        ),
    ],
)
def test_a_permanent_refusal_fails_the_run_at_once_and_in_words(
    deploy: Callable[..., Any], options: dict[str, Any], variables: dict[str, str], cause: str, remedy: str
) -> None:
    deployment = deploy(options=EmulatorOptions(**options), **variables)
    result = deployment.run("backfill")
    assert not result.success
    said = failure_of(result)
    assert cause in said
    assert remedy in said
    assert "\n" not in said
    assert "Traceback" not in said
    assert len(deployment.zendesk.requests) == 1
    assert not result.filter_events(lambda event: event.is_step_up_for_retry)


def test_a_failure_carries_no_trace_of_what_led_to_it(deploy: Callable[..., Any]) -> None:
    result = deploy(ZENDESK_CLIENT_SECRET="x").run("backfill")
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    error = event.step_failure_data.error
    assert error is not None
    assert (error.cause, error.context) == (None, None)


def test_an_outage_fails_the_run_and_the_next_one_continues(deployment: Any) -> None:
    deployment.zendesk.inject(Fault("429", times=None, retry_after=3600))
    result = deployment.run("backfill")
    assert not result.success
    assert "429" in failure_of(result)
    assert "Try again later" in failure_of(result)
    assert not result.filter_events(lambda event: event.is_step_up_for_retry)
    deployment.zendesk.clear_faults()
    assert deployment.run("backfill").success
    assert deployment.holds_everything()


def test_a_run_that_somebody_stops_is_not_tried_again(deployment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sync, "sync", stop)
    result = deployment.run("backfill")
    assert not result.success
    assert not result.filter_events(lambda event: event.is_step_up_for_retry)


def test_ctrl_c_during_a_query_stops_the_whole_run() -> None:
    # DuckDB's word for it; when it notices the signal depends on the query.
    with pytest.raises(KeyboardInterrupt), failures_as_messages([], Scope()):
        raise RuntimeError("Query interrupted")


def test_a_lack_of_memory_is_a_message_with_a_remedy() -> None:
    with pytest.raises(dg.Failure) as failure, failures_as_messages([], Scope()):
        raise MemoryError
    assert str(failure.value.description).startswith("The step ran out of memory. Stop other programs")


def test_a_mistake_in_the_code_is_shown_as_it_is() -> None:
    with pytest.raises(RuntimeError, match="generator already executing"), failures_as_messages([], Scope()):
        raise RuntimeError("generator already executing")


def test_what_was_committed_before_a_refusal_stays(deploy: Callable[..., Any]) -> None:
    deployment = deploy()
    first = deployment.days.first
    assert deployment.run("backfill", Days(first, first)).success
    deployment.zendesk.inject(Fault("403", times=None))
    assert not deployment.run("backfill").success
    assert stored_ids(deployment) == ids_between(deployment, first, first)
    deployment.zendesk.clear_faults()
    assert deployment.run("backfill").success
    assert deployment.holds_everything()


def test_the_log_of_another_account_is_refused_in_words(deployment: Any) -> None:
    with deployment.warehouse.transaction() as connection:
        connection.execute("INSERT INTO warehouse_meta VALUES ('account', 'https://other.zendesk.com')")
    said = failure_of(deployment.run("backfill"))
    assert "https://other.zendesk.com" in said
    assert "ZENDESK_AUDIT_DB" in said


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"ZENDESK_SUBDOMAIN": ""}, "ZENDESK_SUBDOMAIN"),
        ({"ZENDESK_CLIENT_SECRET": ""}, "ZENDESK_CLIENT_SECRET"),
        ({"ZENDESK_ACCESS_TOKEN": "second-way"}, "ZENDESK_AUTH_TYPE"),
        ({"ZENDESK_AUTH_TYPE": "password"}, "ZENDESK_AUTH_TYPE"),
        ({"ZENDESK_BASE_URL": "http://zendesk.example"}, "ZENDESK_BASE_URL"),
        ({"ZENDESK_RATE_SHARE": "50%"}, "ZENDESK_RATE_SHARE"),
        ({"ZENDESK_START_DATE": ""}, "ZENDESK_START_DATE"),
        ({"ZENDESK_START_DATE": "01.02.2024"}, "ZENDESK_START_DATE"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named_by_the_run(
    deploy: Callable[..., Any], variables: dict[str, str], named: str
) -> None:
    deployment = deploy(**variables)
    today = datetime.now(timezone.utc).date()
    result = deployment.run("backfill", Days(today, today))
    assert not result.success
    assert named in failure_of(result)
    assert deployment.zendesk.requests == []


@pytest.mark.faults
def test_a_second_that_cannot_be_read_stops_nothing_else(deployment: Any) -> None:
    bad = deployment.zendesk.events[len(deployment.zendesk.events) // 2]
    with poisoned(bad["id"], KINDS["misplaced"]):
        result = deployment.run("refresh")
    assert result.success
    failed = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
    assert {"coverage_has_no_gap", "zd_207_unreadable"} <= failed
    assert "left_out" in metadata_of(result)
    others = [event["id"] for event in deployment.zendesk.events if event["created_at"] != bad["created_at"]]
    assert deployment.query("SELECT id FROM audit_logs ORDER BY created_at, id") == [(id,) for id in others]
    assert deployment.query("SELECT count(*) > 0 FROM daily_activity") == [(True,)]
    assert deployment.warehouse.published_path.exists()
