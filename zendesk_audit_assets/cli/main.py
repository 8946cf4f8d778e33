"""The group of commands. A command's module is loaded when the command is used: Dagster takes a second to load."""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module
from typing import Any

import click

from zendesk_audit_assets.errors import AuditError

_COMMANDS = {
    "demo": "See everything work, with a local Zendesk and no account.",
    "doctor": "Check credentials, plan and settings, and estimate the first backfill.",
    "sync": "Bring the log, the summaries and the published copy up to now.",
    "sql": "Query the published copy.",
    "findings": "Show what the rules have found; close what is settled.",
    "rules": "Show, explain and test the detection rules.",
    "who": "Show who had which role on a day, and who gave it to them.",
    "history": "Show what was changed on an item, and by whom.",
    "backup": "Copy the warehouse to a file, checked.",
    "restore": "Put a backup in the place of the warehouse.",
    "emulator": "Run the local Zendesk alone.",
}


# Names of before, which still work.
_ALIASES = {"check": "doctor"}


class _Commands(click.Group):
    """Finds a command `name` in the module `cli.name`, and shows errors as one sentence of cause and one of remedy."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program."""
        try:
            return super().__call__(*args, **kwargs)
        except SystemExit as end:
            # After Ctrl-C readers still wait for Zendesk's answer: an orderly end would print a page of complaints.
            if any(thread.daemon for thread in threading.enumerate()):
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code if isinstance(end.code, int) else 1)
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = _ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"zendesk_audit_assets.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AuditError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="zendesk-audit-assets")
def main() -> None:
    """Own your Zendesk audit log: every event in DuckDB, complete and current.

    Settings come from environment variables or a .env file in this folder; see .env.example.
    """
