"""Every setting: its environment variable, its default and its meaning. Nothing else reads the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import load_dotenv

from zendesk_audit_assets.alert import (
    Channel,
    Mail,
    Network,
    PagerDuty,
    Slack,
    Webhook,
)
from zendesk_audit_assets.alert.channels import PAGERDUTY_URL
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.zendesk import (
    AccessToken,
    Account,
    ApiToken,
    ClientCredentials,
    Credentials,
    RateBudget,
)


@dataclass(frozen=True)
class Variable:
    """An environment variable; `default` is what an unset or empty one means, "" where it has none."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False


SUBDOMAIN = Variable("ZENDESK_SUBDOMAIN", "The `acme` of https://acme.zendesk.com.")
START_DATE = Variable("ZENDESK_START_DATE", "First day to keep, YYYY-MM-DD in UTC; `zendesk-audit doctor` finds it.")
AUTH_TYPE = Variable(
    "ZENDESK_AUTH_TYPE",
    "`oauth_client_credentials`, `oauth_access_token` or `api_token`; unset, whichever has its variables set.",
)
CLIENT_ID = Variable("ZENDESK_CLIENT_ID", "OAuth client: its unique identifier.")
CLIENT_SECRET = Variable("ZENDESK_CLIENT_SECRET", "OAuth client: its secret.", secret=True)
ACCESS_TOKEN = Variable("ZENDESK_ACCESS_TOKEN", "An OAuth access token with the scope auditlogs:read.", secret=True)
EMAIL = Variable("ZENDESK_EMAIL", "E-mail address of the administrator that the API token belongs to.")
API_TOKEN = Variable("ZENDESK_API_TOKEN", "An API token; Zendesk retires these on 2027-04-30.", secret=True)
BASE_URL = Variable(
    "ZENDESK_BASE_URL", "Another address than Zendesk's, such as a local one; https, or http on loopback."
)
DATABASE = Variable("ZENDESK_AUDIT_DB", "The warehouse file.", default="data/zendesk_audit.duckdb")
TIMEZONE = Variable("ZENDESK_TIMEZONE", "IANA time zone of business hours and charts.", default="UTC")
RATE_SHARE = Variable(
    "ZENDESK_RATE_SHARE", "Share of the account's rate limit to use, above 0 and up to 1.", default="0.5"
)
SENSOR_SECONDS = Variable("ZENDESK_SENSOR_SECONDS", "Seconds between two looks for new events.", default="60")

RULES_DIR = Variable("ZENDESK_RULES_DIR", "A folder with detection rules of your own; see docs/rules.md.")

ALERT_LEVEL = Variable(
    "ZENDESK_ALERT_LEVEL", f"The least severity that is alerted of: {', '.join(SEVERITIES)}.", default="high"
)
ALERT_MAX_AGE = Variable(
    "ZENDESK_ALERT_MAX_AGE", "Hours; what happened longer ago when it is found is not alerted of.", default="24"
)
ALERT_SLACK_URL = Variable("ZENDESK_ALERT_SLACK_URL", "Slack: the address of an incoming webhook.", secret=True)
ALERT_WEBHOOK_URL = Variable("ZENDESK_ALERT_WEBHOOK_URL", "Address to which alerts are posted as JSON.", secret=True)
ALERT_WEBHOOK_SECRET = Variable("ZENDESK_ALERT_WEBHOOK_SECRET", "What those are signed with.", secret=True)
ALERT_PAGERDUTY_KEY = Variable(
    "ZENDESK_ALERT_PAGERDUTY_KEY", "PagerDuty: the integration key of a service, for its Events API v2.", secret=True
)
ALERT_PAGERDUTY_URL = Variable(
    "ZENDESK_ALERT_PAGERDUTY_URL", "PagerDuty: another address, such as that of its EU region.", default=PAGERDUTY_URL
)
ALERT_EMAIL_TO = Variable("ZENDESK_ALERT_EMAIL_TO", "E-mail addresses to alert, with commas between them.")
ALERT_SMTP_URL = Variable(
    "ZENDESK_ALERT_SMTP_URL",
    "The server that sends them: `smtp://user:password@host:587`, or `smtps://`.",
    secret=True,
)
ALERT_ALLOW_PRIVATE = Variable(
    "ZENDESK_ALERT_ALLOW_PRIVATE", "on: alerts may go to addresses in private networks, also by http.", default="off"
)

DAGSTER_HOME = Variable("DAGSTER_HOME", "Folder where Dagster keeps its history; unset, `.dagster` in this folder.")

VARIABLES: tuple[Variable, ...] = (
    SUBDOMAIN, START_DATE, AUTH_TYPE, CLIENT_ID, CLIENT_SECRET, ACCESS_TOKEN, EMAIL, API_TOKEN,
    BASE_URL, DATABASE, TIMEZONE, RATE_SHARE, SENSOR_SECONDS, RULES_DIR,
    ALERT_LEVEL, ALERT_MAX_AGE, ALERT_SLACK_URL, ALERT_WEBHOOK_URL, ALERT_WEBHOOK_SECRET, ALERT_PAGERDUTY_KEY,
    ALERT_PAGERDUTY_URL, ALERT_EMAIL_TO, ALERT_SMTP_URL, ALERT_ALLOW_PRIVATE, DAGSTER_HOME,
)  # fmt: skip

# The variables that each way to authenticate needs, beside the subdomain.
AUTH_TYPES: dict[str, tuple[Variable, ...]] = {
    "oauth_client_credentials": (CLIENT_ID, CLIENT_SECRET),
    "oauth_access_token": (ACCESS_TOKEN,),
    "api_token": (EMAIL, API_TOKEN),
}


_ON, _OFF = ("on", "true", "yes", "1"), ("off", "false", "no", "0")


class BadSettings(AuditError):
    """A variable is missing, contradicts another one or has a value that means nothing."""


@dataclass(frozen=True)
class Settings:
    """The settings of this process as they were given: `values` by variable name, defaults filled in."""

    values: Mapping[str, str] = field(repr=False)  # with secrets

    def __getitem__(self, variable: Variable) -> str:
        return self.values.get(variable.name, "").strip() or variable.default

    @property
    def database(self) -> Path:
        """The warehouse file, absolute."""
        return Path(self[DATABASE]).expanduser().absolute()

    @property
    def start_date(self) -> date:
        """The first day to keep. Raises `BadSettings` when it is unset, not a date, or in the future."""
        text = self[START_DATE]
        if not text:
            raise BadSettings(
                f"{START_DATE.name} is not set.",
                "Set it to the day of your first event, as YYYY-MM-DD; `zendesk-audit doctor` finds it.",
            )
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise BadSettings(f"{START_DATE.name} is {text!r}, not a date.", "Write it as YYYY-MM-DD.") from error
        if day > datetime.now(timezone.utc).date():
            raise BadSettings(f"{START_DATE.name} is {text}, in the future.", "Set it to the day of your first event.")
        return day

    @property
    def timezone(self) -> str:
        """An IANA zone. Raises `BadSettings` when there is none of that name."""
        try:
            return ZoneInfo(self[TIMEZONE]).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadSettings(
                f"{TIMEZONE.name} is {self[TIMEZONE]!r}, which is no time zone.",
                "Use an IANA name such as Europe/Amsterdam.",
            ) from error

    @property
    def rate_share(self) -> float:
        """The share of the account's rate limit to use. Raises `BadSettings`."""
        return self._number(RATE_SHARE, above=0, up_to=1)

    @property
    def sensor_seconds(self) -> int:
        """Seconds between two ticks of the sensor. Raises `BadSettings`."""
        return int(self._number(SENSOR_SECONDS, above=4, up_to=86_400))

    @property
    def rules_dir(self) -> Path | None:
        """The folder of one's own rules, absolute; None when there is none."""
        return Path(self[RULES_DIR]).expanduser().absolute() if self[RULES_DIR] else None

    @property
    def alert_level(self) -> str:
        """The least severity that is alerted of. Raises `BadSettings`."""
        level = self[ALERT_LEVEL].lower()
        if level not in SEVERITIES:
            raise BadSettings(f"{ALERT_LEVEL.name} is {self[ALERT_LEVEL]!r}.", f"Use one of {', '.join(SEVERITIES)}.")
        return level

    @property
    def alert_max_age(self) -> timedelta:
        """The age from which on nothing is alerted of. Raises `BadSettings`."""
        return timedelta(hours=self._number(ALERT_MAX_AGE, above=0, up_to=24 * 366))

    @property
    def alert_channels(self) -> tuple[Channel, ...]:
        """Where alerts go, Raises `BadSettings`."""
        network = Network(allow_private=self._switch(ALERT_ALLOW_PRIVATE))
        channels: list[Channel] = []
        if self[ALERT_SLACK_URL]:
            channels.append(Slack(self._address(ALERT_SLACK_URL, network), network))
        if self._both_or_none(ALERT_WEBHOOK_URL, ALERT_WEBHOOK_SECRET):
            channels.append(Webhook(self._address(ALERT_WEBHOOK_URL, network), self[ALERT_WEBHOOK_SECRET], network))
        if self[ALERT_PAGERDUTY_KEY]:
            channels.append(PagerDuty(self[ALERT_PAGERDUTY_KEY], self._address(ALERT_PAGERDUTY_URL, network), network))
        if self._both_or_none(ALERT_EMAIL_TO, ALERT_SMTP_URL):
            channels.append(
                Mail(self._recipients(), self._address(ALERT_SMTP_URL, network, ("smtp", "smtps")), network)
            )
        return tuple(channels)

    @property
    def account(self) -> Account:
        """The account and how to authenticate there. Raises `BadSettings` naming the variables to set."""
        if not self[SUBDOMAIN]:
            raise BadSettings(
                f"{SUBDOMAIN.name} is not set.", "Set it to the `acme` of https://acme.zendesk.com; see .env.example."
            )
        return Account(self[SUBDOMAIN], self._credentials(), self[BASE_URL])

    @property
    def budget(self) -> RateBudget:
        """The part of the account's rate limit to use, shared by all processes that use this warehouse."""
        return RateBudget(self.rate_share, file=Path(f"{self.database}.budget.json"))

    def require(self) -> None:
        """Raises the `AuditError` for the first setting that keeps the project from running."""
        for _ in (self.account, self.start_date, self.timezone, self.rate_share, self.sensor_seconds):
            pass
        for _ in (self.alert_level, self.alert_max_age, self.alert_channels):
            pass

    def problem(self) -> str | None:
        """What keeps the project from running, in words; None when everything is set."""
        try:
            self.require()
        except AuditError as error:
            return str(error)
        return None

    def _credentials(self) -> Credentials:
        auth_type = self[AUTH_TYPE] or self._only_complete_auth_type()
        if auth_type not in AUTH_TYPES:
            raise BadSettings(f"{AUTH_TYPE.name} is {auth_type!r}.", f"Use one of {', '.join(AUTH_TYPES)}.")
        unset = [variable.name for variable in AUTH_TYPES[auth_type] if not self[variable]]
        if unset:
            raise BadSettings(f"{auth_type} needs {' and '.join(unset)}, not set.", "Set it, or choose another way.")
        values = [self[variable] for variable in AUTH_TYPES[auth_type]]
        if auth_type == "oauth_client_credentials":
            return ClientCredentials(*values)
        if auth_type == "oauth_access_token":
            return AccessToken(*values)
        return ApiToken(*values)

    def _only_complete_auth_type(self) -> str:
        complete = [name for name, needed in AUTH_TYPES.items() if all(self[variable] for variable in needed)]
        if len(complete) == 1:
            return complete[0]
        ways = "; or ".join(" and ".join(variable.name for variable in needed) for needed in AUTH_TYPES.values())
        if complete:
            names = [variable.name for name in complete for variable in AUTH_TYPES[name]]
            raise BadSettings(
                f"{', '.join(names)} are all set: {len(complete)} ways to authenticate.",
                f"Set {AUTH_TYPE.name} to {' or '.join(complete)}.",
            )
        raise BadSettings("No way to authenticate at Zendesk is set.", f"Set {ways}.")

    def _both_or_none(self, one: Variable, other: Variable) -> bool:
        if bool(self[one]) != bool(self[other]):
            unset = other if self[one] else one
            raise BadSettings(f"{unset.name} is not set, {(one if self[one] else other).name} is.", "Set both or none.")
        return bool(self[one])

    def _address(self, variable: Variable, network: Network, schemes: tuple[str, ...] = ("https",)) -> str:
        """An address to connect to; what is wrong with it is said without repeating it, as it may hold a secret."""
        if network.allow_private and schemes == ("https",):
            schemes = ("https", "http")
        address = self[variable]
        try:
            parts = urlsplit(address)
            good = parts.scheme in schemes and parts.port != 0 and bool((parts.hostname or "").encode("idna"))
        except ValueError:
            good = False
        if not good or not address.isascii() or not address.isprintable() or " " in address:
            ways = " or ".join(f"{scheme}://" for scheme in schemes)
            raise BadSettings(f"{variable.name} is not an address that starts with {ways} and a host.", "Correct it.")
        return address

    def _recipients(self) -> tuple[str, ...]:
        recipients = tuple(filter(None, (one.strip() for one in self[ALERT_EMAIL_TO].split(","))))
        for one in recipients or ("nobody",):
            if not re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", one) or set(one) & set('<>()[];:\\"'):
                raise BadSettings(f"{ALERT_EMAIL_TO.name} has {one!r} in it.", "Use addresses such as me@example.com.")
        return recipients

    def _switch(self, variable: Variable) -> bool:
        word = self[variable].lower()
        if word not in (*_ON, *_OFF):
            raise BadSettings(f"{variable.name} is {self[variable]!r}.", "Use on or off.")
        return word in _ON

    def _number(self, variable: Variable, *, above: float, up_to: float) -> float:
        try:
            number = float(self[variable])
        except ValueError:
            number = float("nan")
        if not above < number <= up_to:
            raise BadSettings(
                f"{variable.name} is {self[variable]!r}.", f"Use a number above {above:g} and up to {up_to:g}."
            )
        return number


def apply(given: Settings) -> None:
    """Make these the settings of this process and of those that it starts, instead of what was set before."""
    # What is not given is set to nothing, or a `.env` file would bring it back.
    os.environ.update({variable.name: given.values.get(variable.name, "") for variable in VARIABLES})


def load() -> Settings:
    """The settings of this process: its environment, and what a `.env` file in the working folder adds to it."""
    load_dotenv(Path(".env"))
    names = {variable.name for variable in VARIABLES}
    return Settings({name: value for name, value in os.environ.items() if name in names})
