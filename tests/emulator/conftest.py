"""What the tests of the emulator share: a way to start one, to ask it, and to follow its links."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any

import pytest
import requests

from support.clock import Clock
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions

Ask = Callable[..., requests.Response]


@pytest.fixture
def clock() -> Clock:
    """A moment of which no part is zero: 2026-03-04T05:06:07Z."""
    return Clock(datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc))


@pytest.fixture
def start() -> Iterator[Callable[..., Emulator]]:
    """Start an emulator with these options; it stops with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Emulator(EmulatorOptions(**options)))


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Send a request with the emulator's own access token, or with other headers."""

    def send(zendesk: Emulator, path: str, method: str = "GET", **more: Any) -> requests.Response:
        more.setdefault("headers", {"Authorization": f"Bearer {zendesk.options.access_token}"})
        more.setdefault("timeout", 10)
        return requests.request(method, zendesk.url + path, **more)

    return send


@pytest.fixture(scope="session")
def walk(ask: Ask) -> Callable[[Emulator, str], list[dict[str, Any]]]:
    """Every page from here on, by `links.next`, while there is more."""

    def follow(zendesk: Emulator, path: str) -> list[dict[str, Any]]:
        pages = [ask(zendesk, path).json()]
        while pages[-1]["meta"]["has_more"]:
            pages.append(ask(zendesk, pages[-1]["links"]["next"].removeprefix(zendesk.url)).json())
        return pages

    return follow
