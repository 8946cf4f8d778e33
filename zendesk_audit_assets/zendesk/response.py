"""An HTTP response, and the times in its headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from zendesk_audit_assets.zendesk.errors import ClockSkew, malformed

MAX_CLOCK_SKEW = timedelta(minutes=15)


@dataclass(frozen=True)
class Response:
    """A response read to its end. Both times come from this machine's clock; header names may be in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at: datetime
    received_at: datetime

    def date(self) -> datetime:
        """Return the server's time of the response, in UTC: coverage is recorded by it.

        Raises `MalformedResponse` without a usable Date header, and `ClockSkew` if the time lies more than 15 minutes
        before `sent_at` or after `received_at`.
        """
        date = _http_date(self.headers.get("Date", ""))
        if date is None:
            raise malformed("The response carries no usable Date header")
        if not self.sent_at - MAX_CLOCK_SKEW <= date <= self.received_at + MAX_CLOCK_SKEW:
            raise ClockSkew(
                f"Zendesk's clock shows {date:%Y-%m-%d %H:%M:%S} UTC and this machine's "
                f"{self.received_at:%Y-%m-%d %H:%M:%S} UTC: more than 15 minutes apart.",
                "Correct this machine's clock (NTP).",
            )
        return date

    def retry_after(self) -> float | None:
        """Return the seconds of Retry-After, a number or a date; None without the header, which even a 429 may lack."""
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
