"""The fictional company behind the log: its agents, their addresses, the objects in its account, its settings."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from zendesk_audit_assets.emulator.events import Event, Ids
from zendesk_audit_assets.emulator.options import LINK_SHARE
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

# A fact of Zendesk's API, written down here once more on purpose: the emulator stands for Zendesk and does not import
# the code that reads it. A test holds both constants equal.
SYSTEM_ACTOR_ID = -1
SYSTEM_NAME = "Zendesk"
ADMINISTRATOR = "Administrator"
MAIN_TIME_ZONE = "Europe/Amsterdam"
SECOND_TIME_ZONE = "America/New_York"
API_TOKENS_END = 1_793_059_200
"""2026-10-27 in epoch seconds: Zendesk stops the creation of API tokens."""


@dataclass
class Agent:
    """A team member. The IP addresses come from the ranges reserved for documentation and tests."""

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
class Item:
    """An object in the account, such as a trigger, a macro or an API token."""

    id: int
    name: str


class Company:
    """The state that activities and episodes read and change, so that their events are consistent.

    Events before the epoch second `legacy_until` have the form of old records: no `actor_name`, bare setting names.
    """

    def __init__(
        self, seed: int, size: int, subdomain: str, legacy_until: int = 0, link_share: float = LINK_SHARE
    ) -> None:
        self.size, self.subdomain, self.legacy_until, self.link_share = size, subdomain, legacy_until, link_share
        self.rng = random.Random(seed)  # noqa: S311 -- generated people need no secrecy
        self.ids = Ids(seed)
        self._numbers = itertools.count(1)
        self._id_by_label: dict[str, int] = {}
        self._value_by_field: dict[tuple[int, str], str] = {}
        self.agents = [self.hire(index) for index in range(size)]
        for admin in self.agents[: max(2, size // 8)]:
            admin.role = ADMINISTRATOR
        self.robot = Agent(self.new_id(), "Okta SCIM", ADMINISTRATOR, MAIN_TIME_ZONE, "jwt", "198.51.100.200", "")
        self.dormant = self.hire(size)
        self.dormant.role = ADMINISTRATOR
        self.items = {kind: [Item(self.new_id(), name) for name in names] for kind, names in _initial_items().items()}
        self.setting_is_on = dict.fromkeys((*SETTINGS, TWO_FACTOR, ACCOUNT_ASSUMPTION, SINGLE_SIGN_ON), True)

    def hire(self, index: int) -> Agent:
        """A new agent; `index` decides the time zone and the office network."""
        rng = self.rng
        in_us = index % 5 == 4
        network = f"{18 + index % 2}.{(index * 37) % 256}"
        home = f"198.{network}.{rng.randrange(2, 250)}"
        if rng.random() < 0.35:
            home = f"2001:db8:{index % 65536:x}:1:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:0:1"
        return Agent(
            id=self.new_id(),
            name=f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}",
            role=rng.choice(ROLES),
            zone=SECOND_TIME_ZONE if in_us else MAIN_TIME_ZONE,
            method=rng.choices(list(SIGN_IN_METHODS), (1, 2, 3, 3, 8))[0],
            office=f"198.51.100.{7 + index % 2}" if in_us else f"203.0.113.{10 + index % 4}",
            home=home,
        )

    def new_id(self) -> int:
        """An unused id for an agent or an object."""
        return 360_000_000_000 + next(self._numbers) * 20_479_003

    def id_of(self, label: str) -> int:
        """The id of the object with this label; the same at every call."""
        if label not in self._id_by_label:
            self._id_by_label[label] = self.new_id()
        return self._id_by_label[label]

    def change_field(self, item_id: int, name: str, values: Sequence[str]) -> str:
        """Set a field to another one of the values; returns the change description."""
        old = self._value_by_field.get((item_id, name), "not set")
        new = self.rng.choice([value for value in values if value != old])
        self._value_by_field[item_id, name] = new
        return f"{name} changed from {old} to {new}"

    @property
    def admins(self) -> list[Agent]:
        return [agent for agent in self.agents if agent.is_admin]

    def address(self, agent: Agent) -> str:
        """The office address in about 70 % of the calls, else the home address."""
        return agent.office if not agent.home or self.rng.random() < 0.7 else agent.home

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
        """An event by `agent`, from one of their addresses by default; with None by the system, without an address."""
        earlier = at < self.legacy_until
        event_id = self.ids.next(at)
        if agent is None:
            name = None if earlier else SYSTEM_NAME
            return Event(at, event_id, action, source_type, source_id, label, change, SYSTEM_ACTOR_ID, name, None)
        name = None if earlier else agent.name
        address = address or self.address(agent)
        return Event(at, event_id, action, source_type, source_id, label, change, agent.id, name, address)

    def turn(self, at: int, agent: Agent, setting: Setting, on: bool, address: str | None = None) -> Event:
        """Turn a setting on or off."""
        self.setting_is_on[setting] = on
        earlier = at < self.legacy_until
        label = setting.legacy_name if earlier else f"{setting.page}: {setting.name}"
        states = ("Disabled", "Enabled") if earlier else ("Turned off", "Turned on")
        number = self.id_of(setting.name)
        return self.event(at, agent, "update", "account_setting", number, label, states[on], address)

    def change_role(self, at: int, actor: Agent, agent: Agent, role: str, address: str | None = None) -> Event:
        """Give an agent another role; `actor` does it."""
        change = f"Support role changed from {agent.role} to {role}"
        agent.role = role
        return self.event(at, actor, "update", "user", agent.id, f"Team member: {agent.name}", change, address)

    def sign_in(self, at: int, agent: Agent, method: str | None = None, address: str | None = None) -> Event:
        """Sign an agent in, by default with their usual method and from one of their addresses."""
        text = SIGN_IN_METHODS[method or agent.method].format(subdomain=self.subdomain)
        return self.event(at, agent, "login", "user", agent.id, f"Team member: {agent.name}", text, address)


def _initial_items() -> dict[str, Sequence[str]]:
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
