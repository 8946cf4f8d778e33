-- What is done to which kind of object, how often, and whether that is changing. Read from daily_activity.
--
-- "Last n days" are the n UTC days that end with the last one the log is known for, that day included.
WITH known AS (
    -- The log is known up to this moment, exclusive: the end of its coverage, or the second after its newest event.
    SELECT greatest(
        (SELECT max(window_end) FROM coverage WHERE window_start < window_end),
        (SELECT max(last_seen) + INTERVAL 1 SECOND FROM daily_activity)
    ) AS as_of
),
aged AS (
    SELECT
        daily_activity.*,
        as_of,
        ((as_of - INTERVAL 1 SECOND) AT TIME ZONE 'UTC')::DATE - day AS days_ago
    FROM daily_activity
    CROSS JOIN known
)
SELECT
    action,
    source_type,
    sum(events)::BIGINT AS events,
    sum(events) / sum(sum(events)) OVER () AS share_of_events,
    count(DISTINCT actor_id) AS distinct_actors,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    coalesce(sum(events) FILTER (days_ago < 7), 0)::BIGINT AS events_last_7_days,
    coalesce(sum(events) FILTER (days_ago < 30), 0)::BIGINT AS events_last_30_days,
    coalesce(sum(events) FILTER (days_ago BETWEEN 30 AND 59), 0)::BIGINT AS events_previous_30_days,
    as_of
FROM aged
GROUP BY action, source_type, as_of
ORDER BY action, source_type;
