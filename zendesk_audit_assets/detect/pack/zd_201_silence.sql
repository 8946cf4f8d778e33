-- title: Log silent for unusually long
-- id: 5a3c1fbd-f9da-4bf3-a816-96a68afe2312
-- name: ZD-201
-- remedy: >-
--   Check in Zendesk's Admin Center whether events exist in this time. If so, materialize the day in full.
-- status: stable
-- level: medium
-- description: >-
--   The log has no event for twelve hours or more, and for more than twice the longest silence of the 60 days before.
--   With fewer than 100 silences to compare with, the rule reports four days without an event. Either nobody works, or
--   Zendesk no longer logs events, or no longer for this token.
-- falsepositives:
--   - A holiday of the whole company.
-- input: log
-- examples:
--   match:
--     # An event each hour until 04:00 on the 5th, then nothing for twelve hours.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T00:00:00Z, times: 101, every: 1h}
--       coverage:
--         - {window_start: 2026-01-01T00:00:00Z, window_end: 2026-01-05T16:00:00Z}
--     # More than twice the six hours between two events.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T00:00:00Z, times: 101, every: 6h}
--       coverage:
--         - {window_start: 2026-01-01T00:00:00Z, window_end: 2026-01-26T12:00:01Z}
--     # Too few events to compare with, then nothing for four days.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T00:00:00Z, times: 100, every: 1h}
--       coverage:
--         - {window_start: 2026-01-01T00:00:00Z, window_end: 2026-01-09T03:00:00Z}
--     # No event at all, and four days covered.
--     - events: []
--       coverage:
--         - {window_start: 2026-01-01T00:00:00Z, window_end: 2026-01-05T00:00:00Z}
--   no_match:
--     - events: []
--       coverage:
--         - {window_start: 2026-01-01T00:00:00Z, window_end: 2026-01-04T23:59:59Z}
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T00:00:00Z, times: 101, every: 1h}
--       coverage:
--         - {window_start: 2026-01-01T00:00:00Z, window_end: 2026-01-05T15:59:59Z}
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T00:00:00Z, times: 100, every: 1h}
--       coverage:
--         - {window_start: 2026-01-01T00:00:00Z, window_end: 2026-01-09T02:59:59Z}
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T00:00:00Z, times: 101, every: 6h}
--       coverage:
--         - {window_start: 2026-01-01T00:00:00Z, window_end: 2026-01-26T12:00:00Z}
WITH known AS (
    SELECT
        (SELECT max(window_end) FROM coverage WHERE window_start < window_end) AS known_to,
        (SELECT min(window_start) FROM coverage WHERE window_start < window_end) AS known_from,
        (SELECT max(created_at) FROM audit_logs) AS last_event_at
),
gaps AS (
    SELECT max(gap) AS longest, count(gap) AS gaps
    FROM (
        SELECT created_at - lag(created_at) OVER (ORDER BY created_at) AS gap
        FROM audit_logs
        WHERE created_at >= (SELECT last_event_at FROM known) - INTERVAL 60 DAY
    )
)
SELECT
    'silence' AS group_key,
    'No event for ' || date_diff('hour', last_event_at, known_to) || ' hours'
        || coalesce(format('; the longest silence in the 60 days before was of {:.1f} hours', epoch(longest) / 3600), '')
        || '.' AS explanation,
    last_event_at AS began_at,
    known_to AS ended_at
FROM known CROSS JOIN gaps
WHERE CASE
    WHEN gaps >= 100 THEN known_to - last_event_at >= INTERVAL 12 HOUR AND known_to - last_event_at > 2 * longest
    ELSE known_to - last_event_at >= INTERVAL 4 DAY
END
UNION ALL
SELECT
    'silence' AS group_key,
    format('No event in the first {} hours of the log.', date_diff('hour', known_from, known_to)) AS explanation,
    known_from AS began_at,
    known_to AS ended_at
FROM known
WHERE last_event_at IS NULL AND known_to - known_from >= INTERVAL 4 DAY;
