"""`zendesk-audit rules`: which rules are in force, whether they find what they are meant to, and what they say."""

from __future__ import annotations

from collections.abc import Iterator

import click
import polars as pl

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.output import NotFound, format_options, print_frame
from zendesk_audit_assets.detect import Rule, load_rules
from zendesk_audit_assets.detect.run_examples import failed_examples
from zendesk_audit_assets.severity import SEVERITIES, at_least


@click.group()
def rules() -> None:
    """Show and test the detection rules: those of this package, and those in ZENDESK_RULES_DIR."""


@rules.command(name="list")
@click.option("--level", type=click.Choice(SEVERITIES), default="informational", help="Only what is as severe as this.")
@format_options
def list_rules(level: str, format: str | None) -> None:
    """Show the rules in force."""
    chosen = [rule for rule in _in_force() if rule.level in at_least(level)]
    columns = {
        "rule": [rule.name for rule in chosen],
        "level": [rule.level for rule in chosen],
        "title": [rule.title for rule in chosen],
        "form": [rule.form for rule in chosen],
        "experimental": ["yes" if rule.experimental else "" for rule in chosen],
        "file": [rule.file for rule in chosen],
    }
    print_frame(pl.DataFrame(columns), format, "No rule is in force.")


@rules.command()
@click.argument("name", required=False)
def test(name: str | None) -> None:
    """Run the examples of all rules, or of the one of this NAME."""
    in_force = _in_force()
    chosen = [_named(name)] if name else in_force
    failures = [f"{rule.file}: {failure}" for rule, failure in failed_examples(chosen, in_force)]
    for failure in failures:
        click.echo(f"✗ {failure}")
    without = sum(not (rule.examples.match or rule.examples.no_match) for rule in chosen)
    examples = sum(len(rule.examples.match) + len(rule.examples.no_match) for rule in chosen)
    of_them = f", {without} of them without any" if without else ""
    click.echo(f"{examples} examples of {len(chosen)} rules{of_them}: {len(failures)} failed.")
    if failures:
        raise SystemExit(1)


@rules.command()
@click.argument("name")
def explain(name: str) -> None:
    """Say what the rule of this NAME or id looks for, why, and in which SQL."""
    click.echo("\n".join(_explanation(_named(name))))


def _explanation(rule: Rule) -> Iterator[str]:
    yield f"{rule.name}: {rule.title}"
    if rule.description:
        yield from ("", rule.description)
    yield ""
    facts = {
        "Level": rule.level,
        "Id": rule.id,
        "File": rule.file,
        "Form": f"{rule.form} rule over {rule.over}",
        "Looks back": str(rule.look_back) if rule.look_back else "",
        "Needs": ", ".join(rule.needs),
        "ATT&CK": ", ".join(rule.attack),
        "Experimental": "yes: it looks for text that is documented nowhere" if rule.experimental else "",
        "Harmless when": "; ".join(rule.falsepositives),
        "See": ", ".join(rule.references),
    }
    yield from (f"{label + ':':<14} {value}" for label, value in facts.items() if value)
    yield from ("", "It finds:", "", rule.sql.strip())


def _in_force() -> tuple[Rule, ...]:
    return load_rules(settings.load().rules_dir)


def _named(name: str) -> Rule:
    for rule in _in_force():
        if name.lower() in (rule.name.lower(), rule.id.lower()):
            return rule
    raise NotFound(f"There is no rule {name} in force.", "`zendesk-audit rules list` shows those that are.")
