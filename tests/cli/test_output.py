"""What a log's text may do to a terminal, a spreadsheet and a stream: nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from datetime import datetime, timezone
from itertools import product
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.cli import main
from zendesk_audit_assets.cli.frames import to_csv, to_json, to_tsv
from zendesk_audit_assets.text import visible
from zendesk_audit_assets.warehouse.copies import publish
from zendesk_audit_assets.warehouse.database import Warehouse

# An end user's name: it sets the title, clears the screen, fills the clipboard, turns the direction, and calculates.
HOSTILE = "=1+1\x1b]0;owned\x07\x1b[2J\x1b]52;c;eA==\x07\x9b31m\u202e\u2066\x7f\ufeff"
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
# A form, and whether somebody sees it on a terminal.
FORMS = [([], True), ([], False), (["--csv"], False), (["--json"], False)]
COMMANDS = [
    ["sql", "SELECT actor_name, source_label, change_description FROM audit_logs WHERE actor_name LIKE '=%'"],
    ["sql", "SELECT [actor_name] AS l, {'a': actor_name} AS s, MAP {actor_name: 1} AS m FROM audit_logs"],
    ["sql", "SELECT actor_name::ENUM ('x') FROM audit_logs"],
    ["sql", f'SELECT 1 AS "{HOSTILE}"'],
    ["sql", "SELECT error(actor_name) FROM audit_logs"],
    ["sql", f'FROM "{HOSTILE}"'],
    ["sql", f'SELEC "{HOSTILE}"'],
    ["findings", "--level", "low", "--all"],
    ["who"],
    ["who", "--admin"],
    ["history", "user:77"],
    ["history", HOSTILE],
    ["history", "o"],
    ["history", "--by", "5"],
    ["history", "--by", HOSTILE],
    ["findings", "show", "feed"],
    ["findings", "show", HOSTILE],
    ["findings", "--object", HOSTILE],
    ["findings", "--rule", HOSTILE],
    ["findings", "--since", HOSTILE],
    ["who", "--on", HOSTILE],
    ["rules", "explain", HOSTILE],
]
COMMANDS_WITH_FORMS = [command for command in COMMANDS if command[0] != "rules"]


@pytest.fixture
def attacked(analysed: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The warehouse after somebody has put such a name everywhere."""
    with analysed.transaction() as connection:
        for table, columns in {
            "audit_logs": ["actor_name", "source_label"],
            "findings": ["title", "explanation", "actor_name", "ip_address"],
            "user_role_history": ["user_name", "role", "actor_name", "ip_address"],
            "administrators": ["user_name", "role", "granted_by_name", "act", "act_on"],
            "actor_names": ["actor_name"],
            "audit_changes": ["field", "old_value", "new_value", "raw"],
        }.items():
            for column in columns:
                connection.execute(f"UPDATE {table} SET {column} = ?", [HOSTILE])
        connection.execute(
            "UPDATE audit_logs SET source_id = 77, source_type = 'user', actor_id = 5, action = 'update'"
        )
        connection.execute("UPDATE actor_names SET actor_id = 5")
        connection.execute("UPDATE findings SET uid = 'feed' WHERE uid = (SELECT min(uid) FROM findings)")
    publish(analysed, force=True)
    return analysed


def test_no_command_lets_a_text_act_anywhere(call: Any, attacked: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    for form, drawn in FORMS:
        monkeypatch.setattr("zendesk_audit_assets.cli.output.on_terminal", lambda drawn=drawn: drawn)
        for command in COMMANDS if not form else COMMANDS_WITH_FORMS:
            output = call(*command, *form).output
            assert not ACTS.search(output), (command, form)
            assert output.strip()
            if form == ["--csv"] and not output.startswith("Error"):
                fields = [field for row in csv.reader(io.StringIO(output)) for field in row]
                assert not [field for field in fields if field.startswith(("=", "+", "-", "@"))], command
    query = "SELECT actor_name FROM audit_logs LIMIT 1"
    _, (name,) = csv.reader(io.StringIO(call("sql", query, "--csv", "--raw").output))
    assert name == HOSTILE
    assert json.loads(call("sql", query, "--json").output) == [{"actor_name": HOSTILE}]


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_every_form_of_a_frame_is_harmless_and_complete(texts: list[str]) -> None:
    frame = pl.DataFrame({"text": [text.encode("utf-8", "ignore").decode() for text in texts]})
    for form in (to_csv(frame), to_tsv(frame), to_json(frame)):
        assert visible(form) == form.replace("\r\n", "\n")
    assert pl.read_json(to_json(frame).encode()).equals(frame)
    rows = to_tsv(frame).split("\n")
    assert len(rows) == frame.height + 2
    for line in [*rows, *(field for row in csv.reader(io.StringIO(to_csv(frame))) for field in row)]:
        assert not line.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_times_are_iso_8601_in_every_form() -> None:
    moment = datetime(2026, 3, 31, 14, tzinfo=timezone.utc)
    frame = pl.DataFrame({"zoned": [moment, None], "plain": [None, moment.replace(tzinfo=None, microsecond=5)]})
    zoned, plain = "2026-03-31T14:00:00+00:00", "2026-03-31T14:00:00.000005"
    assert to_csv(frame) == f"zoned,plain\n{zoned},\n,{plain}\n"
    assert to_tsv(frame) == f"zoned\tplain\n{zoned}\t\n\t{plain}\n"
    assert zoned in to_json(frame)


def test_all_that_acts_instead_of_showing_is_made_visible() -> None:
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for code in range(0x110000):
        char = chr(code)
        acts = unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} or unicodedata.bidirectional(char) in turning
        if acts and char not in "\n\t":
            assert visible(char).isascii(), hex(code)
    for kept in ("\n", "\t", "é", "佐藤", "\u00a0", "👩\u200d💻"):
        assert visible(kept) == kept
    assert visible("a\r\nb\rc") == "a\nb\\x0dc"


def test_what_an_encoding_lacks_is_escaped(stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, (form, drawn) in product(("latin-1", "ascii", "cp1252", "utf-8", "utf-16"), FORMS):
        monkeypatch.setattr("zendesk_audit_assets.cli.output.on_terminal", lambda drawn=drawn: drawn)
        result = CliRunner(charset=encoding).invoke(main, ["sql", "SELECT 'Pérsön ✓ 😀 佐藤' AS x", *form])
        assert result.exit_code == 0, result.exc_info
        output = result.stdout_bytes.decode("utf-8" if encoding == "ascii" else encoding)  # click takes ASCII for UTF-8
        if form == ["--json"]:
            assert json.loads(output) == [{"x": "Pérsön ✓ 😀 佐藤"}]
        else:
            assert "✓" in output or ("\\u2713" in output and not encoding.startswith("utf"))


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_marks_have_a_form_for_every_encoding(stored: Warehouse, encoding: str) -> None:
    result = CliRunner(charset=encoding).invoke(main, ["doctor"])
    assert not isinstance(result.exception, UnicodeError)
    assert "\\u2713" not in result.stdout_bytes.decode(encoding)
