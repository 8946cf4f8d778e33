"""An HTTP response, and the times in its headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property

from zendesk_audit_assets.zendesk.errors import ClockSkew

MAX_CLOCK_SKEW = timedelta(minutes=15)


@dataclass(frozen=True)
class Response:
    """A response read to its end. Both times come from this machine's clock; header names may be in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at: datetime
    received_at: datetime

    @cached_property
    def server_time(self) -> datetime | None:
        """The Date header, in UTC; None without a usable one."""
        return _http_date(self.headers.get("Date", ""))

    @property
    def clock_ahead(self) -> float | None:
        """The seconds by which the server's clock is ahead of this machine's; None without a usable Date header."""
        return None if self.server_time is None else (self.server_time - self.received_at).total_seconds()

    def date(self) -> datetime:
        """Return the time that the response vouches for, in whole seconds of UTC: coverage is recorded by it.

        It is the smaller of the server's Date and of this machine's time when the request left: neither clock may
        vouch for seconds that the other has not seen. Without a usable Date, this machine's clock has to do. Raises
        `ClockSkew` if the Date lies more than 15 minutes before `sent_at` or after `received_at`.
        """
        sent_at = self.sent_at.replace(microsecond=0)
        date = self.server_time
        if date is None:
            return sent_at
        if not self.sent_at - MAX_CLOCK_SKEW <= date <= self.received_at + MAX_CLOCK_SKEW:
            raise ClockSkew(
                f"Zendesk's clock shows {date:%Y-%m-%d %H:%M:%S} UTC and this machine's "
                f"{self.received_at:%Y-%m-%d %H:%M:%S} UTC: more than 15 minutes apart.",
                "Correct this machine's clock (NTP).",
            )
        return min(date, sent_at)

    def retry_after(self) -> float | None:
        """Return the seconds of Retry-After, a number or a date; None without the header, which even a 429 may lack."""
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return float(value)
        until = _http_date(value)
        if until is None:
            return None
        now = self.server_time or self.received_at
        return max(0.0, (until - now).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (TypeError, ValueError, OverflowError):
        return None
