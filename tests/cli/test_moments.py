"""The times that somebody types: one meaning each, or a refusal in a sentence."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.cli import moments
from zendesk_audit_assets.cli.moments import DAY, parse, shown

NOW = datetime(2026, 11, 26, 4, 30, tzinfo=timezone.utc)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/Havana", "Asia/Beirut", "Pacific/Apia")]


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("7d", "2026-11-19 04:30:00", 1),
        ("12H", "2026-11-25 16:30:00", 1),
        ("30min", "2026-11-26 04:00:00", 1),
        (" 2 w ", "2026-11-12 04:30:00", 1),
        ("today", "2026-11-25 23:00:00", 86_400),
        ("Yesterday", "2026-11-24 23:00:00", 86_400),
        ("2026-03-31", "2026-03-30 22:00:00", 86_400),
        ("2026-03-29", "2026-03-28 23:00:00", 82_800),
        ("2026-03-31T14:00", "2026-03-31 12:00:00", 1),
        ("2026-03-31 14:00:05Z", "2026-03-31 14:00:05", 1),
        ("2026-03-31T14:00 utc", "2026-03-31 14:00:00", 1),
        ("2026-03-31 14:00 -0530", "2026-03-31 19:30:00", 1),
        ("2026-10-25T02:30+01:00", "2026-10-25 01:30:00", 1),
    ],
)
def test_a_time_is_read_in_the_zone_of_the_settings(text: str, start: str, length: int) -> None:
    span = parse(text, BERLIN, NOW)
    assert shown(span.start, ZoneInfo("UTC")) == start
    assert span.end - span.start == timedelta(seconds=length)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5m", "may be minutes or months"),
        ("2026-10-25T02:30", "happens twice in Europe/Berlin"),
        ("2026-03-29 02:30", "is skipped in Europe/Berlin"),
        ("2026-02-30", "is in no calendar"),
        ("2026-01-01T25:00", "is in no calendar"),
        ("2026-01-01T10:00+99:99", "is in no calendar"),
        ("2026-11-27", "is in the future"),
        ("2026-11-26T05:31", "is in the future"),
        *((text, "is no time. Write 7d") for text in ("", "03/04/2026", "20260304", "2026-3-4", "-7d", "٢d", "7 days")),
    ],
)
def test_what_has_not_one_meaning_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text, BERLIN, NOW)


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{1,7}(min|h|d|w)") | st.dates().map(str) | st.datetimes().map(str))
def test_any_text_is_a_past_time_or_a_refusal(text: str) -> None:
    try:
        span = parse(text, BERLIN, NOW)
    except (ValueError, OverflowError):
        return
    assert span.start <= NOW
    assert span.start < span.end


PAST = st.integers(946_684_800, 1_767_225_600).map(lambda seconds: datetime.fromtimestamp(seconds, timezone.utc))


@given(st.sampled_from(ZONES), PAST)
def test_the_clock_of_a_zone_is_read_back_or_refused(zone: ZoneInfo, second: datetime) -> None:
    written = shown(second, zone)
    if len({second.astimezone(zone).replace(fold=fold).utcoffset() for fold in (0, 1)}) == 1:
        assert parse(written, zone, NOW).start == second
    else:
        with pytest.raises(ValueError, match="happens twice"):
            parse(written, zone, NOW)


@given(st.sampled_from(ZONES), PAST)
def test_days_follow_each_other_without_a_gap(zone: ZoneInfo, moment: datetime) -> None:
    day = moment.date()
    following = parse(str(day + timedelta(days=1)), zone, NOW)
    assert following.start == parse(str(day), zone, NOW).end


@pytest.mark.parametrize(
    ("text", "before"), [("7d", 7), (" 2 W ", 14), ("today", 0), ("Yesterday", 1), ("2026-03-31", 240)]
)
def test_a_day_of_the_log_is_read_in_utc(text: str, before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "datetime", at(NOW))
    assert DAY.convert(text, None, None) == NOW.date() - timedelta(days=before)


@pytest.mark.parametrize(
    "text", ["12h", "30min", "7m", "2026-03-31T14:00", "tomorrow", "7", "", "2026-11-27", "9999999w"]
)
def test_what_is_no_day_is_refused_in_a_sentence(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "datetime", at(NOW))
    with pytest.raises(click.BadParameter, match=r"(is no day\. Write 7d, |is in the future|beyond the calendar)"):
        DAY.convert(text, None, None)


def at(moment: datetime) -> type[datetime]:
    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return moment.astimezone(tz)

    return Then
