"""Mask passwords, tokens and keys in free text before a person sees it.

Settings of triggers, webhooks and apps carry secrets into the log. The patterns recognise a secret by its form: they
may mask a harmless value, and they miss a secret that looks like an ordinary word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from zendesk_audit_assets.text import sql_literal

MASK = "[masked]"

# Around names and values: also as HTML escapes them, and as JSON does within JSON.
_QUOTE = r"""(?:["'\\]|&(?:amp;)?(?:quot|#39);|%2[27])"""
_QUOTES = f"{_QUOTE}*"
_SPACES = "[\\s\u00a0\u2007\u202f\u3000]*"
_NO_VALUE = r"""\s"'&,;<>{}()\[\]\\"""
_VALUE, _NO_DIGIT = f"[^{_NO_VALUE}]", f"[^{_NO_VALUE}0-9]"
_LOWER, _NO_LETTER = f"[^{_NO_VALUE}A-Z]", f"[^{_NO_VALUE}A-Za-z]"
# Without a boundary before it: `_` is a letter to `\b`, and nothing is gained by reading what precedes a name.
_NAME = (
    r"(?i:token|secret|password|passwd|passphrase|passcode|credentials?|(?:recovery|backup)[ _-]codes?"
    r"|(?:access|account|api|app|auth|client|consumer|encryption|hmac|integration|license|master|private|routing"
    r"|secret|service|session|shared|signing|ssh|storage|subscription|webhook)[ _.-]?key"
    # The word for a password in other languages; both cases of a letter that only one of the engines folds.
    r"|wachtwoord|toegangscode|passwort|kennwort|mot de passe|jeton|cl[eéÉ] (?:d'acc[eèÈ]s|api)|contrase[nñÑ]a|clave"
    r"|senha|salasana|l[oöÖ]senord|adgangskode|has[lłŁ]o|heslo|[sşŞ]ifre|parola"
    r"|パスワード|暗証番号|密码|密碼|비밀번호|пароль|Пароль|ПАРОЛЬ)"
)
# These are parts of common words.
_SHORT_NAME = r"(?:\b|_)(?i:pass|pwd|pw|psw|otp|sig|sas|jwt|sessionid|session_id|sid)"
_IS = rf"{_SPACES}(?::|：|=|=>|=&(?:amp;)?gt;|%(?:25)?3[AaDd]){_SPACES}"  # noqa: RUF001
# The signature of an agent is no secret, and it changes; the one of a request has no field.
_CHANGING = rf"(?:{_NAME}|{_SHORT_NAME})"
_ANY_NAME = rf"(?:{_NAME}|(?i:signature)|{_SHORT_NAME})"

# What a secret's field may hold that is no secret, in lower case.
_HARMLESS = (
    "not set", "none", "null", "nil", "empty", "true", "false", "yes", "no", "on", "off", "enabled", "disabled",
    "active", "inactive", "required", "optional", MASK, "********",
)  # fmt: skip
_ANYTHING = "\0"
_LINE, _SPACE = r"\n", r"\s"


def _in_any_case(char: str) -> str:
    # Not by a flag: the engines fold different letters.
    return f"{char.upper()}{char}" if char.isalpha() else re.escape(char)


def _word(word: str) -> str:
    """A regular expression that matches the word in upper and lower case."""
    return "".join(f"[{_in_any_case(char)}]" for char in word)


def _other_than(words: Iterable[str], end: str) -> str:
    """A regular expression that matches a text of characters outside `end`, but none of the words.

    RE2 knows no negation, so it follows the words letter by letter to where a text leaves them. A word that ends in
    `_ANYTHING` also excludes every text that begins with it. What follows must match an `end`, or the end of the text.
    """
    following: dict[str, list[str]] = {}
    for word in words:
        following.setdefault(word[:1], []).append(word[1:])
    firsts = [first for first in following if first]
    ways = [f"[^{end}{''.join(map(_in_any_case, firsts))}][^{end}]*"]
    for first in firsts:
        rest = following[first]
        if _ANYTHING not in rest:
            ways.append(f"[{_in_any_case(first)}]{_other_than(rest, end)}{'' if '' in rest else '?'}")
    return f"(?:{'|'.join(ways)})"


_CHANGED = rf"{_CHANGING}{_QUOTES}(?: value)?[ \t]+(?:(?:was|has been|is now) )?"
_HARMLESS_TO = f"(?:{'|'.join(map(_word, _HARMLESS))}) to "

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
        r"(?:bot)?[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}|AGE-SECRET-KEY-1[A-Z0-9]{20,}|pat-[a-z]{2}\d-[0-9a-f-]{20,}",
    )
)

# An address that is a secret as a whole, up to where the secret starts.
_HOOKS = "|".join(
    (
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/",
        r"(?:canary\.|ptb\.)?discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/",
        r"[A-Za-z0-9.-]*webhook\.office\.com/webhookb?2?/|outlook\.office(?:365)?\.com/webhook/",
        r"events\.(?:eu\.)?pagerduty\.com/(?:integration|x-ere)/",
        r"hooks\.zapier\.com/hooks/(?:catch|standard)/|hooks\.airtable\.com/workflows/",
        r"maker\.ifttt\.com/trigger/[A-Za-z0-9_-]+/(?:json/)?with/key/",
        r"hook\.(?:[a-z0-9]+\.)?make\.com/",
    )
)

# A line of Base64 that is longer than words are, and no hash in hexadecimal, such as the uid of a finding; the last one
# of a text, which may be short; how lines end.
_BASE64 = r"[A-Za-z0-9+/]"
_LONG = rf"[A-Fa-f0-9]{{0,20}}[G-Zg-z+/]{_BASE64}{{50,}}={{0,2}}"
_ENCODED = rf"[ \t]*{_LONG}(?: to {_LONG})?[ \t]*"
_LAST = rf"[ \t]*{_BASE64}*={{1,2}}(?: to {_LONG})?[ \t]*"
_BREAK = r"(?:\r?\n|(?:\\r)?\\n)"

# A pair of JSON as webhooks, their headers and apps have them: the name of a secret, and its value.
_PAIRED = rf"[A-Za-z0-9 _-]{{0,24}}(?:{_NAME}|(?i:authorization|x-auth|cookie))[A-Za-z0-9 _-]*{_QUOTE}"
_NAMED, _VALUED = (
    rf"{_QUOTE}(?i:{words}){_QUOTE}{_IS}{_QUOTE}" for words in ("name|key|field|header", "value|content")
)
_PAIR = rf"{_SPACES},{_SPACES}"
_IN_QUOTES = r"""[^"'\[\]\\&]{4,}"""

# Each has two groups: what stands before and after the secret and is kept. RE2 and Python read them alike.
_BY_FORM = (
    # A private key, to its end or to the end of the text.
    r"()-{4,5} ?BEGIN [A-Z0-9 ]+-{4,5}(?:[^-]|-[^-])*(?:-{4,5} ?END [A-Z0-9 ]+-{4,5})?()",
    # Lines of one without what stands before them: tables of changes have a row for each line.
    rf"(^|\n|\\n){_ENCODED}(?:{_BREAK}(?:{_ENCODED}|{_LAST}))*({_BREAK}|$)",
    # The credentials of an HTTP request.
    r"(\b(?i:bearer|basic) +)[A-Za-z0-9._~+/=-]{8,}()",
    rf"(\b(?i:authorization|x-auth){_QUOTES}\s*[:=]\s*{_QUOTES})(?:[A-Za-z]+ +)?{_VALUE}{{6,}}()",
    r"""(\b(?i:cookie)["'\\]*\s*[:=]\s*["'\\]*)[^\n"'\[\\]{6,}()""",
    # User and password in the address of a site, also with @ and / in the password (not beyond the next
    # address, for the sake of time), and addresses that are secret.
    r"""([A-Za-z0-9+.-]://)[^/\s"'<>\[\]]+(@)""",
    r"""([A-Za-z0-9+.-]://)[^/\s:@"'<>\[\]]*:[0-9]*[^/\s@"'<>\[\]0-9]"""
    r"""(?:[^\s:"'<>\[\]]|:[^/\s"'<>\[\]])*(@)""",
    rf"(https://(?:{_HOOKS}))[A-Za-z0-9/_@.-]+()",
    r"(https://[A-Za-z0-9.-]+/hooks/)[A-Za-z0-9]{20,}()",
    rf"([?&;](?:amp;)?(?i:key|code|auth|hash)=){_VALUE}{{8,}}()",
    rf"({_NAMED}{_PAIRED}{_PAIR}{_VALUED}){_IN_QUOTES}({_QUOTE})",
    rf"({_VALUED}){_IN_QUOTES}({_QUOTE}{_PAIR}{_NAMED}{_PAIRED})",
    rf"()\b(?:{_TOKENS})()",
)
# What follows a name, of which it is a part: each first ends the group that is kept and begins before the name.
_BY_NAME = {
    # A change of a secret, in Zendesk's own words: the new value, a single old word, and all where there is no telling.
    # To the end of the line, because a secret may have spaces.
    _CHANGED: (
        rf"(?:changed from (?:{_HARMLESS_TO}|[^\s]+ to )|(?:changed|set|updated|rotated) to ))"
        rf"{_other_than(_HARMLESS, _LINE)}(\n|$)",
        rf"changed from ){_other_than(_HARMLESS, _SPACE)}( to )",
        rf"changed from ){_other_than([*_HARMLESS, *(f'{word} to {_ANYTHING}' for word in _HARMLESS)], _LINE)}(\n|$)",
    ),
    # A value after its name: in addresses, JSON, Ruby hashes and sentences. After a label in quotes, a word stays.
    _ANY_NAME: (
        rf"""s?{_QUOTES}{_IS}\[?["']){_IN_QUOTES}(["'])""",
        rf"s?(?:{_QUOTES}{_IS}{_QUOTE}+|{_IS})){_VALUE}{{6,}}()",
        rf"{_QUOTES}{_IS})(?:{_LOWER}{_VALUE}{{5,}}|[A-Z][A-Za-z]*{_NO_LETTER}{_VALUE}*)()",
        # As its own word that no word is.
        rf" {_QUOTES})(?:[A-Za-z]+[0-9]|[0-9]+[A-Za-z])[A-Za-z0-9]{{10,}}()",
        r"(?:>|&(?:amp;)?gt;))[^<>&\[\]\n]{4,}(<|&)",
        rf" (?:is|ist|est|es) {_QUOTES})(?:{_NO_DIGIT}+[0-9]|[0-9]+{_NO_DIGIT}){_VALUE}*()",
    ),
}

PATTERNS = (*_BY_FORM, *(f"({name}{rest}" for name, rests in _BY_NAME.items() for rest in rests))
# Each name once: RE2 takes milliseconds to compile a copy of it.
SQL_PATTERN = "|".join(
    (*_BY_FORM, *(f"{name}(?:{'|'.join(f'({rest}' for rest in rests)})" for name, rests in _BY_NAME.items()))
)
"""A regular expression (RE2) that matches a text which seems to hold a secret."""


def mask(text: str) -> str:
    """The text with `[masked]` in the place of each secret. A masked text stays the same when it is masked again."""
    # Most texts hold no name of a secret: to look for one costs less than to try each pattern.
    for pattern in _COMPILED if _ANY_NAME_COMPILED.search(text) else _COMPILED[: len(_BY_FORM)]:
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
_ANY_NAME_COMPILED = re.compile(_ANY_NAME, re.ASCII)
