"""Own your Zendesk audit log: Dagster assets that keep every event in DuckDB, complete, current and analysed.

The stable Python surface is what `__all__` names; everything else is private.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from zendesk_audit_assets.settings import Account

if TYPE_CHECKING:
    from zendesk_audit_assets.orchestration.build import build_definitions

__all__ = ["Account", "__version__", "build_definitions"]

__version__: str


def __getattr__(name: str) -> Any:
    # Later than the import of the package, because Dagster takes a second to load.
    if name == "build_definitions":
        from zendesk_audit_assets.orchestration.build import build_definitions

        return build_definitions
    if name == "__version__":
        return version("zendesk-audit-assets")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
