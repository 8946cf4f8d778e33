"""HTTP to pages of records: a client for Zendesk's audit log that knows how the API really behaves."""

from zendesk_audit_assets.zendesk.budget import RateBudget, RateLimit
from zendesk_audit_assets.zendesk.client import Page, Probe, ZendeskClient
from zendesk_audit_assets.zendesk.credentials import (
    AccessToken,
    ApiToken,
    ClientCredentials,
    Credentials,
    ZendeskAccount,
)
from zendesk_audit_assets.zendesk.errors import (
    BadAccountSettings,
    BadCredentials,
    ClockSkew,
    CursorRejected,
    ExpiredToken,
    ForeignLink,
    MalformedResponse,
    MissingScope,
    NotAdmin,
    PlanWithoutAuditLogs,
    RateLimited,
    RepeatedCursor,
    RequestRefused,
    UntrustedCertificate,
    WrongSubdomain,
    ZendeskDown,
    ZendeskError,
)
from zendesk_audit_assets.zendesk.transport import RetryLimits, Usage

__all__ = [
    "AccessToken",
    "ApiToken",
    "BadAccountSettings",
    "BadCredentials",
    "ClientCredentials",
    "ClockSkew",
    "Credentials",
    "CursorRejected",
    "ExpiredToken",
    "ForeignLink",
    "MalformedResponse",
    "MissingScope",
    "NotAdmin",
    "Page",
    "PlanWithoutAuditLogs",
    "Probe",
    "RateBudget",
    "RateLimit",
    "RateLimited",
    "RepeatedCursor",
    "RequestRefused",
    "RetryLimits",
    "UntrustedCertificate",
    "Usage",
    "WrongSubdomain",
    "ZendeskAccount",
    "ZendeskClient",
    "ZendeskDown",
    "ZendeskError",
]
