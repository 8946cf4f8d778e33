"""A faithful local Zendesk: the audit log API over real HTTP, with a made-up past and faults on demand."""

from .account import RequestSeen
from .events import OMIT, Event
from .faults import Fault
from .history import generate_history
from .options import EmulatorOptions, HistoryOptions
from .server import Emulator, serve

__all__ = [
    "OMIT",
    "Emulator",
    "EmulatorOptions",
    "Event",
    "Fault",
    "HistoryOptions",
    "RequestSeen",
    "generate_history",
    "serve",
]
