-- What every actor did on every UTC day: one row per day, actor, action and kind of object.
--
-- Off-hours is whatever lies outside 08:00 to 18:00, Monday to Friday, on the clock of the business:
-- SET VARIABLE timezone = 'Europe/Berlin'; before this query, else UTC. The whole weekend is off-hours,
-- so weekend_events is a part of off_hours_events and the two must not be added up.
-- Distinct counts leave out what is unknown (NULL); the events themselves are all counted.
WITH local AS (
    SELECT *, created_at AT TIME ZONE coalesce(getvariable('timezone'), 'UTC') AS local_time
    FROM audit_logs
)
SELECT
    (created_at AT TIME ZONE 'UTC')::DATE AS day,
    actor_id,
    action,
    source_type,
    count(*) AS events,
    count(DISTINCT source_id) AS distinct_sources,
    count(DISTINCT ip_address) AS distinct_addresses,
    count(*) FILTER (isodow(local_time) >= 6 OR hour(local_time) NOT BETWEEN 8 AND 17) AS off_hours_events,
    count(*) FILTER (isodow(local_time) >= 6) AS weekend_events,
    min(created_at) AS first_seen,
    max(created_at) AS last_seen
FROM local
GROUP BY ALL
ORDER BY day, actor_id, action, source_type;
