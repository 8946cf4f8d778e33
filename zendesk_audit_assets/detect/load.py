"""The rules in force: the packaged rules and those in a folder of your own, which take precedence.

The `id` identifies a rule: a file in the folder with the id of a packaged rule replaces that rule. `settings.yml` in
the folder disables rules and sets their levels, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaFeatureNotSupportedByBackendError, SigmaRuleLocation
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule, SigmaStatus

from zendesk_audit_assets.detect.example_format import parse_examples
from zendesk_audit_assets.detect.rule import Rule, RuleError, timespan
from zendesk_audit_assets.detect.sigma import DuckDBBackend
from zendesk_audit_assets.detect.sql_rule import (
    attack_techniques,
    parse_sql_rule,
    remedy_of,
    require_reading,
    yaml_loader,
)
from zendesk_audit_assets.files import require_plain
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.text import as_unicode, one_line

SETTINGS = "settings.yml"
# The level of a rule that gives none.
DEFAULT_LEVEL = "medium"
_PACK = Path(str(files(__package__) / "pack"))


def load_rules(folder: Path | None = None, *, packaged: bool = True) -> tuple[Rule, ...]:
    """Load the rules in force, ordered by name: the `packaged` ones, and those in `folder` and the folders below it.

    Raises `RuleError`, which names the file, for a file that is unreadable, invalid or without an equivalent in SQL.
    """
    pack = _pack() if packaged else _Compiled()
    if folder is None:
        return pack.rules
    if not folder.is_dir():
        raise RuleError(str(folder), "there is no such folder")
    own = _parse_files(folder, packaged=False)
    # A rule that replaces, filters or correlates packaged ones must compile together with them.
    together = packaged and any(
        isinstance(parsed.rule, SigmaFilter | SigmaCorrelationRule) or parsed.id in pack.ids for parsed in own
    )
    compiled = _compile([*_parse_files(_PACK, packaged=True), *own]) if together else pack.joined_by(_compile(own))
    return tuple(_Settings.read(folder / SETTINGS).apply(compiled))


@dataclass(frozen=True)
class _Compiled:
    """Compiled rules by name; the ids, and the names with their files, of these and of their building blocks."""

    rules: tuple[Rule, ...] = ()
    ids: frozenset[str] = frozenset()
    files: Mapping[str, str] = field(default_factory=dict)

    def joined_by(self, own: _Compiled) -> _Compiled:
        for name, file in own.files.items():
            if name in self.files:
                raise _not_unique(name, file, self.files[name])
        return _Compiled(_by_name([*self.rules, *own.rules]), self.ids | own.ids, {**self.files, **own.files})


@cache
def _pack() -> _Compiled:
    """Compile the packaged rules, once per process."""
    return _compile(_parse_files(_PACK, packaged=True))


def _by_name(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(sorted(rules, key=lambda rule: rule.name))


@dataclass(frozen=True)
class _Parsed:
    rule: Rule | SigmaRule | SigmaCorrelationRule | SigmaFilter
    file: str
    packaged: bool

    @property
    def id(self) -> str:
        return str(self.rule.id)

    @property
    def name(self) -> str:
        return str(self.rule.name or Path(self.file).stem)


def _parse_files(folder: Path, *, packaged: bool) -> list[_Parsed]:
    return [parsed for path in _rule_files(folder) for parsed in _parse_file(path, packaged=packaged)]


def _rule_files(folder: Path) -> list[Path]:
    """List the rule files of a folder, without hidden ones, such as the copies in a mounted ConfigMap."""
    paths = [path for ending in ("yml", "yaml", "sql") for path in folder.rglob(f"*.{ending}")]
    hidden = {path for path in paths if any(part.startswith(".") for part in path.relative_to(folder).parts)}
    return sorted(path for path in paths if path != folder / SETTINGS and path not in hidden)


def _read(path: Path) -> str:
    """The text of a file. Raises `OSError` and `UnicodeDecodeError`."""
    require_plain(path)  # to open a pipe would wait for who writes to it
    return path.read_text("utf-8")


def _parse_file(path: Path, *, packaged: bool) -> Iterator[_Parsed]:
    file = path.name if packaged else as_unicode(str(path))
    try:
        text = _read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(file, f"it cannot be read ({error})") from error
    if path.suffix == ".sql":
        yield _Parsed(parse_sql_rule(text, file, packaged=packaged), file, packaged)
        return
    try:
        collection = SigmaCollection.from_dicts(
            list(yaml.load_all(text, yaml_loader(packaged=packaged))),
            source=SigmaRuleLocation(path),
            collect_filters=True,
            resolve_references=False,
        )
    except yaml.YAMLError as error:
        raise RuleError(file, f"it is not YAML ({_problem(error)})") from error
    except RecursionError:
        raise RuleError(file, "it is nested too deeply") from None
    except SigmaError as error:
        raise RuleError(file, _problem(error)) from error
    except (AttributeError, TypeError, ValueError) as error:  # pySigma raises these for other YAML
        raise RuleError(file, f"it is not a Sigma rule ({_problem(error)})") from error
    if not collection.rules and not collection.filters:
        raise RuleError(file, "there is no rule in it")
    for rule in [*collection.rules, *collection.filters]:
        if not isinstance(rule.id, UUID) and not isinstance(rule, SigmaFilter):
            raise RuleError(file, "a rule needs an id: a UUID, which stays the same for ever")
        yield _Parsed(rule, file, packaged)


def _compile(parsed: Sequence[_Parsed]) -> _Compiled:
    chosen = list(_without_replaced(parsed))
    named: dict[str, str] = {}
    for one in chosen:
        if one.name in named and not isinstance(one.rule, SigmaFilter):
            raise _not_unique(one.name, one.file, named[one.name])
        named.setdefault(one.name, one.file)
    rules = [*_compile_sigma(chosen), *(one.rule for one in chosen if isinstance(one.rule, Rule))]
    return _Compiled(_by_name(rules), frozenset(one.id for one in chosen), named)


def _not_unique(name: str, file: str, other: str) -> RuleError:
    return RuleError(file, f"the name {name} is already that of a rule in {other}")


def _without_replaced(parsed: Sequence[_Parsed]) -> Iterator[_Parsed]:
    """Yield one rule per id: your own in place of the packaged one."""
    by_id: dict[str, _Parsed] = {}
    for one in parsed:
        if isinstance(one.rule, SigmaFilter):
            yield one
            continue
        other = by_id.get(one.id)
        if other is not None and other.packaged == one.packaged:
            raise RuleError(one.file, f"the id {one.id} is already that of a rule in {other.file}")
        by_id[one.id] = one
    yield from by_id.values()


def _compile_sigma(parsed: Sequence[_Parsed]) -> Iterator[Rule]:
    """Compile the Sigma rules, without those that only serve a correlation."""
    by_rule = {id(one.rule): one for one in parsed}
    sigma_rules = [one.rule for one in parsed if not isinstance(one.rule, Rule)]
    collection = SigmaCollection(sigma_rules, collect_filters=True, resolve_references=False)
    for rule in collection.rules:
        if isinstance(rule, SigmaCorrelationRule):
            with _errors_of(by_rule[id(rule)]):
                rule.resolve_rule_references(collection)
        else:
            _require_logsource(by_rule[id(rule)], rule)
    for filter_ in collection.filters:
        _require_logsource(by_rule[id(filter_)], filter_)
        with _errors_of(by_rule[id(filter_)]):
            _require_rules(filter_, collection)
    collection.apply_filters(collection.filters)
    backend = DuckDBBackend()
    backend.init_processing_pipeline()
    # Correlations last: they contain the conditions of the others.
    for rule in sorted(collection.rules, key=lambda rule: isinstance(rule, SigmaCorrelationRule)):
        one = by_rule[id(rule)]
        with _errors_of(one):
            if isinstance(rule, SigmaCorrelationRule):
                converted = backend.convert_correlation_rule(rule)
            else:
                converted = backend.convert_rule(rule)
        if converted:
            yield _rule(one, rule)


@contextmanager
def _errors_of(one: _Parsed) -> Iterator[None]:
    try:
        yield
    except SigmaFeatureNotSupportedByBackendError as error:
        raise RuleError(one.file, f"'{one.name}' uses {_problem(error)}, which is not supported here") from error
    except (SigmaError, NotImplementedError, TypeError, ValueError) as error:
        raise RuleError(one.file, f"'{one.name}': {_problem(error)}") from error


def _rule(one: _Parsed, sigma: SigmaRule | SigmaCorrelationRule) -> Rule:
    results = sigma.get_conversion_result()
    correlated = isinstance(sigma, SigmaCorrelationRule)
    span = timedelta()
    if isinstance(sigma, SigmaCorrelationRule):
        span = timespan(sigma.timespan.seconds, f"the timespan of '{one.name}'", one.file)
    sql = results[0] if correlated else " OR ".join(f"({condition})" for condition in results)
    # What is compiled from a foreign file is no more trusted than SQL in it.
    require_reading(sql if correlated else f"SELECT {sql} FROM audit_events", (), one.file)
    return Rule(
        id=one.id,
        name=one.name,
        title=sigma.title,
        level=sigma.level.name.lower() if sigma.level else DEFAULT_LEVEL,
        kind="correlation" if correlated else "event",
        sql=sql,
        file=one.file,
        look_back=span,
        experimental=sigma.status == SigmaStatus.EXPERIMENTAL,
        description=" ".join((sigma.description or "").split()),
        attack=attack_techniques(str(tag) for tag in sigma.tags),
        falsepositives=tuple(sigma.falsepositives),
        references=tuple(sigma.references),
        remedy=remedy_of(sigma.custom_attributes.get("remedy"), one.file),
        packaged=one.packaged,
        examples=parse_examples(sigma.custom_attributes.get("examples"), one.file),
    )


def _require_rules(filter_: SigmaFilter, collection: SigmaCollection) -> None:
    """Refuse a filter that names no rule: it would change nothing, unnoticed."""
    if not isinstance(filter_.filter.rules, str):
        for reference in filter_.filter.rules:
            reference.resolve(collection)


def _require_logsource(one: _Parsed, sigma: SigmaRule | SigmaFilter) -> None:
    source = sigma.logsource
    if source.product != "zendesk" or source.service not in ("audit", None) or source.category is not None:
        raise RuleError(
            one.file, f"'{one.name}' is not about Zendesk's audit log; its logsource must be zendesk, audit"
        )


@dataclass(frozen=True)
class _Settings:
    file: str = SETTINGS
    disable: frozenset[str] = frozenset()
    level: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> _Settings:
        if not path.exists():
            return cls()
        try:
            content = yaml.load(_read(path), yaml_loader(packaged=False)) or {}  # noqa: S506 - a safe loader
        except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
            raise RuleError(str(path), f"it cannot be read as YAML ({_problem(error)})") from error
        if not isinstance(content, dict) or set(content) - {"disable", "level"}:
            raise RuleError(str(path), "it may say 'disable' and 'level', and nothing else")
        disable, level = content.get("disable") or [], content.get("level") or {}
        if not isinstance(disable, list) or not isinstance(level, dict):
            raise RuleError(str(path), "'disable' is a list of rule names, 'level' gives a level to each of its names")
        for name, grade in level.items():
            if grade not in SEVERITIES:
                raise RuleError(
                    str(path), f"{name} cannot have the level {grade!r}; the levels are {', '.join(SEVERITIES)}"
                )
        return cls(str(path), frozenset(map(str, disable)), {str(name): grade for name, grade in level.items()})

    def apply(self, compiled: _Compiled) -> Iterator[Rule]:
        unknown = sorted((self.disable | set(self.level)) - set(compiled.files))
        if unknown:
            raise RuleError(self.file, f"there is no rule of the name {unknown[0]}")
        for rule in compiled.rules:
            if rule.name not in self.disable:
                level = self.level.get(rule.name)
                yield rule if level is None else replace(rule, level=level, level_is_fixed=True)


def _problem(error: BaseException) -> str:
    """Return the text of an error without the location, which Sigma's own errors append."""
    text = str(error.args[0] if isinstance(error, SigmaError) and error.args else error)
    return one_line(text).rstrip(".")
