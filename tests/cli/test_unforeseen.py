"""An error that nobody foresaw: a sentence on the terminal, its trace in a file of this user, no secret in either."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from zendesk_audit_assets.cli import main
from zendesk_audit_assets.errors import AuditError

SECRET = "an-unusual-passphrase"


class Panic(BaseException):
    """As libraries in Rust raise it."""


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def unknown() -> None:
    raise KeyError(f"no such key \x1b[2J, {SECRET}")


def panic() -> None:
    raise Panic("index out of bounds")


def endless() -> None:
    endless()


def library() -> None:
    pl.DataFrame({"a": [1]}).select("b")


@pytest.fixture(autouse=True)
def traces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (folder / "traces").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "traces"))
    monkeypatch.setenv("ZENDESK_API_TOKEN", SECRET)
    return folder / "traces"


def let(monkeypatch: pytest.MonkeyPatch, fails: Any) -> None:
    monkeypatch.setattr("zendesk_audit_assets.settings.load", lambda: fails())


@pytest.mark.parametrize("fails", [unknown, panic, endless, library], ids=lambda fails: fails.__name__)
def test_a_fault_is_a_sentence_and_its_trace_a_private_file(
    call: Any, traces: Path, monkeypatch: pytest.MonkeyPatch, fails: Any
) -> None:
    let(monkeypatch, fails)
    result = call("doctor")
    (kept,) = traces.iterdir()
    assert result.exit_code == 1
    assert result.output.startswith("Error: zendesk-audit failed unexpectedly: ")
    assert result.output.endswith(f"its trace is in {kept}.\n")
    assert len(result.output.splitlines()) == 1
    assert kept.stat().st_mode & 0o777 == 0o600
    assert f"in {fails.__name__}\n" in kept.read_text()
    assert len(kept.read_text()) < 200_000
    assert SECRET not in result.output + kept.read_text()
    assert "\x1b" not in result.output


def test_a_fault_with_a_full_temp_folder_still_shows_the_trace(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    let(monkeypatch, unknown)
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "missing"))
    with pytest.raises(SystemExit) as end:
        main(["doctor"])
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "its trace could not be kept in a file (No such file or directory):\n" in said
    assert "in unknown\n" in said
    assert SECRET not in said


def test_a_lack_of_memory_is_no_fault_of_the_program(call: Any, traces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room() -> None:
        raise MemoryError

    let(monkeypatch, no_room)
    result = call("doctor")
    assert result.exit_code == 1
    assert result.output.startswith("Error: zendesk-audit ran out of memory. Stop other programs")
    assert not list(traces.iterdir())


def test_an_error_without_a_place_to_tell_it_is_a_failure(monkeypatch: pytest.MonkeyPatch, traces: Path) -> None:
    def cause() -> None:
        raise AuditError("It is so.", "Change it.")

    let(monkeypatch, cause)
    monkeypatch.setattr(sys, "stderr", Full())
    with pytest.raises(SystemExit) as end:
        main(["doctor"])
    assert end.value.code == 1
    assert not list(traces.iterdir())
