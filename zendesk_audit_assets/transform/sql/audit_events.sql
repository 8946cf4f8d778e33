-- Every event with its spellings and generations unified.
--
-- What rules and histories read. Zendesk's own columns stay as they are, beside those that are made from them.
--
-- Here, and nowhere else, a description is read. Zendesk writes "<field> changed from <old> to <new>", with "not set"
-- for nothing, or one word for a switch, one change a line. Lines may be parted by escaped line breaks, and values may
-- be escaped for HTML, once or twice. A line that is neither goes on with the change before it, unless that is of a
-- field without line breaks, such as a role. Where " to " occurs more than once, both values should be JSON (or a Ruby
-- hash), else one should be "not set", else the old one should have its quotes closed, else both should begin alike,
-- else the first " to " is taken. But a role is read as a grant of administrator if it can be: a custom role may be
-- named "Admin to Agent". Such a change is 'ambiguous', and so is one that goes on in the next line, and a role after a
-- field that may hold line breaks: it changed, or is a line of that field's text. It counts as a change: to miss a grant
-- is worse. What has another form, or is in another language, is kept as 'unparsed', with its field where it has one.
-- The role of a user is also read from other words: "was changed", "set to", arrows and colons, several changes on one
-- line, and sentences that name an administrator. Without an old value it is as if that had been "not set".
WITH plain AS (
    -- Most descriptions are one line that can be split in one way only. They are read without the steps that the others
    -- need, which cost ten times as much.
    SELECT
        *,
        -- Only of a user, or of the account's owner: elsewhere a role is an object like any other.
        coalesce(
            lower(source_type) IN ('user', 'account') AND action IS DISTINCT FROM 'login' AND is_odd_role(change_description),
            false
        ) AS is_odd,
        CASE
            WHEN is_odd OR contains(change_description, E'\n') OR contains(change_description, E'\r')
                OR contains(change_description, '\') OR contains(change_description, '&')
            THEN NULL
            ELSE strpos(change_description, ' changed from ')
        END AS field_end,
        CASE WHEN field_end > 1 THEN string_split(substr(change_description, field_end + 14), ' to ') END AS values,
        CASE WHEN field_end > 1 THEN substr(change_description, 1, field_end - 1) END AS plain_field,
        CASE WHEN field_end = 0 THEN switched_to(change_description) END AS switch,
        coalesce(len(values) = 2 OR field_end = 0, false) AS is_plain
    FROM audit_logs
),
read AS (
    SELECT
        *,
        CASE
            WHEN change_description IS NULL OR trim(change_description, ' ') = '' THEN []
            WHEN is_plain THEN [{
                line: 1::BIGINT,
                field: CASE
                    WHEN field_end > 0 THEN bare_field(plain_field)
                    WHEN switch IS NOT NULL THEN 'state'
                END,
                old_value: nullif(values[1], 'not set'),
                new_value: CASE
                    WHEN field_end > 0 THEN nullif(values[2], 'not set')
                    ELSE switch
                END,
                confidence: CASE
                    WHEN field_end > 0 THEN 'exact'
                    WHEN switch IS NOT NULL THEN 'state'
                    ELSE 'unparsed'
                END,
                raw: change_description
            }]
            ELSE
                -- Each step takes the list of the step inside it. A role may be told in other words. First the text is marked where a line begins a change
                -- or is a switch, and is cut there.
                list_transform(list_transform(list_transform(list_transform(list_transform(list_transform(list_filter(
                list_transform(flatten(
                    list_transform(
                        string_split(
                            E'\n' || array_to_string(
                                list_transform(
                                    string_split(
                                        -- An escaped line break is one only before a change: values may hold a path or
                                        -- JSON.
                                        regexp_replace(
                                            regexp_replace(
                                                change_description,
                                                CASE WHEN is_odd THEN '(?i)\r\n?|<br */?>' ELSE '\r\n?' END,
                                                E'\n',
                                                'g'
                                            ),
                                            CASE
                                                WHEN is_odd THEN '(?i)\\+n([^\\\n]*(?: changed from |\broles?\b))'
                                                ELSE '\\+n([^\\\n]* changed from )'
                                            END,
                                            E'\n\\1',
                                            'g'
                                        ),
                                        E'\n'
                                    ),
                                    lambda words: CASE
                                        WHEN is_odd
                                        THEN CASE
                                            WHEN strpos(words, ' changed from ') > 1 OR switched_to(words) IS NOT NULL
                                                OR tells_role(words)
                                                OR may_tell_role(words) AND NOT has_free_text(change_description)
                                            THEN E'\x1e'
                                            ELSE ''
                                        END || roles_apart(words)
                                        WHEN strpos(words, ' changed from ') > 1 OR switched_to(words) IS NOT NULL
                                        THEN E'\x1e' || words
                                        ELSE words
                                    END
                                ),
                                E'\n'
                            ),
                            E'\n\x1e'
                        ),
                        lambda part, number: CASE
                            WHEN number = 1 THEN list_transform(
                                string_split(part, E'\n')[2:], lambda words: {raw: words, goes_on: false}
                            )
                            WHEN contains(part, E'\n')
                                AND regexp_matches(part, '^[^\n]+ changed from ')
                                AND NOT regexp_matches(
                                    part,
                                    '^[^\n]*\b(?i:role|owner|name|title|alias|e-?mail|password|plan|status|state|position|level|duration) changed from '
                                )
                            THEN [{
                                raw: regexp_replace(part, '(?:\n *)+$', ''),
                                goes_on: regexp_matches(part, '\n *[^ \n]')
                            }]
                            ELSE list_transform(
                                string_split(part, E'\n'),
                                lambda words, line: {
                                    raw: words,
                                    goes_on: line = 1 AND contains(words, ' changed from ')
                                        AND regexp_matches(part, '\n *[^ \n]')
                                }
                            )
                        END
                    )),
                    lambda piece, line: {line: line, raw: piece.raw, goes_on: piece.goes_on}
                ),
                lambda piece: trim(piece.raw, ' ') <> ''
                ),
                lambda piece: {
                    piece: piece,
                    switched_to: switched_to(piece.raw),
                    words: CASE
                        WHEN contains(piece.raw, '&')
                        THEN replace(replace(replace(replace(regexp_replace(
                            replace(piece.raw, '&amp;', '&'), '&(?:#0?39|#x27|apos);', '''', 'g'
                        ), '&quot;', '"'), '&lt;', '<'), '&gt;', '>'), '&amp;', '&')
                        ELSE piece.raw
                    END
                }),
                lambda one: {
                    piece: one.piece,
                    switched_to: one.switched_to,
                    words: one.words,
                    field: CASE WHEN strpos(one.words, ' changed from ') > 1
                        THEN substr(one.words, 1, strpos(one.words, ' changed from ') - 1) END,
                    head: CASE WHEN is_odd THEN head_of(one.words) END,
                    of_field: CASE WHEN is_odd AND begins_role(one.words) THEN [
                        role_values(rest) FOR rest IN [without_verbs(one.words)]
                    ][1] END,
                    of_sentence: CASE WHEN is_odd AND lower(source_type) = 'user' THEN admin_said(one.words) END
                }),
                lambda one: {
                    piece: one.piece,
                    switched_to: one.switched_to,
                    is_guess: coalesce(one.of_field IS NULL AND one.of_sentence = 'not set to ' || trim(one.piece.raw), false),
                    field: CASE
                        WHEN one.of_field IS NOT NULL AND (one.of_sentence IS NULL OR NOT starts_with(lower(one.head), 'admin'))
                        THEN regexp_extract(one.head, '(?i)^(.*?\b(?:roles?|owner))\b', 1)
                        WHEN one.of_sentence IS NOT NULL THEN 'Role'
                        WHEN one.field IS NOT NULL THEN bare_field(one.field)
                    END,
                    change: CASE
                        WHEN one.of_field IS NOT NULL AND (one.of_sentence IS NULL OR NOT starts_with(lower(one.head), 'admin'))
                        THEN one.of_field
                        WHEN one.of_sentence IS NOT NULL THEN one.of_sentence
                        WHEN one.field IS NOT NULL THEN substr(one.words, length(one.field) + 15)
                    END
                }),
                lambda one: {
                    piece: one.piece,
                    switched_to: one.switched_to,
                    is_guess: one.is_guess,
                    field: one.field,
                    change: one.change,
                    parts: CASE
                        WHEN contains(one.change, ' to ') THEN string_split(one.change, ' to ')
                        WHEN starts_with(one.change, 'to ') THEN ['', substr(one.change, 4)]
                        WHEN ends_with(one.change, ' to') THEN [substr(one.change, 1, length(one.change) - 3), '']
                    END,
                    -- A Ruby hash as JSON.
                    json_parts: CASE WHEN regexp_matches(one.change, '[{\[]') AND contains(one.change, ' to ')
                        THEN string_split(
                            replace(
                                regexp_replace(
                                    regexp_replace(one.change, ':(\w+) *=>', '"\1"=>', 'g'), '=> *nil\b', '=>null', 'g'
                                ),
                                '=>',
                                ':'
                            ),
                            ' to '
                        ) END
                }),
                lambda one: {
                    piece: one.piece,
                    switched_to: one.switched_to,
                    is_guess: one.is_guess,
                    field: one.field,
                    parts: one.parts,
                    cut_after: CASE WHEN len(one.parts) = 2 THEN 1 WHEN len(one.parts) > 2 THEN coalesce(
                        -- The first split has all words that an administrator's role can have, but for "Owner".
                        CASE WHEN is_role_field(one.field) THEN [
                            cut.after
                            FOR cut IN [
                                {after: n, new_value: array_to_string(one.parts[n + 1:], ' to ')}
                                FOR n IN [1, len(one.parts) - 1]
                            ]
                            IF is_admin_role(cut.new_value)
                        ][1] END,
                        -- Tried one after the other, each over the whole text: the longer it is, the fewer.
                        CASE WHEN one.json_parts IS NOT NULL THEN list_filter(
                            range(1, least(len(one.parts), 200, 2 + 1000000 // length(one.change))),
                            lambda n:
                                (n = 1 AND one.parts[1] = 'not set'
                                    OR json_valid(array_to_string(one.json_parts[:n], ' to ')))
                                AND (
                                    n = len(one.parts) - 1 AND one.parts[-1] = 'not set'
                                    OR json_valid(array_to_string(one.json_parts[n + 1:], ' to '))
                                )
                        )[1] END,
                        CASE
                            WHEN one.parts[1] = 'not set' THEN 1
                            WHEN one.parts[-1] = 'not set' THEN len(one.parts) - 1
                        END,
                        CASE WHEN contains(one.change, '"') THEN list_filter(
                            range(1, least(len(one.parts), 200, 2 + 1000000 // length(one.change))),
                            lambda n: length(regexp_replace(array_to_string(one.parts[:n], ' to '), '[^"]', '', 'g')) % 2 = 0
                        )[1] END,
                        list_filter(
                            range(1, least(len(one.parts), 200)),
                            lambda n: one.parts[n + 1] = one.parts[1]
                                OR length(one.parts[1]) > 9 AND starts_with(one.parts[n + 1], one.parts[1][:10])
                        )[1],
                        1
                    ) END
                }),
                lambda one: {
                    line: one.piece.line,
                    field: CASE
                        WHEN one.field IS NOT NULL THEN one.field
                        WHEN one.switched_to IS NOT NULL THEN 'state'
                    END,
                    old_value: nullif(array_to_string(one.parts[:one.cut_after], ' to '), 'not set'),
                    new_value: CASE
                        WHEN one.field IS NULL THEN one.switched_to
                        ELSE nullif(array_to_string(one.parts[one.cut_after + 1:], ' to '), 'not set')
                    END,
                    confidence: CASE
                        WHEN len(one.parts) > 2 OR one.parts IS NOT NULL AND (one.piece.goes_on OR one.is_guess) THEN 'ambiguous'
                        WHEN one.parts IS NOT NULL THEN 'exact'
                        WHEN one.field IS NULL AND one.switched_to IS NOT NULL THEN 'state'
                        ELSE 'unparsed'
                    END,
                    raw: one.piece.raw
                })
        END AS changes
    FROM plain
),
placed AS (
    SELECT
        *,
        CASE WHEN len(changes) > 1 THEN
            list_position([change.field IS NOT NULL AND NOT is_line_field(change.field) FOR change IN changes], true)
        END AS first_text
    FROM read
),
spelled AS (
    SELECT
        * REPLACE (
            CASE WHEN first_text IS NOT NULL THEN list_transform(changes, lambda change, number: {
                line: change.line,
                field: change.field,
                old_value: change.old_value,
                new_value: change.new_value,
                confidence: CASE
                    WHEN number > first_text AND change.confidence = 'exact' AND is_role_field(change.field)
                    THEN 'ambiguous'
                    ELSE change.confidence
                END,
                raw: change.raw
            }) ELSE changes END AS changes
        ),
        CASE lower(source_type)
            WHEN 'apitoken' THEN 'api_token'
            WHEN 'custom_field/field' THEN 'custom_field'
            WHEN 'sla/policy' THEN 'sla_policy'
            WHEN 'ticket_trigger' THEN 'trigger'
            WHEN 'messaging_trigger' THEN 'trigger'
            WHEN 'zendesk/app_market/app' THEN 'app'
            WHEN 'zendesk/app_market/installation' THEN 'app_installation'
            WHEN 'zendesk/business_hours/holiday' THEN 'holiday'
            WHEN 'zendesk/business_hours/workweek' THEN 'workweek'
            ELSE lower(source_type)
        END AS object_type,
        CASE WHEN contains(source_label, ': ') THEN split_part(source_label, ': ', 1) END AS label_group,
        CASE
            WHEN contains(source_label, ': ') THEN substr(source_label, strpos(source_label, ': ') + 2)
            ELSE source_label
        END AS label_name,
        trim(lower(change_description), E' \r\n\t') AS words,
        regexp_replace(trim(lower(ip_address)), '%.*$', '') AS address
    FROM placed
),
prepared AS (
    SELECT
        *,
        CASE WHEN object_type = 'account_setting' THEN
            regexp_replace(trim(lower(label_name)), '^(?:enable|require) ', '')
        END AS bare_setting,
        regexp_replace(replace(trim(lower(label_name)), '_', ' '), '^enables? ', '') AS plain_label,
        -- What it was switched to as a whole: never the value of one field among several.
        CASE
            WHEN object_type = 'account_setting' AND len(changes) > 1
            THEN CASE
                WHEN len(list_distinct([change.new_value FOR change IN changes IF change.confidence = 'state'])) = 1
                THEN [change.new_value FOR change IN changes IF change.confidence = 'state'][1]
            END
            WHEN object_type = 'account_setting' AND changes[1].confidence <> 'unparsed'
            THEN changes[1].new_value
            ELSE words
        END AS switched,
        -- IPv6 with a zero on either side of '::', and a dotted end, which counts as two groups, left out.
        CASE WHEN contains(address, ':') AND NOT regexp_matches(address, '::.*::') THEN
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        address, ':(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$', ':0:0'
                    ),
                    '^::',
                    '0::'
                ),
                '::$',
                '::0'
            )
        END AS groups
    FROM spelled
),
expanded AS (
    SELECT
        *,
        -- All eight groups, without leading zeros: '::' stands for as many as are missing.
        regexp_replace(
            CASE
                WHEN contains(groups, '::')
                THEN replace(groups, '::', ':' || repeat('0:', 9 - len(string_split(groups, ':'))))
                ELSE groups
            END,
            '(^|:)0+([0-9a-f])',
            '\1\2',
            'g'
        ) AS ipv6,
        switched_to(switched) AS turned,
        CASE WHEN object_type IN ('user', 'user_setting') AND contains(words, 'suspen') THEN [
            coalesce(change.new_value, '')
            FOR change IN changes IF regexp_matches(change.field, '(?i)^(?:is )?suspen(?:ded|sion)(?: state)?$')
        ][1] END AS suspension,
        -- Whether the setting, and each of its fields, is weaker when it is on: of both a word may turn that round, and so
        -- may a sentence.
        CASE WHEN object_type = 'account_setting' THEN [
            opening_of(text)
            FOR text IN [
                plain_label || CASE WHEN changes[1].confidence = 'unparsed' THEN ' ' || permits_in(words) ELSE '' END
            ] || [
                plain_label || CASE
                    WHEN coalesce(is_neutral_field(change.field) OR lower(change.field) = plain_label, true) THEN ''
                    ELSE E'\n' || lower(change.field)
                END
                FOR change IN changes
            ]
        ] END AS openings
    FROM prepared
),
named AS (
    SELECT
        *,
        -- The one place that knows what a setting was called in earlier years, and is called today.
        CASE
            WHEN bare_setting IN ('two factor', 'two-factor', '2fa', 'two-factor authentication for all admins and agents')
            THEN 'two-factor authentication'
            WHEN bare_setting IN ('ip restriction', 'ip restrictions') THEN 'ip restrictions'
            WHEN bare_setting IN ('sso', 'single sign on', 'single sign-on (sso) for team members') THEN 'single sign-on'
            WHEN bare_setting IN ('zendesk support mobile app access') THEN 'mobile app access'
            WHEN bare_setting IN ('api token access') THEN 'token access'
            WHEN bare_setting IN ('api password access') THEN 'password access'
            WHEN bare_setting IN ('email blocklist', 'email blacklist', 'blacklist') THEN 'blocklist'
            WHEN bare_setting IN ('email allowlist', 'email whitelist', 'whitelist') THEN 'allowlist'
            WHEN bare_setting IN ('ccs', 'allow ccs on tickets') THEN 'ccs on tickets'
            WHEN bare_setting IN ('agents can edit tags') THEN 'tags on tickets'
            WHEN bare_setting IN ('anybody can submit tickets') THEN 'anyone can submit tickets'
            WHEN bare_setting IN ('satisfaction ratings') THEN 'customer satisfaction surveys'
            ELSE bare_setting
        END AS setting,
        CASE
            WHEN turned IN ('on', 'off') THEN turned
            WHEN object_type = 'account_setting' AND turned = 'activated' THEN 'on'
            WHEN object_type = 'account_setting' AND turned = 'deactivated' THEN 'off'
            WHEN suspension IS NOT NULL
            THEN CASE
                WHEN regexp_matches(suspension, '(?i)^(?:suspended|true|yes|on|enabled|1)\b') THEN 'suspended'
                ELSE 'unsuspended'
            END
            WHEN turned IN ('suspended', 'unsuspended', 'changed') AND NOT contains(words, ' changed from ') THEN turned
            -- A sentence that says one of both.
            WHEN object_type = 'account_setting' AND len(changes) = 1 AND changes[1].confidence = 'unparsed'
                AND says_off(words) <> says_on(words)
            THEN CASE WHEN says_off(words) THEN 'off' ELSE 'on' END
            WHEN object_type = 'account_setting' AND action = 'destroy' THEN 'off'
            WHEN object_type = 'account_setting' AND len(changes) > 0 AND changes[1].field IS NOT NULL THEN 'changed'
        END AS state
    FROM expanded
),
graded AS (
    SELECT
        *,
        -- Per change 1 for stronger, -1 for weaker, -0.5 for either, and 0 for what cannot be told.
        [
            CASE
                WHEN regexp_matches(one.subject, 'session|expir|timeout|duration|attempt|idle|inactiv')
                    AND NOT regexp_matches(one.subject, 'lock.?out (?:duration|time|period)')
                THEN coalesce(sign(
                    coalesce(one.old_minutes, CASE WHEN one.was_off THEN CASE one.opening WHEN 1 THEN 0 WHEN -1 THEN 1e9 END END)
                    - coalesce(one.new_minutes, CASE WHEN one.is_off THEN CASE one.opening WHEN 1 THEN 0 WHEN -1 THEN 1e9 END END)
                ), 0)
                WHEN one.new_grade = one.old_grade THEN 0
                WHEN one.opening = 0 AND (one.new_grade <> one.old_grade OR one.is_off OR one.was_off) THEN -0.5
                WHEN one.new_grade <> one.old_grade THEN -one.opening * sign(one.new_grade - one.old_grade)
                WHEN one.is_off THEN one.opening
                WHEN one.opening = 1 AND one.was_off THEN -1
                WHEN regexp_matches(one.subject, 'length|minimum|characters|history|complexity')
                THEN coalesce(sign(try_cast(one.change.new_value AS DOUBLE) - try_cast(one.change.old_value AS DOUBLE)), 0)
                ELSE 0
            END
            FOR one IN list_transform(
                list_filter(
                    list_transform(changes, lambda change, number: {change: change, opening: openings[number + 1]}),
                    lambda one: object_type = 'account_setting' AND one.change.confidence IN ('exact', 'ambiguous')
                ),
                lambda one: {
                    change: one.change,
                    opening: one.opening,
                    subject: lower(setting || ' ' || one.change.field),
                    old_grade: grade_of(one.change.old_value),
                    new_grade: grade_of(one.change.new_value),
                    old_minutes: minutes_of(one.change.old_value),
                    new_minutes: minutes_of(one.change.new_value),
                    was_off: is_off(one.change.old_value),
                    is_off: is_off(one.change.new_value)
                }
            )
        ] AS signs,
        -- What a business rule says: whether it is a text for people, and the text. Titles and conditions do nothing.
        CASE WHEN object_type IN ('rule', 'trigger', 'automation', 'macro')
            AND regexp_matches(change_description, '(?i)https?:|webhook|notif|target|text |[@\x{FF20}]')
        THEN flatten([[
            {
                is_prose: coalesce(regexp_matches(change.field, '(?i)comment|text|body|message|subject|reply|note'), false),
                is_new: is_new,
                is_sure: change.confidence <> 'ambiguous',
                -- The field may name the action: "Notify by: Active webhook changed from A to B".
                text: CASE WHEN names_action(change.field) THEN lower(change.field) || ': ' ELSE '' END || lower(CASE
                    WHEN is_new THEN coalesce(change.new_value, CASE WHEN change.confidence = 'unparsed' THEN change.raw END)
                    ELSE change.old_value
                END)
            }
            FOR change IN changes
            IF names_action(change.field) OR NOT coalesce(regexp_matches(
                change.field, '(?i)title|\bname|description|position|categor|active|state|status|restriction|condition'
            ), false)
        ] FOR is_new IN [true, false]]) || [
            {
                is_prose: false,
                is_new: true,
                is_sure: true,
                text: lower(actions_in(change.raw))
            }
            FOR change IN changes
            IF change.field IS NOT NULL AND NOT names_action(change.field)
        ] END AS said
    FROM named
),
led_out AS (
    SELECT
        *,
        -- In order, a new way stands right before the same one of old: to look for it among all of them would take a time
        -- that grows with their square.
        list_sort(list_distinct([
            one.way || CASE WHEN one.is_new THEN E'\x1fn' ELSE E'\x1fo' END FOR one IN ways_of(said)
        ])) AS told,
        -- The variable has the hosts of brands, each while it is one.
        [{host: regexp_extract(lower(url), '^https?://([^/:]+)', 1), is_parent: true}] || [
            {host: brand.host, is_parent: brand.is_parent}
            FOR brand IN (
                getvariable('brand_hosts')::STRUCT(host VARCHAR, is_parent BOOLEAN, since TIMESTAMPTZ, until TIMESTAMPTZ)[]
            )
            IF brand.since <= created_at AND (brand.until IS NULL OR created_at < brand.until)
        ] AS own_hosts
    FROM graded
)
SELECT
    url,
    id,
    action_label,
    actor_id,
    source_id,
    source_type,
    source_label,
    action,
    change_description,
    ip_address,
    created_at,
    actor_name,
    extra,
    batch_id,
    inserted_at,
    run_id,
    object_type,
    label_group,
    label_name,
    setting,
    state,
    CASE WHEN action = 'login' THEN
        nullif(regexp_extract(words, '^successful sign-?in using (?:zendesk )?(.+?) from ', 1), '')
    END AS sign_in_method,
    CASE WHEN action = 'login' THEN
        nullif(regexp_extract(words, ' from (?:[a-z]+://)?(?:[^/\s@]*@)?([^/\s:?#@]+)\S*$', 1), '')
    END AS sign_in_host,
    CASE
        WHEN regexp_full_match(
            address, '(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)'
        )
        THEN regexp_extract(address, '^\d+\.\d+\.\d+\.') || '0/24'
        WHEN regexp_full_match(ipv6, '0:0:0:0:0:ffff:[0-9a-f]{1,4}:[0-9a-f]{1,4}')
        -- IPv4 as IPv6 writes it, dotted or in hexadecimal.
        THEN coalesce(
            nullif(regexp_extract(address, '\d+\.\d+\.\d+\.'), ''),
            concat_ws(
                '.',
                ('0x0' || split_part(ipv6, ':', 7))::INTEGER // 256,
                ('0x0' || split_part(ipv6, ':', 7))::INTEGER % 256,
                ('0x0' || split_part(ipv6, ':', 8))::INTEGER // 256,
                ''
            )
        ) || '0/24'
        WHEN regexp_full_match(ipv6, '(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}')
        THEN regexp_replace(regexp_extract(ipv6, '^(\w+:\w+:\w+):', 1), '(?:^|:)0(?::0)*$', '') || '::/48'
    END AS network,
    coalesce(actor_id > 0, false) AS is_person,
    changes,
    [change.field FOR change IN changes IF change.field IS NOT NULL] AS fields,
    [change.old_value FOR change IN changes IF change.field IS NOT NULL] AS old_values,
    [change.new_value FOR change IN changes IF change.field IS NOT NULL] AS new_values,
    [change.raw FOR change IN changes IF change.confidence = 'unparsed'] AS unparsed,
    CASE WHEN object_type = 'user' AND regexp_matches(change_description, '(?i)role|admin|owner') THEN
        -- The gravest one: it comes first in the alphabet.
        list_min([
            CASE
                WHEN is_grant(change) THEN 'admin_granted'
                WHEN is_admin_role(change.old_value) AND NOT is_admin_role(change.new_value) THEN 'admin_removed'
                ELSE 'other'
            END
            FOR change IN changes IF is_role_field(change.field)
        ])
    END AS role_change,
    CASE
        WHEN object_type <> 'account_setting' THEN NULL
        WHEN list_min(signs) <= -1 THEN 'weaker'
        WHEN state IN ('on', 'off')
        THEN CASE
            WHEN openings[1] = 0 THEN 'unclear'
            WHEN openings[1] = CASE WHEN state = 'on' THEN 1 ELSE -1 END THEN 'weaker'
            WHEN list_min(signs) < 0 THEN 'unclear'
            WHEN len(changes) = 1 AND (
                is_limited(words) OR changes[1].confidence = 'unparsed' AND state = 'on' AND may_deny(words)
            )
            THEN 'unclear'
            ELSE 'stronger'
        END
        WHEN list_min(signs) < 0 THEN 'unclear'
        WHEN list_min(signs) > 0 THEN 'stronger'
    END AS direction,
    CASE WHEN said IS NOT NULL THEN [
        way
        FOR way IN [
            pair[1][:-3]
            FOR pair IN list_zip(told, told[2:])
            IF ends_with(pair[1], E'\x1fn') AND coalesce(pair[2] <> pair[1][:-2] || 'o', true)
        ]
        IF NOT coalesce(list_bool_or([
            host_of(way) = host.host OR host.is_parent AND ends_with(host_of(way), '.' || host.host)
            FOR host IN own_hosts IF host.host <> ''
        ]), false)
    ] END AS ways_out,
    -- The pattern of masking.py, which stands here and wherever the text is shown.
    coalesce(regexp_matches(change_description, getvariable('secret_pattern')), false) AS holds_secret
FROM led_out;
