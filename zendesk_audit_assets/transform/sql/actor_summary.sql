-- Every actor in one row: who, since when, how much, at which hours. Events without an actor are a row of their own.
--
-- Read from the smaller derived tables, never from the log. "Off-hours" and "weekend" are as in daily_activity.
-- Zendesk itself (actor -1) keeps no office hours: it is flagged, and its shares are NULL.
WITH known AS (
    -- The log is known up to this moment, exclusive: the end of its coverage, or the second after its newest event.
    SELECT greatest(
        (SELECT max(window_end) FROM coverage WHERE window_start < window_end),
        (SELECT max(last_seen) + INTERVAL 1 SECOND FROM daily_activity)
    ) AS as_of
),
activity AS (
    SELECT
        actor_id,
        actor_id IS NOT DISTINCT FROM -1 AS is_system,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        sum(events)::BIGINT AS events,
        count(DISTINCT day) AS active_days,
        count(DISTINCT source_type) AS distinct_source_types,
        sum(off_hours_events) / sum(events) AS off_hours_share,
        sum(weekend_events) / sum(events) AS weekend_share
    FROM daily_activity
    GROUP BY actor_id
),
actions AS (
    SELECT
        actor_id,
        map(list(action ORDER BY events DESC, action), list(events ORDER BY events DESC, action)) AS events_by_action
    FROM (
        -- The key of a map cannot be NULL.
        SELECT actor_id, coalesce(action, '(none)') AS action, sum(events)::BIGINT AS events
        FROM daily_activity
        GROUP BY ALL
    )
    GROUP BY actor_id
),
names AS (
    SELECT actor_id, last(actor_name ORDER BY last_seen, actor_name) AS actor_name
    FROM actor_names
    WHERE actor_name IS NOT NULL
    GROUP BY actor_id
),
sources AS (
    SELECT actor_id, count(*) AS distinct_sources
    FROM actor_sources
    WHERE source_id IS NOT NULL
    GROUP BY actor_id
),
addresses AS (
    SELECT actor_id, count(*) AS distinct_addresses
    FROM actor_addresses
    WHERE ip_address IS NOT NULL
    GROUP BY actor_id
)
SELECT
    activity.actor_id,
    actor_name,
    is_system,
    first_seen,
    last_seen,
    date_sub('day', last_seen AT TIME ZONE 'UTC', as_of AT TIME ZONE 'UTC') AS days_since_last_seen,
    events,
    events_by_action,
    active_days,
    distinct_source_types,
    coalesce(distinct_sources, 0) AS distinct_sources,
    coalesce(distinct_addresses, 0) AS distinct_addresses,
    CASE WHEN NOT is_system THEN off_hours_share END AS off_hours_share,
    CASE WHEN NOT is_system THEN weekend_share END AS weekend_share,
    as_of
FROM activity
CROSS JOIN known
LEFT JOIN actions ON actions.actor_id IS NOT DISTINCT FROM activity.actor_id
LEFT JOIN names ON names.actor_id IS NOT DISTINCT FROM activity.actor_id
LEFT JOIN sources ON sources.actor_id IS NOT DISTINCT FROM activity.actor_id
LEFT JOIN addresses ON addresses.actor_id IS NOT DISTINCT FROM activity.actor_id
ORDER BY activity.actor_id;
