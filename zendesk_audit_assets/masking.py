"""Mask passwords, tokens and keys in free text before a person sees it.

Settings of triggers, webhooks and apps carry secrets into the log. The patterns recognise a secret by its form: they
may mask a harmless value, and they miss a secret that looks like an ordinary word.
"""

from __future__ import annotations

import re

from zendesk_audit_assets.text import sql_literal

MASK = "[masked]"

# Around names and values: also as HTML escapes them, and as JSON does within JSON.
_QUOTES = r"""(?:["'\\]|&(?:amp;)?(?:quot|#39);)*"""
_VALUE = r"""[^\s"'&,;<>{}()\[\]\\]"""
_NAME = r"(?i:[a-z_]*(?:token|secret|password|passwd|passphrase|signature)|(?:api|access|private)[ _-]?key)"

# Each has two groups: what stands before and after the secret and is kept. RE2 and Python read them alike.
PATTERNS: tuple[str, ...] = (
    # A private key, to its end or to the end of the text.
    r"()-----BEGIN [A-Z0-9 ]+-----(?:[^-]|-[^-])*(?:-----END [A-Z0-9 ]+-----)?()",
    # The credentials of an HTTP request.
    r"(\b(?i:bearer|basic) +)[A-Za-z0-9._~+/=-]{8,}()",
    rf"(\b(?i:authorization){_QUOTES}\s*[:=]\s*{_QUOTES})(?:[A-Za-z]+ +)?{_VALUE}{{6,}}()",
    # User and password in the address of a site, and addresses that are secret as a whole.
    r"""([A-Za-z0-9+.-]://)[^/\s:@"'<>\[\]]*:[^@\s/"'<>]+(@)""",
    r"(https://hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9/_-]+()",
    # Tokens that have a form of their own: JSON web tokens, Slack, AWS, GitHub, Stripe, Google.
    r"()\beyJ[A-Za-z0-9_.-]{8,}()",
    r"()\bxox[a-z]-[A-Za-z0-9-]{6,}()",
    r"()\b(?:AKIA|ASIA)[0-9A-Z]{16}\b()",
    r"()\bgh[oprsu]_[A-Za-z0-9]{20,}()",
    r"()\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}()",
    r"()\bAIza[A-Za-z0-9_-]{30,}()",
    # A value after its name: in addresses, JSON and Ruby hashes, and in Zendesk's own words.
    rf"(\b{_NAME}{_QUOTES}\s*(?::|=|=>|=&(?:amp;)?gt;)\s*{_QUOTES}){_VALUE}{{6,}}()",
    rf"(\b{_NAME} changed from (?:not set to )?){_VALUE}{{8,}}(?: to {_VALUE}+(?: set\b)?)?()",
)

SQL_PATTERN = "|".join(PATTERNS)
"""A regular expression (RE2) that matches a text which seems to hold a secret."""


def mask(text: str) -> str:
    """The text with `[masked]` in the place of each secret. A masked text stays the same when it is masked again."""
    for pattern in _COMPILED:
        text = pattern.sub(_REPLACEMENT, text)
    return text


def mask_cut(text: str) -> str:
    """Mask a text that may end in an ellipsis; drop its last, cut word, because half a secret is not recognised."""
    return mask(re.sub(r"\S*…$", "…", text))


def mask_sql(column: str) -> str:
    """`mask` as an SQL expression over `column`, for DuckDB."""
    for pattern in PATTERNS:
        column = f"regexp_replace({column}, {sql_literal(pattern)}, {sql_literal(_REPLACEMENT)}, 'g')"
    return column


_REPLACEMENT = rf"\1{MASK}\2"
_COMPILED = [re.compile(pattern, re.ASCII) for pattern in PATTERNS]
