"""`rename`: the warehouse of a renamed account goes on under the new address, if that has its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zendesk_audit_assets.extract import identity
from zendesk_audit_assets.warehouse.database import Warehouse

OLD = "https://former.zendesk.com"


@pytest.fixture
def renamed(configured: Any) -> Any:
    """An account with ten of its events in a warehouse under the former address."""
    with Warehouse(configured.warehouse.path).transaction() as connection:
        identity.bind_account(connection, OLD)
        for event in configured.zendesk.events[:10]:
            connection.execute(
                "INSERT INTO audit_logs BY NAME SELECT ? AS id, ?::TIMESTAMPTZ AS created_at, 1 AS batch_id, "
                "now() AS inserted_at, 'run' AS run_id",
                [event["id"], event["created_at"]],
            )
    return configured


def owner(deployment: Any) -> str | None:
    with Warehouse(deployment.warehouse.path).transaction() as connection:
        return identity.owner_of(connection)


def test_a_renamed_account_is_carried_over(renamed: Any, call: Callable[..., Any]) -> None:
    assert "zendesk-audit rename" in call("doctor").output
    result = call("rename")
    assert result.exit_code == 0
    assert OLD in result.output
    assert owner(renamed) == renamed.zendesk.url
    assert call("doctor").exit_code == 0
    assert "already belongs" in call("rename").output


def test_an_address_without_the_events_is_refused(renamed: Any, call: Callable[..., Any]) -> None:
    for event in list(renamed.zendesk.events):
        renamed.zendesk.remove(event["id"])
    result = call("rename")
    assert result.exit_code == 1
    assert "none of the events" in result.output
    assert owner(renamed) == OLD


def test_without_a_warehouse_there_is_nothing_to_rename(configured: Any, call: Callable[..., Any]) -> None:
    result = call("rename")
    assert result.exit_code == 1
    assert "There is no warehouse" in result.output
    assert not configured.warehouse.path.exists()
