"""The group of commands. Each command is one module of this folder, loaded when somebody uses it."""

from __future__ import annotations

import ast
import errno
import os
import re
import sys
from contextlib import suppress
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from zendesk_audit_assets.cli.terminal import prepare_streams, say
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.files import explain, private
from zendesk_audit_assets.text import is_utf8, visible

# In the order of the help. The module of a command defines a function of the same name; see `_short_help`.
_COMMANDS = (
    "demo", "doctor", "sync", "serve", "sql", "findings", "rules", "who", "history", "backup", "restore", "rename",
    "repair", "emulator",
)  # fmt: skip

# Former names, which still work.
_ALIASES = {"check": "doctor"}

# What shells expect of a program that Ctrl-C has ended.
_INTERRUPTED = 130


class Stopped(AuditError):
    """Ctrl-C stopped the command."""


class _Commands(click.Group):
    """Finds the command `name` in the module `cli.name`, and shows an error as its cause and its remedy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = _ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"{__package__}.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _short_help(name)) for name in _COMMANDS])

    def main(self, *args: Any, **extra: Any) -> Any:
        prepare_streams()
        try:
            return super().main(*args, **extra)
        except (SystemExit, KeyboardInterrupt):
            raise
        except OSError:  # not even the error can be told: standard error is gone
            sys.exit(1)
        except BaseException as error:  # also the panics of libraries in Rust
            from zendesk_audit_assets.cli.unforeseen import unforeseen  # loads DuckDB

            with suppress(OSError):
                say(f"Error: {unforeseen(error)}", err=True)
            sys.exit(1)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for argument in args:
            if not is_utf8(argument):
                raise click.UsageError(f"The argument {visible(argument)} is not UTF-8.")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        if sys.platform == "win32":
            raise click.ClickException(
                "zendesk-audit runs on Linux and macOS. On Windows, use WSL2 or the container; see docs/deploy.md."
            )
        try:
            with private():  # whatever a command writes may hold personal data
                result = super().invoke(ctx)
            sys.stdout.flush()
        except (KeyboardInterrupt, click.Abort, Stopped) as error:
            say(f"Error: {error}" if isinstance(error, Stopped) else "Stopped.", err=True)
            ctx.exit(_INTERRUPTED)
        except AuditError as error:
            raise click.ClickException(visible(str(error))) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of the pipe has seen enough; click ends the program
                raise
            raise click.ClickException(visible(_of_the_system(error))) from None
        return result


def _of_the_system(error: OSError) -> str:
    """The sentences for an error that the part which met it did not explain."""
    reason = error.strerror or str(error)
    if error.filename:
        return str(explain(error, Path(os.fsdecode(error.filename)), "Give this user access to it, or name another."))
    try:
        Path.cwd()
    except OSError:
        return "The working folder is gone. Change to a folder that exists, then run again."
    return f"The system refuses ({reason}). Look at the disk, and at where the output goes; then run again."


def _short_help(name: str) -> str:
    """Return the first sentence of the command's docstring, from its source: to import all commands takes seconds."""
    module = ast.parse(files(__package__).joinpath(f"{name}.py").read_text("utf-8"))
    (function,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name)
    sentence = re.match(r".+?\.(?=\s|$)", ast.get_docstring(function) or "", re.DOTALL)
    return " ".join(sentence[0].split()) if sentence else ""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="zendesk-audit-assets")
def main() -> None:
    """Own your Zendesk audit log: every event in DuckDB, complete and current.

    Settings come from environment variables or a .env file in the current folder; see .env.example.
    """
