"""Every command in any environment: no trace, a sentence with cause and remedy, and the exit code that scripts expect.

`make test` tries a few cases, `make prove` five hundred and more; FAULT_SEED chooses other ones.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn

import pytest

from support.environments import MARK, SETTINGS, Case, Outcome, case, run
from support.odd_files import FILES, FOLDERS
from support.zendesk import Reply, Stub, client_of
from zendesk_audit_assets.cli import demo, emulator, main, serve, sync
from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.extract import sync as reading
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.copies import publish
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import budget, stopping, transport

SEED = int(os.environ.get("FAULT_SEED", "1"))
# The case of a seed costs 0.2 CPU-s.
FEW, MANY = 10, 500

START = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
TOKEN = {"access_token": "t", "token_type": "bearer", "scope": "auditlogs:read", "expires_in": 1000}
NOTHING: dict[str, Any] = {"audit_logs": [], "meta": {"has_more": False}, "links": {}, "count": 0}
REPLIES: dict[str, Reply] = {
    "html": Reply(body=b"<html>login</html>"),
    "cut": Reply(body=b'{"audit_logs":[{"id":1,'),
    "empty": Reply(body=json.dumps(TOKEN | NOTHING).encode()),
    "no JSON": Reply(body=b"\xff\xfe\0"),
    "null": Reply(body=b"null"),
    "hangs up": Reply(raw=lambda file: None),
    "redirect": Reply(302, headers={"Location": "https://127.0.0.1:1/"}),
    "odd values": Reply(
        body=json.dumps(
            TOKEN | NOTHING | {"audit_logs": [{"id": "x", "created_at": []}, None, 7], "count": "many"}
        ).encode()
    ),
    "no such events": Reply(
        body=json.dumps(TOKEN | NOTHING | {"meta": {"has_more": True}, "links": {"next": "http://x/"}}).encode()
    ),
}


class World:
    """What a case needs: a good warehouse, odd ones, accounts that answer, and a folder that is new for each case."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._stubs: dict[str, Stub] = {}
        self.zendesk = stack.enter_context(Emulator(_options(seed=1)))
        self.other = stack.enter_context(Emulator(_options(seed=9)))
        self.good = Warehouse(folder / "good" / "audit.duckdb")
        with client_of(self.zendesk) as client:
            reading.sync(client, self.good, Interval(START, START + timedelta(days=4)), run_id="run")
        with self.good.transaction() as connection:
            for table in DERIVED:
                refresh.refresh(connection, table)
            findings.refresh(connection, load_rules(), start=START)
        publish(self.good, force=True)
        (folder / "traces").mkdir()

    def try_out(self, tried: Case, patch: pytest.MonkeyPatch) -> tuple[Outcome, list[Path]]:
        """What the program says, and the traces that it leaves."""
        folder = self._new_folder(tried)
        for name in (*SETTINGS, "COLUMNS"):
            patch.delenv(name, raising=False)
        variables = {
            "HOME": str(folder),
            "ZENDESK_BASE_URL": self._url(tried.zendesk),
            "ZENDESK_SUBDOMAIN": "demo",
            "ZENDESK_CLIENT_ID": self.zendesk.options.client_id,
            "ZENDESK_CLIENT_SECRET": self.zendesk.options.client_secret,
            "ZENDESK_START_DATE": f"{START:%Y-%m-%d}",
            "ZENDESK_AUDIT_DB": "data/audit.duckdb",
            **({"COLUMNS": tried.columns} if tried.columns else {}),
            **({"ZENDESK_RULES_DIR": "rules"} if tried.folder.startswith("rules") else {}),
            **tried.settings,
        }
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(tempfile, "tempdir", str(self._folder / "traces"))
        patch.chdir(folder)
        if tried.env_file is not None and not tried.folder.startswith(".env"):
            Path(".env").write_bytes(tried.env_file)
        FOLDERS[tried.folder](folder)
        outcome = run(main.main, tried)
        return outcome, list((self._folder / "traces").iterdir())

    def _new_folder(self, tried: Case) -> Path:
        folder = self._folder / "case"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "data" / "published").mkdir(parents=True)
        for kind, path in ((tried.warehouse, "data/audit.duckdb"), (tried.copy, "data/published/audit.duckdb")):
            FILES[kind](folder / path, self.good.path)
        shutil.copy(self.good.path, folder / "good.duckdb")
        (folder / "link.csv").symlink_to("nowhere")
        return folder

    def _url(self, kind: str) -> str:
        known = {"answers": self.zendesk.url, "other log": self.other.url, "absent": "http://127.0.0.1:1"}
        if kind in known:
            return known[kind]
        if kind not in self._stubs:
            stub = self._stubs[kind] = Stub()
            self._stack.callback(stub.close)
            stub.say(REPLIES.get(kind) or stub.reply(int(kind), b'{"error":"x"}', headers={"Retry-After": "1"}))
        return self._stubs[kind].url


def _options(seed: int) -> EmulatorOptions:
    history = HistoryOptions(start=START, end=START + timedelta(days=3), agents=5, events_per_day=40, seed=seed)
    return EmulatorOptions(history=history, rate_limit_per_minute=100_000)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("world"), stack)


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sit through no wait; end what runs until Ctrl-C by one; leave out the runs of Dagster, which have tests."""

    def at_once(_: float, stop: Any = stopping.NEVER, __: Any = None) -> None:
        stopping.require_going(stop)

    def ctrl_c(*_: Any, **__: Any) -> NoReturn:
        raise KeyboardInterrupt

    def served(options: EmulatorOptions, ready: Callable[[str], None]) -> None:
        serving(options, lambda url: (ready(url), ctrl_c()))  # type: ignore[func-returns-value]

    serving = emulator.serve
    monkeypatch.setattr(transport, "wait", at_once)
    monkeypatch.setattr(budget, "wait", at_once)
    monkeypatch.setattr(Warehouse.__init__, "__kwdefaults__", {"lock_timeout_s": 0.1, "stray_reader_timeout_s": 0.1})
    monkeypatch.setattr(serve, "_serve", ctrl_c)
    monkeypatch.setattr(demo, "_sync_everything", ctrl_c)
    monkeypatch.setattr(emulator, "serve", served)
    monkeypatch.setattr(sync, "sync_days", lambda *_, **__: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def faults(tried: Case, seen: Outcome, traces: list[Path]) -> Iterator[str]:
    """What is wrong with an outcome."""
    both = seen.out + seen.err
    if traces:
        yield f"nobody foresaw this: {traces[0].read_text()[-2000:]}"
    if "Traceback" in both or "panicked" in both:
        yield "a trace"
    if MARK in both:
        yield "a secret"
    if "\x1b" in both and "--raw" not in tried.arguments:
        yield "a control character"
    if seen.code not in (0, 1, 2, 130):
        yield "an exit code of its own"
    if seen.code == 0 and "Error: " in seen.err:
        yield "an error, and the exit code of success"
    if seen.code == 2 and (tried.valid or not re.search("Usage: |Error: ", both)):
        yield "no usage error"
    listed = re.search("[✗x] |failed", seen.out)  # by doctor, and by the test of rules
    if seen.code == 1 and tried.output == "open" and not listed:
        error = re.search(r"Error: (.*)", seen.err, re.DOTALL)
        if error is None:
            yield "a failure without a sentence"
        elif tried.arguments[0] != "sql" and len(re.findall(r"[.;:?](?:\s|$)", error[1])) < 2:
            yield "no cause and remedy"


def check(world: World, seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for seed in seeds:
        tried = case(random.Random(seed))
        with monkeypatch.context() as patch:
            seen, traces = world.try_out(tried, patch)
        found += [f"seed {seed}: {fault}\n{tried}\n{seen}" for fault in faults(tried, seen, traces)]
        for trace in traces:
            trace.unlink()
    assert not found, "\n\n".join(found[:5])


def test_a_few_cases_end_in_a_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    check(world, range(FEW), monkeypatch)


@pytest.mark.faults
def test_many_cases_end_in_a_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    check(world, range(SEED * 10_000, SEED * 10_000 + MANY), monkeypatch)
