"""The audit log of one account, page by page."""

from __future__ import annotations

import json
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.zendesk.budget import RateBudget, RateLimit
from zendesk_audit_assets.zendesk.credentials import ZendeskAccount
from zendesk_audit_assets.zendesk.errors import (
    BadCredentials,
    ExpiredToken,
    ForeignLink,
    LargeResponse,
    Purpose,
    RepeatedCursor,
    ZendeskDown,
    ZendeskError,
    malformed,
)
from zendesk_audit_assets.zendesk.response import Response
from zendesk_audit_assets.zendesk.stopping import NEVER, Wait
from zendesk_audit_assets.zendesk.tokens import authorization_for
from zendesk_audit_assets.zendesk.transport import DEFAULT_RETRY, RetryLimits, Transport, Usage

logger = logging.getLogger("zendesk_audit_assets.zendesk")

PATH = "/api/v2/audit_logs"

# The most that cursor paging allows.
MAX_PAGE_SIZE = 100
PAGE_SIZE = MAX_PAGE_SIZE
# A page that is too large is requested again with a tenth of its records, down to one; later pages double again.
SHRINK, GROW = 10, 2

# Nothing depends on the count.
COUNT_RETRY = RetryLimits(attempts=2)

# Commas and brackets of a page, in its texts as well; a usual one has some 2,000.
MAX_VALUES = 200_000

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """One page of the log.

    `records` come from a fast decoder, unchecked: integers beyond 64 bits may be rounded. `body` is the JSON of the
    response, byte for byte, `date` the server's Date (UTC), `requests` the cost of the page, retries and token renewals
    included.
    """

    records: list[Any]
    body: bytes
    has_more: bool
    date: datetime
    requests: int

    def records_exactly(self) -> list[Any]:
        """Decode the records again without rounding: a number that Python cannot hold becomes its text."""
        records: list[Any] = json.loads(_text(self.body), parse_int=_int_or_text, parse_float=_float_or_text)[
            "audit_logs"
        ]
        return records


@dataclass(frozen=True)
class Probe:
    """The result of one request. Its existence proves that credentials, role, plan and scope are good."""

    date: datetime
    rate_limit: RateLimit | None
    newest: Any


class ZendeskClient:
    """Reads one account's audit log. Several threads may call every method at once.

    `share` is the part of the account's request limit to use (ignored with a `limiter`), `timeouts` are seconds to
    connect and to wait for each part of a response, `wait` replaces the sleep between attempts in tests, `clock` gives
    this machine's time in epoch seconds. Every method that sends a request raises `ZendeskError`s, after the retries
    that `retry` allows.
    """

    def __init__(
        self,
        account: ZendeskAccount,
        *,
        share: float = 0.5,
        limiter: RateBudget | None = None,
        timeouts: tuple[float, float] = (5, 30),
        retry: RetryLimits = DEFAULT_RETRY,
        wait: Wait | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.account = account
        self._url = account.url + PATH
        self._clock = clock
        self._undated = False
        self._clock_ahead: float | None = None
        budget = limiter or RateBudget(share, sleep=wait)
        self._transport = Transport(account, budget, timeouts, retry, wait, clock)
        self._authorization = authorization_for(account, self._transport)

    def now(self) -> datetime:
        """Return the time of this machine's clock, in UTC."""
        return datetime.fromtimestamp(self._clock(), timezone.utc)

    def pages(
        self,
        start: datetime,
        end: datetime,
        stop: threading.Event = NEVER,
        *,
        newest_first: bool = False,
        alone: bool = False,
        retry: RetryLimits | None = None,
    ) -> Iterator[Page]:
        """Yield every page of the records of [start, end), oldest first, or newest first. Both must carry a time zone.

        Zendesk does not document whether its bounds are inclusive, so the request asks for a second more on either
        side: a page may hold records outside the window. `alone` asks for whole seconds without their neighbours;
        that finds all records only if the bounds are inclusive. A page is requested with fewer records if so many are
        too large and, with `alone`, if Zendesk fails at so many. `retry` replaces the limits of the client. Raises
        `CursorRejected`, `ForeignLink` and `RepeatedCursor` besides the errors of every method, and `Stopped` once
        another thread sets `stop`.
        """
        if start.tzinfo is None or end.tzinfo is None or start >= end:
            raise ValueError(f"not a window of moments with a time zone: {start} to {end}")
        margin = timedelta() if alone else timedelta(seconds=1)
        last = end - timedelta(seconds=1) + margin
        bounds = [_wire_time(start - margin), _wire_time(last + timedelta(microseconds=999_999))]
        sort = "-created_at" if newest_first else "created_at"
        url = self._list_url(PAGE_SIZE, sort, **{"filter[created_at][]": bounds})
        return self._follow(url, stop, retry, (LargeResponse, ZendeskDown) if alone else (LargeResponse,))

    def newest(self, size: int = 100) -> Page:
        """Return the newest records, newest first; one request, and fewer records if so many are too large."""
        return self._listing(self._list_url(size, "-created_at"), "list")[0]

    def oldest(self, size: int = 1) -> Page:
        """Return the oldest records, oldest first; one request."""
        return self._listing(self._list_url(size, "created_at"), "list")[0]

    def count(self) -> int:
        """Return the number of records in the log; one request, or two. Only offset paging tells it."""
        return self._get(
            f"{self._url}?per_page=1", lambda response: _read_count(self._decode(response)), "list", retry=COUNT_RETRY
        )

    def probe(self) -> Probe:
        """Ask for the newest record, to check the whole setup in one request."""
        page = self.newest(1)
        return Probe(page.date, self.last_rate_limit, page.records[0] if page.records else None)

    @property
    def last_rate_limit(self) -> RateLimit | None:
        """The account's request limit by the last response; None before the first, or if no response tells it."""
        return self._transport.rate_limit

    @property
    def clock_ahead(self) -> float | None:
        """The seconds by which Zendesk's clock was ahead of this machine's at the last page; None if unknown."""
        return self._clock_ahead

    @property
    def usage(self) -> Usage:
        """The requests and waits of this client so far, in all threads."""
        return self._transport.usage

    def close(self) -> None:
        """Close the connections of every thread."""
        self._transport.close()

    def __enter__(self) -> ZendeskClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _follow(
        self, url: str, stop: threading.Event, retry: RetryLimits | None, too_heavy: tuple[type[ZendeskError], ...]
    ) -> Iterator[Page]:
        page, link = self._listing(url, "list", stop, retry, too_heavy)
        yield page
        followed: set[int] = set()
        # Even the last page links to a next one: only `has_more` tells that it is the last.
        while page.has_more:
            if not link.startswith(f"{self._url}?") and _origin(link) != _origin(self._url):
                raise ForeignLink(
                    f"The link to the next page does not lead to {self._url.removesuffix(PATH)}.",
                    f"Set {Account.subdomain.name} to the account's own subdomain, "
                    f"and {Account.base_url.name} only to a server that writes links to itself.",
                )
            cursor = hash(_cursor(link))  # hashes, because a window may have very many pages
            if cursor in followed:
                raise RepeatedCursor(
                    f"Zendesk repeats a cursor after {len(followed) + 1} pages: paging would never end.",
                    "Try again later; if the error stays, ask Zendesk's support.",
                )
            followed.add(cursor)
            page, link = self._listing(link, "cursor", stop, retry, too_heavy)
            yield page

    def _listing(
        self,
        url: str,
        purpose: Purpose,
        stop: threading.Event = NEVER,
        retry: RetryLimits | None = None,
        too_heavy: tuple[type[ZendeskError], ...] = (LargeResponse,),
    ) -> tuple[Page, str]:
        """Return the page, and the link to the next one, "" after the last.

        After an error of `too_heavy` it requests fewer records, and the link asks for more of them again.
        """
        before = self._transport.sent_by_this_thread
        size = asked = _size(url)
        while True:
            try:
                (records, has_more, link), body, date = self._get(
                    url,
                    lambda response: (_read_listing(self._decode(response)), response.body, self._date(response)),
                    purpose,
                    stop,
                    retry,
                )
                break
            except too_heavy:
                if size == 1:
                    raise
                size = max(1, size // SHRINK)
                url = _with_size(url, size)
        if link and (size < asked or asked < PAGE_SIZE):
            link = _with_size(link, min(PAGE_SIZE, GROW * size))
        cost = self._transport.sent_by_this_thread - before
        return Page(records, body, has_more, date, cost), link

    def _get(
        self,
        url: str,
        read: Callable[[Response], T],
        purpose: Purpose,
        stop: threading.Event = NEVER,
        retry: RetryLimits | None = None,
    ) -> T:
        def get(header: str) -> T:
            return self._transport.exchange(
                "GET", url, read, purpose=purpose, authorization=header, stop=stop, retry=retry
            )

        header = self._authorization.header(stop)
        try:
            return get(header)
        except (BadCredentials, ExpiredToken):
            if not self._authorization.renew(header, stop):
                raise
        return get(self._authorization.header(stop))

    def _date(self, response: Response) -> datetime:
        if response.server_time is None and not self._undated:
            self._undated = True
            logger.warning("Zendesk's responses carry no usable Date header: this machine's clock has to be right.")
        self._clock_ahead = response.clock_ahead
        return response.date()

    def _decode(self, response: Response) -> dict[str, Any]:
        # Decoded, a body of nothing but brackets takes 80 times its size.
        if sum(map(response.body.count, (b"[", b"{", b","))) > MAX_VALUES:
            raise malformed("Zendesk's response holds more values than a page can", LargeResponse)
        try:
            content = _decode_json(response.body)
        except (ValueError, RecursionError):
            # A cut listing would quote records of the log.
            is_a_listing = response.body.lstrip()[:1] in (b"{", b"[") or b'":' in response.body
            message = "" if is_a_listing else self._transport.message(response)
            raise malformed(f"Zendesk's response is not JSON, or cut short{message and f' ({message})'}") from None
        if not isinstance(content, dict):
            raise malformed("Zendesk's response is not a JSON object")
        return content

    def _list_url(self, size: int, sort: str, **filters: list[str]) -> str:
        return f"{self._url}?{urlencode({'page[size]': size, 'sort': sort, **filters}, doseq=True)}"


def _decode_json(body: bytes) -> Any:
    """Decode quickly. The standard library accepts what orjson refuses: lone surrogates, numbers out of range."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(_text(body), parse_int=_int_or_float)


def _text(body: bytes) -> str:
    """Decode a body, with U+FFFD in place of bytes that are no text: they harm one text of one record, not its page."""
    return body.decode(json.detect_encoding(body), "replace")


def _int_or_float(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:  # Python converts no more than 4300 digits
        return float(text)


def _int_or_text(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:  # Python converts no more than 4300 digits
        return text


def _float_or_text(text: str) -> float | str:
    number = float(text)
    return text if math.isinf(number) else number


def _read_listing(content: dict[str, Any]) -> tuple[list[Any], bool, str]:
    records, meta, links = content.get("audit_logs"), content.get("meta"), content.get("links")
    if not isinstance(records, list):
        raise malformed("Zendesk's response has no list of audit_logs")
    if len(records) > MAX_PAGE_SIZE:
        raise malformed(f"Zendesk's response holds {len(records):,} records, more than a page can")
    if not isinstance(meta, dict) or not isinstance(meta.get("has_more"), bool):
        raise malformed("Zendesk's response does not tell whether there are more pages")
    if not meta["has_more"]:
        return records, False, ""
    link = links.get("next") if isinstance(links, dict) else None
    if not isinstance(link, str) or not link.isascii() or not link:
        raise malformed("Zendesk's response promises a next page without a link to it")
    return records, True, link


def _read_count(content: dict[str, Any]) -> int:
    count = content.get("count")
    if isinstance(count, dict):  # as in other lists of Zendesk
        count = count.get("value")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise malformed("Zendesk's response carries no count")
    return count


def _wire_time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


_SIZE = re.compile(r"([?&]page(?:\[|%5[Bb])size(?:\]|%5[Dd])=)([0-9]{1,3})(?![0-9])")


def _size(url: str) -> int:
    found = _SIZE.search(url)
    return int(found[2]) if found else PAGE_SIZE


def _with_size(url: str, size: int) -> str:
    changed, found = _SIZE.subn(rf"\g<1>{size}", url)
    return changed if found else f"{url}&page%5Bsize%5D={size}"


_CURSOR = re.compile(r"[?&]page(?:\[|%5[Bb])after(?:\]|%5[Dd])=([^&#]+)")


def _cursor(link: str) -> str:
    found = _CURSOR.search(link)
    return found[1] if found else link


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port, by the parser that requests itself uses; None if the address is not a plain one."""
    if "\\" in url or not url.isprintable() or " " in url:
        return None
    try:
        parts = parse_url(url)
    except LocationParseError:
        return None
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme or "")
    if parts.auth is not None or not parts.scheme or not parts.host or port is None:
        return None
    return parts.scheme, parts.host, port
