"""A faithful local Zendesk: the audit log API over real HTTP, with a made-up past and faults on demand."""

from zendesk_audit_assets.emulator.account import RequestSeen
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
    "RequestSeen",
    "build_history",
    "generate_history",
    "serve",
]
