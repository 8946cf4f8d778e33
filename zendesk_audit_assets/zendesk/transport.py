"""One request over HTTP: paced, bounded in time and size, tried again where that helps, judged by its answer."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NoReturn, TypeVar

import requests
import tenacity
import urllib3.exceptions

from zendesk_audit_assets.zendesk.budget import NOTABLE_WAIT_S, RateBudget, RateLimit
from zendesk_audit_assets.zendesk.credentials import (
    Account,
    ApiToken,
    secrets_of,
    spellings,
)
from zendesk_audit_assets.zendesk.errors import (
    BadAccountSettings,
    MalformedAnswer,
    Purpose,
    RateLimited,
    UntrustedCertificate,
    WrongSubdomain,
    ZendeskDown,
    ZendeskError,
    error_for,
    malformed,
)
from zendesk_audit_assets.zendesk.messages import describe_body
from zendesk_audit_assets.zendesk.response import Answer

logger = logging.getLogger("zendesk_audit_assets.zendesk")

USER_AGENT = "zendesk-audit-assets"

# A page of 100 records is some 60 kB; anything near this is no answer of Zendesk's (or a decompression bomb).
MAX_BODY_BYTES = 64 * 2**20

# A 429 without Retry-After: the limit is counted per minute.
UNTOLD_RETRY_AFTER_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class RetryLimits:
    """How often, and for how many seconds in all, one request is tried; and the longest single back-off."""

    attempts: int = 6
    total_s: float = 600.0
    longest_backoff_s: float = 60.0


DEFAULT_RETRY = RetryLimits()


@dataclass(frozen=True)
class Usage:
    """What has been spent: requests sent (tokens and retries included), retries among them, seconds waited."""

    requests: int
    retries: int
    seconds_waited: float


class Transport:
    """Sends requests for one account. Usable from several threads: each has its own connections."""

    def __init__(
        self,
        account: Account,
        budget: RateBudget,
        timeouts: tuple[float, float],
        retry: RetryLimits,
        wait: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._account = account
        self._budget = budget
        self._timeouts = timeouts
        self._retry = retry
        self._wait = wait
        self._clock = clock
        self._secrets = set(secrets_of(account.credentials))
        self._lock = threading.Lock()
        self._usage = Usage(0, 0, 0.0)
        self._reached = False
        self._rate_limit: RateLimit | None = None
        self._thread = threading.local()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()

    def exchange(
        self,
        method: str,
        url: str,
        read: Callable[[Answer], T],
        *,
        purpose: Purpose,
        authorization: str | None = None,
        json: Any = None,
    ) -> T:
        """Send the request until `read` accepts its answer, within the retry limits.

        Raises what `errors.error_for` says of the answer's status, what `read` raises, or `ZendeskDown`,
        `WrongSubdomain` and `UntrustedCertificate` when there is no answer at all.
        """

        def attempt() -> T:
            self._spend(waited=self._budget.acquire())
            answer = self._send(method, url, authorization, json)
            seen = self._budget.observe(answer.headers)
            if seen is not None:
                self._rate_limit = seen
            if answer.status != 200 and not (answer.status == 201 and purpose == "token"):
                raise self._refusal(answer, purpose)
            return read(answer)

        return self._retrying()(attempt)

    def keep_secret(self, secret: str) -> None:
        """Never repeat this in a message, should a server echo it."""
        with self._lock:
            self._secrets = self._secrets.union(spellings(secret))

    def told(self, answer: Answer) -> str:
        """What the answer's body says, in one line."""
        return describe_body(answer.body, self._secrets)

    @property
    def usage(self) -> Usage:
        return self._usage

    @property
    def rate_limit(self) -> RateLimit | None:
        """The account's request limit as the last answer told it."""
        return self._rate_limit

    @property
    def sent_by_this_thread(self) -> int:
        sent: int = getattr(self._thread, "sent", 0)
        return sent

    def close(self) -> None:
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()

    def _retrying(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((RateLimited, ZendeskDown, MalformedAnswer)),
            stop=self._is_enough,
            wait=self._wait_before_next,
            before_sleep=self._announce,
            sleep=self._sleep,
            retry_error_callback=_give_up,
        )

    def _wait_before_next(self, state: tenacity.RetryCallState) -> float:
        error = _error_of(state)
        if error.retry_after is not None:
            return max(1.0, error.retry_after)
        if isinstance(error, RateLimited):
            left = self._retry.total_s - _elapsed(state)
            return max(1.0, min(UNTOLD_RETRY_AFTER_S, left))
        return tenacity.wait_exponential_jitter(initial=1, max=self._retry.longest_backoff_s)(state)

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        last = state.attempt_number >= self._retry.attempts
        return last or _elapsed(state) + state.upcoming_sleep > self._retry.total_s

    def _announce(self, state: tenacity.RetryCallState) -> None:
        error, seconds = _error_of(state), state.upcoming_sleep
        if isinstance(error, RateLimited) or error.retry_after is not None:
            self._budget.pause(seconds)  # it holds for the account, so for every thread
        if seconds > NOTABLE_WAIT_S:
            attempt = f"attempt {state.attempt_number + 1} of {self._retry.attempts}"
            logger.warning("%s Waiting %.0f s before %s.", error.cause, seconds, attempt)
        self._spend(retries=1)

    def _sleep(self, seconds: float) -> None:
        self._wait(seconds)
        self._spend(waited=seconds)

    def _send(self, method: str, url: str, authorization: str | None, json: Any) -> Answer:
        self._spend(sent=1)
        sent_at = self._now()
        session, environment = self._session()
        try:
            # Prepared by itself: a session would look for credentials for this host in a .netrc file.
            request = requests.PreparedRequest()
            headers = session.headers if authorization is None else {**session.headers, "Authorization": authorization}
            request.prepare(method, url, headers=headers, json=json)
            with session.send(request, timeout=self._timeouts, allow_redirects=False, **environment) as response:
                body = self._read(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as fault:
            raise self._no_answer(fault) from None  # the chain may hold a proxy's password
        self._reached = True
        return Answer(response.status_code, response.headers, body, sent_at, self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), timezone.utc)

    def _session(self) -> tuple[requests.Session, dict[str, Any]]:
        """This thread's session, and what the environment says of proxies and certificates: looked up once."""
        if not hasattr(self._thread, "session"):
            session = requests.Session()
            session.headers.update({"Accept": "application/json", "User-Agent": USER_AGENT})
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            # A proxy of the environment would see what is sent unencrypted to this machine's own emulator.
            session.trust_env = self._account.url.startswith("https:")
            environment = session.merge_environment_settings(self._account.url, {}, True, None, None)
            self._thread.session = session, environment
            with self._lock:
                self._sessions.add(session)
        return self._thread.session  # type: ignore[no-any-return]

    def _read(self, response: requests.Response) -> bytes:
        # The read timeout starts anew with every byte; a body that trickles would never end.
        deadline = time.monotonic() + 4 * self._timeouts[1]
        body = bytearray()
        while chunk := response.raw.read1(2**16, decode_content=True):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise malformed(f"The answer is longer than {MAX_BODY_BYTES} bytes")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout(f"the body took more than {4 * self._timeouts[1]:g} s")
        return bytes(body)

    def _refusal(self, answer: Answer, purpose: Purpose) -> ZendeskError:
        credentials = self._account.credentials
        return error_for(
            answer.status,
            self.told(answer),
            purpose=purpose,
            url=self._account.url,
            settings=credentials.settings,
            bearer=not isinstance(credentials, ApiToken),
            retry_after=answer.retry_after() if answer.status in (429, 503) else None,
        )

    def _no_answer(self, fault: Exception) -> ZendeskError:
        url = self._account.url
        if isinstance(fault, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
            return BadAccountSettings(
                f"A request to {url} cannot be sent: its address or the proxy's is not valid.",
                "Check ZENDESK_BASE_URL and HTTPS_PROXY.",
            )
        known = self._reached or isinstance(fault, requests.exceptions.ProxyError)  # else it may not exist
        for cause in _chain(fault):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return UntrustedCertificate(
                    f"The TLS certificate of {url} is not trusted ({cause.verify_message}).",
                    "If a company proxy inspects TLS, name its CA bundle in REQUESTS_CA_BUNDLE.",
                )
            if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN and not known:
                return WrongSubdomain(
                    f"There is no host of the name in {url}.",
                    "Set ZENDESK_SUBDOMAIN to the part of the account's address before .zendesk.com, "
                    "and check that this machine is online.",
                )
        *_, innermost = _chain(fault)
        why = describe_body(str(innermost).encode(), self._secrets) or type(innermost).__name__
        return ZendeskDown(f"No answer from {url} ({why}).", "Try again later; check the network and its proxy.")

    def _spend(self, *, sent: int = 0, retries: int = 0, waited: float = 0.0) -> None:
        self._thread.sent = self.sent_by_this_thread + sent
        with self._lock:
            used = self._usage
            self._usage = Usage(used.requests + sent, used.retries + retries, used.seconds_waited + waited)


def _error_of(state: tenacity.RetryCallState) -> ZendeskError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, ZendeskError)
    return error


def _elapsed(state: tenacity.RetryCallState) -> float:
    # The larger of clock and sum: they differ where the wait is not real.
    return max(state.seconds_since_start or 0.0, state.idle_for)


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    error = _error_of(state)
    if state.attempt_number == 1:
        raise error
    tried = f"It was tried {state.attempt_number} times in {_elapsed(state):.0f} s."
    raise type(error)(f"{error.cause} {tried}", error.remedy, retry_after=error.retry_after)


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """The fault and what led to it, outermost first: requests wraps urllib3, which wraps sockets."""
    error: BaseException | None = fault
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
