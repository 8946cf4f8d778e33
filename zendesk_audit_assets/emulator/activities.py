"""The ordinary activities of a working day. Each returns the one or more events that it leaves in the log."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

from zendesk_audit_assets.emulator.company import (
    ADMINISTRATOR,
    API_TOKENS_END,
    Agent,
    Company,
    Item,
)
from zendesk_audit_assets.emulator.events import Event
from zendesk_audit_assets.emulator.vocabulary import (
    APPS,
    CUSTOMERS,
    GREETINGS,
    INTEGRATIONS,
    LANGUAGES,
    LINK_TEXTS,
    OTHER_LINKS,
    OWN_LINKS,
    ROLES,
    SETTINGS,
    SIGNATURES,
    STRUCTURE,
    SUBJECTS,
    TEAMS,
    TEXTS,
    UNDOCUMENTED,
    WORKWEEKS,
)

EVENTS_PER_ACTIVITY = 1.2
"""Average over all roles."""

Activity = Callable[[Company, Agent, int], list[Event]]


def agent_activity(company: Company, agent: Agent, at: int) -> list[Event]:
    """Perform a random activity that fits the agent's role, at or soon after the epoch second `at`."""
    activities, weights = _ADMIN_ACTIVITIES if agent.is_admin else _AGENT_ACTIVITIES
    return company.rng.choices(activities, cum_weights=weights)[0](company, agent, at)


def directory_sync(company: Company, at: int) -> list[Event]:
    """Move one agent to another group, as the directory integration does at any hour and without a sign-in."""
    colleague = company.rng.choice(company.agents)
    change = company.change_field(colleague.id, "Group", TEAMS)
    label = f"Team member: {colleague.name}"
    return [company.event(at, company.robot, "update", "user", colleague.id, label, change)]


def nightly_cleanup(company: Company, at: int, attachments: int) -> list[Event]:
    """Delete expired attachments and users, as the system does every night within a second or two."""
    rng = company.rng
    events = [
        company.event(at + rng.randrange(2), None, "destroy", "attachment", company.new_id(), "Attachment")
        for _ in range(attachments)
    ]
    if rng.random() < 0.4:
        change = f"Automatically finished 30-day deletion for {rng.randint(1, 9)} users"
        label = "Deleted users: Deleted users"
        events.append(company.event(at + 2, None, "destroy", "account", company.new_id(), label, change))
    return events


def _sign_in(company: Company, agent: Agent, at: int) -> list[Event]:
    return [company.sign_in(at, agent)]


def _edit(kind: str, source_type: str) -> Activity:
    """An activity that creates, changes or deletes a business rule; changes often come in twos and threes."""
    label = kind.capitalize()

    def edit(company: Company, agent: Agent, at: int) -> list[Event]:
        rng = company.rng
        items = company.items[kind]
        roll = rng.random()
        if roll < 0.15:
            subject, team = rng.choice(SUBJECTS), rng.choice(TEAMS)
            item = Item(company.new_id(), f"{subject.capitalize()} → {team}")
            items.append(item)
            return [company.event(at, agent, "create", source_type, item.id, f"{label}: {item.name}")]
        item = rng.choice(items)
        if roll < 0.23 and len(items) > 3:
            items.remove(item)
            return [company.event(at, agent, "destroy", source_type, item.id, f"{label}: {item.name}")]
        events = []
        for _ in range(rng.choices((1, 2, 3), (7, 2, 1))[0]):
            change = _rule_change(company, kind, item)
            events.append(company.event(at, agent, "update", source_type, item.id, f"{label}: {item.name}", change))
            at += rng.randint(5, 240)
        return events

    return edit


def _rule_change(company: Company, kind: str, item: Item) -> str:
    rng = company.rng
    has_link = kind in _TEXT_SHARE and rng.random() < company.link_share
    if has_link or rng.random() < _TEXT_SHARE.get(kind, 0):
        return _text_change(company, kind, item, has_link=has_link)
    roll = rng.random()
    if roll < 0.25:
        old, item.name = item.name, f"{rng.choice(SUBJECTS).capitalize()} to {rng.choice(TEAMS)}"
        return f"Title changed from {old} to {item.name}"
    if roll < 0.45:
        return company.change_field(item.id, "Active", ("true", "false"))
    if roll < 0.7:
        return company.change_field(item.id, "Position", [str(place) for place in range(1, 30)])
    conditions = company.change_field(item.id, "Conditions", [f"Subject contains {subject}" for subject in SUBJECTS])
    return f"{conditions}\n{company.change_field(item.id, 'Group', TEAMS)}"


# The share of changes to the text that customers read: the comment of a macro, the e-mail of a trigger.
_TEXT_SHARE = {"macro": 0.3, "trigger": 0.1}


def _text_change(company: Company, kind: str, item: Item, *, has_link: bool) -> str:
    """Rewrite the text of a macro or trigger: one line or a whole letter, in one of several languages."""
    rng = company.rng
    language = rng.randrange(len(LANGUAGES))
    text = TEXTS[language] % rng.choice(SUBJECTS)
    if has_link:
        link = rng.choice((*OWN_LINKS, *OTHER_LINKS)).format(subdomain=company.subdomain)
        text += f" {LINK_TEXTS[language]}" % link
    letter = f"{GREETINGS[language]}\n\n{text}\n\n{SIGNATURES[language]}"
    texts = [text, letter, f"{text}\n\n{SIGNATURES[language]}"]
    if kind == "macro":
        return company.change_field(item.id, "Comment", texts)
    start = f"Email user (requester), {LANGUAGES[language]}: {{{{ticket.title}}}}"
    return company.change_field(item.id, "Actions", [f"{start}, {text}" for text in texts])


def _setting(company: Company, agent: Agent, at: int) -> list[Event]:
    setting = company.rng.choice(SETTINGS[:-2])
    return [company.turn(at, agent, setting, not company.setting_is_on[setting])]


def _role(company: Company, agent: Agent, at: int) -> list[Event]:
    """Change the role of an agent or, in one case of five, replace an agent who leaves."""
    rng = company.rng
    desk = rng.randrange(len(company.agents))
    colleague = company.agents[desk]
    if colleague is agent or colleague.is_admin:
        return _groups(company, agent, at)
    if rng.random() < 0.2:
        return _replace(company, agent, at, desk)
    role = rng.choice([role for role in ROLES if role != colleague.role])
    if rng.random() < 0.04 and len(company.admins) < len(company.agents) // 5:
        role = ADMINISTRATOR
    return [company.change_role(at, agent, colleague, role)]


def _replace(company: Company, agent: Agent, at: int, desk: int) -> list[Event]:
    leaver, starter = company.agents[desk], company.hire(company.new_id() % 1000)
    role, starter.role = starter.role, "End User"
    removed = company.change_role(at, agent, leaver, "End User")
    label = f"Suspension state: {leaver.name}"
    suspended = company.event(at + 20, agent, "create", "user_setting", leaver.id, label, "Suspended")
    company.agents[desk] = starter
    change = f"Support role changed from End User to {role}\nExplore role changed from not set to Viewer"
    starter.role = role
    added = company.event(at + 40, agent, "update", "user", starter.id, f"Team member: {starter.name}", change)
    return [removed, suspended, added]


def _groups(company: Company, agent: Agent, at: int) -> list[Event]:
    colleague = company.rng.choice(company.agents)
    change = company.change_field(colleague.id, "Default group", TEAMS)
    return [company.event(at, agent, "update", "user", colleague.id, f"Team member: {colleague.name}", change)]


def _own_profile(company: Company, agent: Agent, at: int) -> list[Event]:
    name, values = company.rng.choice(
        (
            ("Alias", (agent.name.split()[0], agent.name.split()[-1], "Support")),
            ("Signature", ("Kind regards,\nthe support team", "Met vriendelijke groet,\n" + agent.name)),
            ("Time zone", ("Amsterdam", "London", "Eastern Time (US & Canada)")),
        )
    )
    change = company.change_field(agent.id, name, values)
    return [company.event(at, agent, "update", "user", agent.id, f"Team member: {agent.name}", change)]


def _suspension(company: Company, agent: Agent, at: int) -> list[Event]:
    customer = company.rng.choice(CUSTOMERS)
    label = f"Suspension state: {customer}"
    state = "Suspended" if company.rng.random() < 0.8 else "Unsuspended"
    return [company.event(at, agent, "create", "user_setting", company.id_of(label), label, state)]


def _organization(company: Company, agent: Agent, at: int) -> list[Event]:
    rng = company.rng
    label = f"Organization: {rng.choice(CUSTOMERS)}"
    if rng.random() < 0.1:
        label = f"Organization: Test {rng.randint(1, 999)}"
        return [company.event(at, agent, "destroy", "organization", company.new_id(), label)]
    number = company.id_of(label)
    change = company.change_field(number, "Group", TEAMS)
    return [company.event(at, agent, "update", "organization", number, label, change)]


def _delete_tickets(company: Company, agent: Agent, at: int) -> list[Event]:
    number = company.rng.randint(10_000, 690_000)
    count = company.rng.choices((1, 2, 5), (8, 3, 1))[0]
    return [
        company.event(at + n // 3, agent, "destroy", "ticket", number + n, f"Ticket: #{number + n}")
        for n in range(count)
    ]


def _credential(company: Company, agent: Agent, at: int) -> list[Event]:
    """Create, change or delete a credential: an API token while these could be created, an OAuth client since."""
    rng = company.rng
    kind = "api_token" if at < API_TOKENS_END and rng.random() < 0.6 else "oauth_client"
    items, label = company.items[kind], "API token" if kind == "api_token" else "OAuth client"
    roll = rng.random()
    if roll < 0.4 and len(items) > 1:
        item = items.pop(rng.randrange(len(items)))
        return [company.event(at, agent, "destroy", kind, item.id, f"{label}: {item.name}")]
    if roll < 0.6:
        item = rng.choice(items)
        change = f"description changed from not set to {item.name}"
        return [company.event(at, agent, "update", kind, item.id, f"{label}: {item.name}", change)]
    item = Item(company.new_id(), rng.choice(INTEGRATIONS))
    items.append(item)
    return [company.event(at, agent, "create", kind, item.id, f"{label}: {item.name}")]


def _export(company: Company, agent: Agent, at: int) -> list[Event]:
    source_type, label = company.rng.choice(
        (("user", "Users: All users"), ("ticket", "Tickets: All tickets"), ("view", "View: Tier 1 · unsolved"))
    )
    return [company.event(at, agent, "exported", source_type, None, label, "CSV export requested")]


def _app(company: Company, agent: Agent, at: int) -> list[Event]:
    rng = company.rng
    app = rng.choice(APPS)
    kind, label = rng.choice((("app", f"App: {app}"), ("installation", f"App installation: {app}")))
    number = company.id_of(label)
    action, change = rng.choice(("create", "destroy", "update")), ""
    if action == "update":
        settings = [f'{{"enabled":true,"team":"{team}"}}' for team in TEAMS]
        change = company.change_field(number, "Settings", settings)
    return [company.event(at, agent, action, f"zendesk/app_market/{kind}", number, label, change)]


def _workweek(company: Company, agent: Agent, at: int) -> list[Event]:
    kind, label = "zendesk/business_hours/workweek", "Schedule: Benelux support"
    number = company.id_of(label)
    change = company.change_field(number, "Workweek", WORKWEEKS)
    return [company.event(at, agent, "update", kind, number, label, change)]


def _structure(company: Company, agent: Agent, at: int) -> list[Event]:
    """Change, create or delete a part of the account's structure: a field, form, status, brand or role."""
    source_type, label, field, values = company.rng.choices(STRUCTURE, cum_weights=_STRUCTURE_WEIGHTS)[0]
    number = company.id_of(label)
    if not field:
        return [company.event(at, agent, company.rng.choice(("create", "destroy")), source_type, number, label)]
    change = company.change_field(number, field, values)
    return [company.event(at, agent, "update", source_type, number, label, change)]


# Changes to permissions, billing and data destinations need an agreement first and happen a few times a year.
_GOVERNED = {"account", "permission_set", "recipient_address", "webhook"}
_STRUCTURE_WEIGHTS = list(accumulate(0.1 if kind in _GOVERNED else 1.0 for kind, *_ in STRUCTURE))


def _undocumented(company: Company, agent: Agent, at: int) -> list[Event]:
    action, source_type, label, change = company.rng.choice(UNDOCUMENTED)
    return [company.event(at, agent, action, source_type, company.id_of(label), label, change)]


def _weighted(activities: dict[Activity, float]) -> tuple[list[Activity], list[float]]:
    total, sums = 0.0, []
    for weight in activities.values():
        total += weight
        sums.append(total)
    return list(activities), sums


_AGENT_ACTIVITIES = _weighted(
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
_ADMIN_ACTIVITIES = _weighted(
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
        _undocumented: 0.5,
    }
)
