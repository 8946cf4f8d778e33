"""A detection rule, whatever it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal

from zendesk_audit_assets.errors import AuditError

LEVELS = ("informational", "low", "medium", "high", "critical")
"""Severities, from the least to the greatest."""

HISTORY = (files(__package__) / "history.sql").read_text("utf-8")
"""The query behind the view `history`, which rules that compare and count read; not yet limited in time."""

Form = Literal["event", "correlation", "sql"]
Over = Literal["events", "findings", "log"]


class RuleError(AuditError):
    """A rule file, or the settings beside it, cannot be used."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(
            f"The rule file {file} cannot be used: {problem}.", "Correct it, or take it out of the folder."
        )


@dataclass(frozen=True)
class Examples:
    """Events that a rule must find, and such that it must not: each a log of one or more partial records."""

    match: tuple[tuple[Mapping[str, Any], ...], ...] = ()
    no_match: tuple[tuple[Mapping[str, Any], ...], ...] = ()


@dataclass(frozen=True)
class Rule:
    """`sql` is a condition over `audit_events` if `form` is "event", else a query that gives a row per finding.

    `over` says what such a query judges: events as time completes them, findings of the other rules, or the state of
    the log itself. `look_back` is how much of `history` it sees before the day that it judges. It waits for the
    tables it `needs`. Its query may give each finding a level, unless the level is `fixed`, by one's own settings.
    """

    id: str
    name: str
    title: str
    level: str
    form: Form
    sql: str
    file: str
    over: Over = "events"
    look_back: timedelta = timedelta()
    needs: tuple[str, ...] = ()
    fixed: bool = False
    experimental: bool = False
    description: str = ""
    attack: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    examples: Examples = field(default=Examples(), compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of all that its findings depend on."""
        parts = (self.id, self.name, self.title, self.level, self.form, self.sql, self.over, self.look_back)
        return sha256(repr((*parts, self.needs, self.fixed, self.experimental, self.attack)).encode()).hexdigest()
