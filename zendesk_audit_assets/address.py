"""Take an address of a service apart; refuse what two parsers could read differently."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

_USER = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
# Stricter than RFC 3986: a path holds no second @, and a host is a name of letters, digits, hyphens and underscores.
_ADDRESS = re.compile(
    rf"([A-Za-z][A-Za-z0-9+.-]*)://(?:({_USER}*)(?::((?:{_USER}|:)*))?@)?"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?::([0-9]{1,5}))?([/?#][!-\[\]-~]*)?"
)
_LONGEST, _LONGEST_NAME, _LONGEST_LABEL = 2_000, 253, 63


@dataclass(frozen=True)
class Address:
    """The parts of an address. `user` and `password` are decoded; `rest` is the path with all that follows it."""

    scheme: str
    host: str
    port: int | None
    rest: str
    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host, in lower case and without brackets, is this machine by its own name or number."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_address(text: str) -> Address | None:
    """The parts of an address with a scheme and a host; None for any other text."""
    found = _ADDRESS.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    scheme, user, password, host, port, rest = found.groups()
    bare = host.strip("[]").lower()
    if not _is_host(bare) or (":" in bare) != ("[" in host) or (port is not None and not 0 < int(port) < 2**16):
        return None
    return Address(
        scheme.lower(), bare, int(port) if port else None, rest or "", unquote(user or ""), unquote(password or "")
    )


def _is_host(host: str) -> bool:
    # A last label of digits, or of a hexadecimal number, makes programs read the name as an IPv4 address.
    if ":" in host or re.fullmatch(r"(.*\.)?(\d+|0x[0-9a-f]*)", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True
    labels = host.split(".")
    return len(host) <= _LONGEST_NAME and all(
        len(label) <= _LONGEST_LABEL and not label.startswith("-") and not label.endswith("-") for label in labels
    )
