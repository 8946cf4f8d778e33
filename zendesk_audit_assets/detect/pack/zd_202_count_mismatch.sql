-- title: The warehouse holds other rows than were committed
-- id: 135d63cf-1293-424c-802a-2e8f96fc5ce8
-- name: ZD-202
-- status: stable
-- level: high
-- description: >-
--   A batch of the last 30 days has brought a number of events, which stands in coverage; the log holds another number of
--   it. Somebody has added or removed rows by other means.
-- tags: [attack.t1070, attack.t1565.001]
-- falsepositives:
--   - A purge that was asked for.
-- input: log
-- examples:
--   match:
--     # Two were committed and one is there, or none and one is.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-02, rows_inserted: 2}
--         - {window_start: 2026-01-31, window_end: 2026-02-01}
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-02, rows_inserted: 0}
--   no_match:
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-02, rows_inserted: 1}
--     # 31 days before the newest batch.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-02, rows_inserted: 2}
--         - {window_start: 2026-02-01, window_end: 2026-02-02}
WITH recent AS (
    SELECT batch_id, window_start, window_end, rows_inserted
    FROM coverage
    WHERE committed_at >= (SELECT max(committed_at) FROM coverage) - INTERVAL 30 DAY
),
stored AS (
    SELECT batch_id, count(*) AS rows
    FROM audit_logs
    WHERE batch_id >= (SELECT min(batch_id) FROM recent)
    GROUP BY batch_id
)
SELECT
    'batch ' || batch_id AS group_key,
    format('Batch {} brought {} events, and the log holds {} of it.', batch_id, rows_inserted, coalesce(rows, 0)) AS explanation,
    window_start AS began_at,
    window_end AS ended_at,
    coalesce(rows, 0) AS events
FROM recent
LEFT JOIN stored USING (batch_id)
WHERE rows_inserted <> coalesce(rows, 0);
