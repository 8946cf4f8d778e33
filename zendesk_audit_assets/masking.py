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
# Without a boundary before it: `_` is a letter to `\b`, and nothing is gained by reading what precedes a name.
_NAME = (
    r"(?i:token|secret|password|passwd|passphrase|passcode|signature|credentials?"
    r"|(?:access|account|api|app|auth|client|consumer|encryption|hmac|integration|license|master|private|routing"
    r"|secret|service|session|shared|signing|ssh|storage|subscription|webhook)[ _.-]?key"
    # The word for a password in other languages; both cases of a letter that only one of the engines folds.
    r"|wachtwoord|toegangscode|passwort|kennwort|mot de passe|jeton|cl[eéÉ] (?:d'acc[eèÈ]s|api)|contrase[nñÑ]a|clave"
    r"|senha|salasana|l[oöÖ]senord|adgangskode|has[lłŁ]o|heslo|[sşŞ]ifre|parola"
    r"|パスワード|暗証番号|密码|密碼|비밀번호|пароль|Пароль|ПАРОЛЬ)"
)
# These are parts of common words.
_SHORT_NAME = r"(?:\b|_)(?i:pass|pwd|pw|psw|otp|sig|sas|jwt|sessionid|session_id|sid)"
_IS = r"(?::|：|=|=>|=&(?:amp;)?gt;)"  # noqa: RUF001
_NAMED = rf"(?:{_NAME}|{_SHORT_NAME}){_QUOTES}\s*{_IS}\s*"

# A token that its own form reveals, by who issues it.
_TOKENS = "|".join(
    (
        r"eyJ[A-Za-z0-9_.-]{8,}",  # JSON web tokens
        r"xox[a-z][-.][A-Za-z0-9.-]{6,}|xapp-[A-Za-z0-9-]{6,}",  # Slack
        r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",  # AWS
        r"gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
        r"gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-[A-Za-z0-9_.-]{10,}",  # GitLab
        r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{10,}",  # Stripe
        r"sk-[A-Za-z0-9_-]{16,}",  # OpenAI, Anthropic
        r"AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_.-]{10,}|GOCSPX-[A-Za-z0-9_-]{10,}",  # Google
        r"SG\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",  # SendGrid
        r"npm_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_-]{16,}|rubygems_[a-f0-9]{20,}|dckr_pat_[A-Za-z0-9_-]{10,}",
        r"do[opr]_v1_[a-f0-9]{20,}|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{20,}|hf_[A-Za-z0-9]{20,}|dapi[a-f0-9]{32}",
        r"ATATT3[A-Za-z0-9_=.-]{20,}|ATCTT3[A-Za-z0-9_=.-]{20,}|lin_api_[A-Za-z0-9]{20,}|ntn_[A-Za-z0-9]{20,}",
        r"hv[bs]\.[A-Za-z0-9_-]{20,}|glsa_[A-Za-z0-9_]{20,}|figd_[A-Za-z0-9_-]{20,}|PMAK-[A-Za-z0-9-]{20,}",
        r"NRAK-[A-Z0-9]{20,}|sq0[a-z]{3}-[A-Za-z0-9_-]{20,}|SK[0-9a-f]{32}\b|key-[0-9a-f]{32}\b",
        r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}|AGE-SECRET-KEY-1[A-Z0-9]{20,}|pat-[a-z]{2}\d-[0-9a-f-]{20,}",
    )
)

# An address that is a secret as a whole, up to where the secret starts.
_HOOKS = "|".join(
    (
        r"hooks\.slack\.com/(?:services|workflows|triggers)/",
        r"(?:canary\.|ptb\.)?discord(?:app)?\.com/api/webhooks/",
        r"[A-Za-z0-9.-]*webhook\.office\.com/webhookb?2?/",
        r"events\.(?:eu\.)?pagerduty\.com/(?:integration|x-ere)/",
        r"hooks\.zapier\.com/hooks/catch/",
        r"hook\.(?:[a-z0-9]+\.)?make\.com/",
    )
)

# Each has two groups: what stands before and after the secret and is kept. RE2 and Python read them alike.
PATTERNS: tuple[str, ...] = (
    # A private key, to its end or to the end of the text.
    r"()-----BEGIN [A-Z0-9 ]+-----(?:[^-]|-[^-])*(?:-----END [A-Z0-9 ]+-----)?()",
    # The credentials of an HTTP request.
    r"(\b(?i:bearer|basic) +)[A-Za-z0-9._~+/=-]{8,}()",
    rf"(\b(?i:authorization){_QUOTES}\s*[:=]\s*{_QUOTES})(?:[A-Za-z]+ +)?{_VALUE}{{6,}}()",
    r"""(\b(?i:cookie)["'\\]*\s*[:=]\s*["'\\]*)[^\n"'\[\\]{6,}()""",
    # User and password in the address of a site, also with @ and / in the password, and addresses that are secret.
    r"""([A-Za-z0-9+.-]://)[^/\s"'<>\[\]]+(@)""",
    r"""([A-Za-z0-9+.-]://)[^/\s:@"'<>\[\]]*:[^/\s@"'<>\[\]]*[^/\s@"'<>\[\]0-9][^\s"'<>\[\]]{0,200}(@)""",
    rf"(https://(?:{_HOOKS}))[A-Za-z0-9/_@.-]+()",
    rf"()\b(?:{_TOKENS})()",
    # A value after its name: in addresses, JSON and Ruby hashes, and in Zendesk's own words.
    rf"""({_NAMED}["'])[^"'\[\]\\&]{{4,}}(["'])""",
    rf"({_NAMED}{_QUOTES}){_VALUE}{{6,}}()",
    rf"((?:{_NAME}|{_SHORT_NAME}) changed from (?:not set to )?)[^\s\[]{{8,}}(?: to [^\s\[]+(?: set\b)?)?()",
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
    if not text.endswith("…"):
        return mask(text)
    end = len(text) - 1
    while end and not text[end - 1].isspace():
        end -= 1
    return mask(text[:end] + "…")


def mask_sql(column: str) -> str:
    """`mask` as an SQL expression over `column`, for DuckDB."""
    for pattern in PATTERNS:
        column = f"regexp_replace({column}, {sql_literal(pattern)}, {sql_literal(_REPLACEMENT)}, 'g')"
    return column


_REPLACEMENT = rf"\1{MASK}\2"
_COMPILED = [re.compile(pattern, re.ASCII) for pattern in PATTERNS]
