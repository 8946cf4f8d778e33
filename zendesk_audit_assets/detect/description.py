"""A finding in the words of a colleague: who did what to what, from where, when, and what to do next.

The one place that builds these words: alerts, `zendesk-audit findings show` and pages say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from zendesk_audit_assets.address import parse_address
from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.masking import mask_cut
from zendesk_audit_assets.text import one_line

_LONGEST = 1_000
# More ids than this help no reader; the finding in the warehouse has all.
_MAX_EVENT_IDS = 100

# Pages of Zendesk that show an object, by the kind of object and its id.
_PAGES = {
    "automation": "admin/objects-rules/rules/automations/{}",
    "macro": "admin/workspaces/agent-workspace/macros/{}",
    "organization": "agent/organizations/{}/tickets",
    "ticket": "agent/tickets/{}",
    "trigger": "admin/objects-rules/rules/triggers/{}",
    "user": "agent/users/{}",
    "user_setting": "agent/users/{}",
    "view": "admin/workspaces/agent-workspace/views/{}",
}


@dataclass(frozen=True)
class Description:
    """What to say of a finding. Every text is masked and on one line; an unknown one is empty.

    `account`: the host of the account, such as acme.zendesk.com. `remedy`: what to do next. `event_ids`: at most 100.
    `object_link` opens the object in Zendesk, which may be deleted by now; `event_link` the last event, in Zendesk's
    API.
    """

    account: str
    sentence: str
    remedy: str
    when: str
    event_ids: tuple[int, ...]
    object_link: str
    event_link: str

    @property
    def as_text(self) -> str:
        """The description for people, a line for each thing to say."""
        more = "" if len(self.event_ids) < _MAX_EVENT_IDS else ", …"
        labelled = {
            "Next": self.remedy,
            "When": self.when,
            "Account": self.account,
            "Events": ", ".join(map(str, self.event_ids)) + more,
            "Object": self.object_link,
            "Last event": self.event_link,
        }
        return "\n".join([self.sentence, *(f"{label}: {text}" for label, text in labelled.items() if text)])


def describe(finding: Finding, account_url: str | None) -> Description:
    """Describe a finding of the account at this address; without one there are no links."""
    base, host = (account_url or "").rstrip("/"), host_of(account_url)
    page = _PAGES.get(finding.object_type or "") if finding.object_id is not None else None
    return Description(
        account=host,
        sentence=one_line(mask_cut(finding.explanation), _LONGEST),
        remedy=one_line(mask_cut(finding.remedy or ""), _LONGEST),
        when=_when(finding.first_event_at, finding.last_event_at),
        event_ids=finding.event_ids[:_MAX_EVENT_IDS],
        object_link=f"{base}/{page.format(finding.object_id)}" if host and page else "",
        event_link=f"{base}/api/v2/audit_logs/{finding.event_ids[-1]}.json" if host and finding.event_ids else "",
    )


def host_of(account_url: str | None) -> str:
    """The host of an account's address, such as acme.zendesk.com; empty for what is no address."""
    address = parse_address((account_url or "").rstrip("/"))
    return address.host if address else ""


def _when(first: datetime, last: datetime) -> str:
    begin, end = (f"{instant.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}" for instant in (first, last))
    return f"{begin} UTC" if begin == end else f"{begin} to {end[11:] if end[:10] == begin[:10] else end} UTC"
