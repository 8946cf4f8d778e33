"""Connections to receivers of alerts. The address that is checked is the one that is connected to.

A name is resolved once: what it may resolve to a moment later does not matter. Redirects are not followed, and no
proxy of the environment is used, because either would lead to an address that nobody has checked.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from zendesk_audit_assets.alert.errors import NotDelivered, PrivateTarget, Undeliverable
from zendesk_audit_assets.masking import mask
from zendesk_audit_assets.zendesk.error_message import describe_body

USER_AGENT = "zendesk-audit-assets"

# For each wait for the network; and for one message in all, however slowly a receiver trickles its answer.
TIMEOUT_S = 10.0
MESSAGE_S = 30.0

_MAX_ANSWER_BYTES = 4_096
# Statuses after which the same request may succeed: timeout, too early, too many.
_TRANSIENT = frozenset({408, 425, 429})
_SHORTEST_SECRET = 8
# Where IPv6 carries an IPv4 address that a gateway goes on to (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Network:
    """The network to send alerts through; private, loopback and link-local addresses only where that is allowed."""

    allow_private: bool = False

    def connect(self, host: str, port: int, timeout: float = TIMEOUT_S) -> socket.socket:
        """A connection to an address of `host`. Raises `PrivateTarget`, or `OSError` when nobody answers."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        refused = [] if self.allow_private else [address for address in addresses if not is_public(address)]
        if refused:
            raise PrivateTarget(
                f"{host} is {refused[0]}, an address that is not on the public internet.",
                "Set ZENDESK_ALERT_ALLOW_PRIVATE to on if alerts are meant to go there.",
            )
        for address in addresses[:-1]:
            with suppress(OSError):  # the next address may answer
                return socket.create_connection((address, port), timeout)
        return socket.create_connection((addresses[-1], port), timeout)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], secrets: tuple[str, ...] = ()) -> None:
        """Send a POST request, once. What `url` holds beside the host is kept out of every message, as `secrets` are.

        Raises `NotDelivered` when it may help to try again: no answer, a server's error, too many requests.
        Raises `Undeliverable` for any other refusal, redirects included, and `PrivateTarget`.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        hidden = (*secrets, *_secrets_of(url))
        credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        authorization = {"Authorization": f"Basic {b64encode(credentials.encode()).decode()}"}
        connection = (
            _Https(self, host, parts.port or 443) if parts.scheme == "https" else _Http(self, host, parts.port or 80)
        )
        try:
            connection.connect()
            with cut_off_after(MESSAGE_S, connection.sock):
                connection.request(
                    "POST",
                    f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
                    body,
                    {"User-Agent": USER_AGENT, **(authorization if parts.username else {}), **headers},
                )
                answer = connection.getresponse()
                said = answer.read(_MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as fault:
            raise no_answer(host, fault, hidden) from None  # its chain may hold what is hidden
        finally:
            connection.close()
        if answer.status >= 300:
            raise _refusal(host, answer.status, in_words(said, hidden))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, looking through what merely wraps another address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@contextmanager
def cut_off_after(seconds: float, connected: socket.socket) -> Iterator[None]:
    """Shut the connection down when the block takes longer: a timeout starts anew with every byte.

    Raises `TimeoutError` also where half an answer passes for a whole one.
    """
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        with suppress(OSError):  # it has just been closed
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if was_cut.is_set():
        raise TimeoutError(f"it took more than {seconds:g} s")


def tls_context() -> ssl.SSLContext:
    """Trusts what `requests` trusts: REQUESTS_CA_BUNDLE where it is set, else the usual authorities."""
    with requests.Session() as session:
        chosen = session.merge_environment_settings("https://", {}, None, None, None)["verify"]
    return ssl.create_default_context(cafile=chosen if isinstance(chosen, str) else DEFAULT_CA_BUNDLE_PATH)


def no_answer(host: str, fault: Exception, hidden: tuple[str, ...]) -> NotDelivered:
    """The error for a conversation that broke off."""
    why = in_words(str(fault).encode(), hidden) or type(fault).__name__
    return NotDelivered(f"No answer from {host} ({why}).", "It will be tried again; check the address and the network.")


def in_words(said: bytes, hidden: tuple[str, ...]) -> str:
    """What a receiver says, in one line; masked before it is cut, and without what is `hidden`."""
    return describe_body(mask(said.decode(errors="replace")).encode(), hidden)


class _Http(http.client.HTTPConnection):
    def __init__(self, network: Network, host: str, port: int) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self._network = network

    def connect(self) -> None:
        self.sock = self._network.connect(self.host, self.port)


class _Https(http.client.HTTPSConnection):
    def __init__(self, network: Network, host: str, port: int) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self._network = network

    def connect(self) -> None:
        plain = self._network.connect(self.host, self.port)
        self.sock = tls_context().wrap_socket(plain, server_hostname=self.host)


def _secrets_of(url: str) -> tuple[str, ...]:
    """All of an address but its host: whoever knows a webhook's path can post to it."""
    parts = urlsplit(url)
    whole = (url, parts.path, parts.query, parts.username, parts.password, *dict(parse_qsl(parts.query)).values())
    # A short part of a path, such as `hook`, is no secret by itself, and an ordinary word.
    steps = (step for step in parts.path.split("/") if len(step) >= _SHORTEST_SECRET)
    return tuple(piece for piece in (*whole, *steps) if piece and piece != "/")


def _refusal(host: str, status: int, told: str) -> NotDelivered | Undeliverable:
    said = f"{host} answered {status}{f' ({told})' if told else ''}."
    if status >= 500 or status in _TRANSIENT:
        return NotDelivered(said, "It will be tried again.")
    if status < 400:
        return Undeliverable(f"{said} Redirects are not followed.", "Set the address that it redirects to.")
    return Undeliverable(said, "Check the address and the key that are set for this channel.")
