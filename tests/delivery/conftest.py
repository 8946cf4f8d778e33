"""Receivers of alerts, and a finding to send."""

from __future__ import annotations

import runpy
import shutil
import subprocess
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
def mail_server() -> Iterator[Callable[..., Any]]:
    """Starts an SMTP server on this machine; stopped at the end of the test."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(HELPERS["MailServer"](**options))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost with its key in one file, which is also the authority that vouches for it."""
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    openssl = shutil.which("openssl")
    assert openssl is not None
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    making = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*making, *names, "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file
