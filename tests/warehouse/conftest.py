from __future__ import annotations

from collections.abc import Callable

import pytest

from support import warehouse
from zendesk_audit_assets.extract.batches import Batch


@pytest.fixture(scope="session")
def batch() -> Callable[..., Batch]:
    """A batch of records; without a window it vouches for the first day of 2026, read when that was over."""
    return warehouse.batch
