"""The times that somebody types, for every command that takes one, and the times that a terminal shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import click
import polars as pl

from zendesk_audit_assets import settings

FORMS = "7d, 12h, 30min, today, yesterday, 2026-03-31 or 2026-03-31T14:00"

DAY_FORMS = "7d, today, yesterday or 2026-03-31"

_AGO = re.compile(r"([0-9]{1,7}) ?(min|h|d|w)", re.IGNORECASE)
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_MONTHS_OR_MINUTES = re.compile(r"[0-9]+ ?m", re.IGNORECASE)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OF_DAYS = re.compile(rf"[0-9]{{1,7}} ?[dw]|today|yesterday|{_DAY.pattern}", re.IGNORECASE)
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?) ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?", re.IGNORECASE
)


@dataclass(frozen=True)
class Span:
    """What a typed time means: a whole day, or one second. `start` and the exclusive `end` are in UTC."""

    text: str
    start: datetime
    end: datetime

    def day(self, local: ZoneInfo) -> str:
        """The day on which it begins, on the calendar of the zone."""
        return f"{self.start.astimezone(local):%Y-%m-%d}"


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A time, typed in one of `FORMS`; becomes a `Span`. A time without a zone is in ZENDESK_TIMEZONE."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Span:
        return value if isinstance(value, Span) else _parsed(self, str(value), zone(), param, ctx)


class Day(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A day of the log, which is one in UTC, typed in one of `DAY_FORMS`; becomes a `date`."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        typed = str(value).strip()
        if not _OF_DAYS.fullmatch(typed):
            self.fail(f"{typed!r} is no day. Write {DAY_FORMS}.", param, ctx)
        return _parsed(self, typed, ZoneInfo("UTC"), param, ctx).start.date()


def _parsed(
    kind: click.ParamType,  # type: ignore[type-arg]
    text: str,
    local: ZoneInfo,
    param: click.Parameter | None,
    ctx: click.Context | None,
) -> Span:
    try:
        return parse(text, local, datetime.now(timezone.utc))
    except ValueError as error:
        kind.fail(str(error), param, ctx)
    except OverflowError:
        kind.fail(f"{text!r} is beyond the calendar.", param, ctx)


MOMENT, DAY = Moment(), Day()


def zone() -> ZoneInfo:
    """The time zone of ZENDESK_TIMEZONE. Raises `BadSettings`."""
    return ZoneInfo(settings.load().timezone)


def parse(text: str, local: ZoneInfo, now: datetime) -> Span:
    """The span that a typed time means, seen from `now`.

    Raises ValueError, with a sentence, for a time that is of another form, ambiguous, missing from the clock or in the
    future, and OverflowError for one that no calendar has.
    """
    typed = text.strip()
    if ago := _AGO.fullmatch(typed):
        start = now.replace(microsecond=0) - int(ago[1]) * _UNITS[ago[2].lower()]
        span = Span(typed, start, start + timedelta(seconds=1))
    elif _MONTHS_OR_MINUTES.fullmatch(typed):
        raise ValueError(f"{text!r} may be minutes or months: write 30min, or a number of days such as 90d.")
    else:
        span = _written_out(typed, local, now.astimezone(local).date())
    if span.start > now:
        raise ValueError(f"{typed} is in the future: nobody knows it yet.")
    return span


def _written_out(typed: str, local: ZoneInfo, today: date) -> Span:
    near = {"today": today, "yesterday": today - timedelta(days=1)}
    instant = _INSTANT.fullmatch(typed)
    try:
        if instant:
            written = datetime.combine(date.fromisoformat(instant[1]), time.fromisoformat(instant[2]))
            # A zone, if there is one, in the form that every supported Python reads.
            offset = (instant[3] or "").upper().replace(":", "").replace("UTC", "Z")
            zoned = datetime.strptime(f"{written} {offset}", "%Y-%m-%d %H:%M:%S %z") if offset else None
        else:
            day = date.fromisoformat(typed) if _DAY.fullmatch(typed) else near.get(typed.lower())
    except ValueError:
        raise ValueError(f"{typed} is in no calendar.") from None
    if instant:
        start = (zoned or _once(typed, written, local)).astimezone(timezone.utc)
        return Span(typed, start, start + timedelta(seconds=1))
    if day is None:
        raise ValueError(f"{typed!r} is no time. Write {FORMS}.")
    return Span(typed, _midnight(day, local), _midnight(day + timedelta(days=1), local))


def _once(typed: str, written: datetime, local: ZoneInfo) -> datetime:
    """The one moment at which the clock of the zone shows this time."""
    first, second = (written.replace(tzinfo=local, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    shown = {one.astimezone(timezone.utc).astimezone(local).replace(tzinfo=None, fold=0) for one in (first, second)}
    happens = "happens twice" if shown == {written} else "is skipped"
    raise ValueError(f"{typed} {happens} in {local.key}, when its clock changes: add Z or an offset such as +02:00.")


def _midnight(day: date, local: ZoneInfo) -> datetime:
    """The first moment of a day, also where the clock skips or repeats it."""
    return datetime.combine(day, time.min, local).astimezone(timezone.utc)


def shown(moment: datetime, local: ZoneInfo) -> str:
    """A time as the clock of the zone shows it, in whole seconds."""
    return f"{moment.astimezone(local):%Y-%m-%d %H:%M:%S}"


def in_local_time(frame: pl.DataFrame, local: ZoneInfo) -> pl.DataFrame:
    """The frame with its times as the clock of the zone shows them, for a table on a terminal."""
    moments = pl.col(pl.Datetime("us", "UTC"))
    return frame.with_columns(moments.dt.convert_time_zone(local.key).dt.strftime("%Y-%m-%d %H:%M:%S"))
