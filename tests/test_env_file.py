"""A `.env` file is read as it is written, from somebody whom this user trusts, or refused in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from zendesk_audit_assets import settings
from zendesk_audit_assets.env_file import BadEnvFile
from zendesk_audit_assets.settings import Account

SECRET = Account.client_secret


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and an environment without settings; what a test adds is taken back at its end."""
    monkeypatch.chdir(tmp_path)
    for name in (*map(str, settings.VARIABLES), "HTTPS_PROXY", "https_proxy", "REQUESTS_CA_BUNDLE", "SUDO_UID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def loaded(content: bytes | str) -> str:
    """The client secret, as read from a file of this content."""
    Path(".env").write_bytes(content.encode() if isinstance(content, str) else content)
    return settings.load().client_secret


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ZENDESK_CLIENT_SECRET=abc${HOME}def", "abc${HOME}def"),
        ("ZENDESK_CLIENT_SECRET='${HOME:-x}'", "${HOME:-x}"),
        ("ZENDESK_CLIENT_SECRET=$HOME", "$HOME"),
        ('ZENDESK_CLIENT_SECRET="a#b c"', "a#b c"),
        ("export ZENDESK_CLIENT_SECRET = x", "x"),
        ("ZENDESK_CLIENT_SECRET=a%2Fb\\\\c", "a%2Fb\\\\c"),
        ("\ufeffZENDESK_CLIENT_SECRET=x", "x"),
        ("A=1\r\nZENDESK_CLIENT_SECRET=x\r\n", "x"),
    ],
)
def test_a_value_is_what_is_written(line: str, value: str) -> None:
    assert loaded(line) == value


def test_a_value_that_dagster_has_replaced_is_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODY", "me")
    monkeypatch.setenv(SECRET.name, "abcmedef")  # as Dagster reads the same line
    assert loaded("ZENDESK_CLIENT_SECRET=abc${SOMEBODY}def") == "abc${SOMEBODY}def"
    monkeypatch.setenv(SECRET.name, "another")
    assert loaded("ZENDESK_CLIENT_SECRET=abc${SOMEBODY}def") == "another"


@pytest.mark.parametrize("value", ["abc", "abc${HOME}def", "${HOME}", "${ZENDESK_CLIENT_SECRET}x", "$HOME", "a#b"])
def test_a_file_that_is_read_again_says_the_same(value: str) -> None:
    written = f"ZENDESK_BASE_URL=https://acme.example\nZENDESK_CLIENT_SECRET={value}\n"
    assert loaded(written) == value
    assert settings.load().client_secret == value
    assert settings.source() == Path.cwd() / ".env"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"A=1\n# f\xfcr\nZENDESK_SUBDOMAIN=acme", r"\.env is not UTF-8 text \(line 2\)\. Save it in UTF-8"),
        ("ZENDESK_SUBDOMAIN=acme".encode("utf-16"), "is UTF-16"),
        ("ZENDESK_SUBDOMAIN=acme".encode("utf-16-le"), "contains a NUL character"),
        (b"ZENDESK_SUBDOMAIN=a\0b", "contains a NUL character"),
        (b"#\n" * 2**16, "longer than 64 KiB"),
        (b"A=x" + b" " * 50_000 + b"y", "has a line of more than 8,192 bytes"),
    ],
)
def test_a_file_that_is_no_text_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BadEnvFile, match=says):
        loaded(content)


def test_a_folder_of_that_name_says_nothing() -> None:
    Path(".env").mkdir()
    assert settings.load().client_secret == ""
    assert settings.source() is None


def test_a_pipe_of_that_name_is_refused_without_waiting() -> None:
    os.mkfifo(".env")
    with pytest.raises(BadEnvFile, match=r"cannot be read \(it is not a plain file\)"):
        settings.load()


def test_a_link_to_nothing_says_nothing() -> None:
    Path(".env").symlink_to(os.devnull)
    assert settings.source() is None


def test_a_line_without_meaning_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    loaded("What is this?\nZENDESK_CLIENT_SECRET=a${X}b")
    settings.source()
    assert [record.getMessage() for record in caplog.records] == [
        "python-dotenv could not parse statement starting at line 1"
    ]


def test_the_file_that_was_read_is_named() -> None:
    loaded("ZENDESK_CLIENT_SECRET=x")
    assert settings.source() == Path.cwd() / ".env"


def test_the_file_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.getuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # what root has written is trusted by everybody
        loaded("A=1")
        os.chown(".env", 4711, -1)
    with pytest.raises(BadEnvFile, match="belongs to another user"):
        settings.load() if owner == 0 else loaded("A=1")


def test_a_file_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    Path(".env").write_text("A=1")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BadEnvFile, match=r"cannot be read \(Permission denied\)"):
        settings.load()


@pytest.mark.parametrize("name", ["ZENDESK_BASE_URL", "HTTPS_PROXY", "https_proxy", "REQUESTS_CA_BUNDLE"])
def test_a_file_cannot_redirect_credentials_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    line = f"{name}=https://evil.example\n"
    assert loaded(line + "ZENDESK_CLIENT_SECRET=x") == "x"
    monkeypatch.delenv(name)
    monkeypatch.setenv(SECRET.name, "of-the-environment")
    with pytest.raises(BadEnvFile, match=f"sets {name}, while ZENDESK_CLIENT_SECRET") as error:
        loaded(line)
    assert "evil" not in str(error.value)
    monkeypatch.setenv(name, "https://chosen.example")
    assert loaded(line) == "of-the-environment"


@pytest.mark.parametrize("read", [settings.load, settings.source])
def test_no_file_is_no_error(read: Callable[[], object]) -> None:
    read()
