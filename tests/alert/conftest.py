"""Receivers of alerts, and a finding to send."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

HELPERS = runpy.run_path(str(Path(__file__).with_name("receiver.py")))


@pytest.fixture
def finding() -> Callable[..., dict[str, Any]]:
    """A row of `findings`, with changes."""
    make: Callable[..., dict[str, Any]] = HELPERS["finding"]
    return make


@pytest.fixture
def receiver() -> Iterator[Any]:
    """Takes POST requests on this machine."""
    with HELPERS["Receiver"]() as running:
        yield running


@pytest.fixture
def https_receiver(certificate: Path) -> Iterator[Any]:
    """The same with TLS, by a certificate that nobody knows; its name is localhost."""
    with HELPERS["Receiver"](certificate=str(certificate)) as running:
        yield running


@pytest.fixture
def mail_server() -> Iterator[Callable[..., Any]]:
    """Starts an SMTP server on this machine; stopped at the end of the test."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(HELPERS["MailServer"](**options))


@pytest.fixture
def certificate() -> Path:
    """A certificate for localhost that vouches for itself, and its key; of no use to anybody else, until 2126."""
    return Path(__file__).with_name("localhost.pem")
