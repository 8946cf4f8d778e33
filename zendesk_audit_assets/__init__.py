"""Own your Zendesk audit log: Dagster assets that keep every event in DuckDB, complete, current and analysed.

The stable Python surface is what `__all__` names; everything else is private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zendesk_audit_assets.orchestration.build import build_definitions
    from zendesk_audit_assets.settings import Account

__all__ = ["Account", "__version__", "build_definitions"]

__version__: str


def __getattr__(name: str) -> Any:
    # Later than the import of the package: Dagster takes a second to load, and Ctrl-C must find `__main__` ready.
    if name == "Account":
        from zendesk_audit_assets.settings import Account

        return Account
    if name == "build_definitions":
        from zendesk_audit_assets.orchestration.build import build_definitions

        return build_definitions
    if name == "__version__":
        from importlib.metadata import version

        return version("zendesk-audit-assets")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
