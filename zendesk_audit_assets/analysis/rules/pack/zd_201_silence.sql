-- title: The log is silent for longer than it ever is
-- id: 5a3c1fbd-f9da-4bf3-a816-96a68afe2312
-- name: ZD-201
-- status: stable
-- level: medium
-- description: >-
--   Nothing has happened for more than twice the longest silence of the 60 days before, and for twelve hours or more. Either
--   nobody works, or what happens is no longer logged, or not for this token.
-- falsepositives:
--   - A holiday of the whole company.
-- over: log
WITH known AS (
    SELECT max(window_end) AS known_to FROM coverage WHERE window_start < window_end
),
recent AS (
    SELECT created_at FROM audit_logs WHERE created_at >= (SELECT known_to FROM known) - INTERVAL 75 DAY
),
gaps AS (
    SELECT max(gap) AS longest, count(*) AS gaps
    FROM (SELECT created_at - lag(created_at) OVER (ORDER BY created_at) AS gap FROM recent)
),
newest AS (
    SELECT max(created_at) AS last_event_at FROM recent
)
SELECT
    'silence' AS group_key,
    format(
        'No event for {} hours; the longest silence before was of {} hours.',
        date_diff('hour', last_event_at, known_to), date_diff('hour', last_event_at, last_event_at + longest)
    ) AS explanation,
    last_event_at AS began_at,
    known_to AS ended_at
FROM known CROSS JOIN newest CROSS JOIN gaps
WHERE gaps >= 100
  AND known_to - last_event_at >= INTERVAL 12 HOUR
  AND known_to - last_event_at > 2 * longest;
