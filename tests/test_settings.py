"""Every variable, its default, and the sentence that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets import settings
from zendesk_audit_assets.alert import (
    Mail,
    Network,
    PagerDuty,
    Slack,
    Webhook,
)
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.settings import BadSettings, Settings
from zendesk_audit_assets.zendesk import AccessToken, ApiToken, ClientCredentials

API_TOKEN = {"ZENDESK_EMAIL": "admin@example.com", "ZENDESK_API_TOKEN": "api-secret"}
ACCESS_TOKEN = {"ZENDESK_ACCESS_TOKEN": "access-secret"}
CLIENT = {"ZENDESK_CLIENT_ID": "audit", "ZENDESK_CLIENT_SECRET": "client-secret"}
WAYS = {
    "api_token": (API_TOKEN, ApiToken("admin@example.com", "api-secret")),
    "oauth_access_token": (ACCESS_TOKEN, AccessToken("access-secret")),
    "oauth_client_credentials": (CLIENT, ClientCredentials("audit", "client-secret")),
}
MAIL = {"ZENDESK_ALERT_SMTP_URL": "smtp://mail.example.com", "ZENDESK_ALERT_EMAIL_TO": "a@example.com"}
COMPLETE = {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_START_DATE": "2024-02-29", **ACCESS_TOKEN}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the variables to these, and no others; what a test adds is taken back at its end."""
    monkeypatch.chdir(tmp_path)

    def be(**values: str) -> None:
        for variable in settings.VARIABLES:
            monkeypatch.setenv(variable.name, "")
            monkeypatch.delenv(variable.name)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    be()
    return be


@pytest.mark.parametrize("way", WAYS)
def test_the_way_to_authenticate_is_the_one_that_has_its_variables(way: str) -> None:
    values, credentials = WAYS[way]
    account = Settings({"ZENDESK_SUBDOMAIN": "acme", **values}).account
    assert account.credentials == credentials
    assert account.url == "https://acme.zendesk.com"


@pytest.mark.parametrize("way", WAYS)
def test_one_of_several_complete_ways_can_be_chosen(way: str) -> None:
    values = {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_AUTH_TYPE": way, **API_TOKEN, **ACCESS_TOKEN, **CLIENT}
    assert Settings(values).account.credentials == WAYS[way][1]


def test_an_incomplete_way_beside_a_complete_one_does_not_matter() -> None:
    values = {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_EMAIL": "admin@example.com", **ACCESS_TOKEN}
    assert Settings(values).account.credentials == AccessToken("access-secret")


def test_another_address_than_zendesk_s_can_be_given() -> None:
    values = {**COMPLETE, "ZENDESK_BASE_URL": "http://127.0.0.1:8080"}
    assert Settings(values).account.url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"ZENDESK_SUBDOMAIN": ""}, ["ZENDESK_SUBDOMAIN"]),
        ({"ZENDESK_ACCESS_TOKEN": ""}, [*CLIENT, *ACCESS_TOKEN, *API_TOKEN]),
        (API_TOKEN, [*ACCESS_TOKEN, *API_TOKEN, "ZENDESK_AUTH_TYPE", "api_token", "oauth_access_token"]),
        ({"ZENDESK_AUTH_TYPE": "api_token"}, [*API_TOKEN]),
        ({"ZENDESK_AUTH_TYPE": "oauth_client_credentials", "ZENDESK_CLIENT_ID": "audit"}, ["ZENDESK_CLIENT_SECRET"]),
        ({"ZENDESK_AUTH_TYPE": "password"}, ["ZENDESK_AUTH_TYPE", "password", "oauth_client_credentials"]),
        ({"ZENDESK_START_DATE": ""}, ["ZENDESK_START_DATE", "zendesk-audit doctor"]),
        ({"ZENDESK_START_DATE": "29.02.2024"}, ["ZENDESK_START_DATE", "29.02.2024", "YYYY-MM-DD"]),
        ({"ZENDESK_START_DATE": "2023-02-29"}, ["ZENDESK_START_DATE", "2023-02-29"]),
        ({"ZENDESK_START_DATE": "2999-01-01"}, ["ZENDESK_START_DATE", "future"]),
        ({"ZENDESK_TIMEZONE": "Amsterdam"}, ["ZENDESK_TIMEZONE", "Amsterdam", "Europe/Amsterdam"]),
        ({"ZENDESK_TIMEZONE": "Europe"}, ["ZENDESK_TIMEZONE"]),
        ({"ZENDESK_TIMEZONE": "../../etc/passwd"}, ["ZENDESK_TIMEZONE"]),
        ({"ZENDESK_RATE_SHARE": "0"}, ["ZENDESK_RATE_SHARE", "above 0 and up to 1"]),
        ({"ZENDESK_RATE_SHARE": "1.01"}, ["ZENDESK_RATE_SHARE"]),
        ({"ZENDESK_RATE_SHARE": "half"}, ["ZENDESK_RATE_SHARE", "half"]),
        ({"ZENDESK_RATE_SHARE": "nan"}, ["ZENDESK_RATE_SHARE"]),
        ({"ZENDESK_SENSOR_SECONDS": "4"}, ["ZENDESK_SENSOR_SECONDS", "above 4"]),
        ({"ZENDESK_SENSOR_SECONDS": "inf"}, ["ZENDESK_SENSOR_SECONDS"]),
        ({"ZENDESK_ALERT_LEVEL": "urgent"}, ["ZENDESK_ALERT_LEVEL", "urgent", "critical"]),
        ({"ZENDESK_ALERT_MAX_AGE": "0"}, ["ZENDESK_ALERT_MAX_AGE", "above 0"]),
        ({"ZENDESK_ALERT_MAX_AGE": "a day"}, ["ZENDESK_ALERT_MAX_AGE", "a day"]),
        ({"ZENDESK_ALERT_ALLOW_PRIVATE": "perhaps"}, ["ZENDESK_ALERT_ALLOW_PRIVATE", "on or off"]),
        ({"ZENDESK_ALERT_SLACK_URL": "hooks.slack.com/services/x"}, ["ZENDESK_ALERT_SLACK_URL", "https://"]),
        ({"ZENDESK_ALERT_SLACK_URL": "http://hooks.slack.com/services/x"}, ["ZENDESK_ALERT_SLACK_URL"]),
        ({"ZENDESK_ALERT_WEBHOOK_URL": "https://example.com/x"}, ["ZENDESK_ALERT_WEBHOOK_SECRET"]),
        ({"ZENDESK_ALERT_WEBHOOK_SECRET": "x"}, ["ZENDESK_ALERT_WEBHOOK_URL"]),
        ({"ZENDESK_ALERT_EMAIL_TO": "a@example.com"}, ["ZENDESK_ALERT_SMTP_URL"]),
        ({"ZENDESK_ALERT_SMTP_URL": "smtp://mail.example.com"}, ["ZENDESK_ALERT_EMAIL_TO"]),
        ({**MAIL, "ZENDESK_ALERT_SMTP_URL": "mail.example.com:25"}, ["ZENDESK_ALERT_SMTP_URL", "smtps://"]),
        ({**MAIL, "ZENDESK_ALERT_EMAIL_TO": "a@example.com, bob"}, ["ZENDESK_ALERT_EMAIL_TO", "bob"]),
        ({**MAIL, "ZENDESK_ALERT_EMAIL_TO": "a@example.com\nBcc: b@example.com"}, ["ZENDESK_ALERT_EMAIL_TO"]),
        ({**MAIL, "ZENDESK_ALERT_EMAIL_TO": ","}, ["ZENDESK_ALERT_EMAIL_TO"]),
        ({"ZENDESK_BASE_URL": "http://gateway.example"}, ["ZENDESK_BASE_URL"]),
        ({"ZENDESK_SUBDOMAIN": "https://acme.zendesk.com"}, ["ZENDESK_SUBDOMAIN", "'acme'"]),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(changes: dict[str, str], names: list[str]) -> None:
    given = Settings({**COMPLETE, **changes})
    problem = given.problem()
    assert problem is not None
    assert [name for name in names if name not in problem] == []
    with pytest.raises(AuditError) as error:
        given.require()
    assert (error.value.cause, error.value.remedy) > ("", "")


def test_nothing_set_is_one_problem_and_no_crash() -> None:
    assert "ZENDESK_SUBDOMAIN" in str(Settings({}).problem())


def test_a_complete_set_has_no_problem() -> None:
    given = Settings(COMPLETE)
    given.require()
    assert given.problem() is None


def test_what_is_not_set_has_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = Settings({**COMPLETE, "ZENDESK_TIMEZONE": "", "ZENDESK_RATE_SHARE": "  "})
    assert given.database == tmp_path / "data" / "zendesk_audit.duckdb"
    assert (given.timezone, given.rate_share, given.sensor_seconds) == ("UTC", 0.5, 60)


def test_what_is_set_is_taken_without_the_blanks_around_it() -> None:
    given = Settings(
        {
            "ZENDESK_START_DATE": " 2024-02-29 ",
            "ZENDESK_TIMEZONE": "Europe/Amsterdam\n",
            "ZENDESK_RATE_SHARE": " 1 ",
            "ZENDESK_SENSOR_SECONDS": "5",
            "ZENDESK_AUDIT_DB": "~/audit.duckdb",
        }
    )
    assert given.start_date == date(2024, 2, 29)
    assert (given.timezone, given.rate_share, given.sensor_seconds) == ("Europe/Amsterdam", 1.0, 5)
    assert given.database == Path.home() / "audit.duckdb"


def test_the_log_may_begin_today() -> None:
    today = datetime.now(timezone.utc).date()
    assert Settings({"ZENDESK_START_DATE": str(today)}).start_date == today
    with pytest.raises(BadSettings, match="future"):
        _ = Settings({"ZENDESK_START_DATE": str(today + timedelta(days=2))}).start_date


def test_no_secret_shows_in_a_repr_or_an_error() -> None:
    values = {"ZENDESK_SUBDOMAIN": "acme", **API_TOKEN, **ACCESS_TOKEN, **CLIENT}
    given = Settings(values)
    chosen = Settings({**values, "ZENDESK_AUTH_TYPE": "oauth_client_credentials"})
    shown = [repr(given), str(given), given.problem(), repr(chosen.account)]
    assert not [text for text in shown if "secret" in str(text).replace("SECRET", "")]


def test_alerts_go_nowhere_unless_a_channel_is_set() -> None:
    given = Settings({})
    assert given.alert_channels == ()
    assert (given.alert_level, given.alert_max_age) == ("high", timedelta(hours=24))


def test_alerts_go_to_every_channel_that_is_set() -> None:
    network = Network()
    given = Settings(
        {
            "ZENDESK_ALERT_SLACK_URL": "https://hooks.slack.com/services/T/B/x",
            "ZENDESK_ALERT_WEBHOOK_URL": "https://example.com/alerts",
            "ZENDESK_ALERT_WEBHOOK_SECRET": "s3cret",
            "ZENDESK_ALERT_PAGERDUTY_KEY": "key",
            "ZENDESK_ALERT_EMAIL_TO": "a@example.com, b@example.com,",
            "ZENDESK_ALERT_SMTP_URL": "smtps://user:pass@mail.example.com",
            "ZENDESK_ALERT_LEVEL": "Critical",
            "ZENDESK_ALERT_MAX_AGE": "0.5",
        }
    )
    assert given.alert_channels == (
        Slack("https://hooks.slack.com/services/T/B/x", network),
        Webhook("https://example.com/alerts", "s3cret", network),
        PagerDuty("key", "https://events.pagerduty.com/v2/enqueue", network),
        Mail(("a@example.com", "b@example.com"), "smtps://user:pass@mail.example.com", network),
    )
    assert (given.alert_level, given.alert_max_age) == ("critical", timedelta(minutes=30))


@pytest.mark.parametrize("word", ["on", "ON", "true", "yes", "1"])
def test_private_networks_are_reached_where_that_is_allowed_also_without_encryption(word: str) -> None:
    given = Settings({"ZENDESK_ALERT_SLACK_URL": "http://10.0.0.1/hook", "ZENDESK_ALERT_ALLOW_PRIVATE": word})
    assert given.alert_channels == (Slack("http://10.0.0.1/hook", Network(allow_private=True)),)


@pytest.mark.parametrize(
    "address", ["https:///", "https://x y.example/", "https://example.com/\n", "https://example.com:0/", "https://[::1/",
                "https://example.com:99999/", f"https://{'x' * 64}.example/", "https://example.com/ü", "https:///the-secret"]
)  # fmt: skip
def test_a_wrong_address_is_named_and_never_repeated(address: str) -> None:
    wrong = Settings({"ZENDESK_ALERT_SLACK_URL": f"{address}the-secret"})
    with pytest.raises(BadSettings, match="ZENDESK_ALERT_SLACK_URL") as error:
        _ = wrong.alert_channels
    assert "the-secret" not in str(error.value)


def test_a_folder_of_rules_is_none_unless_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings({}).rules_dir is None
    assert Settings({"ZENDESK_RULES_DIR": "rules"}).rules_dir == tmp_path / "rules"


def test_secrets_are_declared_as_such() -> None:
    secrets = {variable.name for variable in settings.VARIABLES if variable.secret}
    assert secrets == {
        "ZENDESK_API_TOKEN", "ZENDESK_ACCESS_TOKEN", "ZENDESK_CLIENT_SECRET", "ZENDESK_ALERT_SLACK_URL",
        "ZENDESK_ALERT_WEBHOOK_URL", "ZENDESK_ALERT_WEBHOOK_SECRET", "ZENDESK_ALERT_PAGERDUTY_KEY",
        "ZENDESK_ALERT_SMTP_URL",
    }  # fmt: skip


def test_the_environment_is_read(environment: Callable[..., None]) -> None:
    environment(**COMPLETE, ZENDESK_OF_ANOTHER_PROGRAM="x")
    assert settings.load().values == COMPLETE


def test_a_file_adds_what_the_environment_lacks(environment: Callable[..., None]) -> None:
    environment(ZENDESK_SUBDOMAIN="acme")
    Path(".env").write_text("ZENDESK_SUBDOMAIN=other\nZENDESK_TIMEZONE='Europe/Amsterdam'\n# ZENDESK_EMAIL=x\n")
    given = settings.load()
    assert given.values == {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_TIMEZONE": "Europe/Amsterdam"}


def test_settings_can_be_made_those_of_the_process(environment: Callable[..., None]) -> None:
    environment(ZENDESK_SUBDOMAIN="acme", ZENDESK_EMAIL="admin@example.com")
    Path(".env").write_text("ZENDESK_API_TOKEN=api-secret\nZENDESK_SUBDOMAIN=other\n")
    given = Settings({"ZENDESK_SUBDOMAIN": "demo", **ACCESS_TOKEN})
    settings.apply(given)
    assert {name: value for name, value in settings.load().values.items() if value} == given.values


def test_processes_of_one_warehouse_share_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[Any] = []
    monkeypatch.setattr(settings, "RateBudget", lambda share, file: files.append((share, file)))
    for database in ("acme.duckdb", "acme.duckdb", "other.duckdb"):
        _ = Settings({**COMPLETE, "ZENDESK_AUDIT_DB": database, "ZENDESK_RATE_SHARE": "0.3"}).budget
    assert files[0] == files[1] != files[2]
    assert files[0] == (0.3, Path("acme.duckdb.budget.json").absolute())
