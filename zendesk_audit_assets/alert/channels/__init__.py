"""The channels that alerts can take.

A new channel is one module here with one class, and its variables in `settings.py`. The module holds what the channel
sends, how, and how it is configured.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import ClassVar, Protocol

from zendesk_audit_assets.alert.message import Message
from zendesk_audit_assets.settings import Account


class Channel(Protocol):
    """A way to reach people. The warehouse records deliveries under `name`."""

    name: ClassVar[str]

    @classmethod
    def from_account(cls, account: Account) -> Channel | None:
        """The channel as configured, None while its variables are unset. Raises `BadSettings`."""

    def send(self, message: Message) -> None:
        """Return once the receiver has taken the message. Raises `NotDelivered` or `Undeliverable`."""


def _channels() -> Iterator[type[Channel]]:
    """The channels of this folder, by the names of their modules."""
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for member in vars(module).values():
            if hasattr(member, "from_account") and member.__module__ == module.__name__:
                yield member


CHANNELS = tuple(_channels())
NAMES = tuple(channel.name for channel in CHANNELS)


def channels_for(account: Account) -> tuple[Channel, ...]:
    """The channels that are configured. Raises `BadSettings` for a variable that is missing or wrong."""
    configured = (channel.from_account(account) for channel in CHANNELS)
    return tuple(channel for channel in configured if channel is not None)
