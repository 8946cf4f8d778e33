"""`python -m zendesk_audit_assets.cli`, for where the script `zendesk-audit` is not on the path."""

from zendesk_audit_assets.__main__ import run

run()
