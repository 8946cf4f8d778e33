-- Who could do harm and has not been seen for 90 days or more: those who have made a privileged change, or are
-- administrators by the history of roles. Who by that history is an end user today is no longer here.
-- Read from the smaller derived tables, never from the log.
WITH known AS (
    -- The log is known up to this moment, exclusive: the end of its coverage, or the second after its newest event.
    SELECT greatest(
        (SELECT max(window_end) FROM coverage WHERE window_start < window_end),
        (SELECT max(last_seen) + INTERVAL 1 SECOND FROM actor_names)
    ) AS as_of
),
changers AS (
    SELECT actor_id, count(*) AS privileged_changes, max(created_at) AS last_privileged_change
    FROM privileged_changes
    WHERE actor_id > 0
    GROUP BY actor_id
),
roles AS (
    SELECT
        user_id AS actor_id,
        bool_or(is_admin) AS is_admin,
        bool_or(product = 'support' AND regexp_matches(coalesce(role, 'end user'), '(?i)^end.?user$')) AS is_end_user,
        max(user_name) AS user_name,
        max(valid_from) AS role_since
    FROM user_role_history
    WHERE valid_to IS NULL
    GROUP BY user_id
),
seen AS (
    SELECT
        actor_id,
        max(last_seen) AS last_seen,
        last(actor_name ORDER BY last_seen, actor_name) FILTER (actor_name IS NOT NULL) AS actor_name
    FROM actor_names
    GROUP BY actor_id
)
SELECT
    actor_id,
    coalesce(actor_name, user_name) AS actor_name,
    is_admin,
    coalesce(privileged_changes, 0) AS privileged_changes,
    last_privileged_change,
    last_seen,
    date_sub(
        'day', coalesce(last_seen, role_since) AT TIME ZONE 'UTC', as_of AT TIME ZONE 'UTC'
    ) AS days_silent,
    as_of
FROM changers
FULL JOIN roles USING (actor_id)
LEFT JOIN seen USING (actor_id)
CROSS JOIN known
WHERE (is_admin OR privileged_changes > 0 AND is_end_user IS NOT true) AND days_silent >= 90
ORDER BY actor_id;
