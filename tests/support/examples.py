"""How many examples a random test tries."""

from __future__ import annotations

import os

_FACTOR = int(os.environ.get("TEST_EXAMPLES", "1"))


def examples(number: int) -> int:
    """This many, times TEST_EXAMPLES of the environment, which `make prove` sets."""
    return number * _FACTOR
