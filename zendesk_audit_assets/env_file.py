"""Read a `.env` file as it is written: UTF-8, nothing replaced, and only from somebody this user trusts."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.files import require_plain

# The parser's time grows with the square of some lines.
_LONGEST_BYTES, _LONGEST_LINE = 2**16, 2**13

# Variables that say where requests go, and whom to trust there.
_ROUTES = frozenset(
    {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)


class BadEnvFile(AuditError):
    """A `.env` file cannot be read, or must not be used."""


def read_env_file(
    path: Path, environ: Mapping[str, str], *, addresses: frozenset[str], credentials: frozenset[str]
) -> dict[str, str]:
    """The variables that a file adds to an environment, or puts right there; {} when there is no such file.

    A value of the environment wins. Dagster reads the same file and replaces `${NAME}` in its values; such a value is
    put right. What an earlier reading has added is still the file's. Raises `BadEnvFile` for a file that is not UTF-8
    text, belongs to another user, or sends `credentials` of the environment to `addresses` of its own.
    """
    text = _text(path)
    replaced = _replaced(text)
    values = {
        name: value for name, value in _written(text).items() if environ.get(name) in (None, value, replaced.get(name))
    }
    routes = [name for name in values if name in addresses or name.upper() in _ROUTES]
    foreign = [name for name in sorted(credentials) if environ.get(name) and name not in values]
    if routes and foreign:
        raise BadEnvFile(
            f"{path.absolute()} sets {routes[0]}, while {foreign[0]} comes from the environment.",
            "Set both in the same place, so that no file sends your credentials elsewhere.",
        )
    return values


@lru_cache(maxsize=2)  # so that a line without meaning is told once
def _written(text: str) -> Mapping[str, str]:
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value}


def _replaced(text: str) -> Mapping[str, str | None]:
    """What Dagster makes of the values, which depends on the environment."""
    if "${" not in text:
        return _written(text)
    parser_log = logging.getLogger("dotenv.main")
    before, parser_log.disabled = parser_log.disabled, True
    try:
        return dotenv_values(stream=StringIO(text))
    finally:
        parser_log.disabled = before


def _text(path: Path) -> str:
    try:
        # A folder, as some containers make of a missing file, says nothing; nor does a link to nothing.
        if not path.exists() or path.is_dir() or path.resolve() == Path(os.devnull):
            return ""
        require_plain(path)  # to open a pipe would wait for who writes to it
        with path.open("rb") as file:
            _require_trusted(path, os.fstat(file.fileno()))
            content = file.read(_LONGEST_BYTES + 1)
    except OSError as error:
        raise BadEnvFile(
            f"{path.absolute()} cannot be read ({error.strerror}).",
            "Make it readable for this user, or start elsewhere.",
        ) from error
    if len(content) > _LONGEST_BYTES:
        raise BadEnvFile(f"{path.absolute()} is longer than 64 KiB.", "Remove what is not a setting.")
    if max(map(len, content.splitlines()), default=0) > _LONGEST_LINE:
        raise BadEnvFile(f"{path.absolute()} has a line of more than 8,192 bytes.", "Remove what is not a setting.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        raise BadEnvFile(
            f"{path.absolute()} is UTF-16, or contains a NUL character.", "Save it in UTF-8, without NUL characters."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadEnvFile(f"{path.absolute()} is not UTF-8 text (line {line}).", "Save it in UTF-8.") from error


def _require_trusted(path: Path, status: os.stat_result) -> None:
    """Refuse the file of another user: who writes it decides where credentials and findings go."""
    if not hasattr(os, "geteuid"):
        return
    trusted = {0, os.geteuid()}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():
        trusted.add(int(os.environ["SUDO_UID"]))
    if status.st_uid not in trusted:
        raise BadEnvFile(
            f"{path.absolute()} belongs to another user ({status.st_uid}).",
            "Start in a folder of your own, or make the file yours with chown.",
        )
