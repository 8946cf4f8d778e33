"""In any order of arrival, findings equal those of a rebuild."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.log import DAY, HOUR, PACK, START, Log, records_of
from support.warehouse import database
from zendesk_audit_assets.emulator.history import build_history
from zendesk_audit_assets.emulator.options import HistoryOptions


@pytest.mark.faults
def test_in_any_order_of_arrival_the_findings_are_those_of_a_rebuild(log: Log) -> None:
    chance = random.Random(4)
    options = HistoryOptions(start=START - 130 * DAY, end=START, seed=4, agents=16, events_per_day=40)
    records = records_of(build_history(options).events)
    # One stretch after the other, two of them late, and of each some events that appear only with a later one.
    stretches = [options.start + n * 20 * DAY for n in range(7)]
    windows = [(begin, min(begin + 20 * DAY, options.end)) for begin in stretches if begin < options.end]
    windows[4], windows[6] = windows[6], windows[4]
    late: list[dict[str, Any]] = []
    for begin, end in windows:
        due, late = late, []
        for record in records:
            if begin <= record["created_at"] < end:
                (late if chance.random() < 0.02 else due).append(record)
        log.append(due, window=(begin, end))
        log.refresh(PACK, timezone="Europe/Amsterdam")
    log.append(late)
    log.refresh(PACK, timezone="Europe/Amsterdam")

    of_events = "batch_id > 0"
    followed = log.rows(where=of_events)
    log.refresh(PACK, timezone="Europe/Amsterdam", full=True)
    assert followed == log.rows(where=of_events)
    assert len({row[2] for row in followed}) > 25
    assert log.rows("count(*), count(DISTINCT uid)") == [(len(log.rows("uid")),) * 2]


BATCHES = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 72 * 60),
            st.sampled_from(["Suspended", "Unsuspended", "Role changed from Agent to Admin", "", "Turned off"]),
            st.sampled_from(["user_setting", "user", "account_setting", "ticket"]),
            st.sampled_from(["create", "update", "destroy", "exported"]),
            st.integers(1, 3),
            st.integers(1, 6),
        ),
        max_size=25,
    ),
    min_size=1,
    max_size=4,
)


COUNTING = {
    "ZD-002", "ZD-003", "ZD-010", "ZD-014", "ZD-014-staff", "ZD-014-suspended", "ZD-021", "ZD-105", "ZD-106", "ZD-107",
    "ZD-109", "ZD-110", "ZD-111", "ZD-113", "ZD-114", "ZD-115",
}  # fmt: skip


@pytest.mark.faults
@given(batches=BATCHES, gap=st.integers(0, 72))
@settings(max_examples=examples(2))
def test_random_batches_give_the_findings_of_a_rebuild(batches: list[list[Any]], gap: int) -> None:
    rules = [one for one in PACK if one.name in COUNTING]
    with database() as connection:
        log = Log(connection)
        # First all but the hour of the gap is covered, and that at the end.
        hour = START + gap * HOUR
        log.append(window=(START, hour))
        log.append(window=(hour + HOUR, START + 4 * DAY))
        for batch in batches:
            log.append(
                {
                    "created_at": START + timedelta(minutes=minute), "change_description": text, "actor_id": actor,
                    "source_type": kind, "action": action, "source_id": source,
                    "source_label": "IP restrictions" if kind == "account_setting" else None,
                }
                for minute, text, kind, action, actor, source in batch
            )  # fmt: skip
            log.refresh(rules, start=START)
        log.append(window=(hour, hour + HOUR))
        log.refresh(rules, start=START)
        followed = log.rows()
        log.refresh(rules, start=START, full=True)
        assert followed == log.rows()
