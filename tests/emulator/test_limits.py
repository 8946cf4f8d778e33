"""The rate limit: reported with every response, counted per minute, enforced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

LIST = "/api/v2/audit_logs?page[size]=1"
NAMES = ("X-Rate-Limit", "X-Rate-Limit-Remaining", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


@pytest.mark.parametrize("path", [LIST, "/api/v2/users/me", "/nowhere", "/api/v2/audit_logs?page[size]=0"])
def test_every_response_has_the_limit(start: Callable, ask: Callable, clock: Callable, path: str) -> None:
    response = ask(start(clock=clock), path)
    assert [response.headers[name] for name in NAMES] == ["700", "699", "700", "699", "60"]


def test_requests_beyond_the_limit_get_429_until_the_minute_ends(
    start: Callable, ask: Callable, clock: Callable
) -> None:
    zendesk = start(clock=clock, rate_limit_per_minute=3)
    remaining = [ask(zendesk, LIST).headers["x-rate-limit-remaining"] for _ in range(3)]
    assert remaining == ["2", "1", "0"]

    clock.advance(12.5)
    refused = ask(zendesk, LIST)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "48"
    assert refused.headers["ratelimit-reset"] == "48"
    assert refused.json()["errors"][0]["code"] == "TooManyRequests"

    clock.advance(int(refused.headers["Retry-After"]))
    assert ask(zendesk, LIST).status_code == 200
