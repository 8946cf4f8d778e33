"""Names of Dagster that are not public. No other module imports a private name of another package (ruff: TID251).

A new version of Dagster may move them: what each is for says what to look for then.
"""

from __future__ import annotations

# Tells a run that somebody stopped from one that failed.
from dagster._core.events import RunFailureReason

# The description of a code location that the web server gets; tests look for secrets in it.
from dagster._core.remote_representation.external_data import RepositorySnap

# The only event log storage that keeps a file per run; pruning removes the file.
from dagster._core.storage.event_log import SqliteEventLogStorage

__all__ = ["RepositorySnap", "RunFailureReason", "SqliteEventLogStorage"]
