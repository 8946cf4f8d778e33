"""Every setting of an account: its environment variable, default and description, and how its text is parsed.

This module constructs nothing: `zendesk.connect` and `alert.channels` build a client and channels from an `Account`.
Only the edges (`definitions.py`, `cli/`) call `load`; all other code takes the `Account` it is given.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any, Generic, TypeVar, overload
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import load_dotenv

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.severity import SEVERITIES

T = TypeVar("T")

# Zendesk is younger, and no audit log begins sooner.
_FIRST_DAY = date(2000, 1, 1)

# From the text of a setting and the name of its variable to the value. Raises `BadSettings`.
Parser = Callable[[str, str], T]


class BadSettings(AuditError):
    """A setting is missing, contradicts another one, or has a value without meaning."""


@dataclass(frozen=True)
class Variable(Generic[T]):
    """An environment variable. As an attribute of an `Account` it is the parsed value.

    `default` replaces a value that is unset or empty; "" means that there is none.
    """

    name: str
    parse: Parser[T]
    description: str
    default: str = ""
    secret: bool = False

    @overload
    def __get__(self, account: None, owner: type[Account]) -> Variable[T]: ...
    @overload
    def __get__(self, account: Account, owner: type[Account]) -> T: ...
    def __get__(self, account: Account | None, owner: type[Account]) -> Variable[T] | T:
        """The variable itself for the class, its parsed value for an account. Raises `BadSettings`."""
        return self if account is None else self.read(account)

    def read(self, account: Account) -> T:
        """Parse the account's value. Raises `BadSettings`."""
        return self.parse(account.text(self), account.name(self))

    def __str__(self) -> str:
        return self.name


def _text(text: str, _: str) -> str:
    return text


def _subdomain(text: str, name: str) -> str:
    if not text:
        raise BadSettings(f"{name} is not set.", "Set it to the `acme` of https://acme.zendesk.com; see .env.example.")
    return text


def _day(text: str, name: str) -> date:
    if not text:
        raise BadSettings(
            f"{name} is not set.",
            "Set it to the day of your first event, as YYYY-MM-DD; `zendesk-audit doctor` finds it.",
        )
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise BadSettings(f"{name} is {text!r}, not a date.", "Write it as YYYY-MM-DD.") from error
    if day < _FIRST_DAY:
        raise BadSettings(f"{name} is {text}, before {_FIRST_DAY.year}.", "Set it to the day of your first event.")
    if day > datetime.now(timezone.utc).date():
        raise BadSettings(f"{name} is {text}, in the future.", "Set it to the day of your first event.")
    return day


def _path(text: str, name: str) -> Path:
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise BadSettings(f"{name} is {text!r}, and there is no such user.", "Write the path without ~.") from error
    if "\0" in text or not path.name:
        raise BadSettings(f"{name} is {text!r}, not a path of its own.", "Name a file or folder below a folder.")
    return path


def _optional_path(text: str, name: str) -> Path | None:
    return _path(text, name) if text else None


def _zone(text: str, name: str) -> str:
    try:
        # DuckDB does not know the aliases of this machine's zone.
        if text in ("localtime", "posixrules", "Factory") or text.startswith(("posix/", "right/")):
            raise ZoneInfoNotFoundError(text)
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadSettings(
            f"{name} is {text!r}, not a time zone.", "Use an IANA name such as Europe/Amsterdam."
        ) from error


def _number(*, above: float, up_to: float) -> Parser[float]:
    def parse(text: str, name: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not above < number <= up_to:
            raise BadSettings(f"{name} is {text!r}.", f"Use a number above {above:g} and up to {up_to:g}.")
        return number

    return parse


def _seconds(text: str, name: str) -> int:
    return int(_number(above=4, up_to=86_400)(text, name))


def _hours(text: str, name: str) -> timedelta:
    return timedelta(hours=_number(above=0, up_to=24 * 366)(text, name))


def _severity(text: str, name: str) -> str:
    if text.lower() not in SEVERITIES:
        raise BadSettings(f"{name} is {text!r}.", f"Use one of {', '.join(SEVERITIES)}.")
    return text.lower()


def _switch(text: str, name: str) -> bool:
    switched = {**dict.fromkeys(("on", "true", "yes", "1"), True), **dict.fromkeys(("off", "false", "no", "0"), False)}
    if text.lower() not in switched:
        raise BadSettings(f"{name} is {text!r}.", "Use on or off.")
    return switched[text.lower()]


class Account:
    """One Zendesk account: where it is, how to authenticate, where its log is kept and who is alerted.

    Each keyword is one of the variables below. A value is text, or the date, path, number or bool that the text would
    spell, or an object with `get_value()` such as `dagster.EnvVar`, which is looked up whenever it is needed. Reading
    an attribute parses its value and raises `BadSettings` if it has no meaning; constructing an account does not.
    """

    __slots__ = ("_values",)

    _values: Mapping[str, Any]

    subdomain = Variable("ZENDESK_SUBDOMAIN", _subdomain, "The `acme` of https://acme.zendesk.com.")
    start_date = Variable(
        "ZENDESK_START_DATE", _day, "First day to keep, YYYY-MM-DD in UTC; `zendesk-audit doctor` finds it."
    )
    auth_type = Variable(
        "ZENDESK_AUTH_TYPE",
        _text,
        "`oauth_client_credentials`, `oauth_access_token` or `api_token`; unset, the one whose variables are set.",
    )
    client_id = Variable("ZENDESK_CLIENT_ID", _text, "OAuth client: its unique identifier.")
    client_secret = Variable("ZENDESK_CLIENT_SECRET", _text, "OAuth client: its secret.", secret=True)
    access_token = Variable(
        "ZENDESK_ACCESS_TOKEN", _text, "An OAuth access token with the scope auditlogs:read.", secret=True
    )
    email = Variable("ZENDESK_EMAIL", _text, "E-mail address of the administrator who owns the API token.")
    api_token = Variable("ZENDESK_API_TOKEN", _text, "An API token; Zendesk retires these on 2027-04-30.", secret=True)
    base_url = Variable(
        "ZENDESK_BASE_URL", _text, "Another address than Zendesk's, such as a local one; https, or http on loopback."
    )
    database = Variable("ZENDESK_AUDIT_DB", _path, "The warehouse file.", "data/zendesk_audit.duckdb")
    timezone = Variable("ZENDESK_TIMEZONE", _zone, "IANA time zone of business hours and charts.", "UTC")
    rate_share = Variable(
        "ZENDESK_RATE_SHARE",
        _number(above=0, up_to=1),
        "Share of the account's rate limit to use, above 0 and up to 1.",
        "0.5",
    )
    sensor_seconds = Variable("ZENDESK_SENSOR_SECONDS", _seconds, "Seconds between two checks for new events.", "60")
    rules_dir = Variable(
        "ZENDESK_RULES_DIR", _optional_path, "A folder with your own detection rules; see docs/rules.md."
    )
    alert_level = Variable(
        "ZENDESK_ALERT_LEVEL", _severity, f"Minimum severity that triggers an alert: {', '.join(SEVERITIES)}.", "high"
    )
    alert_max_age = Variable(
        "ZENDESK_ALERT_MAX_AGE", _hours, "Maximum age in hours; older findings are recorded but never sent.", "24"
    )
    alert_slack_url = Variable(
        "ZENDESK_ALERT_SLACK_URL", _text, "Slack: the address of an incoming webhook.", secret=True
    )
    alert_webhook_url = Variable(
        "ZENDESK_ALERT_WEBHOOK_URL", _text, "Webhook: the address that receives alerts as JSON.", secret=True
    )
    alert_webhook_secret = Variable(
        "ZENDESK_ALERT_WEBHOOK_SECRET", _text, "Webhook: the secret that signs them.", secret=True
    )
    alert_pagerduty_key = Variable(
        "ZENDESK_ALERT_PAGERDUTY_KEY",
        _text,
        "PagerDuty: the integration key of a service, for its Events API v2.",
        secret=True,
    )
    alert_pagerduty_url = Variable(
        "ZENDESK_ALERT_PAGERDUTY_URL",
        _text,
        "PagerDuty: another address, such as that of its EU region.",
        "https://events.pagerduty.com/v2/enqueue",
    )
    alert_email_to = Variable("ZENDESK_ALERT_EMAIL_TO", _text, "E-mail: the recipients, with commas between them.")
    alert_smtp_url = Variable(
        "ZENDESK_ALERT_SMTP_URL",
        _text,
        "E-mail: the server, as `smtp://user:password@host:587` or `smtps://`.",
        secret=True,
    )
    alert_allow_http = Variable(
        "ZENDESK_ALERT_ALLOW_HTTP", _switch, "on: the address of a channel may be http, not only https.", "off"
    )

    def __init__(self, **values: Any) -> None:
        for keyword in values:
            if keyword not in FIELDS:
                nearest = difflib.get_close_matches(keyword, FIELDS, n=1)
                hint = f"; did you mean {nearest[0]}?" if nearest else f"; the settings are {', '.join(FIELDS)}"
                raise TypeError(f"Account has no setting {keyword!r}{hint}")
        object.__setattr__(self, "_values", values)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Account:
        """The account that these environment variables describe."""
        return cls(**{field: environ[one.name] for field, one in FIELDS.items() if one.name in environ})

    def text(self, variable: Variable[Any]) -> str:
        """The text of a setting without the blanks around it, or its default; looked up now."""
        value = self._value(variable)
        if hasattr(value, "get_value"):
            try:
                value = value.get_value()
            except ValueError:  # EnvVar.int of another text; its message quotes the value
                raise BadSettings(f"{self.name(variable)} has a value of another type.", "Correct it.") from None
        return ("" if value is None else str(value).strip()) or variable.default

    def name(self, variable: Variable[Any]) -> str:
        """The environment variable that messages about a setting name."""
        return getattr(self._value(variable), "env_var_name", variable.name)

    @property
    def start(self) -> datetime:
        """The first second of the log, in UTC. Raises `BadSettings`."""
        return datetime.combine(self.start_date, time.min, timezone.utc)

    def auth_method(self) -> str:
        """The way to authenticate, one of `AUTH_TYPES`, with all its variables set. Raises `BadSettings`."""
        method = self.auth_type or self._only_complete_auth_method()
        if method not in AUTH_TYPES:
            raise BadSettings(f"{self.name(Account.auth_type)} is {method!r}.", f"Use one of {', '.join(AUTH_TYPES)}.")
        unset = [self.name(variable) for variable in AUTH_TYPES[method] if not self.text(variable)]
        if unset:
            raise BadSettings(f"{method} needs {' and '.join(unset)}, not set.", "Set it, or choose another way.")
        return method

    def require(self) -> None:
        """Parse every setting. Raises `BadSettings` for the first that is missing or wrong."""
        Account.subdomain.read(self)
        self.auth_method()
        for variable in FIELDS.values():
            variable.read(self)

    def _only_complete_auth_method(self) -> str:
        complete = [name for name, needed in AUTH_TYPES.items() if all(self.text(variable) for variable in needed)]
        if len(complete) == 1:
            return complete[0]
        if complete:
            names = [self.name(variable) for name in complete for variable in AUTH_TYPES[name]]
            raise BadSettings(
                f"{', '.join(names)} are all set: {len(complete)} ways to authenticate.",
                f"Set {self.name(Account.auth_type)} to {' or '.join(complete)}.",
            )
        ways = "; or ".join(" and ".join(map(self.name, needed)) for needed in AUTH_TYPES.values())
        raise BadSettings("No way to authenticate at Zendesk is set.", f"Set {ways}.")

    def _value(self, variable: Variable[Any]) -> Any:
        return self._values.get(_FIELD_OF[variable.name])

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Account cannot be changed; make another one with another {name}")

    def __repr__(self) -> str:
        # Never a value: a repr ends up in logs.
        return f"Account({', '.join(self._values)})"


FIELDS: Mapping[str, Variable[Any]] = {
    field: variable for field, variable in vars(Account).items() if isinstance(variable, Variable)
}
_FIELD_OF = {variable.name: field for field, variable in FIELDS.items()}

# A setting of the process, not of an account.
DAGSTER_HOME = Variable(
    "DAGSTER_HOME", _optional_path, "Folder where Dagster keeps its history; unset, `.dagster` in this folder."
)

VARIABLES: tuple[Variable[Any], ...] = (*FIELDS.values(), DAGSTER_HOME)

# The variables that each way to authenticate needs, beside the subdomain.
AUTH_TYPES: Mapping[str, tuple[Variable[str], ...]] = {
    "oauth_client_credentials": (Account.client_id, Account.client_secret),
    "oauth_access_token": (Account.access_token,),
    "api_token": (Account.email, Account.api_token),
}


def load() -> Account:
    """The account of this process: its environment, and the lines that a `.env` file in the working folder adds."""
    try:
        load_dotenv(Path(".env"))
    except (OSError, ValueError) as error:
        raise BadSettings(".env cannot be read as UTF-8 text.", "Save it in UTF-8, readable by this user.") from error
    return Account.from_environ(os.environ)


def dagster_home() -> Path | None:
    """The folder of Dagster's history if one is set, absolute."""
    text = os.environ.get(DAGSTER_HOME.name, "").strip()
    return DAGSTER_HOME.parse(text, DAGSTER_HOME.name)


def export_to_environ(environ: Mapping[str, str]) -> None:
    """Set the variables of this process, and of those that it starts, to these values; empty all the others."""
    # Deleted variables would come back from a `.env` file.
    os.environ.update({variable.name: environ.get(variable.name, "") for variable in VARIABLES})
