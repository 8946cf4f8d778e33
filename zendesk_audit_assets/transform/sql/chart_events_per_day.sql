-- Events on each of the last 90 UTC days that the log is known for; days without events are rows of 0.
WITH known AS (
    SELECT ((greatest(
        (SELECT max(window_end) FROM coverage WHERE window_start < window_end),
        (SELECT max(last_seen) + INTERVAL 1 SECOND FROM daily_activity)
    ) - INTERVAL 1 SECOND) AT TIME ZONE 'UTC')::DATE AS last_day
),
days AS (
    SELECT last_day - days_ago::INTEGER AS day
    FROM known
    CROSS JOIN range(90) AS ages(days_ago)
    WHERE last_day - days_ago::INTEGER >= (SELECT min(day) FROM daily_activity)
)
SELECT day, coalesce(sum(events), 0)::BIGINT AS events
FROM days
LEFT JOIN daily_activity USING (day)
GROUP BY day
ORDER BY day;
