"""`zendesk-audit rules`: list, test and explain the rules in force."""

from __future__ import annotations

from collections.abc import Iterator

import click
import polars as pl

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.output import NotFound, Output, format_options, print_frame
from zendesk_audit_assets.cli.terminal import mark, say
from zendesk_audit_assets.detect import Rule, load_rules
from zendesk_audit_assets.detect.examples import failed_examples
from zendesk_audit_assets.severity import SEVERITIES, at_least


@click.group()
def rules() -> None:
    """List, test and explain the detection rules: the packaged ones and those in ZENDESK_RULES_DIR."""


@rules.command(name="list")
@click.option("--level", type=click.Choice(SEVERITIES), default="informational", help="Minimum level of a rule.")
@format_options
def list_rules(level: str, output: Output) -> None:
    """List the rules in force."""
    chosen = [rule for rule in _in_force() if rule.level in at_least(level)]
    columns = {
        "rule": [rule.name for rule in chosen],
        "level": [rule.level for rule in chosen],
        "title": [rule.title for rule in chosen],
        "kind": [rule.kind for rule in chosen],
        "experimental": ["yes" if rule.experimental else "" for rule in chosen],
        "file": [rule.file for rule in chosen],
    }
    print_frame(pl.DataFrame(columns), output, "No rule is in force.")


@rules.command()
@click.argument("name", required=False)
def test(name: str | None) -> None:
    """Run the examples of the rule NAME, or of all rules in force."""
    in_force = _in_force()
    chosen = [_named(name)] if name else in_force
    failures = [f"{rule.file}: {failure}" for rule, failure in failed_examples(chosen, in_force)]
    for failure in failures:
        say(f"{mark('✗')} {failure}")
    untested = sum(not (rule.examples.match or rule.examples.no_match) for rule in chosen)
    examples = sum(len(rule.examples.match) + len(rule.examples.no_match) for rule in chosen)
    note = f" ({untested} without examples)" if untested else ""
    say(f"{examples} examples of {len(chosen)} rules{note}: {len(failures)} failed.")
    if failures:
        raise SystemExit(1)


@rules.command()
@click.argument("name")
def explain(name: str) -> None:
    """Show the description, the facts and the SQL of the rule with this NAME or id."""
    say("\n".join(_explanation(_named(name))))


def _explanation(rule: Rule) -> Iterator[str]:
    yield f"{rule.name}: {rule.title}"
    if rule.description:
        yield from ("", rule.description)
    yield ""
    facts = {
        "Level": rule.level,
        "Id": rule.id,
        "File": rule.file,
        "Kind": rule.kind,
        "Input": rule.input,
        "Look-back": str(rule.look_back) if rule.look_back else "",
        "Needs": ", ".join(rule.needs),
        "ATT&CK": ", ".join(rule.attack),
        "Experimental": "yes: it matches text that Zendesk does not document" if rule.experimental else "",
        "False positives": "; ".join(rule.falsepositives),
        "See": ", ".join(rule.references),
    }
    yield from (f"{label + ':':<16} {value}" for label, value in facts.items() if value)
    yield from ("", "SQL:", "", rule.sql.strip())


def _in_force() -> tuple[Rule, ...]:
    return load_rules(settings.load().rules_dir)


def _named(name: str) -> Rule:
    for rule in _in_force():
        if name.lower() in (rule.name.lower(), rule.id.lower()):
            return rule
    raise NotFound(f"There is no rule {name} in force.", "Run `zendesk-audit rules list` to see the rules in force.")
