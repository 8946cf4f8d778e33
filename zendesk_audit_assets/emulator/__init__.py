"""A faithful local Zendesk: the audit log API over real HTTP, with a generated history and faults on demand.

Imports nothing else of the package but `errors`, so that it stays an independent witness in tests.
"""

from zendesk_audit_assets.emulator.account import RecordedRequest
from zendesk_audit_assets.emulator.episodes import EPISODES, Episode
from zendesk_audit_assets.emulator.events import OMIT, Event
from zendesk_audit_assets.emulator.faults import Fault
from zendesk_audit_assets.emulator.history import History, build_history, generate_history
from zendesk_audit_assets.emulator.options import EmulatorOptions, HistoryOptions
from zendesk_audit_assets.emulator.server import Emulator, serve

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
    "RecordedRequest",
    "build_history",
    "generate_history",
    "serve",
]
