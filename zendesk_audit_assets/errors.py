"""The one base of every error that a user can act on."""

from __future__ import annotations

from collections.abc import Iterator


class AuditError(Exception):
    """An error with one sentence of cause and one of remedy; shown to the user as it is, without a trace.

    `permanent` errors stay until somebody changes something, so nothing ever retries them.
    """

    permanent = True

    def __init__(self, cause: str, remedy: str) -> None:
        self.cause = cause
        self.remedy = remedy
        super().__init__(f"{cause} {remedy}")


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause, the cause of that, and so on to the innermost one."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
