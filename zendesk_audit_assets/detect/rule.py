"""A detection rule, whatever it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal

from sigma.correlations import SigmaCorrelationTimespan
from sigma.exceptions import SigmaTimespanError

from zendesk_audit_assets.errors import AuditError

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


def span_of(value: Any, what: str, file: str) -> timedelta:
    """The span of time that a rule writes as Sigma does, such as 30d or 1h. Raises `RuleError` if it is none."""
    try:
        return timedelta(seconds=SigmaCorrelationTimespan(value).seconds)
    except (SigmaTimespanError, TypeError, AttributeError) as error:
        raise RuleError(file, f"{what} {value!r} is not a span such as 30d or 1h") from error


@dataclass(frozen=True)
class Example:
    """A warehouse that a rule is tried on: partial records of the log, rows of `coverage`, and those of other tables.

    Each record has its `created_at` and `batch_id`, and each row of `coverage` what a rule may ask of it.
    """

    events: tuple[Mapping[str, Any], ...]
    coverage: tuple[Mapping[str, Any], ...] = ()
    tables: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Examples:
    """Those in which a rule must find something, and those in which it must find nothing."""

    match: tuple[Example, ...] = ()
    no_match: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Rule:
    """`sql` is a condition over `audit_events` if `form` is "event", else a query that gives a row per finding.

    `over` says what such a query judges: events as time completes them, findings of the other rules, or the state of
    the log itself. `look_back` is how much of `history` it sees before the day that it judges. It waits for the
    tables it `needs`. Its query may give each finding a level, unless the level is `fixed`, by one's own settings.
    It is `packaged` if its file came with this package.
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
    packaged: bool = False
    examples: Examples = field(default=Examples(), compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of all that its findings depend on."""
        parts = (self.id, self.name, self.title, self.level, self.form, self.sql, self.over, self.look_back)
        return sha256(repr((*parts, self.needs, self.fixed, self.experimental, self.attack)).encode()).hexdigest()
