"""All options of the emulator and of its history, with their defaults."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Bounds = Literal["inclusive", "exclusive"]
LastPageCursors = Literal["filled", "null", "empty"]

LINK_SHARE = 0.1


@dataclass(frozen=True)
class HistoryOptions:
    """A generated history from `start` up to but excluding `end`. Equal options give an equal history on any date.

    The style `realistic` follows the working week of a company with this many `agents`; `events_per_day` is the mean
    of a working day. `link_share` of the changes of macros and triggers put a link into a text. With `episodes` it
    contains the suspicious episodes of `episodes.EPISODES`. The style `uniform` spreads exactly `total` plain events
    evenly, for benchmarks. Raises ValueError for impossible options.
    """

    start: datetime
    end: datetime
    seed: int = 1
    agents: int = 40
    events_per_day: float = 90.0
    link_share: float = LINK_SHARE
    style: Literal["realistic", "uniform"] = "realistic"
    total: int = 100_000
    episodes: bool = True
    subdomain: str = "demo"

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("the start and the end of a history need a time zone")
        if self.end <= self.start:
            raise ValueError("the end of a history must be after its start")
        if self.agents < 3:
            raise ValueError("a company needs at least three agents")
        if not 0 <= self.link_share <= 1:
            raise ValueError("the share of links must be between 0 and 1")


@dataclass(frozen=True)
class EmulatorOptions:
    """One emulated Zendesk account.

    The end of a name gives the unit. `clock` returns epoch seconds, and `clock_offset_s` is added to them; the
    emulator reads the time nowhere else.
    """

    host: str = "127.0.0.1"
    port: int = 0
    subdomain: str = "demo"

    email: str = "admin@example.com"
    api_token: str = "emulator-api-token"  # noqa: S105 -- public on purpose
    access_token: str = "emulator-access-token"  # noqa: S105 -- public on purpose
    client_id: str = "emulator-client"
    client_secret: str = "emulator-client-secret"  # noqa: S105 -- public on purpose
    scope: str = "auditlogs:read"
    granted_scope: str | None = None
    """The scope of issued tokens; None grants the requested scope."""
    token_lifetime_s: int = 1800
    has_audit_logs: bool = True
    admin: bool = True

    history: HistoryOptions | None = None
    events: Sequence[Mapping[str, Any]] = ()
    live_events_per_minute: float = 0.0
    live_seed: int = 1
    late_share: float = 0.0
    """The share of live events that become visible up to `late_max_s` after their `created_at`."""
    late_max_s: float = 60.0

    bounds: Bounds = "inclusive"
    """Whether `filter[created_at]` includes the two seconds it names; Zendesk does not document it."""
    last_page_cursors: LastPageCursors = "filled"
    """The cursors of the last page; a page without records has null, or "" with `empty`."""
    latency_ms: float = 0.0
    rate_limit_per_minute: int = 700
    control: bool = False
    fault_seed: int = 1
    clock: Callable[[], float] = field(default=time.time, repr=False)
    clock_offset_s: float = 0.0
