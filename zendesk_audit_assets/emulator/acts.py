"""What people do on an ordinary day, each act as the one or more events that it leaves in the log."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

from zendesk_audit_assets.emulator.company import (
    ADMINISTRATOR,
    API_TOKENS_END,
    Agent,
    Company,
    Thing,
)
from zendesk_audit_assets.emulator.events import Event
from zendesk_audit_assets.emulator.vocabulary import (
    APPS,
    CUSTOMERS,
    INTEGRATIONS,
    ROLES,
    SETTINGS,
    STRUCTURE,
    SUBJECTS,
    TEAMS,
    UNHEARD_OF,
    WORKWEEKS,
)

EVENTS_PER_ACT = 1.2
"""On average, over all roles."""

Act = Callable[[Company, Agent, int], list[Event]]


def ordinary_act(company: Company, agent: Agent, at: int) -> list[Event]:
    """Something that fits the agent's role, at or soon after the epoch second `at`."""
    acts, weights = _ADMIN_ACTS if agent.is_admin else _AGENT_ACTS
    return company.chance.choices(acts, cum_weights=weights)[0](company, agent, at)


def robot_act(company: Company, at: int) -> list[Event]:
    """The directory sync, which never sleeps and never signs in."""
    colleague = company.chance.choice(company.agents)
    change = company.change_field(colleague.id, "Group", TEAMS)
    label = f"Team member: {colleague.name}"
    return [company.event(at, company.robot, "update", "user", colleague.id, label, change)]


def clean_up(company: Company, at: int, attachments: int) -> list[Event]:
    """What the system throws away at night: all of it within a second or two."""
    chance = company.chance
    gone = [
        company.event(at + chance.randrange(2), None, "destroy", "attachment", company.number(), "Attachment")
        for _ in range(attachments)
    ]
    if chance.random() < 0.4:
        change = f"Automatically finished 30-day deletion for {chance.randint(1, 9)} users"
        label = "Deleted users: Deleted users"
        gone.append(company.event(at + 2, None, "destroy", "account", company.number(), label, change))
    return gone


def _sign_in(company: Company, agent: Agent, at: int) -> list[Event]:
    return [company.sign_in(at, agent)]


def _edit(kind: str, source_type: str) -> Act:
    """Make, change or remove a business rule; changes often come in twos and threes."""
    label = kind.capitalize()

    def act(company: Company, agent: Agent, at: int) -> list[Event]:
        chance = company.chance
        things = company.things[kind]
        roll = chance.random()
        if roll < 0.15:
            subject, team = chance.choice(SUBJECTS), chance.choice(TEAMS)
            thing = Thing(company.number(), f"{subject.capitalize()} → {team}")
            things.append(thing)
            return [company.event(at, agent, "create", source_type, thing.id, f"{label}: {thing.name}")]
        thing = chance.choice(things)
        if roll < 0.23 and len(things) > 3:
            things.remove(thing)
            return [company.event(at, agent, "destroy", source_type, thing.id, f"{label}: {thing.name}")]
        events = []
        for _ in range(chance.choices((1, 2, 3), (7, 2, 1))[0]):
            change = _rule_change(company, thing)
            events.append(company.event(at, agent, "update", source_type, thing.id, f"{label}: {thing.name}", change))
            at += chance.randint(5, 240)
        return events

    return act


def _rule_change(company: Company, thing: Thing) -> str:
    chance = company.chance
    roll = chance.random()
    if roll < 0.25:
        old, thing.name = thing.name, f"{chance.choice(SUBJECTS).capitalize()} to {chance.choice(TEAMS)}"
        return f"Title changed from {old} to {thing.name}"
    if roll < 0.45:
        return company.change_field(thing.id, "Active", ("true", "false"))
    if roll < 0.7:
        return company.change_field(thing.id, "Position", [str(place) for place in range(1, 30)])
    conditions = company.change_field(thing.id, "Conditions", [f"Subject contains {subject}" for subject in SUBJECTS])
    return f"{conditions}\n{company.change_field(thing.id, 'Group', TEAMS)}"


def _setting(company: Company, agent: Agent, at: int) -> list[Event]:
    setting = company.chance.choice(SETTINGS[:-2])
    return [company.switch(at, agent, setting, not company.is_on[setting])]


def _role(company: Company, agent: Agent, at: int) -> list[Event]:
    """Promote, move or, now and then, replace somebody who leaves."""
    chance = company.chance
    place = chance.randrange(len(company.agents))
    colleague = company.agents[place]
    if colleague is agent or colleague.is_admin:
        return _groups(company, agent, at)
    if chance.random() < 0.2:
        return _replace(company, agent, at, place)
    role = chance.choice([role for role in ROLES if role != colleague.role])
    if chance.random() < 0.04 and len(company.admins) < len(company.agents) // 5:
        role = ADMINISTRATOR
    return [company.change_role(at, agent, colleague, role)]


def _replace(company: Company, agent: Agent, at: int, place: int) -> list[Event]:
    leaver, starter = company.agents[place], company.hire(company.number() % 1000)
    role, starter.role = starter.role, "End User"
    gone = company.change_role(at, agent, leaver, "End User")
    label = f"Suspension state: {leaver.name}"
    suspended = company.event(at + 20, agent, "create", "user_setting", leaver.id, label, "Suspended")
    company.agents[place] = starter
    change = f"Support role changed from End User to {role}\nExplore role changed from not set to Viewer"
    starter.role = role
    came = company.event(at + 40, agent, "update", "user", starter.id, f"Team member: {starter.name}", change)
    return [gone, suspended, came]


def _groups(company: Company, agent: Agent, at: int) -> list[Event]:
    colleague = company.chance.choice(company.agents)
    change = company.change_field(colleague.id, "Default group", TEAMS)
    return [company.event(at, agent, "update", "user", colleague.id, f"Team member: {colleague.name}", change)]


def _own_profile(company: Company, agent: Agent, at: int) -> list[Event]:
    name, values = company.chance.choice(
        (
            ("Alias", (agent.name.split()[0], agent.name.split()[-1], "Support")),
            ("Signature", ("Kind regards,\nthe support team", "Met vriendelijke groet,\n" + agent.name)),
            ("Time zone", ("Amsterdam", "London", "Eastern Time (US & Canada)")),
        )
    )
    change = company.change_field(agent.id, name, values)
    return [company.event(at, agent, "update", "user", agent.id, f"Team member: {agent.name}", change)]


def _suspension(company: Company, agent: Agent, at: int) -> list[Event]:
    customer = company.chance.choice(CUSTOMERS)
    label = f"Suspension state: {customer}"
    state = "Suspended" if company.chance.random() < 0.8 else "Unsuspended"
    return [company.event(at, agent, "create", "user_setting", company.number_of(label), label, state)]


def _organization(company: Company, agent: Agent, at: int) -> list[Event]:
    chance = company.chance
    label = f"Organization: {chance.choice(CUSTOMERS)}"
    if chance.random() < 0.1:
        label = f"Organization: Test {chance.randint(1, 999)}"
        return [company.event(at, agent, "destroy", "organization", company.number(), label)]
    number = company.number_of(label)
    change = company.change_field(number, "Group", TEAMS)
    return [company.event(at, agent, "update", "organization", number, label, change)]


def _delete_tickets(company: Company, agent: Agent, at: int) -> list[Event]:
    number = company.chance.randint(10_000, 690_000)
    count = company.chance.choices((1, 2, 5), (8, 3, 1))[0]
    return [
        company.event(at + n // 3, agent, "destroy", "ticket", number + n, f"Ticket: #{number + n}")
        for n in range(count)
    ]


def _credential(company: Company, agent: Agent, at: int) -> list[Event]:
    """API tokens while there were any, OAuth clients since."""
    chance = company.chance
    kind = "api_token" if at < API_TOKENS_END and chance.random() < 0.6 else "oauth_client"
    things, label = company.things[kind], "API token" if kind == "api_token" else "OAuth client"
    roll = chance.random()
    if roll < 0.4 and len(things) > 1:
        thing = things.pop(chance.randrange(len(things)))
        return [company.event(at, agent, "destroy", kind, thing.id, f"{label}: {thing.name}")]
    if roll < 0.6:
        thing = chance.choice(things)
        change = f"description changed from not set to {thing.name}"
        return [company.event(at, agent, "update", kind, thing.id, f"{label}: {thing.name}", change)]
    thing = Thing(company.number(), chance.choice(INTEGRATIONS))
    things.append(thing)
    return [company.event(at, agent, "create", kind, thing.id, f"{label}: {thing.name}")]


def _export(company: Company, agent: Agent, at: int) -> list[Event]:
    what, label = company.chance.choice(
        (("user", "Users: All users"), ("ticket", "Tickets: All tickets"), ("view", "View: Tier 1 · unsolved"))
    )
    return [company.event(at, agent, "exported", what, None, label, "CSV export requested")]


def _app(company: Company, agent: Agent, at: int) -> list[Event]:
    chance = company.chance
    app = chance.choice(APPS)
    kind, label = chance.choice((("app", f"App: {app}"), ("installation", f"App installation: {app}")))
    number = company.number_of(label)
    action, change = chance.choice(("create", "destroy", "update")), ""
    if action == "update":
        settings = [f'{{"enabled":true,"team":"{team}"}}' for team in TEAMS]
        change = company.change_field(number, "Settings", settings)
    return [company.event(at, agent, action, f"zendesk/app_market/{kind}", number, label, change)]


def _workweek(company: Company, agent: Agent, at: int) -> list[Event]:
    kind, label = "zendesk/business_hours/workweek", "Schedule: Benelux support"
    number = company.number_of(label)
    change = company.change_field(number, "Workweek", WORKWEEKS)
    return [company.event(at, agent, "update", kind, number, label, change)]


def _structure(company: Company, agent: Agent, at: int) -> list[Event]:
    """Fields, forms, statuses, brands, roles: what an administrator tidies up."""
    source_type, label, field, values = company.chance.choices(STRUCTURE, cum_weights=_STRUCTURE_WEIGHTS)[0]
    number = company.number_of(label)
    if not field:
        return [company.event(at, agent, company.chance.choice(("create", "destroy")), source_type, number, label)]
    change = company.change_field(number, field, values)
    return [company.event(at, agent, "update", source_type, number, label, change)]


# What decides over rights, money and where data goes is agreed upon first: it changes some times a year.
_GOVERNED = {"account", "permission_set", "recipient_address", "webhook"}
_STRUCTURE_WEIGHTS = list(accumulate(0.1 if kind in _GOVERNED else 1.0 for kind, *_ in STRUCTURE))


def _unheard_of(company: Company, agent: Agent, at: int) -> list[Event]:
    action, source_type, label, change = company.chance.choice(UNHEARD_OF)
    return [company.event(at, agent, action, source_type, company.number_of(label), label, change)]


def _table(weighted: dict[Act, float]) -> tuple[list[Act], list[float]]:
    total, sums = 0.0, []
    for weight in weighted.values():
        total += weight
        sums.append(total)
    return list(weighted), sums


_AGENT_ACTS = _table(
    {
        _sign_in: 74,
        _edit("macro", "macro"): 7,
        _edit("view", "view"): 5,
        _own_profile: 4,
        _organization: 4,
        _delete_tickets: 4,
        _suspension: 2,
    }
)
_ADMIN_ACTS = _table(
    {
        _sign_in: 30,
        _edit("trigger", "trigger"): 14,
        _edit("automation", "rule"): 5,
        _edit("macro", "macro"): 8,
        _edit("view", "view"): 6,
        _groups: 6,
        _role: 3,
        _setting: 2,
        _structure: 9,
        _organization: 4,
        _suspension: 2,
        _delete_tickets: 2,
        _app: 0.6,
        _workweek: 1,
        _credential: 0.3,
        _export: 1.5,
        _unheard_of: 0.5,
    }
)
