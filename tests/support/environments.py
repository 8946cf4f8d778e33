"""Environments and command lines that nobody would set up on purpose, to try the command line in."""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from support.odd_files import FILES, FOLDERS
from zendesk_audit_assets.settings import VARIABLES

# In every secret setting: no message may repeat it.
MARK = "hidden-7d1f0c"

Chance = random.Random


@dataclass(frozen=True)
class Case:
    """One call of the program: what it is told, where, and who listens."""

    arguments: tuple[str, ...]
    # Whether the arguments themselves are right: then the program must not find fault with them.
    valid: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    env_file: bytes | None = None
    warehouse: str = "good"
    copy: str = "good"
    folder: str = "plain"
    zendesk: str = "answers"
    encoding: str = "utf-8"
    output: str = "open"
    input: bytes = b""
    columns: str = ""


def case(chance: Chance) -> Case:
    """Any case; about half of its parts are as they should be."""

    def odd(usual: Any, others: Sequence[Any], share: float = 0.35) -> Any:
        return chance.choice(others) if chance.random() < share else usual

    arguments, valid = chance.choice([_right, _right, _wrong])(chance)
    return Case(
        arguments,
        valid,
        {name: value for name in SETTINGS if (value := odd("", _values(name, chance), 0.06))},
        odd(None, _ENV_FILES),
        odd("good", sorted(FILES)),
        odd("good", sorted(FILES)),
        odd("plain", sorted(FOLDERS), 0.2),
        odd("answers", ZENDESKS),
        odd("utf-8", ("ascii", "latin-1", "cp1252", "utf-16")),
        odd("open", OUTPUTS, 0.2),
        odd(b"", _INPUTS),
        odd("", ("0", "1", "-5", "wide", "100000"), 0.1),
    )


# Arguments

_TEXTS = (
    "", " ", "user:7", "user:x", "Bob", "%", "'", '"', "\x1b[2J", "\u202e", "é✓💥", "٣", "-", "--", "--x",
    "x" * 5_000, "\udcff", "a\nb", "../../x", "user:" + "9" * 40, "\U000e0041", "null",
)  # fmt: skip
_DAYS = ("2026-01-10", "2026-02-30", "0001-01-01", "9999-12-31", "2026-1-1", "yesterday", "", "٢٠٢٦-01-01")
_FILES = (
    "out.csv", "out.json", "out.parquet", "out.CSV", "out", ".csv", "missing/out.csv", ".", "data",
    "data/audit.duckdb", "data/published/audit.duckdb", "data/audit.duckdb.lock", "backup.duckdb", "/dev/null",
    "/dev/full", "/proc/x.csv", "x" * 300 + ".csv", "link.csv", "~/x.csv", "backup.duckdb/x", "é.csv", "good.duckdb",
    "",
)  # fmt: skip
_QUERIES = (
    "FROM audit_logs", "SELECT 1", "", ";", "SELECT", "SELECT now()", "FROM nowhere", "DROP TABLE audit_logs",
    "SELECT 1; SELECT 2", "COPY (SELECT 1) TO 'x'", "FROM read_text('.env')", "SELECT chr(27) || '[2J'",
    "SELECT INTERVAL 1 MONTH", "SELECT 'infinity'::DATE", "SELECT 1/0", "SELECT 'x'::INT", "SELECT error('x')",
    "FROM range(1000)", "SELECT repeat('é', 100000)", "EXPLAIN SELECT 1", "DESCRIBE audit_logs",
    "SUMMARIZE audit_logs", "SHOW TABLES", "PRAGMA version", "SELECT union_value(a := 1)", "SELECT MAP {[1]: 2}",
    "SELECT ''::BLOB", "SELECT 1 AS a, 2 AS a", "SELECT 'a' AS \"\x1b\"", "SELECT '\x00'", "SELECT $1", "SELECT ?",
    "SELECT {'a': [1, NULL]}", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 10) FROM t",
    "SELECT '9999-12-31 23:59:59'::TIMESTAMP_NS", "SELECT 1::DECIMAL(38,30)", "SELECT 'NaN'::DOUBLE", "((((" * 300,
    "SELECT 1 -- x", "/* ", "SELECT gen_random_uuid()", "SELECT ''::BIT", "SELECT getvariable('a')",
    "FROM glob('*')", "SELECT [] AS l", "SELECT NULL", "FROM (VALUES (1), (NULL))", "CALL x()", "SELECT x'zz'",
    "SELECT array_value(1, 2)", "SELECT TIMETZ '12:00:00+15:59'", "SELECT TIME '24:00:00'",
    "SELECT 170141183460469231731687303715884105727",
)  # fmt: skip


def _formats(chance: Chance) -> tuple[str, ...]:
    return chance.choice(
        [
            (),
            (),
            (),
            ("--json",),
            ("--csv",),
            ("--csv", "--raw"),
            ("--output", "out.csv"),
            ("--output", "out.parquet"),
            ("--output", "out.json"),
        ]
    )


def _live(chance: Chance) -> tuple[str, ...]:
    return chance.choice([(), ("--live",)])


def _right(chance: Chance) -> tuple[tuple[str, ...], bool]:
    """A command with arguments that it takes."""
    command = chance.choice(sorted(_RIGHT))
    return (command, *_RIGHT[command](chance)), True


_RIGHT: dict[str, Callable[[Chance], tuple[str, ...]]] = {
    "doctor": lambda chance: (),
    "check": lambda chance: (),
    "rename": lambda chance: (),
    "repair": lambda chance: chance.choice([(), ("--yes",)]),
    "sql": lambda chance: (chance.choice(_QUERIES[:2]), *_formats(chance)),
    "findings": lambda chance: (
        *chance.choice([(), ("--since", "2026-01-10"), ("--level", "high"), ("--rule", "ZD-002"), ("--all",)]),
        *_formats(chance), *_live(chance),
    ),
    "who": lambda chance: (
        *chance.choice([(), ("--admin",), ("--on", "2026-01-10")]), *_formats(chance), *_live(chance),
    ),
    "history": lambda chance: (chance.choice(["user:7", "Bob", "nobody"]), *_formats(chance), *_live(chance)),
    "rules": lambda chance: chance.choice(
        [
            ("list", *_formats(chance)), ("list", "--level", "high"), ("explain", "ZD-002"), ("test", "ZD-002"),
            ("explain", "ZD-999"),
        ]
    ),
    "backup": lambda chance: ("backup.duckdb",),
    "restore": lambda chance: ("good.duckdb",),
    "sync": lambda chance: chance.choice([(), ("--quiet",), ("--no-alerts",), ("--full",)]),
    "demo": lambda chance: ("--days", "1"),
    "serve": lambda chance: ("--port", "3999", "--no-daemon"),
    "emulator": lambda chance: ("--port", "0", "--days", "1"),
}  # fmt: skip


_NUMBERS = ("nan", "inf", "-1", "1e400")


def _wrong(chance: Chance) -> tuple[tuple[str, ...], bool]:
    """A command with arguments that it may not take."""
    text = chance.choice
    command = text(
        [
            ("sql", text(_QUERIES), *_formats(chance)), ("sql", text(_QUERIES), *_formats(chance)),
            ("sql", text(_QUERIES), "--json"), ("sql", text(_QUERIES), "--csv"),
            ("sql", "FROM audit_logs", "--output", text(_FILES)), ("sql",), ("sql", "-"), ("sql", text(_TEXTS)),
            ("findings", "--since", text(_DAYS)), ("findings", "--close", text(_TEXTS)),
            ("findings", "--rule", text(_TEXTS), *_live(chance)), ("findings", "--level", text(_TEXTS)),
            ("findings", "--output", text(_FILES), *_live(chance)), ("who", "--on", text(_DAYS), *_live(chance)),
            ("who", "--output", text(_FILES)), ("who", text(_TEXTS)),
            ("history", text(_TEXTS), *_formats(chance), *_live(chance)), ("history",),
            ("history", "user:7", "--output", text(_FILES)), ("rules", text(_TEXTS)),
            ("rules", "explain", text(_TEXTS)), ("rules", "test", text(_TEXTS)),
            ("rules", "list", "--level", text(_TEXTS)), ("rules", "list", "--output", text(_FILES)), ("rules",),
            ("backup", text(_FILES)), ("backup",), ("restore", text(_FILES)), ("restore",),
            ("sync", "--from", text(_DAYS)), ("sync", "--to", text(_DAYS)),
            ("sync", "--from", text(_DAYS), "--to", text(_DAYS)), ("sync", text(_TEXTS)), ("rename", text(_TEXTS)),
            ("doctor", text(_TEXTS)), (text(_TEXTS),), (), ("--help",), ("--version",),
            ("emulator", "--port", text(_TEXTS)), ("emulator", "--days", text(["0", "-1", "99999999", "1e9", "x"])),
            ("emulator", "--port", "0", "--agents", text(["3", "2", "x"]), "--events-per-day", text(_NUMBERS)),
            ("emulator", "--port", "0", "--days", "1", "--live", text(["nan", "inf"])),
            ("emulator", "--port", "0", "--late", "nan"),
            ("emulator", "--port", "0", "--days", "1", "--latency-ms", text(["nan", "inf", "-1"])),
            ("emulator", "--port", "0", "--days", "1", "--seed", text(["-1", "9" * 50, "x"])),
            ("emulator", "--port", "0", "--days", "1", "--rate-limit", text(["0", "9" * 50])),
            ("serve", "--host", text(_TEXTS), "--port", "3999"), ("serve", "--port", text(["0", "70000", "x"])),
            ("serve", "--host", "192.0.2.1"), ("demo", "--days", text(["0", "x", "9" * 30])),
            ("demo", "--port", "0"),
        ]
    )  # fmt: skip
    return command, False


# Settings

SETTINGS = tuple(variable.name for variable in VARIABLES)
_SECRETS = frozenset(variable.name for variable in VARIABLES if variable.secret)
_ODD = (
    " ", "\x1b[2J", "'quoted'", "${HOME}", "$NOWHERE/x", "-1", "0", "nan", "1e309", "٣", "é✓", "x" * 5_000, "\udcff",
    "2026-02-30", "null", "on", "a,b,,", "~nobody-here/x", "{}", "%s%n", "a b", "\u202e",
)  # fmt: skip
_ADDRESSES = (
    "http://127.0.0.1:1", "https://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.0.0.1:99999",
    "ftp://127.0.0.1", "http://", "//x", "http://127.0.0.1:1/x", "http://u:p@127.0.0.1:1", "https://exa mple",
    "http://example.com", "HTTP://127.0.0.1:1", "http://127.0.0.1:1\\@x",
)  # fmt: skip
_PATHS = (
    "data", ".", "/", "~", "md:x", "s3://b/x", ":memory:", "data/other.duckdb", "missing/deep/x.duckdb",
    "/proc/x.duckdb", "/dev/null", "good.duckdb/x", "link.csv", "x" * 300, "a/" * 600, "data/é.duckdb",
    "data/a b'c\".duckdb", "/dev/full", "$HOME/x.duckdb", "rules",
)  # fmt: skip


def _values(name: str, chance: Chance) -> Sequence[str]:
    if name in _SECRETS:
        return (
            f"{MARK}",
            f"https://{MARK}.example/x",
            f"smtp://a:{MARK}@127.0.0.1:1",
            f"smtp://a:{MARK}/x@h",
            *(MARK + odd for odd in _ODD),
        )
    if name.endswith("_URL"):
        return (*_ADDRESSES, *_ODD)
    if name in ("ZENDESK_AUDIT_DB", "ZENDESK_RULES_DIR", "DAGSTER_HOME"):
        return (*_PATHS, *_ODD)
    if name == "ZENDESK_SUBDOMAIN":
        return ("demo", "acme.zendesk.com", "https://acme.zendesk.com", "-a", "a..b", *_ODD)
    return (
        "oauth_access_token",
        "api_token",
        "Europe/Amsterdam",
        "localtime",
        "2020-01-01",
        "9999-12-31",
        "a@b.example",
        *_ODD,
    )


_ENV_FILES = (
    b"", b"ZENDESK_SUBDOMAIN=demo\n", b"\xef\xbb\xbfZENDESK_TIMEZONE=UTC\r\n",
    "ZENDESK_TIMEZONE=UTC".encode("utf-16"), b"# \xfc\n", b"A=\0\n", b"ZENDESK_BASE_URL=http://127.0.0.1:1\n",
    b"HTTPS_PROXY=http://127.0.0.1:1\n", b"ZENDESK_TIMEZONE='UTC\n", b"nonsense: y\n=\n==\n",
    b"A=" + b"x" * 2_000_000, b"ZENDESK_START_DATE=${NOWHERE}\n", b"export ZENDESK_RATE_SHARE=2\n",
    b"ZENDESK_AUDIT_DB=~\n", b"\x1b[2J=\x1b[2J\n", b"A=1\n" * 10_000,
    b"ZENDESK_ALERT_LEVEL=\xe2\x80\x9chigh\xe2\x80\x9d\n", b"ZENDESK_CLIENT_SECRET='" + MARK.encode() + b"\n",
    b"DAGSTER_HOME=.\n", b"REQUESTS_CA_BUNDLE=/nowhere.pem\n", b"PATH=\n", b"COLUMNS=x\n",
    b"ZENDESK_ALERT_SLACK_URL=https://" + MARK.encode() + b"\n", b"TZ=Nowhere/Land\n",
)  # fmt: skip

_INPUTS = (b"SELECT 1", b"", b"\xff\xfe", b"\0", "SELECT 'é'".encode(), b"\xef\xbb\xbfSELECT 1", b"y\n" * 1_000)

ZENDESKS = (
    "absent",
    "401",
    "403",
    "404",
    "429",
    "500",
    "html",
    "cut",
    "empty",
    "no JSON",
    "null",
    "other log",
    "hangs up",
    "redirect",
    "odd values",
    "no such events",
)
OUTPUTS = ("open", "closed", "full", "broken pipe", "missing", "later broken pipe")


class _Raw(io.RawIOBase):
    """Where the output of the program goes; fails after so many bytes."""

    def __init__(self, error: OSError | None = None, after: int = 0) -> None:
        self.written = bytearray()
        self._error, self._after = error, after

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._error is not None and len(self.written) >= self._after:
            raise self._error
        self.written += bytes(data)
        return len(data)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def run(program: Callable[..., Any], tried: Case) -> Outcome:
    """Call the program in this process, with streams of its own."""
    failure = {
        "closed": OSError(9, "Bad file descriptor"),
        "full": OSError(28, "No space left on device"),
        "broken pipe": BrokenPipeError(32, "Broken pipe"),
        "later broken pipe": BrokenPipeError(32, "Broken pipe"),
    }.get(tried.output)
    out, err = _Raw(failure, 100 if tried.output.startswith("later") else 0), _Raw()
    before = sys.stdout, sys.stderr, sys.stdin
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(out, 64), encoding=tried.encoding, write_through=False)
    sys.stderr = io.TextIOWrapper(io.BufferedWriter(err, 64), encoding=tried.encoding, errors="backslashreplace")
    sys.stdin = io.TextIOWrapper(io.BytesIO(tried.input), encoding=tried.encoding)
    streams = sys.stdout, sys.stderr
    if tried.output == "missing":
        sys.stdout = None  # type: ignore[assignment]
    code: Any = 0
    try:
        program(list(tried.arguments), prog_name="zendesk-audit")
    except SystemExit as end:
        code = end.code
    finally:
        for stream in streams:
            with suppress(OSError, ValueError):
                stream.flush()
            with suppress(OSError, ValueError):
                stream.detach().raw.close()
        sys.stdout, sys.stderr, sys.stdin = before
    if code is None:
        code = 0
    texts = [bytes(raw.written).decode(tried.encoding, "replace") for raw in (out, err)]
    return Outcome(code, *texts)
