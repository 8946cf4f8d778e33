"""Every variable, its default, and the sentence that says what is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import dagster as dg
import duckdb
import pytest

from zendesk_audit_assets import parsers, settings
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration.validation import problem, require
from zendesk_audit_assets.parsers import BadSettings
from zendesk_audit_assets.settings import Account, Variable
from zendesk_audit_assets.zendesk import AccessToken, ApiToken, ClientCredentials, connect
from zendesk_audit_assets.zendesk.connect import client_for, zendesk_account

pytestmark = pytest.mark.dates

API_TOKEN = {"ZENDESK_EMAIL": "admin@example.com", "ZENDESK_API_TOKEN": "api-secret"}
ACCESS_TOKEN = {"ZENDESK_ACCESS_TOKEN": "access-secret"}
CLIENT = {"ZENDESK_CLIENT_ID": "audit", "ZENDESK_CLIENT_SECRET": "client-secret"}
WAYS = {
    "api_token": (API_TOKEN, ApiToken("admin@example.com", "api-secret")),
    "oauth_access_token": (ACCESS_TOKEN, AccessToken("access-secret")),
    "oauth_client_credentials": (CLIENT, ClientCredentials("audit", "client-secret")),
}
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
    account = zendesk_account(Account.from_environ({"ZENDESK_SUBDOMAIN": "acme", **values}))
    assert account.credentials == credentials
    assert account.url == "https://acme.zendesk.com"


@pytest.mark.parametrize("way", WAYS)
def test_one_of_several_complete_ways_can_be_chosen(way: str) -> None:
    values = {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_AUTH_TYPE": way, **API_TOKEN, **ACCESS_TOKEN, **CLIENT}
    assert zendesk_account(Account.from_environ(values)).credentials == WAYS[way][1]


def test_an_incomplete_way_beside_a_complete_one_does_not_matter() -> None:
    values = {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_EMAIL": "admin@example.com", **ACCESS_TOKEN}
    assert zendesk_account(Account.from_environ(values)).credentials == AccessToken("access-secret")


def test_another_address_than_zendesk_s_can_be_given() -> None:
    values = {**COMPLETE, "ZENDESK_BASE_URL": "http://127.0.0.1:8080"}
    assert zendesk_account(Account.from_environ(values)).url == "http://127.0.0.1:8080"


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
        ({"ZENDESK_RATE_SHARE": "0"}, ["ZENDESK_RATE_SHARE", "from 0.001 to 1"]),
        ({"ZENDESK_RATE_SHARE": "1e-300"}, ["ZENDESK_RATE_SHARE"]),
        ({"ZENDESK_RATE_SHARE": "1.01"}, ["ZENDESK_RATE_SHARE"]),
        ({"ZENDESK_RATE_SHARE": "half"}, ["ZENDESK_RATE_SHARE", "half"]),
        ({"ZENDESK_RATE_SHARE": "nan"}, ["ZENDESK_RATE_SHARE"]),
        ({"ZENDESK_SENSOR_SECONDS": "4"}, ["ZENDESK_SENSOR_SECONDS", "from 5 to 86400"]),
        ({"ZENDESK_SENSOR_SECONDS": "inf"}, ["ZENDESK_SENSOR_SECONDS"]),
        ({"ZENDESK_ALERT_LEVEL": "urgent"}, ["ZENDESK_ALERT_LEVEL", "urgent", "critical"]),
        ({"ZENDESK_ALERT_MAX_AGE": "0"}, ["ZENDESK_ALERT_MAX_AGE", "from 0.01"]),
        ({"ZENDESK_ALERT_MAX_AGE": "a day"}, ["ZENDESK_ALERT_MAX_AGE", "a day"]),
        ({"ZENDESK_ALERT_ALLOW_HTTP": "perhaps"}, ["ZENDESK_ALERT_ALLOW_HTTP", "on or off"]),
        ({"ZENDESK_BASE_URL": "http://gateway.example"}, ["ZENDESK_BASE_URL"]),
        ({"ZENDESK_SUBDOMAIN": "https://acme.zendesk.com"}, ["ZENDESK_SUBDOMAIN", "'acme'"]),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(changes: dict[str, str], names: list[str]) -> None:
    account = Account.from_environ({**COMPLETE, **changes})
    found = problem(account)
    assert found is not None
    assert [name for name in names if name not in found] == []
    with pytest.raises(AuditError) as error:
        require(account)
    assert (error.value.cause, error.value.remedy) > ("", "")


def test_nothing_set_is_one_problem_and_no_crash() -> None:
    assert "ZENDESK_SUBDOMAIN" in str(problem(Account()))


def test_a_complete_set_has_no_problem() -> None:
    account = Account.from_environ(COMPLETE)
    require(account)
    assert problem(account) is None


def test_what_is_not_set_has_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    account = Account.from_environ({**COMPLETE, "ZENDESK_TIMEZONE": "", "ZENDESK_RATE_SHARE": "  "})
    assert account.database == tmp_path / "data" / "zendesk_audit.duckdb"
    assert (account.timezone, account.rate_share, account.sensor_seconds) == ("UTC", 0.5, 60)


def test_what_is_set_is_taken_without_the_blanks_around_it() -> None:
    account = Account.from_environ(
        {
            "ZENDESK_START_DATE": " 2024-02-29 ",
            "ZENDESK_TIMEZONE": "Europe/Amsterdam\n",
            "ZENDESK_RATE_SHARE": " 1 ",
            "ZENDESK_SENSOR_SECONDS": "5",
            "ZENDESK_AUDIT_DB": "~/audit.duckdb",
        }
    )
    assert account.start_date == date(2024, 2, 29)
    assert (account.timezone, account.rate_share, account.sensor_seconds) == ("Europe/Amsterdam", 1.0, 5)
    assert account.database == Path.home() / "audit.duckdb"


def test_the_log_may_begin_today() -> None:
    today = datetime.now(timezone.utc).date()
    assert Account.from_environ({"ZENDESK_START_DATE": str(today)}).start_date == today
    with pytest.raises(BadSettings, match="future"):
        _ = Account.from_environ({"ZENDESK_START_DATE": str(today + timedelta(days=2))}).start_date


def test_no_secret_shows_in_a_repr_or_an_error() -> None:
    values = {"ZENDESK_SUBDOMAIN": "acme", **API_TOKEN, **ACCESS_TOKEN, **CLIENT}
    account = Account.from_environ(values)
    chosen = Account.from_environ({**values, "ZENDESK_AUTH_TYPE": "oauth_client_credentials"})
    shown = [repr(account), str(account), problem(account), repr(zendesk_account(chosen))]
    assert not [text for text in shown if "-secret" in str(text)]


def test_alerts_have_a_level_and_an_age() -> None:
    unset, chosen = Account(), Account(alert_level="Critical", alert_max_age="0.5")
    assert (unset.alert_level, unset.alert_max_age) == ("high", timedelta(hours=24))
    assert (chosen.alert_level, chosen.alert_max_age) == ("critical", timedelta(minutes=30))


@pytest.mark.parametrize(("word", "allowed"), [("", False), ("off", False), ("on", True), ("ON", True), ("1", True)])
def test_http_is_allowed_by_a_switch(word: str, allowed: bool) -> None:
    assert Account(alert_allow_http=word).alert_allow_http is allowed


def test_a_folder_of_rules_is_none_unless_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Account().rules_dir is None
    assert Account.from_environ({"ZENDESK_RULES_DIR": "rules"}).rules_dir == tmp_path / "rules"


def test_secrets_are_declared_as_such() -> None:
    secrets = {variable.name for variable in settings.VARIABLES if variable.secret}
    assert secrets == {
        "ZENDESK_API_TOKEN", "ZENDESK_ACCESS_TOKEN", "ZENDESK_CLIENT_SECRET", "ZENDESK_ALERT_SLACK_URL",
        "ZENDESK_ALERT_WEBHOOK_URL", "ZENDESK_ALERT_WEBHOOK_SECRET", "ZENDESK_ALERT_PAGERDUTY_KEY",
        "ZENDESK_ALERT_SMTP_URL",
    }  # fmt: skip


def test_the_environment_is_read(environment: Callable[..., None]) -> None:
    environment(**COMPLETE, ZENDESK_OF_ANOTHER_PROGRAM="x")
    assert texts(settings.load()) == COMPLETE


def test_a_file_adds_what_the_environment_lacks(environment: Callable[..., None]) -> None:
    environment(ZENDESK_SUBDOMAIN="acme")
    Path(".env").write_text("ZENDESK_SUBDOMAIN=other\nZENDESK_TIMEZONE='Europe/Amsterdam'\n# ZENDESK_EMAIL=x\n")
    assert texts(settings.load()) == {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_TIMEZONE": "Europe/Amsterdam"}


def test_exported_settings_replace_all_of_the_process(environment: Callable[..., None]) -> None:
    environment(ZENDESK_SUBDOMAIN="acme", ZENDESK_EMAIL="admin@example.com")
    Path(".env").write_text("ZENDESK_API_TOKEN=api-secret\nZENDESK_SUBDOMAIN=other\n")
    values = {"ZENDESK_SUBDOMAIN": "demo", **ACCESS_TOKEN}
    settings.export_to_environ(values)
    assert texts(settings.load()) == values


def test_dagster_s_home_is_absolute(
    environment: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings.dagster_home() == tmp_path / ".dagster"
    (tmp_path / "dagster.yaml").touch()
    assert settings.dagster_home() == tmp_path
    for text in ("home", "$HERE/home", "${HERE}/home", "~/home"):
        environment(DAGSTER_HOME=text, HERE=str(tmp_path), HOME=str(tmp_path))
        assert settings.dagster_home() == tmp_path / "home"


def test_clients_of_one_warehouse_share_a_budget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files: list[Any] = []
    monkeypatch.setattr(connect, "RateBudget", lambda share, file: files.append((share, file)))
    for name in ("one", "one", "two"):
        database = str(tmp_path / f"{name}.duckdb")
        client_for(Account.from_environ({**COMPLETE, "ZENDESK_AUDIT_DB": database, "ZENDESK_RATE_SHARE": "0.3"}))
    assert files[0] == files[1] != files[2]
    assert files[0] == (0.3, tmp_path / "one.duckdb.budget.json")


# Account, the Python surface


def test_each_keyword_is_its_variable_in_lower_case() -> None:
    expected = {"database": "ZENDESK_AUDIT_DB"}
    for field, variable in settings.FIELDS.items():
        assert variable.name == expected.get(field, f"ZENDESK_{field.upper()}")
    assert len({variable.name for variable in settings.VARIABLES}) == len(settings.VARIABLES)


def test_a_value_may_have_its_natural_type(tmp_path: Path) -> None:
    account = Account(
        start_date=date(2024, 2, 29),
        database=tmp_path / "audit.duckdb",
        rate_share=0.25,
        sensor_seconds=15,
        alert_allow_http=True,
        rules_dir=None,
    )
    assert (account.start_date, account.database) == (date(2024, 2, 29), tmp_path / "audit.duckdb")
    assert (account.rate_share, account.sensor_seconds) == (0.25, 15)
    assert (account.alert_allow_http, account.rules_dir) == (True, None)


def test_the_log_starts_with_the_first_second_of_its_day() -> None:
    assert Account(start_date="2024-02-29").start == datetime(2024, 2, 29, tzinfo=timezone.utc)


def test_an_env_var_is_looked_up_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(subdomain=dg.EnvVar("ACME_SUBDOMAIN"), access_token=dg.EnvVar("ACME_TOKEN"))
    for name in ("before", "after"):
        monkeypatch.setenv("ACME_SUBDOMAIN", name)
        monkeypatch.setenv("ACME_TOKEN", f"token-{name}")
        assert account.subdomain == name
        assert zendesk_account(account).credentials == AccessToken(f"token-{name}")


def test_an_env_var_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_SUBDOMAIN", raising=False)
    account = Account(subdomain=dg.EnvVar("ACME_SUBDOMAIN"), access_token="x", start_date="2024-01-01")
    assert str(problem(account)).startswith("ACME_SUBDOMAIN is not set.")


def test_an_account_does_not_change() -> None:
    account = Account(subdomain="acme")
    with pytest.raises(AttributeError, match="cannot be changed"):
        account.subdomain = "other"  # type: ignore[misc, assignment]
    assert account.subdomain == "acme"


def test_a_keyword_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(TypeError, match="'subdoman'; did you mean subdomain"):
        Account(subdoman="acme")
    with pytest.raises(TypeError, match="the settings are subdomain, start_date"):
        Account(xyzzy="acme")


def test_settings_import_neither_dagster_nor_a_client() -> None:
    code = "import sys, zendesk_audit_assets as z; z.Account, z.__version__; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not [name for name in ("dagster", "duckdb", "requests", "polars") if f"'{name}'" in loaded]


def texts(account: Account) -> dict[str, str]:
    """The variables that are set, with their text."""
    found = {variable.name: account.text(variable) for variable in settings.FIELDS.values()}
    defaults = {variable.name: variable.default for variable in settings.FIELDS.values()}
    return {name: text for name, text in found.items() if text != defaults[name]}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"ZENDESK_START_DATE": "0999-01-01"}, "ZENDESK_START_DATE is 0999-01-01, before 2000."),
        ({"ZENDESK_AUDIT_DB": "~no-such-user-here/x"}, "ZENDESK_AUDIT_DB is '~no-such-user-here/x', and"),
        ({"ZENDESK_AUDIT_DB": "/"}, "ZENDESK_AUDIT_DB is '/', not a path"),
        ({"ZENDESK_AUDIT_DB": "~"}, "ZENDESK_AUDIT_DB is '~', not a file"),
        ({"ZENDESK_AUDIT_DB": "new/"}, "ZENDESK_AUDIT_DB is 'new/', not a file"),
        ({"ZENDESK_AUDIT_DB": "md:audit"}, "ZENDESK_AUDIT_DB is 'md:audit', not a path"),
        ({"ZENDESK_AUDIT_DB": "s3://bucket/x.duckdb"}, "ZENDESK_AUDIT_DB is 's3://bucket/x.duckdb', not a path"),
        ({"ZENDESK_AUDIT_DB": "http://x/y"}, "ZENDESK_AUDIT_DB is 'http://x/y', not a path"),
        ({"ZENDESK_AUDIT_DB": ":memory:"}, "ZENDESK_AUDIT_DB is ':memory:', not a path"),
        ({"ZENDESK_AUDIT_DB": "//host/share/x"}, "ZENDESK_AUDIT_DB is '//host/share/x', not a path"),
        ({"ZENDESK_AUDIT_DB": "$NO_SUCH_NAME/x"}, "ZENDESK_AUDIT_DB is '$NO_SUCH_NAME/x', with a variable"),
        ({"ZENDESK_AUDIT_DB": "${NO_SUCH_NAME}/x"}, "ZENDESK_AUDIT_DB is '${NO_SUCH_NAME}/x', with a variable"),
        ({"ZENDESK_AUDIT_DB": "a\nb"}, "ZENDESK_AUDIT_DB is 'a\\nb', not a path"),
        ({"ZENDESK_AUDIT_DB": "x" * 100_000}, "ZENDESK_AUDIT_DB is 'xxx"),
        ({"ZENDESK_AUDIT_DB": "x\udcff"}, "ZENDESK_AUDIT_DB holds bytes that are not UTF-8."),
        ({"ZENDESK_RULES_DIR": "https://rules.example"}, "ZENDESK_RULES_DIR is 'https://rules.example', not a path"),
        ({"ZENDESK_START_DATE": "0001-01-01"}, "ZENDESK_START_DATE is 0001-01-01, before 2000."),
        ({"ZENDESK_START_DATE": "1970-01-01"}, "ZENDESK_START_DATE is 1970-01-01, before 2000."),
        ({"ZENDESK_START_DATE": "20240229"}, "ZENDESK_START_DATE is '20240229', not a date."),
        ({"ZENDESK_START_DATE": "2024-W09-4"}, "ZENDESK_START_DATE is '2024-W09-4', not a date."),
        ({"ZENDESK_ACCESS_TOKEN": '"access-secret"'}, "ZENDESK_ACCESS_TOKEN stands in quotes"),
        ({"ZENDESK_SUBDOMAIN": "'acme'"}, "ZENDESK_SUBDOMAIN stands in quotes"),
        ({"ZENDESK_RULES_DIR": "~no-such-user-here/x"}, "ZENDESK_RULES_DIR is"),
        ({"ZENDESK_TIMEZONE": "posix/UTC"}, "ZENDESK_TIMEZONE is 'posix/UTC', not a time zone."),
        ({"ZENDESK_TIMEZONE": "localtime"}, "ZENDESK_TIMEZONE is 'localtime', not a time zone."),
    ],
)
def test_an_odd_value_is_refused_in_a_sentence(values: dict[str, str], says: str) -> None:
    assert (problem(Account.from_environ({**COMPLETE, **values})) or "").startswith(says)


def test_an_env_var_of_another_type_does_not_show_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERVAL", "top-secret-text")
    account = Account(sensor_seconds=dg.EnvVar.int("INTERVAL"))
    with pytest.raises(BadSettings, match=r"^INTERVAL has a value of another type") as error:
        _ = account.sensor_seconds
    assert "top-secret-text" not in str(error.value)


@pytest.mark.parametrize("variable", settings.FIELDS.values(), ids=str)
@pytest.mark.parametrize("value", ["hostile-" * 12_500, "hostile\x1b]0;x\x07" * 20, "h\u0130stile " * 50])
def test_no_error_repeats_a_value_whole(variable: Variable[Any], value: str) -> None:
    found = problem(Account.from_environ({**COMPLETE, variable.name: value})) or ""
    assert len(found) < 600
    assert found.isprintable()
    if variable.secret:
        assert "stile" not in found


@pytest.mark.parametrize(
    "hosts", ["audit.example.com", "audit.example.com:8443, b.example.com,", "10.0.0.7", "[fe80::1]:3000", ""]
)
def test_host_names_of_the_ui_are_read(environment: Callable[..., None], hosts: str) -> None:
    environment(ZENDESK_UI_HOSTS=hosts)
    assert settings.ui_hosts() == tuple(one.strip() for one in hosts.split(",") if one)


@pytest.mark.parametrize("hosts", ["*", "https://audit.example.com", "a b", "a/b", "user@a", "a:0", "a:99999", "*.x"])
def test_what_is_no_host_name_is_refused(environment: Callable[..., None], hosts: str) -> None:
    environment(ZENDESK_UI_HOSTS=hosts)
    with pytest.raises(BadSettings, match="ZENDESK_UI_HOSTS contains"):
        settings.ui_hosts()


def test_every_accepted_zone_is_one_that_duckdb_computes_in() -> None:
    accepted = [zone for zone in sorted(available_timezones()) if _reads(parsers.parse_zone, zone)]
    with duckdb.connect() as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM pg_timezone_names()").fetchall()}
    assert len(accepted) > 400
    assert set(accepted) <= known


def _reads(parse: Callable[[str, str], object], text: str) -> bool:
    try:
        parse(text, "X")
    except BadSettings:
        return False
    return True
