"""A detection rule, in whichever format its file is written."""

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
from zendesk_audit_assets.text import one_line, shorten

HISTORY = (files(__package__) / "history.sql").read_text("utf-8")
"""The query behind the view `history`, without its limits in time."""

# Ten years, far from where dates end; and the characters of a file's name and of a problem in a message.
_LONGEST_SPAN, _LONGEST = timedelta(days=3660), 400

Kind = Literal["event", "correlation", "sql"]
Input = Literal["events", "findings", "log"]


class RuleError(AuditError):
    """A rule file, or the settings file beside it, is invalid.

    `rule_id`: the rule whose query fails on the log; None when the file itself is wrong.
    """

    def __init__(self, file: str, problem: str, *, rule_id: str | None = None) -> None:
        self.rule_id = rule_id
        # A problem may quote the file, which may be of any length.
        super().__init__(
            f"The rule file {shorten(file, _LONGEST)} cannot be used: {one_line(problem, _LONGEST)}.",
            "Correct it, or take it out of the folder.",
        )


def parse_timespan(value: Any, name: str, file: str) -> timedelta:
    """Parse a span of time in Sigma's notation, such as 30d or 1h. Raises `RuleError`."""
    try:
        seconds = SigmaCorrelationTimespan(value).seconds
    except (SigmaTimespanError, TypeError, AttributeError, ValueError) as error:
        raise RuleError(file, f"{name} {value!r} is not a span such as 30d or 1h") from error
    return timespan(seconds, name, file)


def timespan(seconds: int, name: str, file: str) -> timedelta:
    """A span that a rule may look back. Raises `RuleError`."""
    if not 0 < seconds <= _LONGEST_SPAN.total_seconds():
        raise RuleError(file, f"{name} is not above 0 and up to {_LONGEST_SPAN.days}d")
    return timedelta(seconds=seconds)


@dataclass(frozen=True)
class Example:
    """A small warehouse to run a rule on: partial records of the log, rows of `coverage` and of other tables.

    Each record has its `created_at` and `batch_id`; each row of `coverage` has every column that a rule may read.
    """

    events: tuple[Mapping[str, Any], ...]
    coverage: tuple[Mapping[str, Any], ...] = ()
    tables: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Examples:
    """The examples of a rule: it must report a finding in each `match` and none in a `no_match`."""

    match: tuple[Example, ...] = ()
    no_match: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule, compiled to SQL.

    `kind`: an "event" rule is a condition over `audit_events`; the `sql` of a "correlation" and of an "sql" rule is
    a query with a row per finding. `input`: such a query reads events, the findings of other rules, or the state of
    the log itself. `look_back`: the span of `history` before the evaluated day that the query sees. `needs`: tables
    that must exist; the rule waits for them. `level_is_fixed`: the settings file sets the level, so that the level a
    query returns is ignored. `remedy`: what to do about its findings. `packaged`: the file is part of this package.
    """

    id: str
    name: str
    title: str
    level: str
    kind: Kind
    sql: str
    file: str
    input: Input = "events"
    look_back: timedelta = timedelta()
    needs: tuple[str, ...] = ()
    level_is_fixed: bool = False
    experimental: bool = False
    description: str = ""
    attack: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    remedy: str = ""
    references: tuple[str, ...] = ()
    packaged: bool = False
    examples: Examples = field(default=Examples(), compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of everything in the rule that its findings depend on."""
        parts = (self.id, self.name, self.title, self.level, self.kind, self.sql, self.input, self.look_back)
        return sha256(
            repr((*parts, self.needs, self.level_is_fixed, self.experimental, self.attack, self.remedy)).encode()
        ).hexdigest()
