"""Every setting of an account: its environment variable, default and description, and how its text is parsed.

This module constructs nothing: `zendesk.connect` and `alert.channels` build a client and channels from an `Account`.
Only the edges (`definitions.py`, `cli/`) call `load`; all other code takes the `Account` it is given.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timezone
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from zendesk_audit_assets import parsers
from zendesk_audit_assets.env_file import read_env_file
from zendesk_audit_assets.parsers import BadSettings, Parser, shown
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.text import is_utf8

T = TypeVar("T")

# What Dagster takes as the beginning of a name; the empty name is that of the only account.
_NAME = re.compile("([A-Za-z][A-Za-z0-9_]{0,63})?", re.ASCII)


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
        return self.parse(account.text(self), account.name_of(self))

    def __str__(self) -> str:
        return self.name


class Account:
    """One Zendesk account: where it is, how to authenticate, where its log is kept and who is alerted.

    Each keyword is one of the variables below. A value is text, or the date, path, number or bool that the text would
    spell, or an object with `get_value()` such as `dagster.EnvVar`, which is looked up whenever it is needed. Reading
    an attribute parses its value and raises `BadSettings` if it has no meaning; constructing an account does not.

    `name` is that of the account in a Dagster deployment with several: the prefix of all its names there, and of its
    warehouse file unless `database` is given. It has letters, digits and _, and is empty where there is one account.
    """

    __slots__ = ("_values", "name")

    _values: Mapping[str, Any]
    name: str

    subdomain = Variable("ZENDESK_SUBDOMAIN", parsers.parse_subdomain, "The `acme` of https://acme.zendesk.com.")
    start_date = Variable(
        "ZENDESK_START_DATE",
        parsers.parse_day,
        "First day to keep, YYYY-MM-DD in UTC; `zendesk-audit doctor` finds it.",
    )
    auth_type = Variable(
        "ZENDESK_AUTH_TYPE",
        parsers.parse_text,
        "`oauth_client_credentials`, `oauth_access_token` or `api_token`; unset, the one whose variables are set.",
    )
    client_id = Variable("ZENDESK_CLIENT_ID", parsers.parse_text, "OAuth client: its unique identifier.")
    client_secret = Variable("ZENDESK_CLIENT_SECRET", parsers.parse_text, "OAuth client: its secret.", secret=True)
    access_token = Variable(
        "ZENDESK_ACCESS_TOKEN", parsers.parse_text, "An OAuth access token with the scope auditlogs:read.", secret=True
    )
    email = Variable("ZENDESK_EMAIL", parsers.parse_text, "E-mail address of the administrator who owns the API token.")
    api_token = Variable(
        "ZENDESK_API_TOKEN", parsers.parse_text, "An API token; Zendesk retires these on 2027-04-30.", secret=True
    )
    base_url = Variable(
        "ZENDESK_BASE_URL",
        parsers.parse_origin,
        "Another address than Zendesk's, such as a local one; https, or http on loopback.",
    )
    database = Variable("ZENDESK_AUDIT_DB", parsers.parse_file, "The warehouse file.", "data/zendesk_audit.duckdb")
    timezone = Variable(
        "ZENDESK_TIMEZONE",
        parsers.parse_zone,
        "IANA time zone of business hours, charts, and times on the command line.",
        "UTC",
    )
    rate_share = Variable(
        "ZENDESK_RATE_SHARE",
        parsers.number(0.001, 1),
        "Share of the account's rate limit to use, from 0.001 to 1.",
        "0.5",
    )
    sensor_seconds = Variable(
        "ZENDESK_SENSOR_SECONDS", parsers.parse_seconds, "Seconds between two checks for new events.", "60"
    )
    rules_dir = Variable(
        "ZENDESK_RULES_DIR", parsers.parse_optional_path, "A folder with your own detection rules; see docs/rules.md."
    )
    alert_level = Variable(
        "ZENDESK_ALERT_LEVEL",
        parsers.parse_severity,
        f"Minimum severity that triggers an alert: {', '.join(SEVERITIES)}.",
        "high",
    )
    alert_max_age = Variable(
        "ZENDESK_ALERT_MAX_AGE",
        parsers.parse_hours,
        "Maximum age in hours; older findings are recorded but never sent.",
        "24",
    )
    alert_slack_url = Variable(
        "ZENDESK_ALERT_SLACK_URL", parsers.parse_text, "Slack: the address of an incoming webhook.", secret=True
    )
    alert_webhook_url = Variable(
        "ZENDESK_ALERT_WEBHOOK_URL",
        parsers.parse_text,
        "Webhook: the address that receives alerts as JSON.",
        secret=True,
    )
    alert_webhook_secret = Variable(
        "ZENDESK_ALERT_WEBHOOK_SECRET", parsers.parse_text, "Webhook: the secret that signs them.", secret=True
    )
    alert_pagerduty_key = Variable(
        "ZENDESK_ALERT_PAGERDUTY_KEY",
        parsers.parse_text,
        "PagerDuty: the integration key of a service, for its Events API v2.",
        secret=True,
    )
    alert_pagerduty_url = Variable(
        "ZENDESK_ALERT_PAGERDUTY_URL",
        parsers.parse_text,
        "PagerDuty: another address, such as that of its EU region.",
        "https://events.pagerduty.com/v2/enqueue",
    )
    alert_email_to = Variable(
        "ZENDESK_ALERT_EMAIL_TO", parsers.parse_text, "E-mail: the recipients, with commas between them."
    )
    alert_email_from = Variable(
        "ZENDESK_ALERT_EMAIL_FROM",
        parsers.parse_text,
        "E-mail: the sender; unset, the user of the server if that is an address, else the first recipient.",
    )
    alert_smtp_url = Variable(
        "ZENDESK_ALERT_SMTP_URL",
        parsers.parse_text,
        "E-mail: the server, as `smtp://user:password@host:587` or `smtps://`.",
        secret=True,
    )
    alert_allow_http = Variable(
        "ZENDESK_ALERT_ALLOW_HTTP",
        parsers.parse_switch,
        "on: the address of a channel may be http, not only https, and e-mail may go unencrypted.",
        "off",
    )

    def __init__(self, name: str = "", **values: Any) -> None:
        if not _NAME.fullmatch(name):
            raise BadSettings(
                f"An account has the name {shown(name)}.", "Use letters, digits and _, and begin with a letter."
            )
        for keyword in values:
            if keyword not in FIELDS:
                nearest = difflib.get_close_matches(keyword, FIELDS, n=1)
                hint = f"; did you mean {nearest[0]}?" if nearest else f"; the settings are {', '.join(FIELDS)}"
                raise TypeError(f"Account has no setting {keyword!r}{hint}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_values", values)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Account:
        """The account that these environment variables describe."""
        return cls(**{field: environ[one.name] for field, one in FIELDS.items() if one.name in environ})

    def text(self, variable: Variable[Any]) -> str:
        """The text of a setting without the blanks around it, or its default; looked up now. Raises `BadSettings`."""
        value = self._value(variable)
        if hasattr(value, "get_value"):
            try:
                value = value.get_value()
            except ValueError:  # EnvVar.int of another text; its message quotes the value
                raise BadSettings(f"{self.name_of(variable)} has a value of another type.", "Correct it.") from None
        text = "" if value is None else str(value).strip()
        if not is_utf8(text):
            raise BadSettings(f"{self.name_of(variable)} holds bytes that are not UTF-8.", "Set it again, in UTF-8.")
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            raise BadSettings(
                f"{self.name_of(variable)} stands in quotes, which are part of its value.",
                "Remove them; `docker run --env-file` keeps quotes.",
            )
        return text or (f"data/{self.name}.duckdb" if self.name and variable is Account.database else variable.default)

    def name_of(self, variable: Variable[Any]) -> str:
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
            raise BadSettings(
                f"{self.name_of(Account.auth_type)} is {shown(method)}.", f"Use one of {', '.join(AUTH_TYPES)}."
            )
        unset = [self.name_of(variable) for variable in AUTH_TYPES[method] if not self.text(variable)]
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
            names = [self.name_of(variable) for name in complete for variable in AUTH_TYPES[name]]
            raise BadSettings(
                f"{', '.join(names)} are all set: {len(complete)} ways to authenticate.",
                f"Set {self.name_of(Account.auth_type)} to {' or '.join(complete)}.",
            )
        ways = "; or ".join(" and ".join(map(self.name_of, needed)) for needed in AUTH_TYPES.values())
        raise BadSettings("No way to authenticate at Zendesk is set.", f"Set {ways}.")

    def _value(self, variable: Variable[Any]) -> Any:
        return self._values.get(_FIELD_OF[variable.name])

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Account cannot be changed; make another one with another {name}")

    def __repr__(self) -> str:
        # Never a value: a repr ends up in logs.
        return f"Account({', '.join([repr(self.name), *self._values] if self.name else self._values)})"


FIELDS: Mapping[str, Variable[Any]] = {
    field: variable for field, variable in vars(Account).items() if isinstance(variable, Variable)
}
_FIELD_OF = {variable.name: field for field, variable in FIELDS.items()}

# Settings of the process, not of an account.
DAGSTER_HOME = Variable(
    "DAGSTER_HOME",
    parsers.parse_optional_path,
    "Folder where Dagster keeps its history; unset, `.dagster` in this folder.",
)

UI_HOSTS = Variable(
    "ZENDESK_UI_HOSTS",
    parsers.parse_hosts,
    "Host names, with commas between them, under which a proxy serves the Dagster UI.",
)

VARIABLES: tuple[Variable[Any], ...] = (*FIELDS.values(), DAGSTER_HOME, UI_HOSTS)

# The variables that each way to authenticate needs, beside the subdomain.
AUTH_TYPES: Mapping[str, tuple[Variable[str], ...]] = {
    "oauth_client_credentials": (Account.client_id, Account.client_secret),
    "oauth_access_token": (Account.access_token,),
    "api_token": (Account.email, Account.api_token),
}


ENV_FILE = Path(".env")


def load() -> Account:
    """The account of this process: its environment, and what a `.env` file in the working folder adds to it.

    Raises `BadEnvFile`.
    """
    os.environ.update(_of_env_file())
    return Account.from_environ(os.environ)


def source() -> Path | None:
    """The `.env` file that adds to the environment, if there is one with a setting. Raises `BadEnvFile`."""
    return ENV_FILE.absolute() if _of_env_file() else None


def _of_env_file() -> dict[str, str]:
    credentials = frozenset(variable.name for needed in AUTH_TYPES.values() for variable in needed)
    return read_env_file(ENV_FILE, os.environ, addresses=frozenset({Account.base_url.name}), credentials=credentials)


def dagster_home() -> Path:
    """The folder of Dagster's history, absolute: DAGSTER_HOME, this folder if it has `dagster.yaml`, or `.dagster`."""
    text = os.environ.get(DAGSTER_HOME.name, "").strip()
    home = DAGSTER_HOME.parse(text, DAGSTER_HOME.name)
    return home or (Path.cwd() if Path("dagster.yaml").exists() else Path(".dagster").absolute())


def ui_hosts() -> tuple[str, ...]:
    """The host names under which the Dagster UI answers besides those of loopback. Raises `BadSettings`."""
    return UI_HOSTS.parse(os.environ.get(UI_HOSTS.name, ""), UI_HOSTS.name)


def export_to_environ(environ: Mapping[str, str]) -> Account:
    """Set the variables of this process, and of those that it starts, to these values; empty all the others.

    Returns the account that they describe, without what a `.env` file says.
    """
    # Deleted variables would come back from a `.env` file.
    os.environ.update({variable.name: environ.get(variable.name, "") for variable in VARIABLES})
    return Account.from_environ(os.environ)
