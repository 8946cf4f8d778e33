-- What changed from what to what: one row per line of each description. No line is left out, blank ones apart.
--
-- Zendesk writes "<field> changed from <old> to <new>", with "not set" for nothing, or one word for a switch. Lines
-- may be parted by escaped line breaks, and values may be escaped for HTML, once or twice. Where " to " occurs more
-- than once, both values should be JSON (or a Ruby hash), else one should be "not set", else the old one should have
-- its quotes closed, else the first " to " is taken; such a row is 'ambiguous', and so is one whose value may go on in
-- the next line. A line of another form, or in another language, is kept as 'unparsed'.
WITH described AS (
    SELECT
        *,
        CASE
            WHEN regexp_matches(change_description, '[\r\n\\]')
            THEN regexp_split_to_array(
                -- An escaped line break is one only before a change: values may hold a path or JSON.
                regexp_replace(change_description, '\\+n([^\\\r\n]* changed from )', E'\n\\1', 'g'), '\r\n|\r|\n'
            )
            ELSE [change_description]
        END AS lines
    FROM audit_events
    WHERE change_description <> ''
),
numbered AS (
    SELECT *, unnest(lines) AS raw, generate_subscripts(lines, 1) AS line
    FROM described
),
unescaped AS (
    SELECT
        *,
        CASE
            WHEN contains(raw, '&')
            THEN replace(replace(replace(replace(regexp_replace(
                replace(raw, '&amp;', '&'), '&(?:#0?39|#x27|apos);', '''', 'g'
            ), '&quot;', '"'), '&lt;', '<'), '&gt;', '>'), '&amp;', '&')
            ELSE raw
        END AS words,
        CASE WHEN line < len(lines) THEN NOT regexp_matches(
            lines[line + 1],
            ' changed from |^\s*(?i:(?:turned )?(?:on|off)|enabled|disabled|changed|(?:un)?suspended|(?:de)?activated|)\s*$'
        ) ELSE false END AS may_go_on
    FROM numbered
    WHERE trim(raw, ' ') <> ''
),
parted AS (
    SELECT
        *,
        strpos(words, ' changed from ') AS field_end,
        CASE WHEN field_end > 1 THEN substr(words, field_end + 14) END AS change,
        CASE
            WHEN contains(change, ' to ') THEN string_split(change, ' to ')
            WHEN starts_with(change, 'to ') THEN ['', substr(change, 4)]
            WHEN ends_with(change, ' to') THEN [substr(change, 1, length(change) - 3), '']
        END AS parts,
        CASE lower(trim(words))
            WHEN 'enabled' THEN 'on'
            WHEN 'turned on' THEN 'on'
            WHEN 'on' THEN 'on'
            WHEN 'disabled' THEN 'off'
            WHEN 'turned off' THEN 'off'
            WHEN 'off' THEN 'off'
            WHEN 'changed' THEN 'changed'
            WHEN 'suspended' THEN 'suspended'
            WHEN 'unsuspended' THEN 'unsuspended'
            WHEN 'activated' THEN 'activated'
            WHEN 'deactivated' THEN 'deactivated'
        END AS switched_to
    FROM unescaped
),
cut AS (
    SELECT
        *,
        CASE
            WHEN len(parts) = 2 THEN 1
            WHEN len(parts) > 2 THEN coalesce(
                CASE WHEN regexp_matches(change, '[{\[]') THEN list_filter(
                    cuts,
                    lambda n:
                        (n = 1 AND parts[1] = 'not set' OR json_valid(array_to_string(json_parts[:n], ' to ')))
                        AND (
                            n = len(parts) - 1 AND parts[-1] = 'not set'
                            OR json_valid(array_to_string(json_parts[n + 1:], ' to '))
                        )
                )[1] END,
                CASE WHEN parts[1] = 'not set' THEN 1 WHEN parts[-1] = 'not set' THEN len(parts) - 1 END,
                CASE WHEN contains(change, '"') THEN list_filter(
                    cuts,
                    lambda n: length(regexp_replace(array_to_string(parts[:n], ' to '), '[^"]', '', 'g')) % 2 = 0
                )[1] END,
                1
            )
        END AS cut_after
    FROM (
        SELECT
            *,
            -- Tried one after the other: of a long text only the first ones.
            CASE WHEN len(parts) > 2 THEN range(1, least(len(parts), 200)) END AS cuts,
            CASE WHEN len(parts) > 2 AND regexp_matches(change, '[{\[]') THEN
                -- A Ruby hash as JSON.
                string_split(
                    replace(
                        regexp_replace(regexp_replace(change, ':(\w+) *=>', '"\1"=>', 'g'), '=> *nil\b', '=>null', 'g'),
                        '=>',
                        ':'
                    ),
                    ' to '
                )
            END AS json_parts
        FROM parted
    )
)
SELECT
    id AS event_id,
    line,
    created_at,
    actor_id,
    actor_name,
    ip_address,
    action,
    object_type,
    source_id,
    source_label,
    CASE
        WHEN cut_after IS NOT NULL THEN substr(words, 1, field_end - 1)
        WHEN switched_to IS NOT NULL THEN 'state'
    END AS field,
    CASE
        WHEN len(parts) = 2 THEN nullif(parts[1], 'not set')
        WHEN cut_after IS NOT NULL THEN nullif(array_to_string(parts[:cut_after], ' to '), 'not set')
    END AS old_value,
    CASE
        WHEN len(parts) = 2 THEN nullif(parts[2], 'not set')
        WHEN cut_after IS NOT NULL THEN nullif(array_to_string(parts[cut_after + 1:], ' to '), 'not set')
        ELSE switched_to
    END AS new_value,
    CASE
        WHEN len(parts) > 2 OR cut_after IS NOT NULL AND may_go_on THEN 'ambiguous'
        WHEN cut_after IS NOT NULL THEN 'exact'
        WHEN switched_to IS NOT NULL THEN 'state'
        ELSE 'unparsed'
    END AS confidence,
    raw,
    holds_secret,
    batch_id
FROM cut;
