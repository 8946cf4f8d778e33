"""The rules on the histories that the emulator makes up: every suspicious story is found, and little else."""

from __future__ import annotations

from typing import Any

import pytest

from support.log import DAY, PACK, START, Log, records_of
from zendesk_audit_assets.emulator.episodes import EPISODES, Episode
from zendesk_audit_assets.emulator.history import build_history
from zendesk_audit_assets.emulator.options import HistoryOptions
from zendesk_audit_assets.severity import at_least


def episodes_of(seed: int, log: Log, **options: Any) -> list[Episode]:
    """A made-up history with its episodes, read in one go."""
    given = HistoryOptions(start=START - 240 * DAY, end=START, seed=seed, **options)
    history = build_history(given)
    log.append(records_of(history.events), window=(given.start, given.end))
    return history.episodes


EXPECTED = {
    "account_takeover": {"ZD-002", "ZD-015-first", "ZD-016", "ZD-111", "ZD-115"},
    "protections_off_and_on": {"ZD-008", "ZD-010", "ZD-010-changed", "ZD-113"},
    "self_escalation": {"ZD-002", "ZD-110", "ZD-111", "ZD-015", "ZD-115"},
    "two_networks": {"ZD-103"},
    "mass_deletion": {"ZD-021", "ZD-105"},
    "rule_sends_data_out": {"ZD-018", "ZD-019"},
    "mass_suspension": {"ZD-014-staff", "ZD-014-suspended", "ZD-106"},
    "act_after_removal": {"ZD-003", "ZD-014-suspended", "ZD-114"},
    "dormant_admin": {"ZD-009", "ZD-109"},
    "redaction_off": {"ZD-011", "ZD-012"},
    "mass_role_change": {"ZD-003", "ZD-107"},
    "owner_change": {"ZD-001"},
}


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2])
def test_every_episode_is_found_by_the_rules_that_are_there_for_it(log: Log, seed: int) -> None:
    episodes = episodes_of(seed, log)
    assert {episode.name for episode in episodes} == set(EPISODES) == set(EXPECTED)
    log.refresh(PACK, timezone="Europe/Amsterdam")
    for episode in episodes:
        ids = ", ".join(map(str, episode.event_ids))
        found = {name for (name,) in log.rows("DISTINCT rule", f"list_has_any(event_ids, [{ids}])")}
        assert EXPECTED[episode.name] <= found, episode.name


@pytest.mark.faults
def test_fifty_administrators_make_under_one_alert_a_day(log: Log) -> None:
    # 400 people, of whom 50 are administrators, as busy as the 40 of the demo.
    options = HistoryOptions(start=START - 90 * DAY, end=START, seed=3, agents=400, events_per_day=900, episodes=False)
    log.append(records_of(build_history(options).events), window=(options.start, options.end))
    log.refresh(PACK, timezone="Europe/Amsterdam")
    to_look_at = list(at_least("medium"))
    assert len(log.rows("uid", f"severity IN {tuple(to_look_at)}")) < 90


@pytest.mark.faults
def test_a_history_leaves_few_open_findings_and_every_episode(log: Log) -> None:
    episodes = episodes_of(1, log)
    log.refresh(PACK, timezone="Europe/Amsterdam")
    # As many a day as 150 in two years, with all episodes in a third of the time.
    assert len(log.rows("uid", "status = 'open'")) <= 75
    severe = tuple(at_least("medium"))
    for episode in episodes:
        ids = ", ".join(map(str, episode.event_ids))
        open_ones = f"status = 'open' AND severity IN {severe} AND list_has_any(event_ids, [{ids}])"
        assert log.rows("rule", open_ones), episode.name


@pytest.mark.faults
@pytest.mark.parametrize("link_share", [0.1, 0.4])
def test_a_benign_history_has_few_severe_findings(log: Log, link_share: float) -> None:
    episodes_of(2, log, episodes=False, link_share=link_share)
    log.refresh(PACK, timezone="Europe/Amsterdam")
    assert len(log.rows("uid", f"severity IN {tuple(at_least('medium'))}")) <= 0.3 * 240
