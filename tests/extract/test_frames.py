"""Every record, however strange, becomes a row or a reject, and nothing of it is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NoReturn

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from zendesk_audit_assets.extract.frames import (
    REJECTS_SCHEMA,
    ROWS_SCHEMA,
    Frames,
    Times,
    parse_page,
    to_frames,
)
from zendesk_audit_assets.extract.record import FIELDS

RecordList = list[Any]
NAMES = [field.name for field in FIELDS]


def not_reread() -> NoReturn:
    raise AssertionError("a usual page was typed record by record")


def typed_as_is(records: RecordList) -> Frames:
    return to_frames([parse_page(records, lambda: records)])


def typed_one_by_one(records: RecordList) -> Frames:
    """The same rows by the slow way, which the company of an impossible record compels."""
    result = typed_as_is([*records, None])
    return Frames(result.rows, result.rejects.head(-1))


texts = st.text(st.characters(exclude_categories=()), max_size=8)  # with lone surrogates and NUL
numbers = st.integers() | st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400])
values = st.recursive(
    st.none() | st.booleans() | numbers | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
usual_times = st.integers(631_152_000, 4_102_444_800).map(  # from 1990 to 2100
    lambda second: f"{datetime.fromtimestamp(second, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
)
odd_times = st.sampled_from(
    [
        "", "now", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-1-1T0:0:0Z",
        "2026-01-01T00:00:60Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T05:00:00+05:00",
        "2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00Z\n", " 2026-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "12026-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00", "٢٠٢٦-01-01T00:00:00Z", "2026-01-01T00:00:00ZZ",
    ]
)  # fmt: skip

int64s = st.integers(-(2**63), 2**63 - 1)
plain_texts = st.text(max_size=8)
good_fields = {
    field.name: (int64s if field.type == "BIGINT" else plain_texts) | (st.nothing() if field.required else st.none())
    for field in FIELDS
} | {"created_at": usual_times}
good_records = st.fixed_dictionaries(good_fields)
odd_fields = {name: good | values for name, good in good_fields.items()} | {
    "created_at": usual_times | odd_times | values
}
odd_records = (
    st.fixed_dictionaries(good_fields | {"created_at": usual_times | odd_times})
    | st.fixed_dictionaries({}, optional=odd_fields)
    | st.fixed_dictionaries(good_fields, optional={"brand": values, "": values, "\ud800": values})
    | values
)


def is_same_instant(sent: str, stored: datetime) -> bool:
    return datetime.fromisoformat(sent.replace("Z", "+00:00")) == stored


def meant(name: str, value: Any) -> Any:
    """What a value says, in whatever form it came: whole numbers are numbers, and a blank address is none."""
    if name == "ip_address" and isinstance(value, str) and not value.strip(" "):
        return None
    if name in ("id", "actor_id", "source_id") and isinstance(value, (str, float)):
        return int(value.partition(".")[0]) if isinstance(value, str) else int(value)
    return value


def told(value: Any) -> Any:
    """A value with U+FFFD for each half of a character, and objects as lists of their pairs: two keys may be equal."""
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)
    if isinstance(value, dict):
        return [[told(name), told(value[name])] for name in sorted(value)]
    return [told(one) for one in value] if isinstance(value, list) else value


def pairs_of(text: str) -> str:
    """A JSON text with objects as lists of their pairs; as text, for two NaN are never equal."""
    return json.dumps(json.loads(text, object_pairs_hook=lambda pairs: [list(pair) for pair in pairs]))


def holds(row: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether a row holds all of a record, and nothing else."""
    known = {name: row[name] for name in NAMES if name != "created_at"}
    sent = {name: told(meant(name, record.get(name))) for name in known}
    unknown = {name: value for name, value in record.items() if name not in NAMES}
    return (
        known == sent
        and [type(value) for value in known.values()] == [type(value) for value in sent.values()]
        and is_same_instant(record["created_at"], row["created_at"])
        and pairs_of(row["extra"] or "{}") == json.dumps(told(unknown))
    )


@settings(max_examples=examples(40))
@given(st.lists(odd_records, max_size=6))
def test_every_record_is_a_whole_row_or_a_whole_reject(records: RecordList) -> None:
    result = typed_as_is(records)
    assert (result.rows.schema, result.rejects.schema) == (ROWS_SCHEMA, REJECTS_SCHEMA)
    assert result.received == len(records)
    rows, rejects = result.rows.to_dicts(), result.rejects.to_dicts()
    for record in records:
        if rejects and pairs_of(rejects[0]["raw"]) == json.dumps(told(record)):
            assert rejects.pop(0)["reason"]
        else:
            assert holds(rows.pop(0), record)


@settings(deadline=None)
@given(st.lists(good_records, max_size=4))
def test_usual_pages_are_typed_at_once_and_none_is_rejected(records: RecordList) -> None:
    result = to_frames([parse_page(records, not_reread)])
    assert result.received == result.rows.height == len(records)
    assert result.rows.equals(typed_one_by_one(records).rows)


@settings(max_examples=examples(40))
@given(odd_records)
def test_a_record_becomes_the_same_on_any_page(record: Any) -> None:
    alone, in_company = typed_as_is([record]), typed_one_by_one([record])
    assert alone.rows.equals(in_company.rows)
    assert alone.rejects.equals(in_company.rejects)


@settings(deadline=None)
@given(st.lists(st.lists(odd_records, max_size=3), max_size=4))
def test_pages_typed_together_give_what_each_gives_alone(pages: list[RecordList]) -> None:
    together = to_frames([parse_page(page, lambda page=page: page) for page in pages])
    alone = [typed_as_is(page) for page in pages]
    assert together.rows.equals(pl.concat([typed_as_is([]).rows, *(one.rows for one in alone)]))
    assert together.rejects.equals(pl.concat([typed_as_is([]).rejects, *(one.rejects for one in alone)]))


def test_a_strange_page_does_not_slow_the_pages_beside_it(record: Callable[..., Any]) -> None:
    usual, strange = parse_page([record(id=1)], not_reread), [record(id=2, brand="x")]
    together = to_frames([usual, parse_page(strange, lambda: strange), usual])
    assert together.rows["id"].to_list() == [1, 2, 1]


@settings(deadline=None)
@given(st.lists(good_records, max_size=4))
def test_the_times_of_a_usual_page_are_those_of_its_rows(records: RecordList) -> None:
    created_at = typed_as_is(records).rows["created_at"]
    orders = created_at.is_sorted(), created_at.is_sorted(descending=True)
    expected = Times(created_at[0], created_at[-1], *orders) if records else None
    assert parse_page(records, not_reread).times == expected


@given(st.lists(odd_records, max_size=4))
def test_the_times_of_a_page_enclose_those_of_its_rows(records: RecordList) -> None:
    created_at = typed_as_is(records).rows["created_at"]
    enclosing = parse_page(records, lambda: records).times
    if enclosing is None:
        assert created_at.is_empty()
    elif enclosing.in_order and len(created_at):
        assert enclosing.first <= created_at[0]
        assert created_at[-1] <= enclosing.last
        assert created_at.is_sorted()
    elif enclosing.in_reverse and len(created_at):
        assert enclosing.last <= created_at[-1]
        assert created_at[0] <= enclosing.first
        assert created_at.is_sorted(descending=True)


@settings(deadline=None)
@given(st.lists(good_records, min_size=1, max_size=4), values)
def test_unknown_fields_are_kept_in_extra(records: RecordList, value: Any) -> None:
    result = typed_as_is([record | {"brand": value} for record in records])
    assert [set(json.loads(extra)) for extra in result.rows["extra"]] == [{"brand"}] * len(records)
    assert result.rows.drop("extra").equals(typed_as_is(records).rows.drop("extra"))


def test_no_records_are_no_rows() -> None:
    result = to_frames([parse_page([], not_reread)])
    assert (result.received, result.rows.schema, result.rejects.schema) == (0, ROWS_SCHEMA, REJECTS_SCHEMA)


def test_a_missing_optional_field_is_null(record: Callable[..., Any]) -> None:
    old = record()
    del old["actor_name"]
    assert typed_as_is([old]).rows["actor_name"].to_list() == [None]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "id is missing or null"),
        ({"id": True}, "id is a boolean, not an integer"),
        ({"id": "seven"}, "id is text, not an integer"),
        ({"id": "7.5"}, "id is text, not an integer"),
        ({"id": "9" * 20}, "id does not fit into 64 bits"),
        ({"id": 7.5}, "id is a number, not an integer"),
        ({"id": 2.0**53}, "id is a number, not an integer"),
        ({"id": 2**63}, "id does not fit into 64 bits"),
        ({"actor_id": [7]}, "actor_id is a list, not an integer"),
        ({"action": 7}, "action is an integer, not text"),
        ({"action": {}}, "action is an object, not text"),
        ({"created_at": None}, "created_at is missing or null"),
        ({"created_at": 1_767_225_600}, "created_at is an integer, not text"),
        ({"created_at": "yesterday"}, "created_at is not a time"),
        ({"created_at": "2026-01-01T00:00:00"}, "created_at has no time zone"),
        ({"created_at": "2026-01-01T23:59:60Z"}, "created_at is not a time"),
    ],
)
def test_a_reject_says_what_has_no_type(record: Callable[..., Any], changes: dict[str, Any], reason: str) -> None:
    strange = record() | changes
    result = typed_as_is([record(id=5), strange, record(id=6)])
    assert result.rows["id"].to_list() == [5, 6]
    assert result.rejects.to_dicts() == [{"reason": reason, "raw": json.dumps(strange, sort_keys=True)}]


@pytest.mark.parametrize(
    ("strange", "reason"),
    [
        (None, "not an object but null"),
        (7, "not an object but an integer"),
        (NAMES, "not an object but a list"),
        ("id", "not an object but text"),
    ],
)
def test_what_is_no_object_is_rejected(strange: Any, reason: str) -> None:
    assert typed_as_is([strange]).rejects["reason"].to_list() == [reason]


@pytest.mark.parametrize("name", [field.name for field in FIELDS if field.type == "VARCHAR"])
@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (r"Eve \udc00", "Eve \ufffd"),
        (r"Bob\ud83d", "Bob\ufffd"),
        (r"\ud83d\ude00 \udfff", "\U0001f600 \ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\\ude00", "\ufffd\\ude00"),
    ],
)
def test_half_a_character_is_replaced_in_any_text(
    record: Callable[..., Any], name: str, sent: str, stored: str
) -> None:
    strange = record() | {name: json.loads(f'"{sent}"')}
    result = typed_as_is([record(id=5), strange, record(id=6)])
    assert (result.rows[name][1], result.rejects.height) == (stored, 0)


def test_keys_that_become_equal_all_stay_in_extra(record: Callable[..., Any]) -> None:
    (extra,) = typed_as_is([record() | json.loads(r'{"a\ud800": {"\udfff": "\udc00"}, "a\udc00": 2}')]).rows["extra"]
    assert extra == '{"a\ufffd": {"\ufffd": "\ufffd"}, "a\ufffd": 2}'


def test_a_reject_is_json_whatever_its_texts_hold(record: Callable[..., Any]) -> None:
    # DuckDB takes no half of a character in JSON: rules and queries would pass over the reject.
    (raw,) = typed_as_is([record() | {"id": "seven", "actor_name": "Eve \udc00"}]).rejects["raw"]
    assert json.loads(raw)["actor_name"] == "Eve \ufffd"


def test_times_of_any_zone_are_stored_in_utc(record: Callable[..., Any]) -> None:
    rows = typed_as_is([record(created_at="2026-01-01T05:30:00+05:30"), record(created_at="2025-12-31T19:00:00-05:00")])
    assert rows.rows["created_at"].to_list() == [datetime(2026, 1, 1, tzinfo=timezone.utc)] * 2


def test_an_unusual_page_is_parsed_from_exactly_decoded_records(record: Callable[..., Any]) -> None:
    rounded, exact = [record(source_id=float(2**64)), record(id=2)], [record(source_id=2**64 + 1), record(id=2)]
    result = to_frames([parse_page(rounded, lambda: exact)])
    assert result.rejects["raw"].to_list() == [json.dumps(exact[0], sort_keys=True)]


def test_deeply_nested_values_are_kept(record: Callable[..., Any]) -> None:
    nested: list[Any] = []
    for _ in range(400):
        nested = [nested]
    result = typed_as_is([record(brand=nested), record(actor_id=nested)])
    assert json.loads(result.rows["extra"][0]) == {"brand": nested}
    assert json.loads(result.rejects["raw"][0])["actor_id"] == nested


def test_the_rows_keep_the_order_received(record: Callable[..., Any]) -> None:
    ids = [5, 3, 9, 1]
    for extra in ({}, {"brand": 1}):
        assert typed_as_is([record(id=id) | extra for id in ids]).rows["id"].to_list() == ids


@pytest.mark.parametrize("name", ["id", "actor_id", "source_id"])
@pytest.mark.parametrize("written", ["6139157572367", 6139157572367.0, "6139157572367.0"])
def test_a_whole_number_in_another_form_is_the_number(
    record: Callable[..., Any], name: str, written: str | float
) -> None:
    result = typed_as_is([record() | {name: written}, record(id=5)])
    assert result.rows[name][0] == 6139157572367
    assert result.rejects.is_empty()


@pytest.mark.parametrize("typed", [typed_as_is, typed_one_by_one])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_address_is_null(record: Callable[..., Any], blank: str, typed: Callable[[RecordList], Frames]) -> None:
    result = typed([record(ip_address=blank), record(id=5, ip_address="203.0.113.9")])
    assert result.rows["ip_address"].to_list() == [None, "203.0.113.9"]
