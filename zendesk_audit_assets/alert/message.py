"""The message about a finding, the same on every channel.

Descriptions in the log may quote secrets, and names and labels are whatever somebody typed: every text is masked,
on one line and bounded in length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256

from zendesk_audit_assets.detect.description import describe, host_of
from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.masking import mask_cut
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.text import one_line

Value = str | int | bool | list[str] | list[int]

_TITLE_LENGTH = 120
_LABEL_LENGTH = 200


@dataclass(frozen=True)
class Fact:
    """One fact about a finding: its name for programs, its label for people, its value."""

    name: str
    label: str
    value: Value

    @property
    def text(self) -> str:
        """The value for people."""
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, list):
            return ", ".join(map(str, self.value))
        return str(self.value)


@dataclass(frozen=True)
class Message:
    """A message for any channel. A retry sends the same `key`, so that a receiver can recognise it."""

    kind: str
    key: str
    severity: str
    title: str
    explanation: str
    facts: tuple[Fact, ...]
    account: str = ""

    @property
    def headline(self) -> str:
        """Severity, title and account, such as `[HIGH] Admin role granted (acme.zendesk.com)`."""
        return f"[{self.severity.upper()}] {self.title}{f' ({self.account})' if self.account else ''}"

    @property
    def as_json(self) -> dict[str, Value]:
        """The whole message, by the names for programs."""
        return {
            "kind": self.kind,
            "key": self.key,
            "severity": self.severity,
            "title": self.title,
            "explanation": self.explanation,
            **({"account": self.account} if self.account else {}),
            **{fact.name: fact.value for fact in self.facts},
        }

    @property
    def as_text(self) -> str:
        """Explanation and facts, a line for each, for people."""
        return "\n".join((self.explanation, "", *(f"{fact.label}: {fact.text}" for fact in self.facts)))


def message_for(finding: Finding, account_url: str | None = None, key: str | None = None) -> Message:
    """The message about a finding of an account; its key is the finding's `uid`, if the outbox gives no other.

    Another key means that the finding has opened again. Facts that are unknown or empty are left out.
    """
    reopened = key is not None and key != finding.uid
    said = describe(finding, account_url)
    facts = (
        Fact("remedy", "Next", said.remedy),
        Fact("object_link", "Object in Zendesk", said.object_link),
        Fact("event_link", "Last event in Zendesk", said.event_link),
        Fact("rule", "Rule", _plain(finding.rule)),
        Fact("actor", "Actor", _named(finding.actor_name, finding.actor_id)),
        Fact("object", "Object", _named(finding.object_label, finding.object_id, finding.object_type)),
        Fact("ip_address", "Address", _plain(finding.ip_address)),
        Fact("first_event_at", "First event", _moment(finding.first_event_at)),
        Fact("last_event_at", "Last event", _moment(finding.last_event_at)),
        Fact("events", "Events", finding.events),
        Fact("event_ids", "Event ids", list(said.event_ids)),
        Fact("attack", "ATT&CK", [_plain(technique) for technique in finding.attack]),
        Fact("experimental", "Experimental rule", finding.experimental),
        Fact("reopened_at", "Opened again", _moment(finding.found_at) if reopened else ""),
        Fact("uid", "Finding", finding.uid if reopened else ""),
    )
    return Message(
        "finding",
        key or finding.uid,
        finding.severity,
        _plain(finding.title, _TITLE_LENGTH),
        said.sentence,
        tuple(fact for fact in facts if fact.value),
        said.account,
    )


def message_for_suppressed(severity_by_key: Mapping[str, str], account_url: str | None = None) -> Message:
    """One message that counts findings by severity instead of one message for each; its key follows from their keys."""
    severities = list(severity_by_key.values())
    counts = {level: severities.count(level) for level in reversed(SEVERITIES) if level in severities}
    listed = ", ".join(f"{count:,} {level}" for level, count in counts.items())
    return Message(
        "suppressed",
        sha256(" ".join(sorted(severity_by_key)).encode()).hexdigest(),
        next(iter(counts)),
        f"{len(severity_by_key):,} more findings suppressed",
        f"Too many findings at once. This message stands for {listed}; the table findings lists them.",
        (Fact("suppressed", "Suppressed", len(severity_by_key)), *_by_severity(counts.items())),
        host_of(account_url),
    )


def _by_severity(counts: Iterable[tuple[str, int]]) -> Iterable[Fact]:
    return (Fact(level, level.capitalize(), count) for level, count in counts)


def _named(name: str | None, number: int | None, kind: str | None = None) -> str:
    """Name and id, such as `Ada Admin (123)`, or the one that is known."""
    identity = ":".join(str(part) for part in (kind and _plain(kind), number) if part is not None)
    label = _plain(name)
    return f"{label} ({identity})" if label and identity else label or identity


def _moment(instant: datetime) -> str:
    return f"{instant.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _plain(text: str | None, longest: int = _LABEL_LENGTH) -> str:
    """The text on one line; masked first and cut afterwards."""
    return one_line(mask_cut(text or ""), longest)
