"""The parts of the documentation that the code knows.

The Markdown pages mark a region with `[[[cog`, which calls one function of this module; `make docs` writes the result
into the page and `make lint` fails when a page is stale. Each function returns Markdown without a trailing newline.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import click
import dagster as dg

import zendesk_audit_assets
from zendesk_audit_assets import build_definitions
from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.cli import main
from zendesk_audit_assets.definitions import KEEP_RUNS_DAYS
from zendesk_audit_assets.detect import load_rules
from zendesk_audit_assets.detect.tables import FINDING_DECISIONS, FINDINGS, FINDINGS_STATE, LOG_FINDINGS
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.tables import TABLES
from zendesk_audit_assets.orchestration.checks import CHECKS
from zendesk_audit_assets.settings import VARIABLES, Account, Variable
from zendesk_audit_assets.transform import DERIVED, DerivedTable
from zendesk_audit_assets.transform.refresh import STATE as DERIVED_STATE
from zendesk_audit_assets.warehouse.catalog import META
from zendesk_audit_assets.warehouse.migrations import MIGRATIONS
from zendesk_audit_assets.warehouse.table import Table

DURABLE: tuple[Table, ...] = (*TABLES, FINDING_DECISIONS, LOG_FINDINGS, DELIVERIES, META, MIGRATIONS)
BOOKKEEPING: tuple[Table, ...] = (DERIVED_STATE, FINDINGS_STATE)

_KINDS = {"event": "Sigma", "correlation": "Sigma correlation", "sql": "SQL"}
_CLI_WIDTH = 100
_FILLED_IN_FIRST = ("ZENDESK_SUBDOMAIN", "ZENDESK_START_DATE", "ZENDESK_CLIENT_ID", "ZENDESK_CLIENT_SECRET")
# The folders whose errors a user can meet, in the order of the page.
_ERRORS_OF = {
    "parsers": "Settings",
    "env_file": "The file .env",
    "zendesk": "Zendesk",
    "extract": "The log",
    "warehouse": "The warehouse file",
    "transform": "Derived tables",
    "detect": "Rules",
    "alert": "Alerts",
    "cli": "Commands",
    "emulator": "The local Zendesk",
}


# Settings


def settings(*, alerts: bool) -> str:
    """The table of the variables, either those of alerts or all others."""
    chosen = [one for one in VARIABLES if _is_of_alerts(one) == alerts]
    return _markdown(
        ("variable", "default", "description"),
        (
            (f"`{one.name}`", f"`{one.default}`" if one.default else "", one.description + one.secret * " **Secret.**")
            for one in chosen
        ),
    )


def env_example() -> str:
    """Every variable as a line to fill in, with its description above it; those with a default are commented out."""
    blocks = []
    for one in VARIABLES:
        optional = "" if one.name in _FILLED_IN_FIRST else "#"
        blocks.append(f"# {one.description}\n{optional}{one.name}={one.default}")
    return "\n\n".join(blocks)


def _is_of_alerts(variable: Variable[Any]) -> bool:
    return variable.name.startswith("ZENDESK_ALERT_")


# Tables


def tables() -> str:
    """The index of all tables: what kind each is, what it is derived from, and its description."""
    rows = [
        *((_link(one.name), "durable", "", one.description) for one in DURABLE),
        *((_link(one.name), "derived", ", ".join(map(_link, one.depends_on)), one.description) for one in DERIVED),
        (_link(FINDINGS.name), "derived", ", ".join(map(_link, _asset_dependencies("findings"))), FINDINGS.description),
        *((_link(one.name), "bookkeeping", "", one.description) for one in BOOKKEEPING),
    ]
    return _markdown(("table", "kind", "derived from", "description"), rows)


def table(name: str) -> str:
    """One table: its heading, its description and its columns."""
    one = _all_tables()[name]
    rows = (
        (f"`{column.name}`", column.type, "" if column.required else "yes", "yes" * column.pii, column.description)
        for column in one.columns
    )
    columns = _markdown(("column", "type", "nullable", "PII", "description"), rows)
    return f"### {name}\n\n{one.description}\n\n{columns}"


@cache
def _all_tables() -> dict[str, Table | DerivedTable]:
    everything: tuple[Table | DerivedTable, ...] = (*DURABLE, *DERIVED, FINDINGS, *BOOKKEEPING)
    return {one.name: one for one in everything}


def _asset_dependencies(name: str) -> list[str]:
    spec = _definitions().resolve_assets_def(name).specs_by_key[dg.AssetKey(name)]
    return sorted(dep.asset_key.to_user_string() for dep in spec.deps)


def _link(name: str) -> str:
    return f"[`{name}`](#{name})"


def _links(names: Iterable[str]) -> str:
    return ", ".join(map(_link, names))


# Rules, checks


def rules() -> str:
    """The table of the packaged rules, in the order of their names."""
    return _markdown(
        ("rule", "title", "severity", "kind", "look-back", "ATT&CK"),
        (
            (
                rule.name,
                rule.title,
                rule.level + " *" * rule.experimental,
                _KINDS[rule.kind],
                _days(rule.look_back.total_seconds()),
                ", ".join(rule.attack),
            )
            for rule in load_rules()
        ),
    )


def rule_details() -> str:
    """What each packaged rule looks for, and when a finding of it is harmless."""
    blocks = []
    for rule in load_rules():
        lines = [f"#### {rule.name}: {rule.title}", " ".join(rule.description.split())]
        if rule.falsepositives:
            lines.append("False positives: " + "; ".join(one.rstrip(".") for one in rule.falsepositives) + ".")
        blocks.append("\n\n".join(lines))
    return "\n\n".join(blocks)


def _days(seconds: float) -> str:
    if not seconds:
        return ""
    days, hours = divmod(seconds, 86_400)
    return f"{days:g} d" if not hours else f"{seconds / 3600:g} h"


def checks() -> str:
    """The table of the asset checks; checks that differ in their asset alone share a row."""
    assets: dict[tuple[str, str, str, str], list[str]] = {}
    for check in CHECKS:
        when = "nightly" if check.whole_table else "each refresh"
        assets.setdefault((check.name, check.description, when, check.remedy), []).append(f"`{check.table}`")
    rows = (
        (f"`{name}`", ", ".join(tables), promise, when, remedy)
        for (name, promise, when, remedy), tables in assets.items()
    )
    return _markdown(("check", "asset", "promise", "runs", "if it fails"), rows)


# What Dagster runs


def automation() -> str:
    """The table of jobs, schedules and sensors, with their descriptions."""
    definitions = _definitions()
    rows = [
        *((f"`{one.name}`", "sensor", f"every {one.minimum_interval_seconds} s", one.description)
          for one in definitions.sensors or () if isinstance(one, dg.SensorDefinition)),
        *((f"`{one.name}`", "schedule", f"`{one.cron_schedule}` UTC", one.description)
          for one in definitions.schedules or () if isinstance(one, dg.ScheduleDefinition)),
        *((f"`{one.name}`", "job", "", one.description)
          for one in definitions.jobs or () if not isinstance(one, dg.Definitions)),
    ]  # fmt: skip
    return _markdown(("name", "kind", "when", "description"), rows)


def assets() -> str:
    """The table of the assets: group and description."""
    specs = sorted(_definitions().resolve_all_asset_specs(), key=lambda spec: (spec.group_name, spec.key))
    rows = ((f"`{spec.key.to_user_string()}`", spec.group_name, spec.description) for spec in specs)
    return _markdown(("asset", "group", "description"), rows)


@cache
def _definitions() -> dg.Definitions:
    """The definitions of a configured account: what is not configured does not run by itself."""
    account = Account(subdomain="acme", start_date="2026-01-01", access_token="token")  # noqa: S106
    return build_definitions(account, keep_runs_days=KEEP_RUNS_DAYS)


# The command line


def cli() -> str:
    """The help of every command, each below a heading of its own."""
    root = click.Context(
        main,
        info_name="zendesk-audit",
        max_content_width=_CLI_WIDTH,
        terminal_width=_CLI_WIDTH,
        **main.context_settings,
    )
    return "\n\n".join(_help(root, 2))


def _help(context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}\n\n```text\n{context.get_help().rstrip()}\n```"
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _help(_child(child, name, context), min(level + 1, 4))


def _child(command: click.Command, name: str, parent: click.Context) -> click.Context:
    return click.Context(
        command, info_name=name, parent=parent, max_content_width=_CLI_WIDTH, terminal_width=_CLI_WIDTH
    )


# Errors


@dataclass(frozen=True)
class _Message:
    cause: str
    remedy: str


def errors() -> str:
    """Every class of error: what it means, whether it is retried, and its messages with their remedies.

    The messages are read from the calls in the source. Each expression within one is shown as its value where that is
    a constant, and as … otherwise.
    """
    blocks = []
    for folder, title in _ERRORS_OF.items():
        blocks.append(f"## {title}")
        for kind, messages in _errors().items():
            if messages and kind.__module__.split(".")[1] == folder:
                retried = "" if kind.permanent else " Retried."
                rows = _markdown(("message", "remedy"), ((one.cause, one.remedy) for one in messages))
                blocks.append(f"### {kind.__name__}\n\n{_first_paragraph(kind)}{retried}\n\n{rows}")
    return "\n\n".join(blocks)


@cache
def _errors() -> dict[type[AuditError], list[_Message]]:
    found: dict[type[AuditError], list[_Message]] = {}
    for module in _modules():
        tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
        for owner, call in _calls(tree):
            kind = _error_class(module, owner, call)
            if kind is not None and len(call.args) >= 2:
                messages = found.setdefault(kind, [])
                message = _Message(*(_text(module, argument) for argument in call.args[:2]))
                if message not in messages and _says_something(message):
                    messages.append(message)
    return dict(sorted(found.items(), key=lambda item: (item[0].__module__, item[0].__name__)))


def _modules() -> Iterator[ModuleType]:
    path = Path(zendesk_audit_assets.__file__).parent
    names = (info.name for info in walk_packages([str(path)], f"{zendesk_audit_assets.__name__}."))
    return (import_module(name) for name in sorted(names) if not name.endswith("__main__"))


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the name of the class around it."""
    for top in tree.body:
        owner = top.name if isinstance(top, ast.ClassDef) else ""
        for node in ast.walk(top):
            if isinstance(node, ast.Call):
                yield owner, node


def _error_class(module: ModuleType, owner: str, call: ast.Call) -> type[AuditError] | None:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
        named: Any = getattr(module, owner, None)
    else:
        named = _named(module, call.func)
    return named if isinstance(named, type) and issubclass(named, AuditError) else None


def _text(module: ModuleType, node: ast.expr) -> str:
    """The text of an expression: constants of the module as their values, anything else as …."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(module, part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return "".join((_text(module, node.left), _text(module, node.right))) if _is_text(node) else "…"
    if isinstance(node, ast.FormattedValue):
        return _text(module, node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join":
        words = _named(module, node.args[0])
        return ", ".join(words) if isinstance(words, tuple | list | dict) else "…"
    value = node.value if isinstance(node, ast.Constant) else _named(module, node)
    return str(value) if isinstance(value, int | str) else "…"


def _is_text(node: ast.BinOp) -> bool:
    return all(isinstance(side, ast.JoinedStr | ast.Constant) for side in (node.left, node.right))


def _named(module: ModuleType, node: ast.expr) -> Any:
    """The value of a dotted name in a module; None when the node is something else, or the name is local."""
    if isinstance(node, ast.Name):
        return getattr(module, node.id, None)
    if isinstance(node, ast.Attribute):
        return getattr(_named(module, node.value), node.attr, None)
    return None


def _says_something(message: _Message) -> bool:
    return bool(message.cause.strip("… .") and message.remedy.strip("… ."))


# Benchmarks


def benchmarks() -> str:
    """The table of the benchmarks, from what each says of itself; helpers measure nothing and are left out."""
    folder = Path(zendesk_audit_assets.__file__).parents[1] / "benchmarks"
    described = {file.name: ast.get_docstring(ast.parse(file.read_text("utf-8"))) for file in folder.glob("*.py")}
    measuring = {name: text for name, text in sorted(described.items()) if text and "\n\nBaseline" in text}
    rows = [(f"`{name}`", *_paragraphs(text)) for name, text in measuring.items()]
    return _markdown(("benchmark", "measures", "baseline and bound"), rows)


def _paragraphs(text: str) -> tuple[str, str]:
    first, _, rest = text.partition("\n\n")
    return " ".join(first.split()).removeprefix("Measure "), " ".join(rest.split())


# Markdown


def _first_paragraph(described: Any) -> str:
    return " ".join((inspect.getdoc(described) or "").split("\n\n")[0].split())


def _markdown(head: tuple[str, ...], rows: Iterable[Iterable[str | None]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(_row(cells) for cells in lines)


def _row(cells: Iterable[str | None]) -> str:
    escaped = (" ".join((cell or "").split()).replace("|", "\\|") for cell in cells)
    return "|" + "|".join(f" {cell} " if cell else " " for cell in escaped) + "|"
