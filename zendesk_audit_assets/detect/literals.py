"""Refuse what a rule asks for and the compiler does not have."""

from __future__ import annotations

from typing import NoReturn

from sigma.exceptions import SigmaFeatureNotSupportedByBackendError


def refuse(feature: str) -> NoReturn:
    """Raises the error that names what a rule asks for and cannot have."""
    raise SigmaFeatureNotSupportedByBackendError(feature)
