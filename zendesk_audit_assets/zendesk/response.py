"""An HTTP answer, and what its headers say about time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from zendesk_audit_assets.zendesk.errors import ClockSkew, malformed

MAX_CLOCK_SKEW = timedelta(minutes=15)


@dataclass(frozen=True)
class Answer:
    """An answer read to its end; both times are this machine's. Header names may be in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at: datetime
    received_at: datetime

    def date(self) -> datetime:
        """When the server answered, in UTC.

        Raises `MalformedAnswer` without a usable Date header, `ClockSkew` if it lies more than 15 minutes outside
        the time from our request to its answer: coverage is recorded by this moment.
        """
        date = _http_date(self.headers.get("Date", ""))
        if date is None:
            raise malformed("The answer carries no usable Date header")
        if not self.sent_at - MAX_CLOCK_SKEW <= date <= self.received_at + MAX_CLOCK_SKEW:
            raise ClockSkew(
                f"Zendesk's clock says {date:%Y-%m-%d %H:%M:%S} UTC, "
                f"this machine's {self.received_at:%Y-%m-%d %H:%M:%S} UTC: more than 15 minutes apart.",
                "Correct this machine's clock (NTP).",
            )
        return date

    def retry_after(self) -> float | None:
        """The wait in seconds that the server asks for, given as a number or as a date.

        None if it asks for none: the header may be missing even from a 429.
        """
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return float(value)
        until = _http_date(value)
        if until is None:
            return None
        now = _http_date(self.headers.get("Date", "")) or self.received_at
        return max(0.0, (until - now).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (TypeError, ValueError, OverflowError):
        return None
