"""Suspicious stories that are woven into a realistic history, so that rules have something to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from zendesk_audit_assets.emulator.company import (
    ADMINISTRATOR,
    API_TOKENS_END,
    MAIN_ZONE,
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
        "At night an administrator signs in with a password from a new network and makes an agent administrator, "
        "who signs in from there, makes a credential and exports all users and the audit log."
    ),
    "protections_off_and_on": "Two-factor and IP restrictions are turned off and, 25 minutes later, on again.",
    "self_escalation": "An agent raises their own role to administrator and exports all tickets.",
    "two_networks": "One person signs in from the office and, 15 minutes later, from elsewhere.",
    "mass_deletion": "One person deletes 60 tickets within ten minutes.",
    "rule_sends_data_out": "A webhook to a foreign address is made, and a trigger that feeds it, on a Sunday.",
    "mass_suspension": "One administrator suspends nine people within twenty minutes.",
    "act_after_removal": "Somebody whose role was taken away and who was suspended still changes macros.",
    "dormant_admin": "An administrator who was silent for months turns single sign-on off.",
    "redaction_off": "Credit card redaction is turned off and account assumption is turned on.",
    "mass_role_change": "Seven roles are changed within half an hour.",
    "owner_change": "The owner of the account changes on a Saturday.",
}
"""Every episode's name, and what happens in it."""


@dataclass(frozen=True)
class Episode:
    """One story as it happened; the ids are those of its events, in order of time."""

    name: str
    actor_id: int
    first_second: int
    last_second: int
    event_ids: tuple[int, ...]

    @property
    def description(self) -> str:
        return EPISODES[self.name]


@dataclass(frozen=True)
class Appointment:
    name: str
    at: int


def appointments(options: HistoryOptions) -> list[Appointment]:
    """When each episode happens, oldest first: the last one days before the end, those that do not fit left out."""
    start, end = int(options.start.timestamp()), int(options.end.timestamp())
    step = min((end - start) / (len(_SCRIPTS) + 1), _LONGEST_STEP_S)
    planned = [
        Appointment(name, _at_its_hour(end - (n + 1) * step, script))
        for n, (name, script) in enumerate(_SCRIPTS.items())
    ]
    return sorted((one for one in planned if start <= one.at < end - _LONGEST_EPISODE_S), key=lambda one: one.at)


def play(company: Company, appointment: Appointment) -> tuple[Episode, list[Event]]:
    script = _SCRIPTS[appointment.name]
    events = sorted(script.compose(company, appointment.at))
    actor_id = events[0].actor_id
    ids = tuple(event.id for event in events)
    return Episode(appointment.name, actor_id, events[0].created_at, events[-1].created_at, ids), events


@dataclass(frozen=True)
class _Script:
    """`hour` is local to the company; `weekday` counts from Monday, None leaves the day as it comes."""

    compose: Callable[[Company, int], Iterator[Event]]
    hour: float
    weekday: int | None = None


_LONGEST_STEP_S = 9 * 86_400
_LONGEST_EPISODE_S = 2 * 3_600
_ELSEWHERE = "192.0.2.66"
_ELSEWHERE_V6 = "2001:db8:beef:7::1337"


def _at_its_hour(moment: float, script: _Script) -> int:
    zone = ZoneInfo(MAIN_ZONE)
    day = datetime.fromtimestamp(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if script.weekday is not None:
        day -= timedelta(days=(day.weekday() - script.weekday) % 7)
    at = day.replace(hour=int(script.hour), minute=int(script.hour % 1 * 60))
    return int(at.astimezone(timezone.utc).timestamp())


def _two_admins(company: Company) -> list[Agent]:
    return company.chance.sample(company.admins, 2)


def _plain_agent(company: Company) -> Agent:
    return company.chance.choice([agent for agent in company.agents if not agent.is_admin])


def _plain_agents(company: Company, count: int) -> list[Agent]:
    plain = [agent for agent in company.agents if not agent.is_admin]
    return company.chance.sample(plain, min(count, len(plain)))


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
    yield company.event(at + 610, agent, "create", kind, company.number(), label, "", _ELSEWHERE)
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
        yield company.switch(at + delay, admin, setting, False)
    for setting, delay in ((TWO_FACTOR, 1_500), (IP_RESTRICTIONS, 1_540)):
        yield company.switch(at + delay, admin, setting, True)


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
    yield company.event(at + 240, admin, "create", "webhook", company.number(), webhook, "", _ELSEWHERE_V6)
    change = "Actions changed from not set to Notify webhook https://collect.example.net/drop"
    number, label = company.number(), "Trigger: Copy of new tickets"
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
    for n, macro in enumerate(company.things["macro"][:3]):
        change = "Comment changed from Thank you to Goodbye"
        yield company.event(at + 3_000 + n * 50, leaver, "update", "macro", macro.id, f"Macro: {macro.name}", change)


def _dormant_admin(company: Company, at: int) -> Iterator[Event]:
    yield company.sign_in(at, company.dormant, "password")
    yield company.switch(at + 300, company.dormant, SINGLE_SIGN_ON, False)
    yield company.switch(at + 4_800, _two_admins(company)[0], SINGLE_SIGN_ON, True)


def _redaction_off(company: Company, at: int) -> Iterator[Event]:
    admin = _two_admins(company)[0]
    company.is_on[ACCOUNT_ASSUMPTION] = False
    yield company.switch(at, admin, CREDIT_CARD_REDACTION, False)
    yield company.switch(at + 200, admin, ACCOUNT_ASSUMPTION, True)
    label = "Security: Assumption duration"
    number = company.number_of(label)
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
        at + 260, old, "update", "account", company.number_of("Account: Account"), "Account: Account", change
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
