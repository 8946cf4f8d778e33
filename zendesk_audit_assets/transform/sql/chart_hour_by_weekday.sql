-- At which hours of the week things happen, over the last 12 weeks of the log: one row per hour that has events.
--
-- On the clock of the business: SET VARIABLE timezone = 'Europe/Berlin'; before this query, else UTC.
-- Weekdays count from 1, Monday, to 7, Sunday. A stretch of 12 weeks holds every hour of the week 12 times.
WITH period AS (
    SELECT as_of - INTERVAL 2016 HOUR AS start, as_of - INTERVAL 1 SECOND AS last_second
    FROM (
        SELECT greatest(
            (SELECT max(window_end) FROM coverage WHERE window_start < window_end),
            (SELECT max(last_seen) + INTERVAL 1 SECOND FROM daily_activity)
        ) AS as_of
    )
),
local AS (
    -- The zone stands here as a constant: with the zone in a column DuckDB 1.5 takes fifty times as long.
    SELECT created_at AT TIME ZONE coalesce(getvariable('timezone'), 'UTC') AS local_time
    FROM audit_logs
    WHERE created_at >= (SELECT start FROM period)
)
SELECT
    coalesce(getvariable('timezone'), 'UTC') AS zone,
    (start AT TIME ZONE coalesce(getvariable('timezone'), 'UTC'))::DATE AS first_day,
    (last_second AT TIME ZONE coalesce(getvariable('timezone'), 'UTC'))::DATE AS last_day,
    isodow(local_time) AS weekday,
    hour(local_time) AS hour,
    count(*) AS events
FROM local
CROSS JOIN period
GROUP BY ALL
ORDER BY weekday, hour;
