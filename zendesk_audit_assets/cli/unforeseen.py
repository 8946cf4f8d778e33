"""The last catch: an error that no other code foresaw. Its trace goes to a file, its sentence to the terminal."""

from __future__ import annotations

import os
import tempfile
import traceback

from zendesk_audit_assets.errors import AuditError, causes
from zendesk_audit_assets.masking import MASK, mask
from zendesk_audit_assets.settings import VARIABLES
from zendesk_audit_assets.text import one_line, shorten
from zendesk_audit_assets.warehouse.damage import exhausted

_LONGEST_REASON = 300
# Characters at either end of a trace that are kept: an endless recursion has thousands of equal lines in between.
_LONGEST_END = 50_000
# A shorter value of a secret setting is a word like any other.
_SHORTEST_SECRET = 6


class Unforeseen(AuditError):
    """The program met an error that none of its parts knows; most likely it is a fault of the program itself."""


def unforeseen(error: BaseException, what: str = "zendesk-audit") -> AuditError:
    """The sentences for an error that only a fault of the program can raise; its trace is kept in a file."""
    if (lack := exhausted(error, what)) is not None:
        return lack
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return fault(what, reason(error), trace)


def fault(what: str, why: str, trace: str) -> Unforeseen:
    """The sentences for a fault of the program, or one of the machine that it does not know; keeps the trace."""
    return Unforeseen(
        f"{what} failed unexpectedly: {why.rstrip('.')}.",
        f"Report it as a fault of the program, unless the cause is of this machine; {_keep(trace)}",
    )


def reason(error: BaseException) -> str:
    """The innermost cause of an error, without secrets and on one line."""
    *_, innermost = causes(error)
    text = short(str(innermost))
    return f"{type(innermost).__name__}: {text}" if text else type(innermost).__name__


def short(message: str) -> str:
    """A message without secrets, on one line and bounded."""
    return one_line(without_secrets(message), _LONGEST_REASON)


def without_secrets(text: str) -> str:
    """The text without what looks like a secret, and without the secret settings of this process."""
    secrets = {os.environ.get(variable.name, "").strip() for variable in VARIABLES if variable.secret}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return mask(text)


def _keep(trace: str) -> str:
    """Write a trace to a new file that only this user can read; says where it is, or gives the trace itself."""
    text = without_secrets(trace)
    if len(text) > 2 * _LONGEST_END:
        text = f"{text[:_LONGEST_END]}\n…\n{text[-_LONGEST_END:]}"
    try:
        # A new name, mode 0600: in a folder that others share, nobody can have put a link there.
        descriptor, path = tempfile.mkstemp(prefix="zendesk-audit-fault-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        return f"its trace could not be kept in a file ({error.strerror}):\n{shorten(text, _LONGEST_END)}"
    return f"its trace is in {path}."
