"""The group of commands: help, errors, and quick to start."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import click
import pytest

import zendesk_audit_assets.cli
from support.patience import PATIENCE_S
from zendesk_audit_assets.__main__ import run
from zendesk_audit_assets.cli import main
from zendesk_audit_assets.errors import AuditError

COMMANDS = [
    "demo", "doctor", "sync", "serve", "sql", "findings", "rules", "who", "history", "backup", "restore", "rename",
    "repair", "emulator",
]  # fmt: skip


def test_help_shows_all_commands_and_what_each_is_for(call: Any) -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert main.list_commands(click.Context(main)) == COMMANDS
    for command in COMMANDS:
        loaded = main.get_command(click.Context(main), command)
        assert loaded is not None
        assert f"\n  {command} " in result.output
        assert loaded.get_short_help_str(200) in " ".join(result.output.split())


def test_every_module_of_a_command_is_a_command() -> None:
    folder = Path(zendesk_audit_assets.cli.__file__).parent
    helpers = {
        "__init__",
        "__main__",
        "events",
        "frames",
        "lookup",
        "main",
        "moments",
        "output",
        "relation",
        "runs",
        "terminal",
        "unforeseen",
    }
    assert {file.stem for file in folder.glob("*.py")} - helpers == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(call: Any, command: str, option: str) -> None:
    result = call(command, option)
    assert result.exit_code == 0
    assert f"Usage: main {command}" in result.output
    loaded = main.get_command(click.Context(main), command)
    assert loaded is not None
    for parameter in loaded.params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            assert parameter.opts[0] in result.output


def test_the_version_is_that_of_the_installed_package(call: Any) -> None:
    assert "version 0." in call("--version").output


def test_a_command_that_does_not_exist_is_a_mistake_in_one_sentence(call: Any) -> None:
    result = call("snyc")
    assert result.exit_code == 2
    assert "No such command 'snyc'." in result.output


def test_an_error_is_its_cause_and_its_remedy_and_a_failure(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AuditError("The disk is full.", "Free some space.")

    monkeypatch.setattr("zendesk_audit_assets.settings.load", fail)
    result = call("doctor")
    assert (result.exit_code, result.output) == (1, "Error: The disk is full. Free some space.\n")


def test_windows_is_told_what_to_use_instead(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    result = call("doctor")
    assert (result.exit_code, result.output) == (
        1,
        "Error: zendesk-audit runs on Linux and macOS. On Windows, use WSL2 or the container; see docs/deploy.md.\n",
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
def test_ctrl_c_ends_with_the_code_that_shells_expect(
    call: Any, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupt(*_: Any) -> None:
        raise error

    monkeypatch.setattr("zendesk_audit_assets.settings.load", interrupt)
    result = call("doctor")
    assert (result.exit_code, result.output) == (130, "Stopped.\n")


@pytest.mark.parametrize("module", ["zendesk_audit_assets.cli", "zendesk_audit_assets.cli.main"])
def test_ctrl_c_while_the_program_loads_shows_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: str
) -> None:
    class Interrupted(MetaPathFinder):
        def find_spec(self, fullname: str, *_: Any) -> None:
            if fullname == module:
                raise KeyboardInterrupt

    for loaded in ("zendesk_audit_assets.cli", "zendesk_audit_assets.cli.main"):
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as stopped:
        run()
    assert stopped.value.code == 130
    assert capsys.readouterr() == ("", "Stopped.\n")


def test_an_error_of_the_system_is_a_sentence_that_names_the_file(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise IsADirectoryError(21, "Is a directory", "data/x\x1b[2J")

    monkeypatch.setattr("zendesk_audit_assets.settings.load", fail)
    result = call("doctor")
    assert result.exit_code == 1
    assert result.output.endswith("cannot be used (Is a directory). Give this user access to it, or name another.\n")
    assert "\x1b" not in result.output


def test_a_working_folder_that_is_gone_is_a_sentence(call: Any, folder: Path) -> None:
    shutil.rmtree(folder)
    result = call("doctor")
    assert result.exit_code == 1
    assert result.output.endswith("The working folder is gone. Change to a folder that exists, then run again.\n")


def test_a_full_disk_behind_the_output_is_a_sentence(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(SystemExit) as end:
        main(["rules", "explain", "ZD-002"])
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said == (
        "Error: The system refuses (No space left on device). "
        "Look at the disk, and at where the output goes; then run again.\n"
    )


@pytest.mark.parametrize("command", ["sql", "history", "backup", "restore"])
def test_an_argument_that_is_no_text_is_a_usage_error(call: Any, command: str) -> None:
    result = call(command, "a\udcff")
    assert result.exit_code == 2
    assert "The argument a\\udcff is not UTF-8." in result.output


def test_a_command_prints_by_the_functions_that_defuse_texts() -> None:
    folder = Path(zendesk_audit_assets.cli.__file__).parent
    for file in folder.glob("*.py"):
        text = file.read_text("utf-8")
        if file.stem not in {"terminal", "output"}:
            assert "click.echo" not in text, file
            assert ".print(" not in text, file
            assert not re.search(r"(?<![\w.])print\(", text), file


def test_help_does_not_wait_for_dagster_to_load() -> None:
    code = """
import sys
from click.testing import CliRunner
from zendesk_audit_assets.cli import main
assert CliRunner().invoke(main, ["--help"]).exit_code == 0
assert "dagster" not in sys.modules
assert "duckdb" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE_S)
