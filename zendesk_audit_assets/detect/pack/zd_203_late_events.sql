-- title: Events arrived late
-- id: a4ea3938-d429-4c52-8109-15b0875b0b21
-- name: ZD-203
-- remedy: >-
--   Materialize the days around it in full if more events are missing.
-- status: stable
-- level: low
-- description: >-
--   Events of the last 30 days were missing when their time was read, an hour or more after they happened. The
--   look-back of a refresh found them; others may still be missing.
-- falsepositives:
--   - A delay at Zendesk.
-- input: log
-- examples:
--   match:
--     # The second event was an hour old when its time was read, and came only with the second batch.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T09:00:00Z}
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z, batch_id: 2}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-01T11:00:00Z, read_at: 2026-01-01T11:00:01Z}
--         - {window_start: 2026-01-01, window_end: 2026-01-02}
--   no_match:
--     # It was 59 minutes old.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T09:00:00Z}
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z, batch_id: 2}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-01T11:00:00Z, read_at: 2026-01-01T10:59:00Z}
--         - {window_start: 2026-01-01, window_end: 2026-01-02}
--     # Its time had not been read, although later ones had.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T09:00:00Z}
--         - {source_type: macro, action: update, created_at: 2026-01-02T10:00:00Z, batch_id: 3}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-02, read_at: 2026-01-05}
--         - {window_start: 2026-01-03, window_end: 2026-01-04}
--         - {window_start: 2026-01-02, window_end: 2026-01-03}
WITH batches AS (
    SELECT
        batch_id, window_start, window_end, read_at,
        max(least(window_end, read_at - INTERVAL 1 HOUR)) OVER (
            ORDER BY batch_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS read_before
    FROM coverage
    WHERE window_start < window_end
      AND committed_at >= (SELECT max(committed_at) FROM coverage) - INTERVAL 30 DAY
),
-- What is newer than all that was read before is not late; without it each event would meet all windows around it.
older AS (
    SELECT audit_logs.batch_id, audit_logs.id, audit_logs.created_at
    FROM audit_logs
    JOIN batches USING (batch_id)
    WHERE audit_logs.batch_id > (SELECT min(batch_id) FROM batches) AND audit_logs.created_at < read_before
),
late AS (
    SELECT older.batch_id, older.id, older.created_at, min(batches.read_at) AS first_read_at
    FROM older
    JOIN batches
        ON batches.batch_id < older.batch_id
        AND batches.window_start <= older.created_at
        AND batches.window_end > older.created_at
        AND batches.read_at >= older.created_at + INTERVAL 1 HOUR
    GROUP BY ALL
)
SELECT
    'batch ' || batch_id AS group_key,
    format(
        '{} event{} missing when {} was read, {} minutes or more after they happened.',
        count(*), CASE WHEN count(*) = 1 THEN ' was' ELSE 's were' END,
        strftime(min(created_at), '%Y-%m-%d'), min(date_diff('minute', created_at, first_read_at))
    ) AS explanation,
    min(created_at) AS began_at,
    max(created_at) AS ended_at,
    count(*) AS events
FROM late
GROUP BY batch_id;
