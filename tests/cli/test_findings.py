"""`findings`: what the rules have found, chosen by day, level and rule; masked; and closed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from zendesk_audit_assets.warehouse.database import Warehouse

SECRET = "0123456789abcdef"


def found(call: Any, *options: str) -> list[dict[str, Any]]:
    result = call("findings", *options, "--json")
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.output)
    return rows


def rules(call: Any, *options: str) -> set[str]:
    return {row["rule"] for row in found(call, *options)}


def test_findings_are_shown_the_newest_first(call: Any, analysed: Warehouse) -> None:
    rows = found(call)
    assert {"ZD-002", "ZD-005"} <= {row["rule"] for row in rows}
    times = [row["last_event_at"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert all(len(row["uid"]) == 12 for row in rows)


def test_they_can_be_chosen_by_level_day_and_rule(call: Any, analysed: Warehouse) -> None:
    assert {"ZD-002", "ZD-005"} <= rules(call, "--level", "high")
    assert "ZD-003" not in rules(call, "--level", "high")
    assert "ZD-002" not in rules(call, "--since", "2026-01-11")
    assert "ZD-002" in rules(call, "--since", "2026-01-10")
    assert rules(call, "--rule", "zd-005") == {"ZD-005"}


def test_a_table_shows_labels_as_they_are_and_no_secret(call: Any, analysed: Warehouse) -> None:
    output = call("findings").output
    assert "Administrator role granted" in output
    assert "[VIP]" in output
    assert "[masked]" in output
    for form in ([], ["--csv"], ["--json"]):
        assert SECRET not in call("findings", *form).output


def test_what_is_closed_is_shown_no_more_unless_asked_for(call: Any, analysed: Warehouse) -> None:
    (granted,) = found(call, "--rule", "ZD-002")
    closed = call("findings", "--close", granted["uid"])
    assert closed.exit_code == 0
    assert f"The finding {granted['uid']} of ZD-002 is closed" in closed.output
    assert found(call, "--rule", "ZD-002", "--live") == []
    ((status, uid),) = [(row["status"], row["uid"]) for row in found(call, "--rule", "ZD-002", "--live", "--all")]
    assert (status, uid) == ("closed", granted["uid"])
    assert "was closed already" in call("findings", "--close", granted["uid"]).output


def test_several_findings_are_closed_at_once_or_none(call: Any, analysed: Warehouse) -> None:
    first, second = (row["uid"] for row in found(call)[:2])
    assert call("findings", "--close", first, "--close", "0123456789").exit_code == 1
    assert {first, second} <= {row["uid"] for row in found(call, "--live")}
    assert call("findings", "--close", first, "--close", second).exit_code == 0
    assert not {first, second} & {row["uid"] for row in found(call, "--live")}


def test_one_finding_is_shown_with_its_events(call: Any, analysed: Warehouse) -> None:
    (granted,) = found(call, "--rule", "ZD-002")
    shown = call("findings", "show", granted["uid"][:5].upper(), "--json")
    (row,) = json.loads(shown.output)
    assert row["uid"].startswith(granted["uid"])
    assert row["event_ids"] == [1]


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_findings_as_sentences(call: Any, analysed: Warehouse) -> None:
    (granted,) = found(call, "--rule", "ZD-002")
    one = call("findings", "show", granted["uid"], COLUMNS="80", ZENDESK_TIMEZONE="Asia/Tokyo").output
    for text in (
        "high  ZD-002  Administrator role granted", "Ada Admin", "2026-01-10 19:00:00  Ada Admin  update user:7",
        "Role: Agent -> Administrator", "event 1", "rules explain ZD-002", f"findings --close {granted['uid']}",
    ):  # fmt: skip
        assert text in one
    several = call("findings", "--level", "high", COLUMNS="80").output
    assert "open findings, newest first, in UTC:" in several
    assert f"Ada Admin  1 event  uid {granted['uid']}" in several
    for output in (one, several):
        assert max(map(len, output.splitlines())) <= 80


def test_an_object_narrows_the_findings(call: Any, analysed: Warehouse) -> None:
    assert rules(call, "--object", "user:7") <= rules(call)
    assert "ZD-002" in rules(call, "--object", "[vip]")
    assert "ZD-005" not in rules(call, "--object", "user:7")


def test_findings_that_are_no_work_are_counted(call: Any, analysed: Warehouse) -> None:
    assert "No open findings; --all shows" in call("findings", "--rule", "ZD-003").output
    assert rules(call, "--rule", "ZD-003", "--all") == {"ZD-003"}


@pytest.mark.usefixtures("terminal")
def test_a_finding_names_its_parts_and_its_whole(call: Any, analysed: Warehouse) -> None:
    whole, part = (row["uid"] for row in found(call, "--all")[:2])
    with analysed.transaction() as connection:
        connection.execute("UPDATE findings SET part_of = NULL")
        query = "UPDATE findings SET part_of = (SELECT uid FROM findings WHERE uid[:12] = ?), status = 'part' "
        connection.execute(query + "WHERE uid[:12] = ?", [whole, part])
    assert f"({part})" in call("findings", "show", whole, "--live").output
    assert f"Status: part of {whole}" in call("findings", "show", part, "--live").output


def test_since_takes_the_times_of_every_command(call: Any, analysed: Warehouse) -> None:
    later, at = "2026-01-10T10:00:01Z", "2026-01-10T10:00Z"
    assert ("ZD-002" in rules(call, "--since", at), "ZD-002" in rules(call, "--since", later)) == (True, False)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--rule", "ZD-999"], 1, "no rule 'ZD-999' in force"),
        (["--rule", "ZD-2"], 1, "Did you mean ZD-002?"),
        (["--rule", ""], 1, "no rule ''"),
        (["--level", "urgent"], 2, "'informational', 'low', 'medium', 'high', 'critical'"),
        (["--object", "usre:7"], 1, "nearest first: user"),
        (["--object", "user:999"], 1, "no event about user:999"),
        (["--since", "9990-01-01"], 2, "in the future"),
        (["show", "xyz"], 1, "There is no finding xyz"),
        (["show", ""], 1, "There is no finding"),
        (["--level", "high", "show", "xyz"], 2, "Options go behind show"),
    ],
)
def test_what_is_unknown_is_an_error(call: Any, analysed: Warehouse, options: list[str], code: int, says: str) -> None:
    result = call("findings", *options)
    assert result.exit_code == code
    assert says in result.output


@pytest.mark.parametrize(
    ("uid", "code", "says"),
    [("0123", 2, "at least the first 8 characters"), ("0123456789", 1, "There is no finding 0123456789")],
)
def test_a_finding_to_close_must_be_named(call: Any, analysed: Warehouse, uid: str, code: int, says: str) -> None:
    result = call("findings", "--close", uid)
    assert (result.exit_code, says in result.output) == (code, True)


def test_a_finding_that_is_gone_is_told_from_one_that_never_was(call: Any, analysed: Warehouse) -> None:
    uid = found(call)[0]["uid"]
    with analysed.transaction() as connection:
        connection.execute("DELETE FROM findings WHERE starts_with(uid, ?)", [uid])
    assert f"There is no finding {uid} any more." in call("findings", "show", uid, "--live").output


def test_a_beginning_that_two_findings_share_closes_neither(call: Any, analysed: Warehouse) -> None:
    with analysed.transaction() as connection:
        connection.execute("UPDATE findings SET uid = 'aaaaaaaa' || uid")
    assert "findings begin with aaaaaaaa" in call("findings", "--close", "aaaaaaaa").output
    assert found(call, "--live")


def test_nothing_found_is_said(call: Any, analysed: Warehouse) -> None:
    assert call("findings", "--since", "today").output == "No findings.\n"


def test_before_there_are_findings_it_says_what_makes_them(call: Any, stored: Warehouse) -> None:
    for live, where in (([], "published copy"), (["--live"], "warehouse")):
        result = call("findings", *live)
        assert result.exit_code == 1
        assert result.output == (
            f"Error: The {where} has no table findings yet. Run `zendesk-audit sync`, which creates the table.\n"
        )


def test_without_a_warehouse_it_names_the_command_that_makes_one(call: Any, folder: Any) -> None:
    result = call("findings", "--live")
    assert result.exit_code == 1
    assert "zendesk-audit sync" in result.output
    assert list(folder.iterdir()) == []


def test_findings_are_there_right_after_an_upgrade(call: Any, warehouse: Warehouse, monkeypatch: Any) -> None:
    monkeypatch.setenv("ZENDESK_AUDIT_DB", str(warehouse.path))
    dump = Path(__file__).parents[1] / "upgrade" / "0.1.0.sql"
    warehouse.path.unlink()
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(dump.read_text("utf-8"))
        stored = connection.execute("SELECT uid[:12] FROM findings WHERE status = 'open'").fetchall()
    after = {row["uid"] for row in found(call, "--live")}
    assert {uid for (uid,) in stored} & after
    assert call("findings", "--close", min(after)).exit_code == 0
    assert {row["uid"] for row in found(call, "--live")} == after - {min(after)}
