"""The made-up company: who works there, from where they connect, what exists and how it is set."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from zendesk_audit_assets.emulator.events import Event, Ids
from zendesk_audit_assets.emulator.vocabulary import (
    ACCOUNT_ASSUMPTION,
    FIRST_NAMES,
    INTEGRATIONS,
    LAST_NAMES,
    ROLES,
    SETTINGS,
    SIGN_IN_METHODS,
    SINGLE_SIGN_ON,
    SUBJECTS,
    TEAMS,
    TWO_FACTOR,
    Setting,
)

SYSTEM_ID = -1
SYSTEM_NAME = "Zendesk"
ADMINISTRATOR = "Administrator"
MAIN_ZONE = "Europe/Amsterdam"
SECOND_ZONE = "America/New_York"
API_TOKENS_END = 1_793_059_200
"""2026-10-27: since then no account can create an API token."""


@dataclass
class Agent:
    """One of the people. Addresses come from the ranges that are set aside for documentation and tests."""

    id: int
    name: str
    role: str
    zone: str
    method: str
    office: str
    home: str

    @property
    def is_admin(self) -> bool:
        return self.role == ADMINISTRATOR


@dataclass
class Thing:
    id: int
    name: str


class Company:
    """Its state moves with the events that `acts` and `episodes` compose from it, so that they fit together.

    Events before the second `earlier_until` look as they did years ago: no `actor_name`, bare setting names.
    """

    def __init__(self, seed: int, size: int, subdomain: str, earlier_until: int = 0) -> None:
        self.size, self.subdomain, self.earlier_until = size, subdomain, earlier_until
        self.chance = random.Random(seed)  # noqa: S311 -- made-up people need no secrecy
        self.ids = Ids(seed)
        self._numbers = itertools.count(1)
        self._number_by_label: dict[str, int] = {}
        self._value_by_field: dict[tuple[int, str], str] = {}
        self.agents = [self.hire(index) for index in range(size)]
        for admin in self.agents[: max(2, size // 8)]:
            admin.role = ADMINISTRATOR
        self.robot = Agent(self.number(), "Okta SCIM", ADMINISTRATOR, MAIN_ZONE, "jwt", "198.51.100.200", "")
        self.dormant = self.hire(size)
        self.dormant.role = ADMINISTRATOR
        self.things = {kind: [Thing(self.number(), name) for name in names] for kind, names in _first_things().items()}
        self.is_on = dict.fromkeys((*SETTINGS, TWO_FACTOR, ACCOUNT_ASSUMPTION, SINGLE_SIGN_ON), True)

    def hire(self, index: int) -> Agent:
        chance = self.chance
        in_us = index % 5 == 4
        network = f"{18 + index % 2}.{(index * 37) % 256}"
        home = f"198.{network}.{chance.randrange(2, 250)}"
        if chance.random() < 0.35:
            home = f"2001:db8:{index % 65536:x}:1:{chance.getrandbits(16):x}:{chance.getrandbits(16):x}:0:1"
        return Agent(
            id=self.number(),
            name=f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}",
            role=chance.choice(ROLES),
            zone=SECOND_ZONE if in_us else MAIN_ZONE,
            method=chance.choices(list(SIGN_IN_METHODS), (1, 2, 3, 3, 8))[0],
            office=f"198.51.100.{7 + index % 2}" if in_us else f"203.0.113.{10 + index % 4}",
            home=home,
        )

    def number(self) -> int:
        """An id for a person or a thing."""
        return 360_000_000_000 + next(self._numbers) * 20_479_003

    def number_of(self, label: str) -> int:
        """The id of the one thing that bears this label."""
        if label not in self._number_by_label:
            self._number_by_label[label] = self.number()
        return self._number_by_label[label]

    def change_field(self, thing_id: int, name: str, values: Sequence[str]) -> str:
        """Give a field another of the values; the text says what it was before."""
        old = self._value_by_field.get((thing_id, name), "not set")
        new = self.chance.choice([value for value in values if value != old])
        self._value_by_field[thing_id, name] = new
        return f"{name} changed from {old} to {new}"

    @property
    def admins(self) -> list[Agent]:
        return [agent for agent in self.agents if agent.is_admin]

    def address(self, agent: Agent) -> str:
        """Where the agent works from today: mostly the office."""
        return agent.office if not agent.home or self.chance.random() < 0.7 else agent.home

    def event(
        self,
        at: int,
        agent: Agent | None,
        action: str,
        source_type: str,
        source_id: int | None,
        label: str | None,
        change: str = "",
        address: str | None = None,
    ) -> Event:
        """By an agent from one of their addresses; by the system, which has none, if `agent` is None."""
        earlier = at < self.earlier_until
        event_id = self.ids.next(at)
        if agent is None:
            name = None if earlier else SYSTEM_NAME
            return Event(at, event_id, action, source_type, source_id, label, change, SYSTEM_ID, name, None)
        name = None if earlier else agent.name
        address = address or self.address(agent)
        return Event(at, event_id, action, source_type, source_id, label, change, agent.id, name, address)

    def switch(self, at: int, agent: Agent, setting: Setting, on: bool, address: str | None = None) -> Event:
        """The event of a setting that is turned on or off."""
        self.is_on[setting] = on
        earlier = at < self.earlier_until
        label = setting.earlier_name if earlier else f"{setting.page}: {setting.name}"
        states = ("Disabled", "Enabled") if earlier else ("Turned off", "Turned on")
        number = self.number_of(setting.name)
        return self.event(at, agent, "update", "account_setting", number, label, states[on], address)

    def change_role(self, at: int, by: Agent, whom: Agent, role: str, address: str | None = None) -> Event:
        change = f"Support role changed from {whom.role} to {role}"
        whom.role = role
        return self.event(at, by, "update", "user", whom.id, f"Team member: {whom.name}", change, address)

    def sign_in(self, at: int, agent: Agent, method: str | None = None, address: str | None = None) -> Event:
        text = SIGN_IN_METHODS[method or agent.method].format(subdomain=self.subdomain)
        return self.event(at, agent, "login", "user", agent.id, f"Team member: {agent.name}", text, address)


def _first_things() -> dict[str, Sequence[str]]:
    routing = [
        f"{subject.capitalize()} to {team}" for subject, team in zip(SUBJECTS, itertools.cycle(TEAMS), strict=False)
    ]
    return {
        "trigger": routing,
        "automation": [f"Close {subject} after 7 days" for subject in SUBJECTS[:6]],
        "macro": [f"Reply: {subject}" for subject in SUBJECTS],
        "view": [f"{team} · unsolved" for team in TEAMS],
        "group": TEAMS,
        "api_token": INTEGRATIONS[:3],
        "oauth_client": INTEGRATIONS[3:5],
        "webhook": INTEGRATIONS[:2],
    }
