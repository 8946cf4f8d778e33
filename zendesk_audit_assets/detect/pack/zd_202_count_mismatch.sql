-- title: Row count differs from a committed batch
-- id: 135d63cf-1293-424c-802a-2e8f96fc5ce8
-- name: ZD-202
-- remedy: >-
--   Restore the file from a backup that agrees, and find out who can write to it.
-- status: stable
-- level: high
-- description: >-
--   The log holds another number of rows of a batch of the last 30 days than coverage records. Somebody added or
--   removed rows outside this project.
-- tags: [attack.t1070, attack.t1565.001]
-- falsepositives:
--   - A requested purge.
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
    format('Batch {} committed {} events; the log holds {} of them.', batch_id, rows_inserted, coalesce(rows, 0)) AS explanation,
    window_start AS began_at,
    window_end AS ended_at,
    coalesce(rows, 0) AS events
FROM recent
LEFT JOIN stored USING (batch_id)
WHERE rows_inserted <> coalesce(rows, 0);
