from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from zendesk_audit_assets.markdown import SHOWN_IN_PLACE
from zendesk_audit_assets.transform import DERIVED, charts
from zendesk_audit_assets.transform.charts import CHARTS, NO_EVENTS

pytestmark = pytest.mark.dates

Fill = Callable[..., duckdb.DuckDBPyConnection]

SUMMED = {chart.table for chart in CHARTS}
COUNTS = st.integers(0, 2**62)
SHARES = st.floats(0, 1)
# Characters of every kind, among them those that mean something in Markdown and those that the browser counts twice.
TEXTS = st.none() | st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("|`*_<>[]\\\n\U0001d400\U0001f0a1"), max_size=80
)


def frames(**columns: st.SearchStrategy[object]) -> st.SearchStrategy[list[dict[str, object]]]:
    return st.lists(st.fixed_dictionaries(columns), max_size=200)


HOURS = frames(
    zone=TEXTS,
    first_day=st.dates(),
    last_day=st.dates(),
    weekday=st.integers(1, 7),
    hour=st.integers(0, 23),
    events=st.integers(1, 2**40),
)
DAYS = frames(day=st.dates(), events=st.integers(0, 2**50))
ACTORS = frames(
    actor_id=st.none() | st.integers(-(2**63), 2**63 - 1),
    actor_name=TEXTS,
    is_system=st.booleans(),
    events=COUNTS,
    share_of_events=SHARES,
    off_hours_share=st.none() | SHARES,
)
ACTIONS = frames(
    action=TEXTS,
    source_type=TEXTS,
    events=COUNTS,
    share_of_events=SHARES,
    events_last_30_days=COUNTS,
    events_previous_30_days=COUNTS,
)
SCHEMAS = {
    "hour_by_weekday": ("zone", "first_day", "last_day", "weekday", "hour", "events"),
    "events_per_day": ("day", "events"),
    "top_actors": ("actor_id", "actor_name", "is_system", "events", "share_of_events", "off_hours_share"),
    "top_actions": (
        "action", "source_type", "events", "share_of_events", "events_last_30_days", "events_previous_30_days",
    ),
}  # fmt: skip


def frame(chart: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=None if rows else SCHEMAS[chart], infer_schema_length=None)


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@settings(max_examples=examples(25))
@given(HOURS)
def test_any_heat_map_is_shown_in_place_and_has_7_rows_of_24_hours(rows: list[dict[str, object]]) -> None:
    chart = charts.hour_by_weekday(frame("hour_by_weekday", rows))
    assert utf16(chart) < SHOWN_IN_PLACE
    if rows:
        _, block, _ = chart.split("```")
        lines = block.strip("\n").split("\n")
        assert [len(line) for line in lines[1:8]] == [3 + 2 * 24] * 7
        assert sum(line[3:].count("·") // 2 for line in lines[1:8]) == 7 * 24 - len(
            {(row["weekday"], row["hour"]) for row in rows}
        )


@settings(max_examples=examples(25))
@given(DAYS)
def test_any_sparkline_is_shown_in_place_and_has_a_bar_per_day(rows: list[dict[str, object]]) -> None:
    chart = charts.events_per_day(frame("events_per_day", rows))
    assert utf16(chart) < SHOWN_IN_PLACE
    if rows:
        assert len(re.findall("[▁▂▃▄▅▆▇█·]", chart)) == min(90, len(rows))


@settings(max_examples=examples(25))
@given(ACTORS)
def test_any_table_of_actors_is_shown_in_place_and_keeps_its_shape(rows: list[dict[str, object]]) -> None:
    assert_table(charts.top_actors(frame("top_actors", rows)), len(rows))


@settings(max_examples=examples(25))
@given(ACTIONS)
def test_any_table_of_actions_is_shown_in_place_and_keeps_its_shape(rows: list[dict[str, object]]) -> None:
    assert_table(charts.top_actions(frame("top_actions", rows)), len(rows))


def assert_table(chart: str, rows: int) -> None:
    assert utf16(chart) < SHOWN_IN_PLACE
    if not rows:
        assert chart == NO_EVENTS
        return
    lines = chart.split("\n")
    assert 1 <= len(lines) - 2 <= min(10, rows)
    for line in lines:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 6
        assert not re.search(r"(?<!\\)(?:\\\\)*[`*_<>\[\]]", line)


def test_shades_are_steps_of_the_square_root_with_a_legend() -> None:
    counts = {(1, 0): 1, (1, 1): 62, (1, 2): 63, (1, 3): 251, (1, 4): 1000, (7, 23): 563}
    rows = [
        {"zone": "UTC", "first_day": date(2026, 1, 1), "last_day": date(2026, 3, 26), "weekday": weekday, "hour": hour}
        | {"events": events}
        for (weekday, hour), events in counts.items()
    ]
    lines = charts.hour_by_weekday(pl.DataFrame(rows)).split("\n")
    assert lines[0] == "**Events by weekday and hour**, 2026-01-01 to 2026-03-26, UTC"
    assert lines[3] == "   00    03    06    09    12    15    18    21"
    assert lines[4] == "Mo ░░░░▒▒▓▓██" + "··" * 19
    assert lines[10] == "Su " + "··" * 23 + "██"
    assert lines[11] == "░ 1+  ▒ 63+  ▓ 251+  █ 563+  (most 1,000)"


def test_the_sparkline_names_the_least_the_most_and_the_total() -> None:
    days = [{"day": date(2026, 1, 1) + timedelta(days=number), "events": number % 9} for number in range(95)]
    assert charts.events_per_day(pl.DataFrame(days[::-1])).split("\n") == [
        "**Events per day**, 2026-01-06 to 2026-04-05, UTC",
        "",
        "```",
        "2026-01-06 ▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇",
        "2026-02-05 █·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁",
        "2026-03-07 ▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄▅▆▇█·▁▂▃▄",
        "least 0, most 8 (2026-01-09), total 360",
        "```",
    ]


def test_no_actor_is_named_and_the_system_is_told_from_a_person() -> None:
    names = ["Grace Brewster Murray Hopper", "ada@example.com", "  |évariste* `galois`", "Zendesk", None]
    rows = [
        {"actor_id": -1 if name == "Zendesk" else number, "actor_name": name, "is_system": name == "Zendesk"}
        | {"events": 1234, "share_of_events": 0.2, "off_hours_share": 0.125}
        for number, name in enumerate(names)
    ]
    assert charts.top_actors(pl.DataFrame(rows)).split("\n") == [
        "| Actor | Initials | Events | Share | Off-hours |",
        "| -- | -- | --: | --: | --: |",
        "| 0 | G. B. M. | 1,234 | 20.0% | 12.5% |",
        "| 1 | A. | 1,234 | 20.0% | 12.5% |",
        "| 2 | É. G. | 1,234 | 20.0% | 12.5% |",
        "| -1 | system | 1,234 | 20.0% | 12.5% |",
        "| 4 |  | 1,234 | 20.0% | 12.5% |",
    ]


def test_long_and_odd_actions_are_shortened_and_escaped() -> None:
    rows = [
        {"action": action, "source_type": item, "events": 10, "share_of_events": 0.5}
        | {"events_last_30_days": last, "events_previous_30_days": before}
        for action, item, last, before in [
            ("update", "zendesk/app_market/installation", 30, 20),
            ("a|b\n`c`", None, 5, 0),
            (None, "account_setting", 0, 0),
            ("login", "user", 0, 4),
        ]
    ]
    assert charts.top_actions(pl.DataFrame(rows)).split("\n")[2:] == [
        r"| update | zendesk/app\_…nstallation | 10 | 50.0% | +50% |",
        r"| a\|b \`c\` | (none) | 10 | 50.0% | new |",
        r"| (none) | account\_setting | 10 | 50.0% |  |",
        r"| login | user | 10 | 50.0% | -100% |",
    ]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_an_empty_warehouse_has_charts_that_say_so(chart: charts.Chart, fill: Fill) -> None:
    assert chart.draw(fill((), *SUMMED).sql(chart.sql).pl()) == NO_EVENTS
    assert chart.table in {table.name for table in DERIVED}


def test_the_heat_map_shows_12_weeks_on_the_clock_of_the_business(fill: Fill) -> None:
    end = datetime(2026, 4, 1, 10, tzinfo=timezone.utc)
    times = ["2026-03-28T22:30:00+00", "2026-03-29T22:30:00+00", "2026-04-01T09:59:59+00"]
    oldest = end - timedelta(weeks=12)
    events = [(time, 1, "Ada", "update", "user") for time in [*times, oldest, oldest - timedelta(seconds=1)]]
    connection = fill(events, *SUMMED, covered_to=end.isoformat(), timezone="Europe/Berlin")

    rows = connection.sql(charts.CHARTS[0].sql).pl()

    # Saturday evening in winter time, Sunday night in summer time, and Wednesday morning at both ends of the period.
    assert rows.select("weekday", "hour", "events").rows() == [(1, 0, 1), (3, 11, 2), (6, 23, 1)]
    assert rows.row(0)[:3] == ("Europe/Berlin", date(2026, 1, 7), date(2026, 4, 1))


def test_the_sparkline_has_every_covered_day(fill: Fill) -> None:
    events = [(f"2026-{month}-01T12:00:00+00", 1, "Ada", "update", "user") for month in ("01", "02", "02", "03")]
    connection = fill(events, *SUMMED, covered_to="2026-03-03T00:00:00+00")

    rows = connection.sql(charts.CHARTS[1].sql).pl().rows()

    assert [day for day, _ in rows] == [date(2026, 1, 1) + timedelta(days=number) for number in range(61)]
    assert {day: events for day, events in rows if events} == {
        date(2026, 1, 1): 1,
        date(2026, 2, 1): 2,
        date(2026, 3, 1): 1,
    }


def test_the_sparkline_shows_at_most_90_days(fill: Fill) -> None:
    connection = fill(
        [("2025-01-01T12:00:00+00", 1, "Ada", "update", "user")], *SUMMED, covered_to="2026-01-01T00:00:01+00"
    )
    rows = connection.sql(charts.CHARTS[1].sql).pl().rows()
    assert (len(rows), rows[-1]) == (90, (date(2026, 1, 1), 0))


def test_tops_are_the_ten_most_frequent_with_their_share(fill: Fill) -> None:
    events = [
        ("2026-03-02T12:00:00+00", actor, f"Actor {actor}", f"action {actor}", "user")
        for actor in range(1, 13)
        for _ in range(actor)
    ]
    connection = fill(events, *SUMMED)
    expected = [(actor, actor / 78) for actor in range(12, 2, -1)]
    actors, actions = (connection.sql(chart.sql).pl() for chart in charts.CHARTS[2:])
    assert actors.select("events", "share_of_events").rows() == expected
    assert actors["actor_id"].to_list() == [actor for actor, _ in expected]
    assert actions.select("events", "share_of_events").rows() == expected
    assert actions["action"].to_list() == [f"action {actor}" for actor, _ in expected]
