"""Receivers of alerts, and a finding to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support import findings
from support.receivers import MailServer, Receiver
from zendesk_audit_assets.detect.finding import Finding


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """Makes a finding, with changes."""

    def make(**changes: Any) -> Finding:
        row = findings.finding(**changes)
        return Finding.from_row(list(row), list(row.values()))

    return make


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes POST requests on this machine."""
    with Receiver() as running:
        yield running


@pytest.fixture
def https_receiver(certificate: Path) -> Iterator[Receiver]:
    """The same with TLS, by a certificate that nobody knows; its name is localhost."""
    with Receiver(certificate=str(certificate)) as running:
        yield running


@pytest.fixture
def mail_server() -> Iterator[Callable[..., MailServer]]:
    """Starts an SMTP server on this machine; stopped at the end of the test."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(MailServer(**options))


@pytest.fixture
def certificate() -> Path:
    """A certificate for localhost that vouches for itself, and its key; of no use to anybody else, until 2126."""
    return Path(__file__).with_name("localhost.pem")
