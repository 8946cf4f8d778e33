"""Expressions that stand in several queries, as functions of one argument: `is_admin_role(role)`, and the like.

They are written out where they stand: a query runs in any shell, and a macro of the database would not be there.
"""

from __future__ import annotations

import re

# What may end a value or a sentence.
_END = r"[\s\pZ\pC.,;:!]*$"
# A switch as few words say it, with what it may be switched to by the word alone, and after "changed to".
_SWITCHED = (
    r"(?i)^\s*(?:(?:is|was|has been|now) )*(?:{}|(?:changed|switched|turned|set) (?:from \S+(?: \S+)? )?to (?:{}))"
    r"(?: (?:by|for|via|at|since) .*)?" + _END
)
_ON_VALUES = "(?:turned |switched )?on|true|enabled|active|yes|always|required|mandatory"
_OFF_VALUES = "(?:turned |switched )?off|false|disabled|inactive|no|none|never"
_ON = _SWITCHED.format("(?:(?:turned|switched) )?on|enabled|true", _ON_VALUES)
_OFF = _SWITCHED.format("(?:(?:turned|switched) )?off|disabled|false", f"{_OFF_VALUES}|not required|optional")

# What the words of a setting do: let somebody past a protection, keep from something, turn something off, allow, name a
# protection, name what lets somebody in or something out, and name a list of those who may.
_PERMITS = (
    r"\b(?:bypass|exempt|excepti|skip|fall.?back|without|opt.?out|remember|ignor|waiv|exclud|grace period|stay signed"
    r"|trust(?:ed|s)? (?:this |the )?(?:device|browser|computer))"
)
_KEEPS_FROM = r"\b(?:require|restrict|block|prevent|limit|forbid|enforce|prohibit|disallow|reject)s?\b"
_FORBIDS = (
    r"\b(?:requir|restrict|block|prevent|limit|forbid|deny|denies|enforc|prohibit|disallow|suppress|protect|reject)"
)
_TURNS_OFF = (
    r"(?:\b(?:disabl|deactivat)(?:es?|ing)\b|\b(?:turn|switch)(?:s|es|ing)? off\b"
    r"|(?m:^)(?:is )?(?:disabled|inactive)\b)"
)
_ALLOWS = r"\b(?:allow|permit|let)s?\b"
_GUARDS = (
    r"(?:two|multi|2).?(?:factor|step)|\b[2m]fa\b|single.sign|\b(?:sso|saml|jwt|oidc)\b|json.web.token|openid"
    r"|\b(?:allowed|trusted) ip|redact|credit.?card|encrypt|\baudit|malware|virus|saniti|captcha|minimum"
    r"|password.?(?:policy|security|level|requirement|expir|length|complex|history)|approv|\bconfirm|\bverif|\bonly\b"
    r"|mandatory|\b(?:mask|hid)(?:es?|ing)\b|\b(?:log|sign)(?:s|ed)? ?(?:out|off)\b|notif|alert|warn|expir|timeout"
    r"|session"
)
_OPENS = (
    r"admins to set |^any(?:one|body) |assumption|\baccess(?:$|\s*[:(]|\n| (?:for|from|by|via|on|of)\b)|^public |social"
    r"|google|microsoft|facebook|remote|archiv|bcc|forward|export|\bsharing|\bguest|anonymous|unauthenticated|unverified"
)
_LISTS = r"\bdomains?\b|\branges?\b|(?:allow|white|safe).?list"

# The words between a role and its value, a role's name, and a text that may say anything.
_AUXILIARY = r"(?:is|are|was|were|has|have|had|been|now|becomes?|became)"
_VERB = r"(?:changed|updated|switched|modified|edited|set|assigned|moved|upgraded|downgraded|promoted|transferred)"
_ARROW = r"(?:[-=]+(?:>|&gt;|&amp;gt;)|→|➔|➜|»)"
_ROLE = r"\b(?:roles?|owner)(?: \([^)]*\))?"
_FREE_TEXT = (
    r"(?i)^\W*(?:\w+ )?(?:notes?|details?|signature|alias|name|tags?|organi[sz]ation|comment|description|e-?mail|phone"
    r"|title|about|bio)\b"
)
_ADMIN_SWITCH = (
    r"(?i)^\W*(?:is[ _])?(?:an? |account )?(?:admin(?:istrator)?|owner)(?:[ _](?:access|rights?|role|privileges?))?\s*"
    rf":?\s*(?:(?:{_AUXILIARY}|{_VERB})\s+)*(?:from\s+)?"
)
_TAKEN = (
    r"(?i)\b(?:remov|revok|demot|lost|loses|withdr|taken|no longer|not|never|non|downgrad|deni|fail|request|expire)"
)

# A number of some unit of time; the unit alone is one of it.
_SPAN = r"\d*\s*(?:(?:sec(?:ond)?|min(?:ute)?|ho?u?r|day|week|month|year|yr)s?|[mhdwy])\b"

# Where an action of a business rule begins, in the words of the API or of the pages, and by what it sends, which is
# not a user, a group or a requester by e-mail: "notification_webhook", "Notify by: Active webhook".
_ACTION = (
    r"\b(?:notif(?:y|ications?)(?:[ _-]+\w+|\s*[:>])|(?:e-?mail|text) (?:user|requester|group)"
    r"|side[ _-]conversation|comment_\w+|cc\b)"
)
_SENDS = (
    r"^notif[a-z]*(?:[ _-]+(?:by|via))?[\s_:>-]+(?:(?:an?|the|active|external|zendesk|user|group)[ _-]+)*"
    r"(webhook|target|sms|text|zis|integration)"
)

# An address up to its path: all that may be part of a host or stand before it, without the marks that end a sentence.
_URL = r"""https?:[/\\]+([^\s"<>/?#\\]*[^\s"<>/?#\\.,:;!()\[\]{}''*_`|])"""

# A line of a text that is an action of its own.
_ACTION_LINE = (
    r"(?i)^\W*(?:actions?\b[^:\n]*:\W*)?(?:notif(?:y|ication)|side[ _-]conversation|"
    r"(?:e-?mail|text) (?:user|group|requester))"
)

_FUNCTIONS = {
    # Only the built-in roles, by their whole names and where the change can be read in one way, excuse a grant: a
    # custom role may have any name.
    "is_grant": r"""(is_admin_role({0}.new_value) AND NOT (
        {0}.confidence = 'exact'
        AND coalesce(regexp_full_match({0}.old_value, '(?i)admin|administrator|account owner'), false)
        AND NOT (is_owner_role({0}.new_value) AND lower({0}.old_value) <> 'account owner')
    ))""",
    # By its name, since the log has no other sign: as a word, and not what is a billing admin's or no admin's.
    "is_admin_role": r"""coalesce(regexp_matches(
        regexp_replace({0}, '(?i)\b(?:non?|not(?: an?)?|billing)[-_ ]*admin(?:istrator)?s?\b', '', 'g'),
        '(?i)(?:\b|_)(?:super|sys)?[-_]?admin(?:istrator)?s?(?:\b|_)|\baccount[-_ ]owner\b|^\s*owner\s*$'
    ), false)""",
    "is_owner_role": r"coalesce(regexp_matches({0}, '(?i)\baccount[-_ ]owner\b|^\s*owner\s*$'), false)",
    # The role in a product, whatever it is called; not that of a person in a company or a purchase.
    "is_role_field": r"""coalesce(
        regexp_matches({0}, '(?i)(?:^| )roles?\s*$')
        AND NOT regexp_matches(
            {0},
            '(?i)\b(?:job|work|customer|client|contact|buy(?:er|ing)|business|company|organi[sz]ation|project|persona|deal)\s+roles?\s*$'
        ),
        false
    )""",
    # A text about a role that is not just "<field> role changed from <old> to <new>".
    "is_odd_role": r"""(
        regexp_matches({0}, '(?i)admin|owner|agent|user|viewer|contributor|member')
        AND regexp_matches({0}, '(?i)\b(?:roles?|admin(?:istrator)?s?|owner(?:ship)?)\b')
        AND NOT (
            regexp_full_match(
                {0}, '(?:[B-HJ-Zb-hj-z][^\n,;:<>()&]* )?[Rr]ole changed from [^\n,;<>&]* to [^\n,;<>&]*'
            )
            AND NOT regexp_matches({0}, '(?i)(?:changed|set|updated) .*\broles?\b')
        )
    )""",
    # "Field was" as "Field".
    "bare_field": rf"""coalesce(
        nullif(regexp_replace({{0}}, '(?i)(?:\s+{_AUXILIARY})+\s*$', ''), ''),
        {{0}}
    )""",
    # A line that begins with what a role was changed to.
    "tells_role": rf"""regexp_matches(
        {{0}},
        '(?i)^[\s•*-]*[\w ()/&''-]*?{_ROLE}\s*:?\s*(?:(?:{_AUXILIARY} )*\b{_VERB}\b|[^:\n]*?{_ARROW})'
    )""",
    # One that may also be a line of a text about something else.
    "may_tell_role": rf"""regexp_matches(
        {{0}}, '(?i)^[\s•*-]*(?:[\w/&''-]+ ){{0,4}}?{_ROLE}\s*(?::|=|{_AUXILIARY}\b)'
    )""",
    "has_free_text": rf"regexp_matches({{0}}, '(?m){_FREE_TEXT}')",
    # A line with one change of a role on a line of its own, marked as where a change begins.
    "roles_apart": rf"""CASE
        WHEN regexp_matches({{0}}, '{_FREE_TEXT}') THEN {{0}}
        ELSE regexp_replace(
            {{0}},
            '(?i)\s*(?:[,;|]|\band\b)\s*((?:[\w()/&''-]+ ){{0,4}}?{_ROLE}\s*'
            || '(?:\b(?:{_AUXILIARY}|{_VERB}|from)\b|:|=|[\w ()&-]*{_ARROW}))',
            E'\n\x1e\\1',
            'g'
        )
    END""",
    # A text whose field is a role: its name, with the change after it.
    "begins_role": rf"""(
        regexp_matches(
            {{0}},
            '(?i)^[\s•*-]*(?:[\w/&''-]+ ){{0,4}}?(?:roles?|owner)(?: \([^)]*\))?\s*'
            || '(?::|=|\b(?:{_AUXILIARY}|{_VERB}|to|from)\b|[\w ()&-]*{_ARROW})'
        )
        AND NOT regexp_matches(
            {{0}}, '(?i)^[^:]*?\b(?:{_VERB}|from|to)\b.*?\b(?:roles?|owner)\b'
        )
    )""",
    # What stands before the first word that may part a field from its change.
    "head_of": rf"""regexp_extract(
        {{0}}, '(?i)^[\s•*-]*(.*?)\s*(?::|=|\b(?:{_AUXILIARY}|{_VERB}|to|from)\b|{_ARROW})', 1
    )""",
    "without_verbs": rf"""regexp_replace(
        {{0}}, '(?i)^[\s•*-]*.*?{_ROLE}\s*[:=]?\s*(?:(?:{_AUXILIARY}|{_VERB})\b\s*)*[:=]?\s*', ''
    )""",
    # What follows a role's name: "<old> to <new>". Without the old value, as if it had been 'not set'.
    "role_values": rf"""CASE
        WHEN regexp_matches({{0}}, '(?i)^(?:from|by|at|on|for|via)?\s*$|^(?:by|at|on|for|via)\b') THEN NULL
        WHEN regexp_matches({{0}}, '(?i)^from\s')
        THEN CASE
            WHEN contains({{0}}, ' to ') THEN regexp_replace({{0}}, '(?i)^from\s+', '')
            ELSE regexp_replace({{0}}, '(?i)^from\s+(.*?)\s*(?:\b(?:to|into)\b|{_ARROW})\s*', '\1 to ')
        END
        WHEN regexp_matches({{0}}, '(?i)^(?:to|as|into)\s.*\sfrom\s')
        THEN regexp_replace({{0}}, '(?i)^(?:to|as|into)\s+(.*?)\s+from\s+(.*)$', '\2 to \1')
        WHEN regexp_matches({{0}}, '{_ARROW}') THEN regexp_replace({{0}}, '\s*{_ARROW}\s*', ' to ')
        ELSE 'not set to ' || regexp_replace({{0}}, '(?i)^(?:to|as|into)\s+', '')
    END""",
    # A sentence about an administrator that names no field. What only names role and administrator is a grant, too.
    "admin_said": rf"""CASE
        WHEN regexp_matches({{0}}, '{_FREE_TEXT}') OR NOT regexp_matches({{0}}, '(?i)admin|\bowner') THEN NULL
        WHEN regexp_matches(
            {{0}},
            '{_ADMIN_SWITCH}(?:false|no|off|disabled|not set|0)\s+(?:to|{_ARROW})\s+'
            || '(?:true|yes|on|enabled|1|full.*)\W*$'
        )
        THEN 'not set to ' || regexp_extract({{0}}, '(?i)admin(?:istrator)?|account owner|owner')
        WHEN regexp_matches(
            {{0}},
            '{_ADMIN_SWITCH}(?:true|yes|on|enabled|1|full.*)\s+(?:to|{_ARROW})\s+'
            || '(?:false|no|off|disabled|not set|0)\W*$'
        )
        THEN regexp_extract({{0}}, '(?i)admin(?:istrator)?|account owner|owner') || ' to not set'
        WHEN contains({{0}}, ' changed from ') OR regexp_matches({{0}}, '{_TAKEN}') THEN NULL
        WHEN regexp_matches(
            {{0}},
            '(?i)\br[oô]l(?:e|es|le)?\b|\b(?:promoted|upgraded|elevated|added|made|granted|given|became|becomes|assigned)\b'
            || '|^\W*(?:[\w -]+ (?:to|{_ARROW}) )?(?:an? )?admin(?:istrator)?\W*$'
        )
        THEN 'not set to ' || trim({{0}})
    END""",
    "names_action": r"coalesce(regexp_matches({0}, '(?i)notif|webhook|target|side[ _-]conversation'), false)",
    # A field without line breaks.
    "is_line_field": r"""regexp_matches(
        {0},
        '(?i)\b(?:role|owner|name|title|alias|e-?mail|password|plan|status|state|position|level|duration)$'
    )""",
    # How far a switch or a level protects, and how long something lasts, in minutes; NULL for other values.
    "is_off": rf"""regexp_matches(
        coalesce({{0}}, ''),
        '(?i)^\s*(?:{_OFF_VALUES}|deactivated|not required|optional|0)?(?: by .*)?{_END}'
        || '|(?:^|[\s,;"\[(])(?:0\.0\.0\.0|::)/0'
    )""",
    # Of the words of a setting, in lower case: 1 where it is weaker when on, -1 where it is weaker when off,
    # 0 where they disagree. A protection counts above whatever it is named for.
    "opening_of": rf"""CASE
        WHEN regexp_matches({{0}}, '{_PERMITS}')
        THEN CASE WHEN regexp_matches({{0}}, '{_KEEPS_FROM}.*{_PERMITS}|{_TURNS_OFF}') THEN 0 ELSE 1 END
        WHEN regexp_matches({{0}}, '{_TURNS_OFF}')
        THEN CASE
            WHEN regexp_matches({{0}}, '{_KEEPS_FROM}.*{_TURNS_OFF}') THEN 0
            WHEN regexp_matches({{0}}, '{_FORBIDS}|{_GUARDS}') THEN 1
            WHEN regexp_matches({{0}}, '{_OPENS}') THEN -1
            ELSE 0
        END
        WHEN regexp_matches({{0}}, '{_ALLOWS}')
        THEN CASE WHEN regexp_matches({{0}}, '{_FORBIDS}|{_GUARDS}|{_LISTS}') THEN 0 ELSE 1 END
        WHEN regexp_matches({{0}}, '{_FORBIDS}|{_GUARDS}') THEN -1
        WHEN regexp_matches({{0}}, '{_OPENS}') THEN CASE WHEN regexp_matches({{0}}, '{_LISTS}') THEN 0 ELSE 1 END
        ELSE -1
    END""",
    # A field that only says which value the setting has.
    "is_neutral_field": r"""regexp_full_match(
        {0},
        '(?i)(?:is )?(?:enforced|required|enabled|active|activated|on|status|state|value|mode|level|enforcement'
        || '|requirement|setting)'
    )""",
    # Words by which a switch is less than it says, in lower case, and those by which it may be the reverse.
    "is_limited": r"""regexp_matches(
        {0},
        '\b(?:only|except|exempt|excepti|grace|some\b|partial|until|unless|without|bypass|skip'
        || '|\d+ (?:users?|agents?|admins?|members?)\b)'
    )""",
    "may_deny": r"regexp_matches({0}, '\b(?:false|no|not|never|none|off)\b')",
    "permits_in": rf"regexp_extract({{0}}, '{_PERMITS}')",
    "grade_of": rf"""CASE
        WHEN regexp_matches({{0}}, '(?i)^\s*(?:{_OFF_VALUES}){_END}') THEN 0
        WHEN regexp_matches({{0}}, '(?i)^\s*not required{_END}') THEN 0
        WHEN regexp_matches({{0}}, '(?i)^\s*optional{_END}') THEN 1
        WHEN regexp_matches({{0}}, '(?i)^\s*low{_END}') THEN 2
        WHEN regexp_matches({{0}}, '(?i)^\s*medium{_END}') THEN 3
        WHEN regexp_matches({{0}}, '(?i)^\s*high{_END}') THEN 4
        WHEN regexp_matches({{0}}, '(?i)^\s*recommended{_END}') THEN 5
        WHEN regexp_matches({{0}}, '(?i)^\s*(?:{_ON_VALUES}){_END}') THEN 9
    END""",
    "minutes_of": rf"""CASE
        WHEN regexp_matches(
            {{0}}, '(?i)^\s*(always|unlimited|forever|indefinite(ly)?|no (limit|expiry|expiration))[\s.,;:!]*$'
        )
        THEN 1e9
        WHEN regexp_matches({{0}}, '^\s*\d+[\s.,;:!]*$') THEN try_cast(regexp_extract({{0}}, '\d+') AS DOUBLE)
        WHEN regexp_matches({{0}}, '(?i)^\s*(?:{_SPAN}[\s,]*(?:and\s+)?)+(?:\([^()]*\))?[\s.,;:!]*$')
        THEN list_sum([
            coalesce(try_cast(regexp_extract(span, '\d+') AS DOUBLE), 1)
            * CASE lower(regexp_extract(span, '[A-Za-z]{{1,2}}'))
                WHEN 'se' THEN 1 / 60 WHEN 'h' THEN 60 WHEN 'ho' THEN 60 WHEN 'hr' THEN 60 WHEN 'd' THEN 1440
                WHEN 'da' THEN 1440 WHEN 'w' THEN 10080 WHEN 'we' THEN 10080 WHEN 'mo' THEN 43200
                WHEN 'y' THEN 525600 WHEN 'ye' THEN 525600 WHEN 'yr' THEN 525600
                ELSE 1
            END
            FOR span IN regexp_extract_all(split_part({{0}}, '(', 1), '(?i){_SPAN}')
        ])
    END""",
    # Of a way out, as whatever opens it reads it: what stands before the last "@" is no host. Empty for a host that has
    # any other character, which may be read as a dot or as the end of another one.
    "host_of": r"""regexp_extract(
        {0},
        '^(?:(?:link:|webhook:https?:[/\\]+)(?:[^/?#\\]*@)?|mail:.*@)([a-z0-9.-]*[a-z0-9])[.]?(?::\d*)?(?:[/?#\\]|$)',
        1
    )""",
    # By which ways texts in lower case, each with whether it is prose, lead out of the account. An action is
    # read up to the next action.
    "ways_of": rf"""flatten(flatten([
        [
            CASE
                -- What stands before the first action of a change that may be split elsewhere is rather prose, too.
                WHEN piece.is_prose
                    OR piece.sends_by = ''
                    AND (NOT saying.is_sure OR regexp_matches(piece.text, '^(?:notif|e-?mail|cc|comment|side)'))
                THEN [
                    {{is_new: saying.is_new, way: 'link:' || host}}
                    FOR host IN regexp_extract_all(piece.text, '{_URL}', 1)
                ] || CASE WHEN piece.is_prose THEN [] ELSE [
                    {{is_new: saying.is_new, way: 'mail:' || address}}
                    FOR address IN regexp_extract_all(
                        CASE
                            WHEN starts_with(piece.text, 'side') THEN piece.text
                            -- Its receivers. A subject and a text follow.
                            ELSE regexp_extract(
                                piece.text,
                                '^(?:notif[a-z]*[ _-]+(?:by[ _:>-]+)?(?:users?|e-?mail|cc)|e-?mail(?: user)?|cc)'
                                || '(?:["''\s:,=>\[\]{{}}()\\]|\b(?:value|user|e-?mail|to|address)\b)*'
                                || '(?:"[@\x{{FF20}}]|[,;]\s*[^\s,;"]*[@\x{{FF20}}]|[^,;"\n])*'
                            )
                        END,
                        '(?:\\*"[^"@\x{{FF20}}]*"|[^\s"<>,;:=()\[\]{{}}@\x{{FF20}}]+)?[@\x{{FF20}}][^\s"''<>,;)\]{{}}]+'
                    )
                ] END
                WHEN piece.sends_by <> '' OR regexp_matches(piece.text, '\bwebhooks?\b|https?:[/\\]')
                THEN [{{is_new: saying.is_new, way:
                    CASE piece.sends_by
                        WHEN 'target' THEN 'target:'
                        WHEN 'sms' THEN 'sms:'
                        WHEN 'text' THEN 'sms:'
                        WHEN 'zis' THEN 'integration:'
                        WHEN 'integration' THEN 'integration:'
                        ELSE 'webhook:'
                    END
                    || coalesce(
                        nullif(regexp_extract(piece.text, '{_URL}(?:[/?#\\][^\s"''<>,;\])]*)?'), ''),
                        regexp_extract(
                            piece.text,
                            '(?:(?:webhook|target|integration)s?|zis|(?:sms|text)[ _](?:user|group|requester)|sms)'
                            || '(?:["''\s:,=>\[\]{{}}()]|\b(?:value|id|url)\b)*([\w.-]*)',
                            1
                        )
                    )
                }}]
                ELSE []
            END
            FOR piece IN CASE
                WHEN saying.is_prose THEN [{{is_prose: true, text: saying.text, sends_by: ''}}]
                ELSE [
                    {{is_prose: false, text: text, sends_by: coalesce(
                        nullif(regexp_extract(text, '{_SENDS}', 1), ''),
                        nullif(regexp_extract(text, '^notif\w*[ _-](?:\w+[ _-])*(webhook|target)', 1), ''),
                        CASE WHEN regexp_matches(text, '^text (?:user|group|requester)') THEN 'text' ELSE '' END
                    )}}
                    FOR text IN string_split(
                        regexp_replace(saying.text, '{_ACTION}', E'\x1e\\0', 'g'),
                        E'\x1e'
                    )
                ]
            END
        ]
        FOR saying IN {{0}} IF saying.text IS NOT NULL
    ]))""",
    # The lines that are an action of their own, though they joined the value of a field.
    "actions_in": rf"""array_to_string(
        list_filter(
            string_split(regexp_replace({{0}}, '\\+n', E'\n', 'g'), E'\n')[2:],
            lambda one: regexp_matches(one, '{_ACTION_LINE}')
        ),
        E'\n'
    )""",
    "says_off": r"""regexp_matches(
        {0},
        '\b(?:(?:turned|switched|set to|now|is) off|disabled|deactivated|removed|optional)\b'
        || '|\b(?:not|no longer) (?:required|enforced|enabled|active)\b|^off\b|(?:->|→) *off\b'
    )""",
    "says_on": r"""regexp_matches(
        {0},
        '\b(?:(?:turned|switched|set to|now|is) on|enabled|activated|now (?:required|enforced))\b'
        || '|^on\b|(?:->|→) *on\b'
    )""",
    "switched_to": rf"""CASE
        WHEN regexp_matches({{0}}, '{_ON}') THEN 'on'
        WHEN regexp_matches({{0}}, '{_OFF}') THEN 'off'
        WHEN regexp_matches({{0}}, '(?i)^\s*(?:changed|(?:un)?suspended|(?:de)?activated){_END}')
        THEN lower(regexp_extract({{0}}, '[A-Za-z]+'))
    END""",
}


def written_out(sql: str) -> str:
    """The query with these functions written out."""
    for name, body in _FUNCTIONS.items():
        before, *calls = re.split(rf"\b{name}\(([\w.]+)\)", sql)
        sql = before + "".join(
            body.replace("{0}", argument) + after for argument, after in zip(calls[::2], calls[1::2], strict=True)
        )
    return sql
