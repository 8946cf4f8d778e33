"""The rules in force: those of the package, and those of a folder of one's own, which go first.

A rule is known by its `id`: a file of the folder with the id of a packaged rule takes its place. `settings.yml` in the
folder switches rules off and grades them anew, by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaFeatureNotSupportedByBackendError, SigmaRuleLocation
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule, SigmaStatus

from zendesk_audit_assets.detect.examples import examples_of
from zendesk_audit_assets.detect.rule import Rule, RuleError
from zendesk_audit_assets.detect.sigma import DuckDBBackend
from zendesk_audit_assets.detect.sql_rule import attack_techniques, sql_rule
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.text import one_line

SETTINGS = "settings.yml"
# A rule that does not say how bad it is.
DEFAULT_LEVEL = "medium"


def load_rules(folder: Path | None = None, *, packaged: bool = True) -> tuple[Rule, ...]:
    """All rules in force, ordered by name: those of the package if `packaged`, and those in `folder`, in any depth.

    Raises `RuleError`, which names the file, for whatever cannot be read or said in SQL.
    """
    pack = Path(str(files(__package__) / "pack"))
    sources = [_Source(path, packaged=True) for path in _rule_files(pack)] if packaged else []
    if folder is not None:
        if not folder.is_dir():
            raise RuleError(str(folder), "there is no such folder")
        sources += [_Source(path, packaged=False) for path in _rule_files(folder)]
    parsed = list(_chosen([one for source in sources for one in source.rules()]))
    _require_unique_names(parsed)
    rules = [*_compiled(parsed), *(one.rule for one in parsed if isinstance(one.rule, Rule))]
    settings = _Settings.read(folder / SETTINGS) if folder else _Settings()
    return tuple(sorted(settings.applied(rules, [one.name for one in parsed]), key=lambda rule: rule.name))


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


@dataclass(frozen=True)
class _Source:
    path: Path
    packaged: bool

    @property
    def file(self) -> str:
        return self.path.name if self.packaged else str(self.path)

    def rules(self) -> Iterator[_Parsed]:
        try:
            text = self.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RuleError(self.file, f"it cannot be read ({error})") from error
        if self.path.suffix == ".sql":
            yield _Parsed(replace(sql_rule(text, self.file), packaged=self.packaged), self.file, self.packaged)
            return
        try:
            collection = SigmaCollection.from_yaml(
                text, source=SigmaRuleLocation(self.path), collect_filters=True, resolve_references=False
            )
        except yaml.YAMLError as error:
            raise RuleError(self.file, f"it is not YAML ({_problem(error)})") from error
        except SigmaError as error:
            raise RuleError(self.file, _problem(error)) from error
        except (AttributeError, TypeError, ValueError) as error:  # what pySigma makes of other YAML
            raise RuleError(self.file, f"it is not a Sigma rule ({_problem(error)})") from error
        if not collection.rules and not collection.filters:
            raise RuleError(self.file, "there is no rule in it")
        for rule in [*collection.rules, *collection.filters]:
            if not isinstance(rule.id, UUID) and not isinstance(rule, SigmaFilter):
                raise RuleError(self.file, "a rule needs an id: a UUID, which stays the same for ever")
            yield _Parsed(rule, self.file, self.packaged)


def _rule_files(folder: Path) -> list[Path]:
    """All in the folder, without its settings and what is hidden, such as the copies of a mounted ConfigMap."""
    paths = [path for ending in ("yml", "yaml", "sql") for path in folder.rglob(f"*.{ending}")]
    hidden = {path for path in paths if any(part.startswith(".") for part in path.relative_to(folder).parts)}
    return sorted(path for path in paths if path != folder / SETTINGS and path not in hidden)


def _chosen(parsed: Sequence[_Parsed]) -> Iterator[_Parsed]:
    """One rule per id: one's own rather than the packaged one."""
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


def _compiled(parsed: Sequence[_Parsed]) -> Iterator[Rule]:
    """The Sigma rules, without those that only serve a correlation."""
    by_rule = {id(one.rule): one for one in parsed}
    given = [one.rule for one in parsed if not isinstance(one.rule, Rule)]
    collection = SigmaCollection(given, collect_filters=True, resolve_references=False)
    for rule in collection.rules:
        if isinstance(rule, SigmaCorrelationRule):
            with _errors_of(by_rule[id(rule)]):
                rule.resolve_rule_references(collection)
        else:
            _require_logsource(by_rule[id(rule)], rule)
    for narrowing in collection.filters:
        _require_logsource(by_rule[id(narrowing)], narrowing)
        with _errors_of(by_rule[id(narrowing)]):
            _require_rules(narrowing, collection)
    collection.apply_filters(collection.filters)
    backend = DuckDBBackend()
    backend.init_processing_pipeline()
    # Correlations last: they are made of the conditions of the others.
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
    span = sigma.timespan.seconds if isinstance(sigma, SigmaCorrelationRule) else 0
    return Rule(
        id=one.id,
        name=one.name,
        title=sigma.title,
        level=sigma.level.name.lower() if sigma.level else DEFAULT_LEVEL,
        form="correlation" if correlated else "event",
        sql=results[0] if correlated else " OR ".join(f"({condition})" for condition in results),
        file=one.file,
        look_back=timedelta(seconds=span),
        experimental=sigma.status == SigmaStatus.EXPERIMENTAL,
        description=" ".join((sigma.description or "").split()),
        attack=attack_techniques(str(tag) for tag in sigma.tags),
        falsepositives=tuple(sigma.falsepositives),
        references=tuple(sigma.references),
        packaged=one.packaged,
        examples=examples_of(sigma.custom_attributes.get("examples"), one.file),
    )


def _require_rules(narrowing: SigmaFilter, collection: SigmaCollection) -> None:
    """A filter that narrows nothing would pass unnoticed."""
    if not isinstance(narrowing.filter.rules, str):
        for reference in narrowing.filter.rules:
            reference.resolve(collection)


def _require_logsource(one: _Parsed, sigma: SigmaRule | SigmaFilter) -> None:
    source = sigma.logsource
    if source.product != "zendesk" or source.service not in ("audit", None) or source.category is not None:
        raise RuleError(
            one.file, f"'{one.name}' is not about Zendesk's audit log; its logsource must be zendesk, audit"
        )


def _require_unique_names(parsed: Sequence[_Parsed]) -> None:
    by_name: dict[str, _Parsed] = {}
    for one in parsed:
        other = by_name.setdefault(one.name, one)
        if other is not one and not isinstance(one.rule, SigmaFilter):
            raise RuleError(one.file, f"the name {one.name} is already that of a rule in {other.file}")


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
            given = yaml.safe_load(path.read_text("utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise RuleError(str(path), f"it cannot be read as YAML ({_problem(error)})") from error
        if not isinstance(given, dict) or set(given) - {"disable", "level"}:
            raise RuleError(str(path), "it may say 'disable' and 'level', and nothing else")
        disable, level = given.get("disable") or [], given.get("level") or {}
        if not isinstance(disable, list) or not isinstance(level, dict):
            raise RuleError(str(path), "'disable' is a list of rule names, 'level' gives a level to each of its names")
        for name, grade in level.items():
            if grade not in SEVERITIES:
                raise RuleError(
                    str(path), f"{name} cannot have the level {grade!r}; the levels are {', '.join(SEVERITIES)}"
                )
        return cls(str(path), frozenset(map(str, disable)), {str(name): grade for name, grade in level.items()})

    def applied(self, rules: Sequence[Rule], names: Iterable[str]) -> Iterator[Rule]:
        unknown = sorted((self.disable | set(self.level)) - set(names))
        if unknown:
            raise RuleError(self.file, f"there is no rule of the name {unknown[0]}")
        for rule in rules:
            if rule.name not in self.disable:
                level = self.level.get(rule.name)
                yield rule if level is None else replace(rule, level=level, fixed=True)


def _problem(error: BaseException) -> str:
    """The message of an error on one line, without the place, which Sigma's own errors add."""
    text = str(error.args[0] if isinstance(error, SigmaError) and error.args else error)
    return one_line(text).rstrip(".")
