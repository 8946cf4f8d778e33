"""`zendesk-audit rules`: list, test and explain the rules in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

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
    """List the rules in force. On a terminal, * marks those that match text which Zendesk does not document."""
    chosen = [rule for rule in _in_force() if rule.level in at_least(level)]
    columns = {
        "rule": [rule.name for rule in chosen],
        "level": [rule.level for rule in chosen],
        "title": [rule.title for rule in chosen],
        "kind": [rule.kind for rule in chosen],
        "experimental": ["yes" if rule.experimental else "" for rule in chosen],
        "file": [rule.file for rule in chosen],
    }
    drawn = {
        "rule": columns["rule"],
        "level": [f"{rule.level} *" if rule.experimental else rule.level for rule in chosen],
        "title": columns["title"],
    }
    print_frame(pl.DataFrame(columns), output, "No rule is in force.", drawn=pl.DataFrame(drawn))


@rules.command()
@click.argument("name", required=False)
def test(name: str | None) -> None:
    """Run the examples of the rule NAME, or of all rules in force."""
    in_force = _in_force()
    chosen = [known_rule(name)] if name is not None else in_force
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
    say("\n".join(_explanation(known_rule(name))))


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


def known_rule(name: str) -> Rule:
    """The rule in force with this name or id, whatever its case. Raises NotFound, which names the nearest ones."""
    in_force = _in_force()
    for rule in in_force:
        if name.lower() in (rule.name.lower(), rule.id.lower()):
            return rule
    names = {rule.name.lower(): rule.name for rule in in_force}
    near = [names[one] for one in names if _loosely(one) == _loosely(name)]
    near = near or [names[one] for one in get_close_matches(name.lower(), names, n=3, cutoff=0.75)]
    cause = f"There is no rule {name!r} in force."
    if near:
        raise NotFound(cause, f"Did you mean {' or '.join(near)}?")
    raise NotFound(cause, "Run `zendesk-audit rules list` to see the rules in force.")


def _loosely(name: str) -> str:
    """A name without its signs and the zeros before a number: ZD-2 and zd002 are ZD-002."""
    return re.sub("(?<![0-9])0+|[^a-z0-9]", "", name.lower())
