"""Mixtures of everything that can go wrong, by chance, all through a backfill by several readers.

The mixtures follow from `SEEDS`; any other number is as good: `pytest tests/faults` after changing them here.
"""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta, timezone

import pytest

from zendesk_audit_assets.emulator import Fault
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract import gaps, sync
from zendesk_audit_assets.zendesk import client

SEED = int(os.environ.get("FAULT_SEED", "1"))
SEEDS = (SEED, SEED + 1, SEED + 2)

# So many runs are more than enough, unless what was read is not kept.
_MOST_RUNS = 60

# Small pages and batches: as many requests and commits as a log has that is far larger.
_PAGE_SIZE = 20

# A fault of each kind with the highest probability that it is given per request.
_TRANSIENT = {
    **{
        Fault(status, body_style=style): 0.02 for status in ("500", "502", "503", "504") for style in ("status", "html")
    },
    **{Fault("429", retry_after=after): 0.02 for after in (None, 1, 30)},
    **{Fault(kind): 0.03 for kind in ("reset", "truncated", "cut_json", "content_type")},
    **{Fault(kind): 0.06 for kind in ("page_twice", "rows_twice", "cursor_rejected", "token_expired")},
    **{Fault("date_jump", seconds=seconds): 0.03 for seconds in (-600, 600)},
    Fault("slow", seconds=0.02): 0.05,
    Fault("stall"): 0.003,
}
_ENDING_A_RUN = {
    **{Fault(status): 0.01 for status in ("400", "401", "403", "404")},
    Fault("date_jump", seconds=86_400): 0.01,
}


@pytest.fixture
def events(record):
    """A month of events: hours without any, days with many, bursts of several pages in one second."""
    chance = random.Random(0)
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    times = []
    while moment < datetime(2026, 2, 1, tzinfo=timezone.utc):
        times += [moment] * (chance.randint(15, 70) if chance.random() < 0.02 else 1)
        moment += timedelta(seconds=int(chance.expovariate(1 / chance.choice([120, 3_000, 9_000]))))
    ids = chance.sample(range(1, 10 * len(times)), len(times))
    return [record(id, f"{time:%Y-%m-%dT%H:%M:%SZ}") for id, time in zip(ids, times, strict=True)]


@pytest.mark.parametrize("commit_rows", [200, sync.COMMIT_ROWS], ids=["small-batches", "large-batches"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_mixture_of_faults_loses_nothing_and_claims_nothing(
    seed, commit_rows, events, emulate, bring, stored, unread_but_claimed, monkeypatch
):
    monkeypatch.setattr(sync, "COMMIT_ROWS", commit_rows)
    monkeypatch.setattr(client, "PAGE_SIZE", _PAGE_SIZE)
    monkeypatch.setattr(gaps, "FIRST_PAUSE", timedelta(0))  # what a run leaves out, the next one tries again
    chance = random.Random(seed)
    zendesk = emulate(events=events, fault_seed=seed, bounds=chance.choice(["inclusive", "exclusive"]))
    for fault, most in (_TRANSIENT | _ENDING_A_RUN).items():
        if chance.random() < 0.7:
            zendesk.inject(Fault(**{**vars(fault), "times": None, "probability": chance.uniform(0, most)}))

    failures = []
    for _ in range(_MOST_RUNS):
        try:
            if not bring(zendesk, readers=chance.randint(1, 8)).left_out:
                break
        except AuditError as error:
            failures.append(error)
        assert unread_but_claimed(zendesk) == []
    else:
        pytest.fail(f"{_MOST_RUNS} runs were not enough: {failures[-1:]}")
    assert any(request.status != 200 for request in zendesk.requests), "there was no fault at all"
    assert all(failure.cause and failure.remedy for failure in failures)
    assert stored() == {event["id"]: event["created_at"] for event in zendesk.events}

    zendesk.clear_faults()
    bring(zendesk, full=True)
    assert stored() == {event["id"]: event["created_at"] for event in zendesk.events}
