from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.emulator import Fault
from zendesk_audit_assets.zendesk.errors import ClockSkew
from zendesk_audit_assets.zendesk.response import Response

pytestmark = pytest.mark.dates

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def answer(sent_at=NOW, received_at=NOW, **headers):
    return Response(200, {name.replace("_", "-"): value for name, value in headers.items()}, b"", sent_at, received_at)


def http(moment):
    return f"{moment:%a, %d %b %Y %H:%M:%S} GMT"


@pytest.mark.parametrize("text", ["Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 13:00:00 +0100"])
def test_the_date_is_told_in_utc(text):
    date = answer(Date=text).date()
    assert date == NOW
    assert date.utcoffset() == timedelta(0)


@given(st.integers(-3600, 3600), st.integers(0, 3600))
def test_a_clock_more_than_15_minutes_off_is_an_error(skew, took):
    """Measured from the time between request and answer: a machine may sleep while it waits."""
    date = NOW + timedelta(seconds=skew)
    given = answer(NOW, NOW + timedelta(seconds=took), Date=http(date))
    if -900 <= skew <= took + 900:
        assert given.date() == min(date, NOW)
    else:
        with pytest.raises(ClockSkew) as error:
            given.date()
        assert error.value.permanent


@pytest.mark.parametrize("text", ["", "now", "Sun, 01 Mar", "Sun, 01 Mar 2026 25:00:00 GMT", "0"])
def test_without_a_usable_date_the_clock_here_counts(text):
    given = answer(NOW + timedelta(microseconds=7), NOW + timedelta(seconds=9), Date=text)
    assert given.server_time is None
    assert given.date() == NOW


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 93 ", 93),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("\u0667", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date_or_nothing(text, seconds):
    assert answer(Retry_After=text).retry_after() == seconds


def test_a_retry_after_date_is_read_by_the_servers_own_clock():
    given = answer(Date=http(NOW - timedelta(minutes=10)), Retry_After=http(NOW - timedelta(minutes=9)))
    assert given.retry_after() == 60


def test_without_the_header_there_is_no_retry_after():
    assert answer().retry_after() is None


@pytest.mark.parametrize("seconds", [-1000, 1000])
def test_a_server_clock_far_from_ours_is_an_error(zendesk, connect, clock, seconds):
    zendesk.inject(Fault("date_jump", seconds=seconds))
    with pytest.raises(ClockSkew):
        connect(zendesk).newest()
    assert clock.waits == []


@pytest.mark.parametrize("seconds", [-800, 800])
def test_the_clock_that_is_behind_counts(zendesk, connect, seconds):
    zendesk.inject(Fault("date_jump", seconds=seconds))
    before = datetime.now(timezone.utc).replace(microsecond=0)  # a date has whole seconds
    date = connect(zendesk).newest().date - timedelta(seconds=min(seconds, 0))
    assert before <= date <= datetime.now(timezone.utc)


def test_our_own_clock_can_be_given(zendesk, connect):
    with pytest.raises(ClockSkew, match="2000-01-01"):
        connect(zendesk, clock=lambda: datetime(2000, 1, 1, tzinfo=timezone.utc).timestamp()).newest()
