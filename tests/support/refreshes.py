"""Refreshes of some derived tables at a time, as when somebody materializes a few of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zendesk_audit_assets.transform import DerivedTable


class SomeAtATime:
    """Refreshes those of `tables` that are asked for, once the tables below them have been built."""

    def __init__(self, log: Any, tables: Iterable[DerivedTable]) -> None:
        self._log = log
        self._tables = tuple(tables)
        self._built: set[str] = set()

    def refresh(self, names: Iterable[str]) -> None:
        asked = set(names)
        for table in self._tables:
            if table.name in asked and self._built >= set(table.depends_on) - {"audit_logs"}:
                self._log.refresh(table)
                self._built.add(table.name)
