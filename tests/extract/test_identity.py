"""A warehouse takes in no other log than its own: by the address, and by events that Zendesk still has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.sync import BEGINNING, DAY, MINUTE, NOON, WINDOW, Account, spread
from zendesk_audit_assets.extract import identity
from zendesk_audit_assets.extract.coverage import SECOND, Interval
from zendesk_audit_assets.extract.identity import OtherAccount
from zendesk_audit_assets.zendesk import AccessToken, ZendeskAccount, same_address


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://acme.zendesk.com", "https://ACME.zendesk.com/"),
        ("https://acme.zendesk.com", "HTTPS://acme.zendesk.com:443"),
        ("http://127.0.0.1", "http://127.0.0.1:80/"),
        ("http://[::1]:8080", "HTTP://[::1]:8080"),
        ("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080"),
        ("http://localhost:8080", "http://127.0.0.1:8080/"),
        ("http://LOCALHOST:8080", "http://[::1]:8080"),
        ("http://127.0.0.1", "http://[::1]:80"),
    ],
)
def test_addresses_of_one_account_are_equal(one: str, other: str) -> None:
    assert same_address(one, other)


@pytest.mark.parametrize(
    "other", ["http://acme.zendesk.com", "https://acme.zendesk.com:8443", "https://acne.zendesk.com", "nonsense"]
)
def test_addresses_of_two_accounts_differ(other: str) -> None:
    assert not same_address("https://acme.zendesk.com", other)


@pytest.mark.parametrize(
    "other",
    ["http://localhost:8081", "https://localhost:8080", "http://localhost.example:8080", "http://127.0.0.2:8080"],
)
def test_two_servers_of_this_machine_differ(other: str) -> None:
    assert not same_address("http://127.0.0.1:8080", other)


@pytest.mark.parametrize("subdomain", ["acme", "Acme", "ACME"])
def test_an_account_has_one_spelling(subdomain: str) -> None:
    assert ZendeskAccount(subdomain, AccessToken("t")).url == "https://acme.zendesk.com"
    account = ZendeskAccount(subdomain, AccessToken("t"), "HTTPS://Gateway.Example:443/")
    assert account.url == "https://gateway.example"


@pytest.fixture
def swapped(account: Account, open_account: Callable[..., Account]) -> Account:
    """An account that was synced, whose address now leads to another log."""
    account.happens(*spread(300, BEGINNING, NOON))
    account.sync()
    other = open_account()
    other.zendesk.add({"id": 7_000 + n, "created_at": moment} for n, moment in enumerate(spread(200, BEGINNING, NOON)))
    with other.warehouse.transaction() as connection:
        identity.rebind(connection, other.client.account.url)
    other.clock.advance(60 * MINUTE)
    return other


@pytest.mark.few(2)
@pytest.mark.parametrize("window", [WINDOW, Interval(BEGINNING - 9 * DAY, BEGINNING)])
@pytest.mark.parametrize("full", [False, True])
def test_another_log_behind_the_same_address_stops_the_run(swapped: Account, window: Interval, full: bool) -> None:
    swapped.happens(*spread(10, BEGINNING - 5 * DAY, BEGINNING), *spread(10, NOON, NOON + 50 * MINUTE))
    before = swapped.ids()
    with pytest.raises(OtherAccount, match="none of the events"):
        swapped.sync(window, full=full)
    assert swapped.ids() == before
    assert swapped.query("SELECT count(*) FROM audit_log_revisions") == [(0,)]


def test_a_file_that_is_restored_meanwhile_takes_no_other_log(busy_account: Account) -> None:
    def restore(_: object) -> None:
        with busy_account.warehouse.transaction() as connection:
            identity.rebind(connection, "https://other.zendesk.com")

    with pytest.raises(OtherAccount):
        busy_account.sync(on_progress=restore)
    assert busy_account.ids() == []


def test_ids_that_clash_are_no_proof(swapped: Account) -> None:
    known = swapped.ids()
    swapped.zendesk.add({"id": id, "created_at": NOON + n * SECOND} for n, id in enumerate(known[-50:]))
    with pytest.raises(OtherAccount):
        swapped.sync()
    assert swapped.ids() == known


def test_events_that_vanish_beside_others_stop_nothing(busy_account: Account) -> None:
    busy_account.sync()
    for id in busy_account.ids()[-95:]:
        busy_account.zendesk.remove(id)
    busy_account.clock.advance(60 * MINUTE)
    new = busy_account.happens(*spread(5, NOON, NOON + 50 * MINUTE))
    busy_account.sync()
    assert set(new) <= set(busy_account.ids())


def test_a_backfill_of_other_days_costs_one_request_more(busy_account: Account) -> None:
    busy_account.sync(Interval(BEGINNING + 30 * DAY, BEGINNING + 40 * DAY))
    busy_account.requests()
    busy_account.sync(Interval(BEGINNING + 5 * DAY, BEGINNING + 6 * DAY))
    assert busy_account.requests() == 2
