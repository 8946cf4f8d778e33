"""A faithful local Zendesk: the audit log API over real HTTP, with a made-up past and faults on demand."""

from .account import RequestSeen
from .episodes import EPISODES, Episode
from .events import OMIT, Event
from .faults import Fault
from .history import History, build_history, generate_history
from .options import EmulatorOptions, HistoryOptions
from .server import Emulator, serve

__all__ = [
    "EPISODES",
    "OMIT",
    "Emulator",
    "EmulatorOptions",
    "Episode",
    "Event",
    "Fault",
    "History",
    "HistoryOptions",
    "RequestSeen",
    "build_history",
    "generate_history",
    "serve",
]
