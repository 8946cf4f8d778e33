"""Small charts in Markdown, each short enough for Dagster to show it on the asset's page.

Dagster keeps the charts in its event log for ever, so they hold no names, addresses or labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from zendesk_audit_assets import markdown
from zendesk_audit_assets.text import one_line
from zendesk_audit_assets.transform import query

NO_EVENTS = "No events yet."

_WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_SHADES = "░▒▓█"
_DAYS = 90
_DAYS_PER_LINE = 30
_ROWS = 10
_TEXT_LENGTH = 24


def hour_by_weekday(frame: pl.DataFrame) -> str:
    """A heat map of the hours of the week, in the time zone and over the period that its title names.

    `frame` is the result of `chart_hour_by_weekday`: zone, first_day, last_day, weekday (1 is Monday), hour and
    events. Shades stand for equal steps of the square root, so that one burst does not blank out the rest.
    """
    if frame.is_empty():
        return NO_EVENTS
    zone, first_day, last_day = frame.select("zone", "first_day", "last_day").row(0)
    events: dict[tuple[int, int], int] = {}
    for weekday, hour, count in frame.select("weekday", "hour", "events").iter_rows():
        events[weekday, hour] = events.get((weekday, hour), 0) + count
    most = max(events.values())
    # The least number of events for each shade; where several shades begin at the same one, the darkest.
    begins = {most * step**2 // len(_SHADES) ** 2 + 1: shade for step, shade in enumerate(_SHADES)}

    lines = ["   " + "".join(f"{hour:02}    " for hour in range(0, 24, 3)).rstrip()]
    for number, weekday in enumerate(_WEEKDAYS, start=1):
        cells = (_shade(events.get((number, hour), 0), begins) for hour in range(24))
        lines.append(f"{weekday} " + "".join(2 * cell for cell in cells))
    legend = "  ".join(f"{shade} {begin:,}+" for begin, shade in begins.items())
    lines.append(f"{legend}  (most {most:,})")
    return markdown.code_block(f"**Events by weekday and hour**, {first_day} to {last_day}, {_plain(zone)}", lines)


def events_per_day(frame: pl.DataFrame) -> str:
    """A sparkline of up to 90 UTC days, 30 to a line, with the least, the most and the total.

    `frame` is the result of `chart_events_per_day`: day and events, days without events included.
    """
    days = frame.sort("day").tail(_DAYS).select("day", "events").rows()
    if not days:
        return NO_EVENTS
    counts = [count for _, count in days]
    least, most = min(counts), max(counts)
    lines = []
    for start in range(0, len(days), _DAYS_PER_LINE):
        line = days[start : start + _DAYS_PER_LINE]
        lines.append(f"{line[0][0]} " + "".join(markdown.bar(count, most) for _, count in line))
    day_of_most = next(day for day, count in days if count == most)
    lines.append(f"least {least:,}, most {most:,} ({day_of_most}), total {sum(counts):,}")
    return markdown.code_block(f"**Events per day**, {days[0][0]} to {days[-1][0]}, UTC", lines)


def top_actors(frame: pl.DataFrame) -> str:
    """The actors with the most events: id, initials, events, share of all events, share of off-hours events.

    `frame` is the result of `chart_top_actors`. A person is shown by id and initials only, because the text stays
    in Dagster's event log; the name is in `actor_summary`.
    """
    columns = ("actor_id", "actor_name", "is_system", "events", "share_of_events", "off_hours_share")
    rows = (
        (
            "(none)" if actor_id is None else str(actor_id),
            "system" if is_system else _initials(name or ""),
            f"{events:,}",
            _percent(share),
            _percent(off_hours_share),
        )
        for actor_id, name, is_system, events, share, off_hours_share in frame.select(columns).iter_rows()
    )
    return _top(("Actor", "Initials", "Events", "Share", "Off-hours"), rows)


def top_actions(frame: pl.DataFrame) -> str:
    """The most frequent actions by kind of object: events, share of all, and the last 30 days against the 30 before.

    `frame` is the result of `chart_top_actions`.
    """
    columns = ("action", "source_type", "events", "share_of_events", "events_last_30_days", "events_previous_30_days")
    rows = (
        (_plain(action), _plain(source_type), f"{events:,}", _percent(share), _change(previous, last))
        for action, source_type, events, share, last, previous in frame.select(columns).iter_rows()
    )
    return _top(("Action", "Object", "Events", "Share", "30 days"), rows)


@dataclass(frozen=True)
class Chart:
    """A chart: its name, the derived table on whose page it is shown, and the function that draws its result."""

    name: str
    table: str
    draw: Callable[[pl.DataFrame], str]

    @property
    def sql(self) -> str:
        """The text of `sql/chart_<name>.sql`."""
        return query(f"chart_{self.name}")


CHARTS: tuple[Chart, ...] = (
    Chart("hour_by_weekday", "daily_activity", hour_by_weekday),
    Chart("events_per_day", "daily_activity", events_per_day),
    Chart("top_actors", "actor_summary", top_actors),
    Chart("top_actions", "action_summary", top_actions),
)


def _shade(events: int, begins: dict[int, str]) -> str:
    return next((shade for begin, shade in reversed(begins.items()) if events >= begin), markdown.NOTHING)


def _top(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of at most ten rows: two columns of text, the others of numbers."""
    return markdown.table(header, rows, text_columns=2, empty=NO_EVENTS, most=_ROWS)


def _initials(name: str) -> str:
    """At most three, of letters and digits only, so that there is nothing to escape."""
    firsts = (next(filter(str.isalnum, word), "") for word in name.split())
    return " ".join(f"{first.upper()}." for first in list(filter(None, firsts))[:3])


def _plain(text: str | None) -> str:
    """One short line without any meaning in Markdown."""
    if text is None:
        return "(none)"
    line = one_line(text)
    if len(line) > _TEXT_LENGTH:
        line = f"{line[: _TEXT_LENGTH // 2]}…{line[1 - _TEXT_LENGTH // 2 :]}"
    return markdown.escape(line)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _change(before: int, after: int) -> str:
    if before:
        return f"{after / before - 1:+,.0%}"
    return "new" if after else ""
