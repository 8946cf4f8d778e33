"""Each thing that can go wrong between here and Zendesk, on its own, in the middle of a backfill."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from zendesk_audit_assets.emulator import Fault
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.gaps import LONGEST_PAUSE

_DAY = datetime(2026, 1, 10, tzinfo=timezone.utc)

_STYLES = ("error_object", "text", "empty")

FAULTS = [
    *(Fault("429", retry_after=7, body_style=style) for style in ("errors_list", "text", "html")),
    *(Fault("429", body_style=style) for style in ("errors_list", "text", "html")),
    *(Fault(status, body_style=style) for status in ("500", "502", "503", "504") for style in ("status", "html")),
    Fault("503", retry_after=120),
    *(Fault(status, body_style=style) for status in ("400", "401", "403", "404") for style in _STYLES),
    *(Fault(kind) for kind in ("reset", "stall", "truncated", "cut_json", "content_type")),
    *(Fault(kind) for kind in ("page_twice", "rows_twice", "cursor_rejected", "token_expired")),
    Fault("slow", seconds=0.5),
    Fault("date_jump", seconds=600),
    Fault("date_jump", seconds=-600),
    Fault("date_jump", seconds=86_400),
]


def _name(fault: Fault) -> str:
    details = (fault.body_style, fault.retry_after and f"after-{fault.retry_after}", fault.seconds or None)
    return "-".join(str(part) for part in (fault.kind, *details) if part)


@pytest.fixture
def events(record):
    """Two months of events, some hundred of them in one second."""
    spread = [record(1_000 + n, (_DAY + timedelta(minutes=97 * n)).strftime("%Y-%m-%dT%H:%M:%SZ")) for n in range(700)]
    burst = [record(9_000 - n, "2026-01-20T03:00:00Z") for n in range(250)]
    return [*spread, *burst]


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "until-mended"])
@pytest.mark.parametrize("fault", FAULTS, ids=_name)
def test_a_fault_loses_nothing_and_claims_nothing(
    fault, persistent, events, emulate, bring, stored, unread_but_claimed, left_out, clock
):
    zendesk = emulate(events=events)
    times = None if persistent else 1
    zendesk.inject(Fault(**{**vars(fault), "times": times, "after_requests": 3}))

    failure = None
    try:
        bring(zendesk)
    except AuditError as error:
        failure = error
    assert unread_but_claimed(zendesk) == []

    zendesk.clear_faults()
    bring(zendesk)
    while left_out():
        clock.advance(LONGEST_PAUSE)
        bring(zendesk)
    assert unread_but_claimed(zendesk) == []
    assert stored() == {event["id"]: event["created_at"] for event in zendesk.events}
    assert failure is None or (failure.cause and failure.remedy)
