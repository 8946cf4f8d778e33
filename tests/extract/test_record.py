"""The one schema agrees with what Zendesk sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from zendesk_audit_assets.emulator import Emulator, HistoryOptions
from zendesk_audit_assets.extract.record import FIELD_NAMES, FIELDS, SYSTEM_ACTOR_ID


@pytest.fixture
def sent(emulate: Callable[..., Emulator]) -> list[dict[str, Any]]:
    """Half a year of a company's log."""
    start, end = datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2025, 7, 1, tzinfo=timezone.utc)
    return emulate(history=HistoryOptions(start=start, end=end)).events


def test_every_field_of_a_company_s_log_is_known_with_its_type(sent: list[dict[str, Any]]) -> None:
    python = {"BIGINT": int, "VARCHAR": str, "TIMESTAMPTZ": str}
    assert set().union(*sent) == FIELD_NAMES
    for field in FIELDS:
        values = [record.get(field.name) for record in sent]
        assert {type(value) for value in values} <= {python[field.type], type(None)}
        assert not (field.required and None in values)


def test_the_fields_stand_in_the_order_in_which_they_are_sent(sent: list[dict[str, Any]]) -> None:
    order = [field.name for field in FIELDS]
    assert all(list(record) == [name for name in order if name in record] for record in sent)


def test_the_system_is_told_from_people_by_its_number(sent: list[dict[str, Any]]) -> None:
    of_the_system = [record for record in sent if record["actor_id"] == SYSTEM_ACTOR_ID]
    assert of_the_system
    assert {record["ip_address"] for record in of_the_system} == {None}


def test_what_identifies_a_person_is_marked() -> None:
    personal = {field.name for field in FIELDS if field.pii}
    assert personal == {"actor_id", "actor_name", "ip_address", "source_label", "change_description"}
