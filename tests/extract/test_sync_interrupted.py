"""A sync that is stopped, killed, or given pages that are wrong."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from support.patience import PATIENCE_S
from support.sync import BEGINNING, DAY, NOON, WINDOW, Account
from zendesk_audit_assets.emulator import Fault
from zendesk_audit_assets.extract import sync as sync_module
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.sync import (
    Progress,
)
from zendesk_audit_assets.warehouse.database import DiskAlmostFull
from zendesk_audit_assets.zendesk import (
    AccessToken,
    MalformedResponse,
    NotAdmin,
    RateBudget,
    ZendeskAccount,
    ZendeskClient,
)


class Stopped(Exception):
    """What interrupts a sync half-way."""


def stop_after(received: int) -> Callable[[Progress], None]:
    def on_progress(progress: Progress) -> None:
        if progress.received >= received:
            raise Stopped

    return on_progress


@pytest.mark.parametrize("readers", [1, 2])
def test_a_sync_after_an_interruption_fetches_only_the_rest(busy_account: Account, readers: int) -> None:
    with pytest.raises(Stopped):
        busy_account.sync(readers=readers, on_progress=stop_after(700))
    busy_account.requests()
    stored = len(busy_account.ids())
    assert 500 <= stored < 1_000
    assert busy_account.claims_are_true()
    busy_account.sync(readers=readers)
    assert busy_account.holds_everything()
    assert busy_account.coverage() == [Interval(BEGINNING, NOON)]
    assert busy_account.requests() <= math.ceil((1_000 - stored) / 100) + 2 * readers


def living_readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("zendesk-reader")]


def test_no_reader_is_alive_after_a_sync(busy_account: Account) -> None:
    busy_account.sync(readers=8)
    assert living_readers() == []


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_no_reader_is_alive_after_an_interruption(busy_account: Account, error: type[BaseException]) -> None:
    def interrupt(progress: Progress) -> None:
        raise error

    with pytest.raises(error):
        busy_account.sync(readers=8, on_progress=interrupt)
    assert living_readers() == []


def test_no_reader_is_alive_after_an_error_of_a_reader(busy_account: Account) -> None:
    busy_account.zendesk.inject(Fault("403", times=None, after_requests=2))
    with pytest.raises(NotAdmin):
        busy_account.sync(readers=8)
    assert living_readers() == []


@pytest.mark.parametrize("wait", ["turn", "back-off"])
def test_a_stopped_sync_ends_the_waits_of_its_readers(busy_account: Account, wait: str) -> None:
    limiter = RateBudget(1.0)
    limiter.observe({"X-Rate-Limit": "100000"})
    credentials = AccessToken(busy_account.zendesk.options.access_token)
    with ZendeskClient(
        ZendeskAccount("demo", credentials, busy_account.zendesk.url), limiter=limiter, clock=busy_account.clock
    ) as client:
        busy_account.client = client

        def interrupt(progress: Progress) -> None:
            if wait == "turn":
                limiter.pause(3600)
            else:
                busy_account.zendesk.inject(Fault("429", times=None, seconds=500))
            raise Stopped

        with pytest.raises(Stopped):
            busy_account.sync(readers=8, on_progress=interrupt)
        assert living_readers() == []


KILLED_HALF_WAY = """
import os, signal, sys
from datetime import datetime
from zendesk_audit_assets.extract import sync as ingest
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import (AccessToken, RateBudget, ZendeskAccount, ZendeskClient)

path, url, token, start, end, clock = sys.argv[1:]
ingest.COMMIT_ROWS = 200
account = ZendeskAccount("demo", AccessToken(token), url)
client = ZendeskClient(account, limiter=RateBudget(1.0), clock=lambda: float(clock))
window = Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))

def kill(progress):
    if progress.received >= 700:
        os.kill(os.getpid(), signal.SIGKILL)

ingest.sync(client, Warehouse(path), window, run_id="killed", readers=2, on_progress=kill)
"""


def test_a_sync_after_a_kill_fetches_only_the_rest(busy_account: Account) -> None:
    zendesk = busy_account.zendesk
    arguments = [
        busy_account.warehouse.path,
        zendesk.url,
        zendesk.options.access_token,
        *vars(WINDOW).values(),
        zendesk.now(),
    ]
    command = [sys.executable, "-c", KILLED_HALF_WAY, *map(str, arguments)]
    assert subprocess.run(command, timeout=PATIENCE_S, check=False).returncode == -9
    busy_account.requests()
    committed = len(busy_account.ids())
    assert 400 <= committed < 1_000
    assert busy_account.claims_are_true()
    busy_account.sync(readers=2)
    assert busy_account.holds_everything()
    assert busy_account.requests() <= math.ceil((1_000 - committed) / 100) + 4


@pytest.mark.faults
@pytest.mark.parametrize("readers", [1, 8])
@pytest.mark.parametrize(("fault", "times"), [("cursor_rejected", 3), ("page_twice", 3), ("rows_twice", 1)])
def test_paging_that_breaks_is_taken_up_again(busy_account: Account, fault: Any, times: int, readers: int) -> None:
    busy_account.zendesk.inject(Fault(fault, times=times, after_requests=2))
    busy_account.sync(readers=readers)
    assert busy_account.holds_everything()
    assert busy_account.coverage() == [Interval(BEGINNING, NOON)]


def test_paging_that_breaks_on_every_page_still_ends(busy_account: Account) -> None:
    busy_account.zendesk.inject(Fault("cursor_rejected", times=None))
    busy_account.sync(readers=1)
    assert busy_account.holds_everything()


def test_a_page_of_another_window_is_an_error(busy_account: Account, answer_with: Callable[..., None]) -> None:
    stray = busy_account.zendesk.events[-100:]
    answer_with(lambda records: stray)
    with pytest.raises(MalformedResponse, match="requested time"):
        busy_account.sync(Interval(BEGINNING, BEGINNING + 5 * DAY))
    assert busy_account.coverage() == []
    assert busy_account.ids() == []


def test_a_disk_that_fills_up_keeps_all_commits(busy_account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    room = [True, True, False]
    monkeypatch.setattr(sync_module, "COMMIT_ROWS", 200)

    def require_disk_space(needed: int = 0) -> None:
        if not room.pop(0):
            raise DiskAlmostFull("The disk is full.", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(busy_account.warehouse, "require_disk_space", require_disk_space)
        with pytest.raises(DiskAlmostFull):
            busy_account.sync()
    assert 300 <= len(busy_account.ids()) < 1_000
    assert busy_account.claims_are_true()
    busy_account.sync()
    assert busy_account.holds_everything()
