"""`serve`: what it refuses before anything else has started, and the Dagster home that it opens."""

from __future__ import annotations

import socket
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.runs import DagsterUnusable, open_instance
from zendesk_audit_assets.cli.serve import CannotServe, listening
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.settings import Account

demo = import_module("zendesk_audit_assets.cli.demo")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("HERE", str(tmp_path))


@pytest.mark.parametrize("command", [["serve"], ["demo", "--serve"]])
def test_a_port_that_is_taken_is_one_sentence(call: Any, command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call(*command, "--port", str(port))
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: Nothing can listen on port {port} of 127.0.0.1 (")
    assert not Path("data").exists()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7", "a b", "x" * 300])
def test_an_address_that_is_not_ours_is_one_sentence(host: str) -> None:
    with pytest.raises(CannotServe, match="Nothing can listen on port 3999"), listening(host, 3999):
        pass


def test_a_wrong_host_name_of_the_ui_is_one_sentence(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENDESK_UI_HOSTS", "https://audit.example.com")
    result = call("serve")
    assert (result.exit_code, result.output[:32]) == (1, "Error: ZENDESK_UI_HOSTS contains")


@pytest.mark.few(3)
@pytest.mark.parametrize("home", ["", "relative", "$HERE/a/b", "${HERE}/a"])
@pytest.mark.parametrize("file", ["", "telemetry: {enabled: true}\n", "run_retries: {enabled: true}\n"])
def test_telemetry_is_off_in_any_dagster_home(monkeypatch: pytest.MonkeyPatch, home: str, file: str) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    folder = Path(home.replace("${HERE}", ".").replace("$HERE", ".") or ".dagster")
    if file:
        folder.mkdir(parents=True)
        (folder / "dagster.yaml").write_text(file)
    with open_instance() as instance:
        assert not instance.telemetry_enabled
        assert Path(instance.root_directory) == folder.absolute()


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("a: [", "ParserError"),
        ("no_such_key: 1", "DagsterInvalidConfigError"),
        ("- a list", r"dagster\.yaml"),
        ("storage: {postgres: {postgres_url: 'postgresql://me:pass-word@db/x'}}", r"dagster\.yaml"),
        ("compute_logs: {module: no.such, class: Module}", r"dagster\.yaml"),
    ],
)
def test_a_dagster_yaml_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, file: str, says: str) -> None:
    Path("home").mkdir()
    Path("home/dagster.yaml").write_text(file)
    monkeypatch.setenv("DAGSTER_HOME", "home")
    with pytest.raises(DagsterUnusable, match=says) as error, open_instance():
        pass
    assert len(str(error.value)) < 700
    assert "pass-word" not in str(error.value)


def test_a_dagster_home_that_is_a_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("home").touch()
    monkeypatch.setenv("DAGSTER_HOME", "home")
    with pytest.raises(DagsterUnusable, match="it is not a folder"):
        open_instance()


def test_the_demo_does_not_read_the_settings_of_a_real_account(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Account] = []

    def stop(account: Account, _: Any) -> None:
        seen.append(account)
        raise AuditError("Far enough.", "")

    Path(".env").write_text("HTTPS_PROXY=http://proxy.example\nZENDESK_CLIENT_SECRET=real-secret\n")
    monkeypatch.setattr(demo, "_sync_everything", stop)
    monkeypatch.setattr(demo, "_local_zendesk", lambda _: nullcontext({"ZENDESK_CLIENT_SECRET": "made-up"}))
    for variable in settings.VARIABLES:  # the demo sets them all; they are put back at the end
        monkeypatch.setenv(variable.name, "")
    assert "Far enough." in call("demo").output
    assert [account.client_secret for account in seen] == ["made-up"]
