"""Names of Dagster that are not public. No other module imports a private name of another package (ruff: TID251).

A new version of Dagster may move them: what each is for says what to look for then.
"""

from __future__ import annotations

# The kinds of event that a storage also indexes by asset: those that come in batches.
# RunFailureReason tells a run that somebody stopped from one that failed.
from dagster._core.events import ASSET_EVENTS, RunFailureReason

# Opens an instance with settings other than those of its file.
from dagster._core.instance.ref import InstanceRef

# The description of a code location that the web server gets; tests look for secrets in it.
from dagster._core.remote_representation.external_data import RepositorySnap

# The only event log storage that keeps a file per run, which pruning removes, and that writes no batches by itself.
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage

# What `dagster dev` serves its web pages from, and what it tells the daemon.
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import (
    EmptyWorkspaceTarget,
    ModuleTarget,
    WorkspaceFileTarget,
    WorkspaceLoadTarget,
)
from dagster._serdes import serialize_value

__all__ = [
    "ASSET_EVENTS",
    "EmptyWorkspaceTarget",
    "InstanceRef",
    "ModuleTarget",
    "RepositorySnap",
    "RunFailureReason",
    "SqlEventLogStorageTable",
    "SqliteEventLogStorage",
    "WorkspaceFileTarget",
    "WorkspaceLoadTarget",
    "WorkspaceProcessContext",
    "serialize_value",
]
