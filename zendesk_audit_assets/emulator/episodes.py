"""Suspicious episodes that a realistic history contains, so that detection rules have something to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from zendesk_audit_assets.emulator.company import (
    ADMINISTRATOR,
    API_TOKENS_END,
    MAIN_TIME_ZONE,
    Agent,
    Company,
)
from zendesk_audit_assets.emulator.events import Event
from zendesk_audit_assets.emulator.options import HistoryOptions
from zendesk_audit_assets.emulator.vocabulary import (
    ACCOUNT_ASSUMPTION,
    CREDIT_CARD_REDACTION,
    IP_RESTRICTIONS,
    SINGLE_SIGN_ON,
    TWO_FACTOR,
)

EPISODES: Mapping[str, str] = {
    "account_takeover": (
        "At night an administrator signs in with a password from a new network and promotes an agent to administrator. "
        "The agent signs in from the same network, creates a credential and exports all users and the audit log."
    ),
    "protections_off_and_on": (
        "An administrator turns two-factor authentication and IP restrictions off, and on again 25 minutes later."
    ),
    "self_escalation": "An agent raises their own role to administrator and exports all tickets.",
    "two_networks": "An agent signs in from the office and 15 minutes later from another network.",
    "mass_deletion": "An agent deletes 60 tickets within ten minutes.",
    "rule_sends_data_out": (
        "On a Sunday an administrator creates a webhook to an unknown host, and a trigger that calls it."
    ),
    "mass_suspension": "An administrator suspends nine agents within twenty minutes.",
    "act_after_removal": "An agent changes macros after losing the role and being suspended.",
    "dormant_admin": "An administrator turns single sign-on off after months without activity.",
    "redaction_off": "An administrator turns credit card redaction off and account assumption on.",
    "mass_role_change": "An administrator changes seven roles within half an hour.",
    "owner_change": "On a Saturday the account owner hands the ownership to another administrator.",
}
"""The name and the description of every episode."""


@dataclass(frozen=True)
class Episode:
    """An episode as it took place; `event_ids` are in order of time, the seconds are epoch seconds."""

    name: str
    actor_id: int
    first_second: int
    last_second: int
    event_ids: tuple[int, ...]

    @property
    def description(self) -> str:
        """The description of the episode of this name."""
        return EPISODES[self.name]


@dataclass(frozen=True)
class ScheduledEpisode:
    """An episode to come; `at` is in epoch seconds."""

    name: str
    at: int


def schedule_episodes(options: HistoryOptions) -> list[ScheduledEpisode]:
    """Schedule the episodes, oldest first, at most nine days apart and up to days before the end.

    Episodes that do not fit are left out. The window decides which ones: an episode that belongs on a day of the week
    moves back to that day, which may lie before the start of a short history.
    """
    start, end = int(options.start.timestamp()), int(options.end.timestamp())
    step = min((end - start) / (len(_SCRIPTS) + 1), _LONGEST_STEP_S)
    candidates = [
        ScheduledEpisode(name, _start_second(end - (n + 1) * step, script))
        for n, (name, script) in enumerate(_SCRIPTS.items())
    ]
    fitting = (episode for episode in candidates if start <= episode.at < end - _LONGEST_EPISODE_S)
    return sorted(fitting, key=lambda episode: episode.at)


def run_episode(company: Company, scheduled: ScheduledEpisode) -> tuple[Episode, list[Event]]:
    """Run a scheduled episode; returns it with its events in order."""
    script = _SCRIPTS[scheduled.name]
    events = sorted(script.run(company, scheduled.at))
    actor_id = events[0].actor_id
    ids = tuple(event.id for event in events)
    return Episode(scheduled.name, actor_id, events[0].created_at, events[-1].created_at, ids), events


@dataclass(frozen=True)
class _Script:
    """`hour` is in the company's time zone; `weekday` counts from Monday, None accepts any day."""

    run: Callable[[Company, int], Iterator[Event]]
    hour: float
    weekday: int | None = None


_LONGEST_STEP_S = 9 * 86_400
_LONGEST_EPISODE_S = 2 * 3_600
_ELSEWHERE = "192.0.2.66"
_ELSEWHERE_V6 = "2001:db8:beef:7::1337"


def _start_second(moment: float, script: _Script) -> int:
    """The epoch second of the script's hour on the day of `moment`, or on the last matching weekday before it."""
    zone = ZoneInfo(MAIN_TIME_ZONE)
    day = datetime.fromtimestamp(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if script.weekday is not None:
        day -= timedelta(days=(day.weekday() - script.weekday) % 7)
    at = day.replace(hour=int(script.hour), minute=int(script.hour % 1 * 60))
    return int(at.astimezone(timezone.utc).timestamp())


def _two_admins(company: Company) -> list[Agent]:
    return company.rng.sample(company.admins, 2)


def _plain_agent(company: Company) -> Agent:
    return company.rng.choice([agent for agent in company.agents if not agent.is_admin])


def _plain_agents(company: Company, count: int) -> list[Agent]:
    plain = [agent for agent in company.agents if not agent.is_admin]
    return company.rng.sample(plain, min(count, len(plain)))


def _account_takeover(company: Company, at: int) -> Iterator[Event]:
    (admin, other), agent = _two_admins(company), _plain_agent(company)
    earlier_role = agent.role
    yield company.sign_in(at, admin, "password", _ELSEWHERE)
    yield company.change_role(at + 190, admin, agent, ADMINISTRATOR, _ELSEWHERE)
    yield company.sign_in(at + 420, agent, "password", _ELSEWHERE)
    if at < API_TOKENS_END:
        kind, label = "apitoken", "Zendesk API: Active API tokens"
    else:
        kind, label = "oauth_client", "OAuth client: backup helper"
    yield company.event(at + 610, agent, "create", kind, company.new_id(), label, "", _ELSEWHERE)
    yield company.event(
        at + 890, agent, "exported", "user", None, "Users: All users", "CSV export requested", _ELSEWHERE
    )
    yield company.event(
        at + 960, agent, "exported", "audit_log", None, "Audit log: All events", "CSV export requested", _ELSEWHERE
    )
    yield company.change_role(at + 7_000, other, agent, earlier_role)


def _protections_off_and_on(company: Company, at: int) -> Iterator[Event]:
    admin = _two_admins(company)[0]
    for setting, delay in ((TWO_FACTOR, 0), (IP_RESTRICTIONS, 45)):
        yield company.turn(at + delay, admin, setting, False)
    for setting, delay in ((TWO_FACTOR, 1_500), (IP_RESTRICTIONS, 1_540)):
        yield company.turn(at + delay, admin, setting, True)


def _self_escalation(company: Company, at: int) -> Iterator[Event]:
    agent, admin = _plain_agent(company), _two_admins(company)[0]
    earlier_role = agent.role
    yield company.change_role(at, agent, agent, ADMINISTRATOR)
    yield company.event(at + 340, agent, "exported", "ticket", None, "Tickets: All tickets", "CSV export requested")
    yield company.change_role(at + 5_400, admin, agent, earlier_role)


def _two_networks(company: Company, at: int) -> Iterator[Event]:
    agent = _plain_agent(company)
    yield company.sign_in(at, agent, address=agent.office)
    yield company.sign_in(at + 900, agent, address=_ELSEWHERE_V6)


def _mass_deletion(company: Company, at: int) -> Iterator[Event]:
    agent = _plain_agent(company)
    for number in range(700_000, 700_060):
        yield company.event(at + number % 1000 * 9, agent, "destroy", "ticket", number, f"Ticket: #{number}")


def _rule_sends_data_out(company: Company, at: int) -> Iterator[Event]:
    admin = _two_admins(company)[0]
    webhook = "Webhook: https://collect.example.net/drop"
    yield company.sign_in(at, admin, address=_ELSEWHERE_V6)
    yield company.event(at + 240, admin, "create", "webhook", company.new_id(), webhook, "", _ELSEWHERE_V6)
    change = "Actions changed from not set to Notify webhook https://collect.example.net/drop"
    number, label = company.new_id(), "Trigger: Copy of new tickets"
    yield company.event(at + 400, admin, "create", "trigger", number, label, "", _ELSEWHERE_V6)
    yield company.event(at + 430, admin, "update", "trigger", number, label, change, _ELSEWHERE_V6)


def _mass_suspension(company: Company, at: int) -> Iterator[Event]:
    admin = _two_admins(company)[0]
    for n, agent in enumerate(_plain_agents(company, 9)):
        label = f"Suspension state: {agent.name}"
        yield company.event(at + n * 120, admin, "create", "user_setting", agent.id, label, "Suspended")
        yield company.event(at + 5_000 + n, admin, "update", "user_setting", agent.id, label, "Unsuspended")


def _act_after_removal(company: Company, at: int) -> Iterator[Event]:
    admin, leaver = _two_admins(company)[0], company.hire(company.size + 1)
    yield company.sign_in(at, leaver)
    yield company.change_role(at + 600, admin, leaver, "End User")
    label = f"Suspension state: {leaver.name}"
    yield company.event(at + 640, admin, "create", "user_setting", leaver.id, label, "Suspended")
    for n, macro in enumerate(company.items["macro"][:3]):
        change = "Comment changed from Thank you to Goodbye"
        yield company.event(at + 3_000 + n * 50, leaver, "update", "macro", macro.id, f"Macro: {macro.name}", change)


def _dormant_admin(company: Company, at: int) -> Iterator[Event]:
    yield company.sign_in(at, company.dormant, "password")
    yield company.turn(at + 300, company.dormant, SINGLE_SIGN_ON, False)
    yield company.turn(at + 4_800, _two_admins(company)[0], SINGLE_SIGN_ON, True)


def _redaction_off(company: Company, at: int) -> Iterator[Event]:
    admin = _two_admins(company)[0]
    company.setting_is_on[ACCOUNT_ASSUMPTION] = False
    yield company.turn(at, admin, CREDIT_CARD_REDACTION, False)
    yield company.turn(at + 200, admin, ACCOUNT_ASSUMPTION, True)
    label = "Security: Assumption duration"
    number = company.id_of(label)
    change = "Assumption duration changed from 1 day to 1 year"
    yield company.event(at + 230, admin, "update", "account_setting", number, label, change)


def _mass_role_change(company: Company, at: int) -> Iterator[Event]:
    admin = _two_admins(company)[0]
    for n, agent in enumerate(_plain_agents(company, 7)):
        yield company.change_role(at + n * 200, admin, agent, "Team Lead" if agent.role == "Agent" else "Agent")


def _owner_change(company: Company, at: int) -> Iterator[Event]:
    old, new = _two_admins(company)
    yield company.sign_in(at, old)
    change = f"Owner changed from {old.name} to {new.name}"
    yield company.event(
        at + 260, old, "update", "account", company.id_of("Account: Account"), "Account: Account", change
    )


_SCRIPTS = {
    "account_takeover": _Script(_account_takeover, 2.6),
    "protections_off_and_on": _Script(_protections_off_and_on, 19.5),
    "self_escalation": _Script(_self_escalation, 16.2),
    "two_networks": _Script(_two_networks, 10.1),
    "mass_deletion": _Script(_mass_deletion, 15.8),
    "rule_sends_data_out": _Script(_rule_sends_data_out, 4.3, weekday=6),
    "mass_suspension": _Script(_mass_suspension, 11.3),
    "act_after_removal": _Script(_act_after_removal, 13.2),
    "dormant_admin": _Script(_dormant_admin, 21.4),
    "redaction_off": _Script(_redaction_off, 17.6),
    "mass_role_change": _Script(_mass_role_change, 9.7),
    "owner_change": _Script(_owner_change, 22.3, weekday=5),
}
