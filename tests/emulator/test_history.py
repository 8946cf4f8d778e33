"""The generated history is repeatable, ordered, and as varied as a real log."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from zendesk_audit_assets.emulator import (
    EPISODES,
    Event,
    History,
    HistoryOptions,
    build_history,
    generate_history,
)

UTC = timezone.utc
START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 12, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def history() -> History:
    return build_history(HistoryOptions(start=START, end=END))


def local(event: Event) -> datetime:
    return datetime.fromtimestamp(event.created_at, ZoneInfo("Europe/Amsterdam"))


def test_equal_options_give_an_equal_history_other_seeds_another() -> None:
    options = {"start": START, "end": START + timedelta(days=20)}
    first = generate_history(HistoryOptions(seed=3, **options))
    assert first == generate_history(HistoryOptions(seed=3, **options))
    assert first != generate_history(HistoryOptions(seed=4, **options))


@pytest.mark.parametrize(
    ("seed", "digest"), [(1, "11a6c9d62703a7ec"), (2, "40a4f9121b89dc7a"), (3, "5c9bcf1c6cb2cbc7")]
)
def test_a_history_is_the_same_on_every_date_and_machine(seed: int, digest: str) -> None:
    events = generate_history(HistoryOptions(start=START, end=START + timedelta(days=40), seed=seed))
    assert hashlib.sha256(repr([tuple(event) for event in events]).encode()).hexdigest().startswith(digest)


def test_events_are_ordered_unique_and_inside_the_window(history: History) -> None:
    keys = [(event.created_at, event.id) for event in history.events]
    assert keys == sorted(keys)
    assert START.timestamp() <= keys[0][0]
    assert keys[-1][0] < END.timestamp()
    assert len({event.id for event in history.events}) == len(keys)


def test_ids_follow_time_only_roughly(history: History) -> None:
    ids = [event.id for event in history.events]
    backwards = sum(later < earlier for earlier, later in pairwise(ids))
    assert 0 < backwards < len(ids) / 10
    assert min(ids) > 2**40
    assert max(ids) < 2**53


def test_a_working_day_has_about_events_per_day(history: History) -> None:
    by_day = Counter(local(event).date() for event in history.events)
    working = [by_day[day] for day in by_day if day.weekday() < 5]
    assert 72 < sum(working) / len(working) < 108
    weekend = [by_day[day] for day in by_day if day.weekday() >= 5]
    assert sum(weekend) / len(weekend) < 45


def test_people_work_in_the_day_of_their_time_zone(history: History) -> None:
    in_episodes = {event_id for episode in history.episodes for event_id in episode.event_ids}
    sign_ins = [event for event in history.events if event.action == "login" and event.id not in in_episodes]
    in_europe = [local(event).hour for event in sign_ins if event.ip_address.startswith("203.0.113.")]
    in_america = [
        datetime.fromtimestamp(event.created_at, ZoneInfo("America/New_York")).hour
        for event in sign_ins
        if event.ip_address.startswith("198.51.100.")
    ]
    for hours in (in_europe, in_america):
        assert sum(8 <= hour < 18 for hour in hours) > 0.85 * len(hours)
        assert not any(hour < 5 for hour in hours)


def test_a_history_holds_the_hard_cases_of_a_real_log(history: History) -> None:
    events = history.events
    by_second = Counter(event.created_at for event in events)
    assert by_second.most_common(1)[0][1] > 100, "more events in one second than fit on a page"
    system = [event for event in events if event.actor_id == -1]
    assert system
    assert {(event.ip_address, event.actor_name) for event in system} == {(None, "Zendesk"), (None, None)}
    assert {ip_address(event.ip_address).version for event in events if event.ip_address} == {4, 6}
    assert any(not event.change_description for event in events)
    assert any("\n" in event.change_description for event in events)
    assert any(not (event.actor_name or "").isascii() for event in events)
    assert any(not (event.source_label or "").isascii() for event in events)
    assert any(event.source_id is None for event in events)
    assert {event.action for event in events} > {"create", "update", "destroy", "login", "exported"}
    assert len({event.source_type for event in events}) > 20
    assert any("&quot;" in event.change_description for event in events)
    methods = {event.change_description.split(" from ")[0] for event in events if event.action == "login"}
    assert len(methods) == 5


def edits(events: list[Event]) -> list[Event]:
    return [event for event in events if event.source_type in ("macro", "trigger") and event.action == "update"]


def test_macros_and_triggers_are_as_noisy_as_real_ones(history: History) -> None:
    own = edits(history.events)
    texts = [event.change_description for event in own]
    assert any("https://demo.zendesk.com/hc/" in text for text in texts)
    assert any("https://shop.example.com/" in text for text in texts)
    assert any("http" not in text and "webhook" in text.lower() for text in texts), "a title that sends nothing"
    assert sum("\n\n" in text for text in texts) > len(texts) / 10, "letters of several lines"
    for greeting in ("Hi ", "Beste ", "Guten Tag ", "Bonjour ", "様"):
        assert any(greeting in text for text in texts)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_share_of_edits_with_links_can_be_set(share: float) -> None:
    options = HistoryOptions(start=START, end=START + timedelta(days=120), link_share=share, episodes=False)
    own = edits(generate_history(options))
    held = sum("http" in event.change_description.rpartition(" changed from ")[2] for event in own)
    # Also an old text may hold one.
    assert share - 0.06 <= held / len(own) <= share + share * (1 - share)


def test_only_the_oldest_records_lack_actor_name(history: History) -> None:
    unnamed = [index for index, event in enumerate(history.events) if event.actor_name is None]
    assert unnamed == list(range(len(unnamed)))
    assert 0 < len(unnamed) < len(history.events) / 10
    assert "actor_name" not in history.events[0].record("demo")
    assert "actor_name" in history.events[-1].record("demo")


def test_settings_have_the_names_of_old_and_new_records() -> None:
    long = generate_history(HistoryOptions(start=START, end=START + timedelta(days=90), events_per_day=1800))
    states = {event.change_description for event in long if event.source_type == "account_setting"}
    assert {"Enabled", "Disabled", "Turned on", "Turned off"} <= states


def test_a_change_starts_from_the_value_of_the_last_one(history: History) -> None:
    latest: dict[tuple[str, int, str], str] = {}
    followed = 0
    for event in history.events:
        for line in event.change_description.split("\n"):
            match = re.fullmatch(r"(Support role|Max agents|Default group) changed from (.+?) to (.+)", line)
            if match and event.source_id is not None:
                field, old, new = match.groups()
                key = (event.source_type, event.source_id, field)
                assert latest.get(key, old) == old, event
                followed += key in latest
                latest[key] = new
    assert followed > 50


def test_every_episode_takes_place_once_and_names_its_events(history: History) -> None:
    assert {episode.name for episode in history.episodes} == set(EPISODES)
    by_id = {event.id: event for event in history.events}
    for episode in history.episodes:
        own = [by_id[event_id] for event_id in episode.event_ids]
        assert [event.created_at for event in own] == sorted(event.created_at for event in own)
        assert (own[0].created_at, own[-1].created_at) == (episode.first_second, episode.last_second)
        assert episode.actor_id == own[0].actor_id
        assert episode.description == EPISODES[episode.name]


def episode_events(history: History, name: str) -> list[Event]:
    episode = next(episode for episode in history.episodes if episode.name == name)
    return [event for event in history.events if event.id in episode.event_ids]


def test_the_account_takeover_is_at_night_from_a_new_network(history: History) -> None:
    takeover = episode_events(history, "account_takeover")
    assert [event.action for event in takeover] == [
        "login", "update", "login", "create", "exported", "exported", "update",
    ]  # fmt: skip
    assert local(takeover[0]).hour < 5
    before = {event.ip_address for event in history.events if event.created_at < takeover[0].created_at}
    assert takeover[0].ip_address not in before
    assert takeover[1].change_description.endswith("to Administrator")
    assert takeover[1].source_id == takeover[2].actor_id != takeover[0].actor_id
    assert takeover[3].source_type == "apitoken"
    assert "Administrator to" in takeover[-1].change_description


def test_no_api_token_is_created_after_their_end() -> None:
    start = datetime(2026, 10, 27, tzinfo=UTC)
    events = generate_history(HistoryOptions(start=start, end=start + timedelta(days=60), events_per_day=1500))
    made = {event.source_type for event in events if event.action == "create"}
    assert "oauth_client" in made
    assert not made & {"api_token", "apitoken"}


def test_protections_are_off_for_less_than_an_hour(history: History) -> None:
    events = episode_events(history, "protections_off_and_on")
    assert [event.change_description for event in events] == ["Turned off", "Turned off", "Turned on", "Turned on"]
    assert events[-1].created_at - events[0].created_at < 3600


def test_the_dormant_administrator_was_silent_for_months(history: History) -> None:
    back = episode_events(history, "dormant_admin")[0]
    earlier = [event.created_at for event in history.events if event.actor_id == back.actor_id]
    earlier = [second for second in earlier if second < back.created_at]
    assert earlier
    assert back.created_at - max(earlier) > 90 * 86_400


def test_the_removed_colleague_still_acts(history: History) -> None:
    events = episode_events(history, "act_after_removal")
    leaver = events[0].actor_id
    removal = next(event for event in events if event.change_description.endswith("to End User"))
    assert removal.source_id == leaver
    assert sum(event.actor_id == leaver and event.created_at > removal.created_at for event in events) == 3


@pytest.mark.parametrize(("name", "count"), [("mass_deletion", 60), ("mass_suspension", 18), ("mass_role_change", 7)])
def test_mass_changes_are_by_one_person_within_two_hours(history: History, name: str, count: int) -> None:
    events = episode_events(history, name)
    assert len(events) == count
    assert len({event.actor_id for event in events}) == 1
    assert events[-1].created_at - events[0].created_at < 7200


def test_a_history_may_be_free_of_episodes() -> None:
    options = HistoryOptions(start=START, end=END, events_per_day=20, episodes=False)
    assert build_history(options).episodes == []


def test_a_short_history_holds_the_episodes_that_fit() -> None:
    history = build_history(HistoryOptions(start=START, end=START + timedelta(days=7)))
    assert 3 <= len(history.episodes) <= len(EPISODES)
    tiny = build_history(HistoryOptions(start=START, end=START + timedelta(minutes=30), agents=3))
    assert tiny.episodes == []


@pytest.mark.parametrize("agents", [3, 4, 7])
def test_a_small_company_has_a_history_too(agents: int) -> None:
    assert generate_history(HistoryOptions(start=START, end=END, agents=agents, events_per_day=30))


def test_a_uniform_history_spreads_exactly_total_events_evenly() -> None:
    options = HistoryOptions(start=START, end=START + timedelta(days=10), style="uniform", total=10_000)
    events = generate_history(options)
    assert len(events) == 10_000 == len({event.id for event in events})
    assert events == sorted(events) == generate_history(options)
    by_day = Counter(event.created_at // 86_400 for event in events)
    assert set(by_day.values()) == {1000}


def test_a_dense_uniform_history_is_ordered_within_its_seconds() -> None:
    options = HistoryOptions(start=START, end=START + timedelta(seconds=10), style="uniform", total=5_000)
    events = generate_history(options)
    assert events == sorted(events)
    assert Counter(event.created_at for event in events).most_common(1)[0][1] == 500


@pytest.mark.parametrize(
    "options",
    [
        {"start": START.replace(tzinfo=None), "end": END},
        {"start": END, "end": START},
        {"start": START, "end": END, "agents": 2},
        {"start": START, "end": END, "link_share": 1.1},
    ],
)
def test_impossible_options_are_rejected(options: dict) -> None:
    with pytest.raises(ValueError, match=r"time zone|after its start|three agents|share of links"):
        HistoryOptions(**options)


def test_an_emulator_serves_its_history_under_its_subdomain(start: Callable, ask: Callable) -> None:
    options = HistoryOptions(start=START, end=START + timedelta(days=14))
    zendesk = start(history=options, subdomain="acme")
    records = zendesk.events
    assert len(records) == len(generate_history(options))
    assert all(record["url"].startswith("https://acme.zendesk.com/") for record in records)
    assert any("https://acme.zendesk.com/access/" in record["change_description"] for record in records)
    assert ask(zendesk, "/api/v2/audit_logs").json()["count"] == len(records)
    assert zendesk.episodes
