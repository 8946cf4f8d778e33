"""Requests without a response: what lies in between, and whether another attempt can help."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterable, Iterator
from pathlib import Path

import requests

from zendesk_audit_assets.files import require_plain
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.zendesk.error_message import describe_body
from zendesk_audit_assets.zendesk.errors import (
    BadAccountSettings,
    UntrustedCertificate,
    WrongSubdomain,
    ZendeskDown,
    ZendeskError,
)

# OpenSSL's words for a server that speaks something else than TLS.
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_OTHER_NAME = {62, 64}
# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_OTHER_TIME = {9, 10}


def require_ca_bundle(verify: bool | str | None) -> None:
    """Raise `BadAccountSettings` if the bundle of certificates that the environment names cannot be used."""
    if not isinstance(verify, str):
        return
    try:
        is_folder = Path(verify).is_dir()
        if not is_folder:
            require_plain(Path(verify))  # to open a pipe would wait for who writes to it
        ssl.create_default_context(cafile=None if is_folder else verify, capath=verify if is_folder else None)
    except (OSError, ValueError) as fault:  # an `ssl.SSLError` is an OSError
        name = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name) == verify), None)
        why = "no certificates in PEM form"
        if isinstance(fault, OSError) and not isinstance(fault, ssl.SSLError):
            why = fault.strerror or why
        raise BadAccountSettings(
            f"{name or 'The CA bundle of the environment'} names a file that cannot be used ({why}).",
            "Let it name a file of certificates in PEM form, or remove it.",
        ) from None


def no_response(fault: Exception, url: str, reached: bool, secrets: Iterable[str]) -> ZendeskError:
    """Return the error for a request to `url` that got no response; `reached` tells whether an earlier one did."""
    if isinstance(fault, requests.exceptions.InvalidSchema) and "SOCKS" in str(fault):
        return BadAccountSettings(
            "The environment names a SOCKS proxy, and this Python cannot use one: the package PySocks is missing.",
            "Install PySocks, or name an http proxy in HTTPS_PROXY.",
        )
    if isinstance(fault, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return BadAccountSettings(
            f"No request to {url} can be sent: its address or the address of the proxy is not valid.",
            f"Check {Account.base_url.name} and HTTPS_PROXY.",
        )
    by_proxy = isinstance(fault, requests.exceptions.ProxyError)
    for cause in _chain(fault):
        if by_proxy and (refused := re.search(r"Tunnel connection failed: (40[137])", str(cause))):
            return _refused_by_proxy(int(refused[1]))
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(url, cause)
        if isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS:
            where = "The proxy in HTTPS_PROXY" if by_proxy else f"The server at {url}"
            return BadAccountSettings(
                f"{where} does not speak TLS at that port ({cause.reason}).",
                f"Correct scheme and port of {'HTTPS_PROXY' if by_proxy else Account.base_url.name}.",
            )
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN and not (reached or by_proxy):
            return WrongSubdomain(
                f"DNS knows no host of the name in {url}.",
                f"Set {Account.subdomain.name} to the part of the account's address before .zendesk.com, "
                "and check that this machine is online.",
            )
    *_, innermost = _chain(fault)
    reason = describe_body(str(innermost).encode(), secrets) or type(innermost).__name__
    return ZendeskDown(
        f"Zendesk does not respond at {url} ({reason}).", "Check the network and its proxy, then try again."
    )


def _refused_by_proxy(status: int) -> ZendeskError:
    if status == 403:
        return BadAccountSettings(
            "The proxy in HTTPS_PROXY does not let this machine through to Zendesk (403).",
            "Ask for its permission, or name another proxy.",
        )
    return BadAccountSettings(
        f"The proxy in HTTPS_PROXY asks for a name and a password ({status}).",
        "Write them into HTTPS_PROXY, as http://name:password@host:port.",
    )


def _untrusted(url: str, fault: ssl.SSLCertVerificationError) -> ZendeskError:
    cause = f"This machine does not trust the TLS certificate of {url} ({fault.verify_message})."
    code = getattr(fault, "verify_code", None)
    if code in _OTHER_NAME:
        return UntrustedCertificate(
            cause, f"Check {Account.subdomain.name} and {Account.base_url.name}: the certificate is for another host."
        )
    if code in _OTHER_TIME:
        return UntrustedCertificate(cause, "Check this machine's clock (NTP); the server may need a new certificate.")
    return UntrustedCertificate(cause, "If a company proxy inspects TLS, name its CA bundle in REQUESTS_CA_BUNDLE.")


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """Yield the fault and its causes, outermost first: requests wraps urllib3, which wraps sockets."""
    error: BaseException | None = fault
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
