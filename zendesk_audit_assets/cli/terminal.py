"""The one way to the terminal: whatever is printed, a log's text cannot act on it, and no encoding ends in a trace."""

from __future__ import annotations

import codecs
import os
import sys

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from zendesk_audit_assets.text import utf16_escapes, visible

_ASCII_MARKS = {"✓": "+", "✗": "x"}


def prepare_streams() -> None:
    """Let both streams write an escape for what their encoding lacks, and exist where they were closed."""
    codecs.register_error(_ESCAPES, _escapes)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 -- as long as the process
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ESCAPES)


_ESCAPES = "zendesk-audit-escapes"


def _escapes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return utf16_escapes(error.object[error.start : error.end]), error.end


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text, which may quote the log, to standard output or standard error."""
    click.echo(visible(text), err=err, nl=nl)


def tell(console: Console, text: str = "", *, style: str = "", wrap: bool = False, indent: int = 0) -> None:
    """Print a text, which may quote the log, to a console; brackets are no markup.

    With `wrap`, long lines are broken at the width of the console, and each begins with so many blanks.
    """
    plain = Text(visible(text), style)
    console.print(Padding(plain, (0, 0, 0, indent), expand=False) if indent else plain, soft_wrap=not wrap)


def mark(sign: str) -> str:
    """The sign, or what stands for it where standard output cannot show it."""
    try:
        sign.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return _ASCII_MARKS.get(sign, sign)
    return sign
