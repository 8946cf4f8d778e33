"""What holds for all tests: their marks, and where their fixtures are."""

from __future__ import annotations

import atexit
import gc
from collections import Counter
from pathlib import Path

import pytest

INTEGRATION = ("cli", "orchestration", "upgrade")
FAULTS = "faults"


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures, and Dagster with them, where tests run: the process that hands tests out does without."""
    if config.getoption("dist", "no") == "no":
        gc.disable()  # what is imported from here on stays
        config.pluginmanager.import_plugin("support.fixtures")


def pytest_collection_finish() -> None:
    """Spare the collections of garbage the modules and tests, which are most of all objects, until the process ends."""
    gc.freeze()
    gc.enable()
    atexit.register(gc.unfreeze)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its folder and its fixtures: a deployment or another process makes it an integration test."""
    tests = Path(__file__).parent
    seen: Counter[str] = Counter()
    for item in items:
        few = item.get_closest_marker("few")
        if few is not None:
            name = item.nodeid.partition("[")[0]
            seen[name] += 1
            if seen[name] > few.args[0]:
                item.add_marker(pytest.mark.faults)
        folder = item.path.relative_to(tests).parts[0]
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.random)
        if folder == FAULTS or item.get_closest_marker(FAULTS):
            item.add_marker(pytest.mark.faults)
        elif folder in INTEGRATION or {"deployed", "program"}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)
        else:
            item.add_marker(pytest.mark.unit)
