"""HTTP to pages of records: a client for Zendesk's audit log that knows how the API really behaves.

Other folders import the names below; errors that only messages name stay in `errors`.
"""

from zendesk_audit_assets.zendesk.budget import RateBudget
from zendesk_audit_assets.zendesk.client import Page, ZendeskClient
from zendesk_audit_assets.zendesk.credentials import (
    AccessToken,
    ApiToken,
    ClientCredentials,
    ZendeskAccount,
    same_address,
)
from zendesk_audit_assets.zendesk.errors import (
    CursorRejected,
    MalformedResponse,
    NotAdmin,
    RepeatedCursor,
    RequestRefused,
    ZendeskDown,
    ZendeskError,
)
from zendesk_audit_assets.zendesk.stopping import Stopped
from zendesk_audit_assets.zendesk.transport import RetryLimits

__all__ = [
    "AccessToken",
    "ApiToken",
    "ClientCredentials",
    "CursorRejected",
    "MalformedResponse",
    "NotAdmin",
    "Page",
    "RateBudget",
    "RepeatedCursor",
    "RequestRefused",
    "RetryLimits",
    "Stopped",
    "ZendeskAccount",
    "ZendeskClient",
    "ZendeskDown",
    "ZendeskError",
    "same_address",
]
