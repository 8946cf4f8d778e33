"""One request over HTTP: paced, bounded in time and size, retried where that helps.

The library beneath is requests: users already configure it (REQUESTS_CA_BUNDLE, HTTPS_PROXY, NO_PROXY). Three of its
habits are switched off here: it sends credentials of a .netrc file, keeps cookies, and bounds no body in size or time.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NoReturn, TypeVar

import requests
import tenacity
import urllib3.exceptions

from zendesk_audit_assets.deadline import NOTABLE_WAIT_S, within
from zendesk_audit_assets.zendesk.budget import RateBudget, RateLimit
from zendesk_audit_assets.zendesk.credentials import ZendeskAccount, spellings
from zendesk_audit_assets.zendesk.error_message import describe_body
from zendesk_audit_assets.zendesk.errors import (
    LargeResponse,
    MalformedResponse,
    Purpose,
    RateLimited,
    ZendeskDown,
    ZendeskError,
    error_for,
    malformed,
)
from zendesk_audit_assets.zendesk.no_response import no_response, require_ca_bundle
from zendesk_audit_assets.zendesk.response import Response
from zendesk_audit_assets.zendesk.stopping import NEVER, Wait, require_going, wait

logger = logging.getLogger("zendesk_audit_assets.zendesk")

USER_AGENT = "zendesk-audit-assets"

# What 100 records with the longest texts can be; most pages have some 60 kB. A longer body is no page.
MAX_BODY_BYTES = 8 * 2**20

# One deadline over each exchange, from the connection to the last byte, in read timeouts.
EXCHANGE_TIMEOUTS = 4

# A 429 without Retry-After: the limit is counted per minute.
UNTOLD_RETRY_AFTER_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class RetryLimits:
    """The limits of one request: attempts, seconds over all attempts, and seconds of the longest back-off."""

    attempts: int = 6
    total_s: float = 600.0
    longest_backoff_s: float = 60.0


DEFAULT_RETRY = RetryLimits()


@dataclass(frozen=True)
class Usage:
    """Requests sent (tokens and retries included), retries among them, and seconds waited."""

    requests: int
    retries: int
    seconds_waited: float


class Transport:
    """Sends requests for one account. Usable from several threads: each has its own connections."""

    def __init__(
        self,
        account: ZendeskAccount,
        budget: RateBudget,
        timeouts: tuple[float, float],
        retry: RetryLimits,
        sleep: Wait | None,
        clock: Callable[[], float],
    ) -> None:
        self._account = account
        self._budget = budget
        self._timeouts = timeouts
        self._retry = retry
        self._sleep = sleep
        self._clock = clock
        self._secrets = set(account.credentials.secrets())
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
        read: Callable[[Response], T],
        *,
        purpose: Purpose,
        authorization: str | None = None,
        json: Any = None,
        stop: threading.Event = NEVER,
        retry: RetryLimits | None = None,
    ) -> T:
        """Send the request until `read` accepts the response, within the retry limits; return what `read` returns.

        Raises the error that `errors.error_for` gives for the response's status, the errors of `read`, `ZendeskDown`,
        `WrongSubdomain` or `UntrustedCertificate` without a response, and `Stopped` once `stop` is set: a wait ends at
        once, a request in flight at its timeout at the latest.
        """

        def attempt() -> T:
            require_going(stop)
            self._spend(waited=self._budget.acquire(stop))
            response = self._send(method, url, authorization, json, stop)
            seen = self._budget.observe(response.headers)
            if seen is not None:
                self._rate_limit = seen
            if response.status != 200 and not (response.status == 201 and purpose == "token"):
                raise self._refusal(response, purpose)
            try:
                return read(response)
            except MalformedResponse as error:
                error.body = response.body
                raise

        return self._retrying(stop, retry or self._retry)(attempt)

    def keep_secret(self, secret: str) -> None:
        """Mask this in every message, in case a server echoes it."""
        with self._lock:
            self._secrets = self._secrets.union(spellings(secret))

    def message(self, response: Response) -> str:
        """The message in the response's body, in one line."""
        return describe_body(response.body, self._secrets)

    @property
    def usage(self) -> Usage:
        return self._usage

    @property
    def rate_limit(self) -> RateLimit | None:
        """The account's request limit by the last response."""
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

    def _retrying(self, stop: threading.Event, limits: RetryLimits) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: (
                    isinstance(error, (RateLimited, ZendeskDown, MalformedResponse))
                    and not isinstance(error, LargeResponse)
                )
            ),
            stop=partial(_is_enough, limits),
            wait=partial(_wait_before_next, limits),
            before_sleep=partial(self._announce, limits),
            sleep=lambda seconds: self._back_off(seconds, stop),
            retry_error_callback=_give_up,
        )

    def _announce(self, limits: RetryLimits, state: tenacity.RetryCallState) -> None:
        error, seconds = _error_of(state), state.upcoming_sleep
        if isinstance(error, RateLimited) or error.retry_after is not None:
            self._budget.pause(seconds)  # it holds for the account, so for every thread
        if seconds > NOTABLE_WAIT_S:
            attempt = f"attempt {state.attempt_number + 1} of {limits.attempts}"
            logger.warning("%s Waiting %.0f s before %s.", error.cause, seconds, attempt)
        self._spend(retries=1)

    def _back_off(self, seconds: float, stop: threading.Event) -> None:
        wait(seconds, stop, self._sleep)
        self._spend(waited=seconds)

    def _send(self, method: str, url: str, authorization: str | None, json: Any, stop: threading.Event) -> Response:
        self._spend(sent=1)
        sent_at = self._now()
        session, environment = self._session()
        try:
            # Prepared by itself: a session would look for credentials for this host in a .netrc file.
            request = requests.PreparedRequest()
            headers = session.headers if authorization is None else {**session.headers, "Authorization": authorization}
            request.prepare(method, url, headers=headers, json=json)
            seconds = EXCHANGE_TIMEOUTS * self._timeouts[1]
            deadline = time.monotonic() + seconds

            def exchange() -> tuple[requests.Response, bytes]:
                with session.send(request, timeout=self._timeouts, allow_redirects=False, **environment) as response:
                    return response, _read(response, deadline, stop)

            response, body = within(seconds, exchange, "zendesk-exchange")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as fault:
            if isinstance(fault, TimeoutError):
                del self._thread.session  # the exchange that was cut off may still use it
            # The chain may hold a proxy's password.
            raise no_response(fault, self._account.url, self._reached, self._secrets) from None
        self._reached = True
        return Response(response.status_code, response.headers, body, sent_at, self._now())

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
            require_ca_bundle(environment["verify"])
            self._thread.session = session, environment
            with self._lock:
                self._sessions.add(session)
        return self._thread.session  # type: ignore[no-any-return]

    def _refusal(self, response: Response, purpose: Purpose) -> ZendeskError:
        credentials = self._account.credentials
        return error_for(
            response.status,
            self.message(response),
            purpose=purpose,
            url=self._account.url,
            settings=credentials.settings,
            bearer=credentials.bearer,
            retry_after=response.retry_after() if response.status in (429, 503) else None,
            challenged=response.headers.get("cf-mitigated", "") == "challenge",
        )

    def _spend(self, *, sent: int = 0, retries: int = 0, waited: float = 0.0) -> None:
        self._thread.sent = self.sent_by_this_thread + sent
        with self._lock:
            used = self._usage
            self._usage = Usage(used.requests + sent, used.retries + retries, used.seconds_waited + waited)


def _read(response: requests.Response, deadline: float, stop: threading.Event) -> bytes:
    body = bytearray()
    while chunk := response.raw.read1(2**16, decode_content=True):
        require_going(stop)
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            error = malformed(f"The response is longer than {MAX_BODY_BYTES:,} bytes", LargeResponse)
            error.body = bytes(body)
            raise error
        if time.monotonic() > deadline:
            raise TimeoutError("the body does not end")
    return bytes(body)


def _error_of(state: tenacity.RetryCallState) -> ZendeskError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, ZendeskError)
    return error


def _wait_before_next(limits: RetryLimits, state: tenacity.RetryCallState) -> float:
    error = _error_of(state)
    if error.retry_after is not None:
        return max(1.0, error.retry_after)
    if isinstance(error, RateLimited):
        left = limits.total_s - _elapsed(state)
        return max(1.0, min(UNTOLD_RETRY_AFTER_S, left))
    return tenacity.wait_exponential_jitter(initial=1, max=limits.longest_backoff_s)(state)


def _is_enough(limits: RetryLimits, state: tenacity.RetryCallState) -> bool:
    last = state.attempt_number >= limits.attempts
    return last or _elapsed(state) + state.upcoming_sleep > limits.total_s


def _elapsed(state: tenacity.RetryCallState) -> float:
    # The larger of clock and sum: they differ where the wait is not real.
    return max(state.seconds_since_start or 0.0, state.idle_for)


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    error = _error_of(state)
    if state.attempt_number == 1:
        raise error
    tries = f"Gave up after {state.attempt_number} attempts in {_elapsed(state):.0f} s."
    raise type(error)(f"{error.cause} {tries}", error.remedy, retry_after=error.retry_after, body=error.body)
