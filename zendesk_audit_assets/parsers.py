"""Parse the text of a setting. A message repeats at most the beginning of a value, and never a secret or an address."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TypeVar
from zoneinfo import available_timezones

from zendesk_audit_assets.address import parse_address
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.text import shorten

T = TypeVar("T")

# Zendesk is younger, and no audit log begins sooner.
_FIRST_DAY = date(2000, 1, 1)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

# `md:audit`, `s3://bucket/x`, `:memory:`: places that DuckDB knows, and that are no files of this machine.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|:|//")
_VARIABLE = re.compile(r"\$(\w|\{)")
# Bytes that every system takes; copies of a file add to its name.
_LONGEST_PATH, _LONGEST_NAME = 900, 200

# Characters of a wrong value that a message repeats.
_SHOWN = 60

# From the text of a setting and the name of its variable to the value. Raises `BadSettings`.
Parser = Callable[[str, str], T]


class BadSettings(AuditError):
    """A setting is missing, contradicts another one, or has a value without meaning."""


def shown(text: str) -> str:
    """A value as a message may repeat it: quoted, its beginning only. Never for a secret."""
    return repr(shorten(text, _SHOWN))


def parse_text(text: str, _: str) -> str:
    return text


def parse_subdomain(text: str, name: str) -> str:
    if not text:
        raise BadSettings(f"{name} is not set.", "Set it to the `acme` of https://acme.zendesk.com; see .env.example.")
    return text


def parse_day(text: str, name: str) -> date:
    if not text:
        raise BadSettings(
            f"{name} is not set.",
            "Set it to the day of your first event, as YYYY-MM-DD; `zendesk-audit doctor` finds it.",
        )
    try:
        # Newer versions of Python also read other forms.
        day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError as error:
        raise BadSettings(f"{name} is {shown(text)}, not a date.", "Write it as YYYY-MM-DD.") from error
    if day < _FIRST_DAY:
        raise BadSettings(f"{name} is {day}, before {_FIRST_DAY.year}.", "Set it to the day of your first event.")
    if day > datetime.now(timezone.utc).date():
        raise BadSettings(f"{name} is {day}, in the future.", "Set it to the day of your first event.")
    return day


def parse_path(text: str, name: str) -> Path:
    if _URL.match(text):
        raise BadSettings(f"{name} is {shown(text)}, not a path.", "Name a file or folder on a disk of this machine.")
    expanded = os.path.expandvars(text)
    if _VARIABLE.search(expanded):
        raise BadSettings(f"{name} is {shown(text)}, with a variable that is not set.", "Write the whole path.")
    try:
        path = Path(expanded).expanduser().absolute()
    except RuntimeError as error:
        raise BadSettings(
            f"{name} is {shown(text)}, and there is no such user.", "Write the path without ~."
        ) from error
    if not path.name or not text.isprintable():
        raise BadSettings(f"{name} is {shown(text)}, not a path of its own.", "Name a file or folder below a folder.")
    if len(os.fsencode(path)) > _LONGEST_PATH or any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
        raise BadSettings(f"{name} is {shown(text)}, a path too long for a disk.", "Choose a shorter one.")
    return path


def parse_file(text: str, name: str) -> Path:
    path = parse_path(text, name)
    if text.endswith("/") or (os.path.exists(path) and not os.path.isfile(path)):
        raise BadSettings(
            f"{name} is {shown(text)}, not a file.", "Name a file in that folder, such as zendesk_audit.duckdb."
        )
    return path


def parse_optional_path(text: str, name: str) -> Path | None:
    return parse_path(text, name) if text else None


def parse_origin(text: str, name: str) -> str:
    """An address of scheme, host and port only. The message does not repeat it: it may hold a password."""
    if not text:
        return ""
    address = parse_address(text)

    def bad(why: str) -> BadSettings:
        return BadSettings(
            f"{name} {why}.",
            "Leave it empty, or give scheme, host and port only, such as https://gateway.example or http://127.0.0.1:8080.",
        )

    if address is None or address.scheme not in ("http", "https"):
        raise bad("is not an http or https address")
    if "@" in text or address.rest not in ("", "/"):
        raise bad("holds more than scheme, host and port")
    if address.scheme == "http" and not address.is_loopback:
        raise bad("would send the credentials unencrypted: http is accepted for this machine only")
    return text


@cache
def _zones() -> set[str]:
    # The two are aliases of this machine; DuckDB, which computes in the zone, does not know them.
    return available_timezones() - {"localtime", "Factory"}


def parse_zone(text: str, name: str) -> str:
    if text not in _zones():
        raise BadSettings(f"{name} is {shown(text)}, not a time zone.", "Use an IANA name such as Europe/Amsterdam.")
    return text


def number(least: float, most: float) -> Parser[float]:
    def parse(text: str, name: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise BadSettings(f"{name} is {shown(text)}.", f"Use a number from {least:g} to {most:g}.")
        return number

    return parse


def parse_seconds(text: str, name: str) -> int:
    return int(number(5, 86_400)(text, name))


def parse_hours(text: str, name: str) -> timedelta:
    return timedelta(hours=number(0.01, 24 * 366)(text, name))


def parse_severity(text: str, name: str) -> str:
    if text.lower() not in SEVERITIES:
        raise BadSettings(f"{name} is {shown(text)}.", f"Use one of {', '.join(SEVERITIES)}.")
    return text.lower()


def parse_switch(text: str, name: str) -> bool:
    switched = {**dict.fromkeys(("on", "true", "yes", "1"), True), **dict.fromkeys(("off", "false", "no", "0"), False)}
    if text.lower() not in switched:
        raise BadSettings(f"{name} is {shown(text)}.", "Use on or off.")
    return switched[text.lower()]


def parse_hosts(text: str, name: str) -> tuple[str, ...]:
    hosts = tuple(filter(None, (one.strip().lower() for one in text.split(","))))
    for host in hosts:
        address = parse_address(f"https://{host}")
        if address is None or "@" in host or address.rest:
            raise BadSettings(
                f"{name} contains {shown(host)}, not a host name.",
                "Write names such as audit.example.com, or with a port, with commas between them.",
            )
    return hosts
