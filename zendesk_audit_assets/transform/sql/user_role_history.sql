-- Which role every user had in which product, from when to when, and who gave it to them. Read from audit_changes.
--
-- Who was an administrator on 31 March 2026:
--     SELECT * FROM user_role_history
--     WHERE is_admin AND coalesce(valid_from <= '2026-03-31', true) AND coalesce(valid_to > '2026-03-31', true)
-- The log does not tell of the creation of users: whose role never changed is not here. What the first change tells
-- of the time before it is a row without valid_from. An ambiguous line, which may be part of a text about something
-- else, can make an administrator, and cannot end one. The owner of the account changes by name only: see audit_changes.
WITH changes AS (
    SELECT
        *,
        regexp_replace(source_label, '^[^:]+: ', '') AS user_name,
        coalesce(nullif(lower(trim(regexp_extract(field, '(?i)^(.*?) ?roles?$', 1))), ''), 'support') AS product
    FROM audit_changes
    WHERE object_type = 'user' AND source_id IS NOT NULL AND is_role_field(field) AND confidence <> 'unparsed'
),
told AS (
    SELECT
        *,
        -- Whether the user was an administrator before, by the last line that can be relied on for that.
        last_value(
            CASE
                WHEN confidence <> 'ambiguous' OR is_admin_role(new_value) THEN is_admin_role(new_value)
                WHEN is_admin_role(old_value) THEN true
            END
            IGNORE NULLS
        ) OVER (
            PARTITION BY source_id, product ORDER BY created_at, event_id, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS was_admin
    FROM changes
),
judged AS (
    SELECT
        *,
        -- A line that may be part of a text about something else can grant the role, but cannot take it away.
        confidence = 'ambiguous' AND NOT is_admin_role(new_value) AND coalesce(was_admin, is_admin_role(old_value))
            AS is_doubtful
    FROM told
),
ordered AS (
    SELECT
        *,
        min(created_at) FILTER (NOT is_doubtful) OVER (
            of_user ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS changed_again,
        row_number() OVER of_user AS number
    FROM judged
    WINDOW of_user AS (PARTITION BY source_id, product ORDER BY created_at, event_id, line)
),
held AS (
    SELECT
        source_id AS user_id,
        user_name,
        product,
        new_value AS role,
        created_at AS valid_from,
        changed_again AS valid_to,
        actor_id AS granted_by,
        actor_name,
        ip_address,
        event_id,
        line,
        confidence
    FROM ordered
    WHERE NOT is_doubtful
    UNION ALL
    SELECT
        source_id, user_name, product, old_value, NULL, CASE WHEN is_doubtful THEN changed_again ELSE created_at END,
        NULL, NULL, NULL, NULL, NULL, confidence
    FROM ordered
    WHERE number = 1
)
SELECT
    * EXCLUDE (confidence),
    is_admin_role(role) AS is_admin,
    confidence
FROM held
ORDER BY user_id, product, valid_from NULLS FIRST, event_id, line;
