"""What the rules about the log itself find."""

from __future__ import annotations

import pytest

from support.log import DAY, HOUR, SECOND, START, Log


@pytest.mark.faults
def test_a_silent_log_is_told_and_over_when_it_speaks_again(log: Log) -> None:
    log.append([{"created_at": START + n * HOUR} for n in range(120)], window=(START, START + 120 * HOUR))
    log.refresh()
    assert log.named("ZD-201") == []
    log.append(window=(START + 120 * HOUR, START + 140 * HOUR))
    log.refresh()
    ((uid, status, explanation),) = log.named("ZD-201", "uid, status, explanation")
    assert (status, explanation) == (
        "open",
        "No event for 21 hours; the longest silence in the 60 days before was of 1.0 hours.",
    )
    log.append(window=(START + 140 * HOUR, START + 150 * HOUR))
    assert log.refresh().new == 0
    assert log.named("ZD-201", "uid, status, last_event_at") == [(uid, "open", START + 150 * HOUR)]
    log.append([{"created_at": START + 151 * HOUR}], window=(START + 150 * HOUR, START + 152 * HOUR))
    log.refresh()
    assert log.named("ZD-201", "uid, status") == [(uid, "resolved")]
    log.refresh(full=True)
    assert log.named("ZD-201", "uid, status") == [(uid, "resolved")]


def test_rows_that_went_by_other_means_are_told(log: Log) -> None:
    log.append([{"created_at": START}, {"created_at": START + HOUR}], window=(START, START + DAY))
    log.append([{"created_at": START + DAY}], window=(START + DAY, START + 2 * DAY))
    log.refresh()
    assert log.named("ZD-202") == []
    log.connection.execute("DELETE FROM audit_logs WHERE id = 2")
    log.refresh()
    assert log.named("ZD-202", "explanation, severity, batch_id") == [
        ("Batch 1 committed 2 events; the log holds 1 of them.", "high", 0)
    ]


def test_events_that_appeared_late_are_told(log: Log) -> None:
    log.append([{"created_at": START}], window=(START, START + DAY))
    log.append([{"created_at": START + DAY - SECOND}], window=(START, START + 2 * DAY))
    log.refresh()
    assert log.named("ZD-203", "object_label, events") == [("batch 2", 1)]


def test_a_fall_of_the_parse_rate_is_told(log: Log) -> None:
    log.append([{"created_at": START + 37 * DAY}], window=(START, START + 38 * DAY))
    log.connection.execute(
        """
        CREATE TABLE audit_changes AS
        SELECT
            TIMESTAMPTZ '2026-01-02' + n * INTERVAL 1 HOUR AS created_at, 'update' AS action,
            CASE WHEN n > 36 * 24 - 100 AND n % 10 = 0 THEN 'unparsed' ELSE 'exact' END AS confidence
        FROM range(36 * 24) AS hours(n)
        """
    )
    log.refresh()
    ((explanation,),) = log.named("ZD-206", "explanation")
    assert explanation.startswith("94 % of ")


def test_settings_in_another_language_are_told(log: Log) -> None:
    setting = {"source_type": "account_setting", "source_label": "Beveiliging: Tweefactorauthenticatie"}
    texts = ["Uitgeschakeld", "Ingeschakeld", "Turned on"] * 7
    log.append(
        [{**setting, "created_at": START + n * HOUR, "change_description": text} for n, text in enumerate(texts)]
    )
    log.refresh()
    assert log.named("ZD-205-words", "explanation") == [
        ("14 of 21 changes of settings in 90 days have unknown wording.",)
    ]
    log.append({**setting, "created_at": START + n * HOUR, "change_description": "Turned off"} for n in range(7))
    log.refresh()
    assert log.named("ZD-205-words", "status") == [("resolved",)]
