-- title: Events that appeared late
-- id: a4ea3938-d429-4c52-8109-15b0875b0b21
-- name: ZD-203
-- status: stable
-- level: low
-- description: >-
--   Events of the last 30 days appeared in a stretch of time that had been read, an hour or more after it was over, without
--   them. The look-back of a refresh found them; others may still be missing.
-- falsepositives:
--   - A delay at Zendesk.
-- over: log
WITH recent AS (
    SELECT batch_id, window_start, window_end, read_at
    FROM coverage
    WHERE window_start < window_end
      AND committed_at >= (SELECT max(committed_at) FROM coverage) - INTERVAL 30 DAY
),
late AS (
    SELECT audit_logs.batch_id, audit_logs.id, audit_logs.created_at, min(recent.read_at) AS first_read_at
    FROM audit_logs
    JOIN recent
        ON recent.batch_id < audit_logs.batch_id
        AND recent.window_start <= audit_logs.created_at
        AND recent.window_end > audit_logs.created_at
        AND recent.read_at >= audit_logs.created_at + INTERVAL 1 HOUR
    WHERE audit_logs.batch_id > (SELECT min(batch_id) FROM recent)
      AND audit_logs.created_at >= (SELECT min(window_start) FROM recent)
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
