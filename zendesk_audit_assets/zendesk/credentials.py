"""A Zendesk account, and the ways to authenticate there."""

from __future__ import annotations

import base64
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import ClassVar
from urllib.parse import quote

from zendesk_audit_assets.address import parse_address
from zendesk_audit_assets.parsers import shown
from zendesk_audit_assets.settings import AUTH_TYPES, Account
from zendesk_audit_assets.zendesk.errors import BadAccountSettings

# What an access token must allow.
SCOPE = "auditlogs:read"


class Credentials(ABC):
    """Base of the ways to authenticate. Each is a class here, listed in `METHODS`; `settings.py` has its variables."""

    method: ClassVar[str]
    """Its name in `settings.AUTH_TYPES`; the class is called with the values of the variables there, in that order."""

    bearer: ClassVar[bool] = True
    """Whether Zendesk gets an OAuth token, as opposed to an API token."""

    @property
    def authorization(self) -> str | None:
        """The value of the Authorization header; None if a token is to be requested with `grant`."""
        return None

    @property
    def grant(self) -> Mapping[str, str]:
        """The body of a request for an access token, for credentials without a header of their own."""
        return {}

    @abstractmethod
    def secrets(self) -> Iterator[str]:
        """Every spelling in which a server could echo these credentials."""

    @property
    def settings(self) -> str:
        """The variables that hold them, for messages."""
        return " and ".join(variable.name for variable in AUTH_TYPES[self.method])


@dataclass(frozen=True)
class ApiToken(Credentials):
    """An administrator's e-mail address and API token. Zendesk ends API tokens on 2027-04-30."""

    email: str
    token: str = field(repr=False)

    method: ClassVar[str] = "api_token"
    bearer: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_value(Account.email.name, self.email)
        _check_value(Account.api_token.name, self.token)
        if self.email.endswith("/token"):
            raise BadAccountSettings(
                f"{Account.email.name} ends in /token.", "Give only the e-mail address; /token is added here."
            )

    @property
    def authorization(self) -> str:
        return f"Basic {self._encoded}"

    def secrets(self) -> Iterator[str]:
        yield from spellings(self.token)
        yield self._encoded

    @property
    def _encoded(self) -> str:
        return base64.b64encode(f"{self.email}/token:{self.token}".encode()).decode("ascii")


@dataclass(frozen=True)
class AccessToken(Credentials):
    """An OAuth access token made elsewhere; it cannot be renewed here."""

    token: str = field(repr=False)

    method: ClassVar[str] = "oauth_access_token"

    def __post_init__(self) -> None:
        _check_value(Account.access_token.name, self.token)

    @property
    def authorization(self) -> str:
        return f"Bearer {self.token}"

    def secrets(self) -> Iterator[str]:
        yield from spellings(self.token)


@dataclass(frozen=True)
class ClientCredentials(Credentials):
    """A confidential OAuth client, whose short-lived access tokens are fetched and renewed as needed."""

    client_id: str
    client_secret: str = field(repr=False)

    method: ClassVar[str] = "oauth_client_credentials"

    def __post_init__(self) -> None:
        _check_value(Account.client_id.name, self.client_id)
        _check_value(Account.client_secret.name, self.client_secret)

    @property
    def grant(self) -> Mapping[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scope": SCOPE,
        }

    def secrets(self) -> Iterator[str]:
        yield from spellings(self.client_secret)


METHODS: Mapping[str, Callable[..., Credentials]] = {
    one.method: one for one in (ClientCredentials, AccessToken, ApiToken)
}


@dataclass(frozen=True)
class ZendeskAccount:
    """One Zendesk account. `base_url` replaces https://SUBDOMAIN.zendesk.com, for a gateway or the emulator.

    Raises `BadAccountSettings` if the subdomain is not one, and `BadSettings` for a base URL that is not an origin, or
    with which the credentials would travel in the clear.
    """

    subdomain: str
    credentials: Credentials
    base_url: str = ""

    def __post_init__(self) -> None:
        _check_subdomain(self.subdomain)
        Account.base_url.parse(self.base_url, Account.base_url.name)

    @property
    def url(self) -> str:
        """Scheme, host and port of every request, in the one spelling of equal addresses."""
        return canonical(self.base_url or f"https://{self.subdomain}.zendesk.com")


def same_address(one: str, other: str) -> bool:
    """Tell whether two texts are the address of the same account; the names of this machine are one."""
    return _LOOPBACK.sub(r"\1localhost", canonical(one)) == _LOOPBACK.sub(r"\1localhost", canonical(other))


def canonical(url: str) -> str:
    """Return an address in lower case, its number in short form, without the scheme's port and a trailing slash."""
    address = parse_address(url)
    if address is None:
        return url.rstrip("/")
    host = f"[{ip_address(address.host)}]" if ":" in address.host else address.host.rstrip(".")
    port = "" if address.port in (None, {"http": 80, "https": 443}.get(address.scheme)) else f":{address.port}"
    return f"{address.scheme}://{host}{port}"


_LOOPBACK = re.compile(r"^(https?://)(?:127\.0\.0\.1|\[::1\])(?=:|$)")


def spellings(secret: str) -> tuple[str, str]:
    return secret, quote(secret, safe="")


def _check_value(name: str, value: str) -> None:
    # Such a value would break the Authorization header, and http.client would quote it in its own error.
    if not value:
        raise BadAccountSettings(f"{name} is empty.", f"Set {name}.")
    if not value.isprintable() or not value.isascii() or " " in value:
        raise BadAccountSettings(
            f"{name} contains a space, a line break or a character outside ASCII.",
            f"Set {name} to the bare value, without quotes or a trailing newline.",
        )


def _check_subdomain(subdomain: str) -> None:
    # One label of a DNS name.
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", subdomain):
        return
    if not subdomain:
        raise BadAccountSettings(f"{Account.subdomain.name} is empty.", "Set it to acme for https://acme.zendesk.com.")
    found = re.match(r"(?i)(?:https?://)?([a-z0-9-]{1,63})\.zendesk\.com\b", subdomain.strip())
    raise BadAccountSettings(
        f"{Account.subdomain.name} is {shown(subdomain)}, which is not a subdomain.",
        f"Give only {found[1]!r}." if found else "Give only the part before .zendesk.com: letters, digits, hyphens.",
    )
