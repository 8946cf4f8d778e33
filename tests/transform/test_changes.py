from __future__ import annotations

import html
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples

ReadAs = Callable[..., duckdb.DuckDBPyConnection]


class Line(NamedTuple):
    line: int
    field: str | None
    old: str | None
    new: str | None
    confidence: str
    raw: str


def lines(read_as: ReadAs, descriptions: Iterable[str | None]) -> list[list[Line]]:
    """The rows of audit_changes of each description."""
    texts = list(descriptions)
    connection = read_as(({"change_description": text} for text in texts), "audit_changes")
    found: list[list[Line]] = [[] for _ in texts]
    rows = connection.execute(
        "SELECT event_id, line, field, old_value, new_value, confidence, raw FROM audit_changes ORDER BY event_id, line"
    )
    for event, *row in rows.fetchall():
        found[event - 1].append(Line(*row))
    return found


def only(read_as: ReadAs, description: str) -> tuple[str | None, str | None, str | None, str]:
    ((line,),) = lines(read_as, [description])
    assert (line.line, line.raw) == (1, description)
    return line[1:5]


HOURS = '{"mon":{"09:00":"17:00"}}'
RUBY = '{:mon=>{"09:00"=>"17:00"}, :to=>nil}'
CASES = {
    "Role changed from Administrator to End User": ("Role", "Administrator", "End User", "exact"),
    "Owner changed from Ada to Grace": ("Owner", "Ada", "Grace", "exact"),
    "description changed from not set to chat bot": ("description", None, "chat bot", "exact"),
    "Group changed from VIP to not set": ("Group", "VIP", None, "exact"),
    "Group changed from not set to not set": ("Group", None, None, "exact"),
    # Empty values.
    "Alias changed from  to Bo": ("Alias", "", "Bo", "exact"),
    "Alias changed from to Bo": ("Alias", "", "Bo", "exact"),
    "Alias changed from Bo to ": ("Alias", "Bo", "", "exact"),
    "Alias changed from Bo to": ("Alias", "Bo", "", "exact"),
    # Words of the grammar inside values and names.
    "Note changed from mail from Bo to letter": ("Note", "mail from Bo", "letter", "exact"),
    "Note changed from it has changed from red to blue": ("Note", "it has changed from red", "blue", "exact"),
    "From and to changed from a to b": ("From and to", "a", "b", "exact"),
    "Title changed from Refund to VIP to Late": ("Title", "Refund", "VIP to Late", "ambiguous"),
    "Title changed from not set to Refund to VIP": ("Title", None, "Refund to VIP", "ambiguous"),
    "Title changed from Refund to VIP to not set": ("Title", "Refund to VIP", None, "ambiguous"),
    'Title changed from "Refund to VIP" to "Late"': ("Title", '"Refund to VIP"', '"Late"', "ambiguous"),
    'Title changed from a "b" to c to 5" tyre': ("Title", 'a "b"', 'c to 5" tyre', "ambiguous"),
    # JSON and Ruby hashes, also escaped for HTML once and twice.
    f"Workweek changed from {HOURS} to {{}}": ("Workweek", HOURS, "{}", "exact"),
    f"Workweek changed from {html.escape(HOURS)} to {{}}": ("Workweek", HOURS, "{}", "exact"),
    f"Workweek changed from {{}} to {html.escape(html.escape(RUBY))}": ("Workweek", "{}", RUBY, "exact"),
    'Data changed from {"a":"b to c"} to {"a":"d to e"}': ("Data", '{"a":"b to c"}', '{"a":"d to e"}', "ambiguous"),
    'Data changed from {:a=>"b to c"} to [1,"d to e"]': ("Data", '{:a=>"b to c"}', '[1,"d to e"]', "ambiguous"),
    "Data changed from {&quot;a&quot;:&quot;b to c&quot;} to not set": ("Data", '{"a":"b to c"}', None, "ambiguous"),
    "Data changed from {a to b to c}": ("Data", "{a", "b to c}", "ambiguous"),
    "Name changed from D&#39;Souza &amp; Co to &lt;3": ("Name", "D'Souza & Co", "<3", "exact"),
    r"Folder changed from C:\new to D:\next": ("Folder", r"C:\new", r"D:\next", "exact"),
    # A role is read as a grant if it can be: custom roles have any name.
    "Role changed from Agent to Admin to Agent": ("Role", "Agent", "Admin to Agent", "ambiguous"),
    "Role changed from Owner to x to Admin": ("Role", "Owner", "x to Admin", "ambiguous"),
    "Guide role changed from Agent to Admin to not set": ("Guide role", "Agent", "Admin to not set", "ambiguous"),
    'Role changed from "a to Admin" to "b"': ("Role", '"a', 'Admin" to "b"', "ambiguous"),
    "Role changed from Admin to Light to Agent": ("Role", "Admin", "Light to Agent", "ambiguous"),
    # Switches.
    "Disabled.": ("state", None, "off", "state"),
    "Turned off by Ada Lovelace": ("state", None, "off", "state"),
    "Changed to off": ("state", None, "off", "state"),
    "Changed from true to false.": ("state", None, "off", "state"),
    "Was switched on for all agents!": ("state", None, "on", "state"),
    "Suspended. ": ("state", None, "suspended", "state"),
    **dict.fromkeys(
        ("Changed to our new address", "On Mondays", "Disabled users can sign in", "Changed by Ada"),
        (None, None, None, "unparsed"),
    ),
    "Enabled": ("state", None, "on", "state"),
    "Turned on": ("state", None, "on", "state"),
    "Disabled": ("state", None, "off", "state"),
    " turned OFF ": ("state", None, "off", "state"),
    "Changed": ("state", None, "changed", "state"),
    "Suspended": ("state", None, "suspended", "state"),
    "Unsuspended": ("state", None, "unsuspended", "state"),
    "Activated": ("state", None, "activated", "state"),
    "Deactivated": ("state", None, "deactivated", "state"),
    # What is of another form, or in another language.
    **dict.fromkeys(
        (
            "Organization: AAAA is asigned",
            "Automatically finished 30-day deletion for 1 users",
            "Notify webhook https://collect.example.net/drop",
            "Successful sign-in using JWT from https://demo.zendesk.com/access/jwt",
            "役割が変更されました",
            "changed from a to b",
            " changed from a to b",
        ),
        (None, None, None, "unparsed"),
    ),
    "Signature changed from Kind regards,": ("Signature", None, None, "unparsed"),
    # What both values begin with tells where the new one begins.
    "Greeting changed from Welcome to A to Welcome to B": ("Greeting", "Welcome to A", "Welcome to B", "ambiguous"),
    "Text changed from Dear customer, back to you to Dear customers, welcome to us": (
        "Text",
        "Dear customer, back to you",
        "Dear customers, welcome to us",
        "ambiguous",
    ),
    # Values of several lines.
    "Comment changed from Dear A,\nwe try to Dear B,\n\nwe know": (
        "Comment",
        "Dear A,\nwe try",
        "Dear B,\n\nwe know",
        "ambiguous",
    ),
    "Comment changed from not set to Dear B,\r\nwe know": ("Comment", None, "Dear B,\nwe know", "ambiguous"),
    "Comment changed from Dear A,\nwe try": ("Comment", None, None, "unparsed"),
}


def test_a_line_is_read_as(read_as: ReadAs) -> None:
    found = dict(zip(CASES, lines(read_as, CASES), strict=True))
    assert {text: [line[1:5] for line in of_text] for text, of_text in found.items()} == {
        text: [case] for text, case in CASES.items()
    }
    assert all((line.line, line.raw) == (1, text.replace("\r\n", "\n")) for text, (line,) in found.items())


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", r"\n", r"\\n"])
def test_each_role_of_an_event_is_a_row_for_any_line_break(read_as: ReadAs, newline: str) -> None:
    first, second = "Support role changed from Agent to Admin", "Explore role changed from not set to Viewer"
    (found,) = lines(read_as, [f"{first}{newline}{second}"])
    assert found == [
        Line(1, "Support role", "Agent", "Admin", "exact", first),
        Line(2, "Explore role", None, "Viewer", "exact", second),
    ]


def test_an_escaped_line_break_within_json_is_none(read_as: ReadAs) -> None:
    description = r'Data changed from {"a":"b\nc"} to {}'
    assert only(read_as, description) == ("Data", r'{"a":"b\nc"}', "{}", "exact")


@pytest.mark.parametrize("text", ["\u00a0", "\u3000", "\t", "\u200b"])
def test_what_only_looks_blank_is_kept(read_as: ReadAs, text: str) -> None:
    connection = read_as([{"change_description": text}], "audit_changes")
    assert connection.execute("SELECT raw, confidence FROM audit_changes").fetchall() == [(text, "unparsed")]


def test_blank_lines_count_as_lines_and_are_no_rows(read_as: ReadAs) -> None:
    found = lines(read_as, [None, "", "  ", "\n\r\n", "\n\nEnabled\n \nB changed from 1 to 2"])
    assert found[:4] == [[], [], [], []]
    assert [(line.line, line.field) for line in found[4]] == [(3, "state"), (5, "B")]


def test_a_value_goes_on_in_the_next_line_but_not_that_of_a_role(read_as: ReadAs) -> None:
    (found,) = lines(read_as, ["A changed from 1 to 2\nthree\nRole changed from 1 to 2\nthree\nEnabled\nfour\n"])
    assert found == [
        Line(1, "A", "1", "2\nthree", "ambiguous", "A changed from 1 to 2\nthree"),
        Line(2, "Role", "1", "2", "ambiguous", "Role changed from 1 to 2"),
        Line(3, None, None, None, "unparsed", "three"),
        Line(4, "state", None, "on", "state", "Enabled"),
        Line(5, None, None, None, "unparsed", "four"),
    ]


def test_a_role_in_a_text_of_several_lines_is_less_sure(read_as: ReadAs) -> None:
    role = "Role changed from Agent to Admin"
    sure = ("Name changed from A to B", "Guide role changed from A to B")
    unsure = ("Notes changed from not set to x", "Signature changed from A\nB to C\n\nD", "Details changed from A")
    found = lines(read_as, [f"{first}\n{role}" for first in (*sure, *unsure)])
    assert [one[-1].confidence for one in found] == ["exact"] * len(sure) + ["ambiguous"] * len(unsure)
    assert {one[-1][1:4] for one in found} == {("Role", "Agent", "Admin")}


def test_a_row_says_of_which_event_it_is(read_as: ReadAs) -> None:
    record = {
        "id": 41, "created_at": "2026-01-05T10:00:00+00", "actor_id": 3, "actor_name": "Bo", "ip_address": "192.0.2.9",
        "action": "update", "source_type": "apitoken", "source_id": 8, "source_label": "API token: x", "batch_id": 5,
        "change_description": "Secret changed from not set to 9f86d081884c7d65",
    }  # fmt: skip
    relation = read_as([record], "audit_changes").sql("FROM audit_changes")
    (row,) = relation.pl().rows(named=True)
    assert {name: row[name] for name in record if name in row and name not in {"id", "created_at"}} == {
        name: record[name] for name in record if name not in {"id", "created_at", "source_type", "change_description"}
    }
    assert (row["event_id"], row["object_type"], row["holds_secret"]) == (41, "api_token", True)
    assert f"{row['created_at']:%FT%T+00}" == record["created_at"]


# Values of which the line tells by itself where they end.
PLAIN = st.text("abc é.,;-=\"'<>{}[]:/()ABC123東", max_size=12).filter(lambda text: not text.startswith("to "))
VALUES = PLAIN.filter(lambda text: not text.endswith(" to") and text != "not set") | st.none()
FIELDS = st.text("abc é:/ABC", min_size=1, max_size=12).filter(lambda text: text.strip())
JSON = st.dictionaries(
    st.sampled_from(["a", "to", "mon"]), st.sampled_from(["x to y", " to ", "b", 1, None, ["a to b"], {"to": "to to"}])
)
ESCAPES: list[Callable[[str], str]] = [str, html.escape, lambda text: html.escape(html.escape(text))]


def said(value: str | None) -> str:
    return "not set" if value is None else value


@settings(max_examples=examples(5))
@given(st.lists(st.tuples(FIELDS, VALUES, VALUES, st.sampled_from(ESCAPES)), min_size=1, max_size=30))
def test_what_was_said_is_read_back(read_as: ReadAs, changes: list[Any]) -> None:
    descriptions = [escape(f"{field} changed from {said(old)} to {said(new)}") for field, old, new, escape in changes]
    assert lines(read_as, descriptions) == [
        [Line(1, field, old, new, "exact", description)]
        for (field, old, new, _), description in zip(changes, descriptions, strict=True)
    ]


@settings(max_examples=examples(5))
@given(st.lists(st.tuples(JSON, JSON, st.booleans(), st.sampled_from(ESCAPES)), min_size=1, max_size=30))
def test_json_and_hashes_are_read_back_whatever_is_in_them(read_as: ReadAs, changes: list[Any]) -> None:
    written = [tuple((ruby if as_ruby else json.dumps)(value) for value in pair) for *pair, as_ruby, _ in changes]
    descriptions = [
        change[3](f"Data changed from {old} to {new}") for (old, new), change in zip(written, changes, strict=True)
    ]
    found = lines(read_as, descriptions)
    assert [(line.old, line.new) for (line,) in found] == written


def ruby(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f":{key}=>{ruby(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(ruby, value)) + "]"
    return "nil" if value is None else json.dumps(value)


FRAGMENTS = st.sampled_from(
    [
        " changed from ", " changed from ", " to ", " to ", "not set", "\n", "\n", "\r\n", "\r", r"\n", r"\\n", "\\",
        "n", "Role", "A", " ", "  ", "é", '"', '{"a":1}', "{:a=>1}", '{:a=>" to "}', "{", "}", "&quot;", "&amp;quot;",
        "&amp;", "&#39;", "&lt;", "Enabled", "turned off", "Suspended", "to", "from", "changed", "\t",
    ]
)  # fmt: skip
DESCRIPTIONS = st.lists(FRAGMENTS, max_size=14).map("".join)


@settings(max_examples=examples(5))
@given(st.lists(DESCRIPTIONS, min_size=1, max_size=40))
def test_any_text_is_read_as_it_is_by_hand(read_as: ReadAs, descriptions: list[str]) -> None:
    assert lines(read_as, descriptions) == [list(by_hand(text)) for text in descriptions]


@settings(max_examples=examples(5))
@given(st.lists(DESCRIPTIONS, min_size=1, max_size=40))
def test_nothing_of_a_description_is_lost(read_as: ReadAs, descriptions: list[str]) -> None:
    for text, found in zip(descriptions, lines(read_as, descriptions), strict=True):
        kept = {line.line: line.raw for line in found}
        joined = "\n".join(kept.get(number, "") for number in range(1, max(kept, default=0) + 1))
        assert without_breaks(joined) == without_breaks(text)


def without_breaks(text: str) -> str:
    """Line breaks are spelled in many ways, and blanks between them are left out."""
    return re.sub(r"\\+n(?=[^\\\r\n]* changed from )|\s+", "", text)


SWITCHED = {
    "on": r"((turned )?on|enabled|(changed|turned) (from \S+( \S+)? )?to enabled)",
    "off": r"((turned )?off)",
    **{word: word for word in ("changed", "suspended", "unsuspended")},
}


def state_of(text: str) -> str | None:
    """What the fragments say that a thing was switched to."""
    return next((one for one, said in SWITCHED.items() if re.fullmatch(rf"\s*({said})\s*", text, re.I | re.A)), None)


ONE_LINE = re.compile(
    r".*\b(role|owner|name|title|alias|e-?mail|password|plan|status|state|position|level|duration)", re.I
)


def by_hand(description: str) -> Iterator[Line]:
    text = re.sub(r"\\+n([^\\\r\n]* changed from )", r"\n\1", re.sub(r"\r\n?", "\n", description))
    number, after_text = 0, False
    for raw, goes_on in texts_of(text.split("\n")):
        number += 1
        if not raw.strip(" "):
            continue
        words = unescaped(raw)
        field, found, change = words.partition(" changed from ")
        if found and field:
            cuts = list(cuts_of(change))
            old, new = (None if value == "not set" else value for value in best(cuts)) if cuts else (None, None)
            is_sure = len(cuts) == 1 and not goes_on and not (after_text and re.search(r"(?:^| )role\s*$", field, re.I))
            confidence = "unparsed" if not cuts else "exact" if is_sure else "ambiguous"
            after_text = after_text or not ONE_LINE.fullmatch(field)
            yield Line(number, field, old, new, confidence, raw)
        elif state := state_of(raw):
            yield Line(number, "state", None, state, "state", raw)
        else:
            yield Line(number, None, None, None, "unparsed", raw)


def texts_of(raws: list[str]) -> Iterator[tuple[str, bool]]:
    """The lines, each with those that go on with it, and whether there may be such."""
    while raws:
        raw, *raws = raws
        following = list(itertools.takewhile(lambda line: not begins_a_change(line), raws))
        goes_on = raw.find(" changed from ") > 0 and any(line.strip(" ") for line in following)
        if raw.find(" changed from ") > 0 and not ONE_LINE.fullmatch(raw.split(" changed from ")[0]):
            raws = raws[len(following) :]
            raw = re.sub(r"(?:\n *)+\Z", "", "\n".join([raw, *following]))
        yield raw, goes_on


def begins_a_change(line: str) -> bool:
    return line.find(" changed from ") > 0 or state_of(line) is not None


def unescaped(text: str) -> str:
    text = text.replace("&amp;", "&")
    for entity, character in {"&#39;": "'", "&quot;": '"', "&lt;": "<", "&gt;": ">", "&amp;": "&"}.items():
        text = text.replace(entity, character)
    return text


def cuts_of(change: str) -> Iterator[tuple[str, str]]:
    pieces = change.split(" to ")
    for n in range(1, len(pieces)):
        yield " to ".join(pieces[:n]), " to ".join(pieces[n:])
    if len(pieces) == 1 and change.startswith("to "):
        yield "", change[3:]
    elif len(pieces) == 1 and change.endswith(" to"):
        yield change[:-3], ""


def best(cuts: list[tuple[str, str]]) -> tuple[str, str]:
    if any(bracket in "".join(cuts[0]) for bracket in "{["):
        for cut in cuts:
            if all(value == "not set" or is_json(value) for value in cut):
                return cut
    if cuts[0][0] == "not set":
        return cuts[0]
    if cuts[-1][1] == "not set":
        return cuts[-1]
    if '"' in "".join(cuts[0]):
        for cut in cuts:
            if cut[0].count('"') % 2 == 0:
                return cut
    for cut in cuts:
        first, second = cuts[0][0], cut[1].split(" to ")[0]
        if first == second or (len(first) > 9 and second.startswith(first[:10])):
            return cut
    return cuts[0]


def is_json(text: str) -> bool:
    try:
        json.loads(
            re.sub(r"=> *nil\b", "=>null", re.sub(r":(\w+) *=>", r'"\1"=>', text, flags=re.A)).replace("=>", ":")
        )
    except ValueError:
        return False
    return True
