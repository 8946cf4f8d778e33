"""The command line: the same work as in the Dagster UI, without it."""

from zendesk_audit_assets.cli.main import main

__all__ = ["main"]
