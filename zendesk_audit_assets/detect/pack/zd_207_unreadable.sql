-- title: Part of the log cannot be read
-- id: 5d0c1c1e-7b0f-4d0b-9b61-1f5d1b7a2c07
-- name: ZD-207
-- remedy: >-
--   Look at audit_log_rejects, and send the page to Zendesk's support if it stays so.
-- status: stable
-- level: high
-- description: >-
--   Zendesk serves the log, except for some seconds of a day: their page is broken, or ends in an error. Events in them
--   are unknown, which an attacker may want. Runs try again with growing pauses; the finding ends when one succeeds.
-- falsepositives:
--   - A fault at Zendesk; its support can look at the page in audit_log_rejects.
-- input: log
-- needs: [failed_reads]
-- examples:
--   match:
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       tables: &one_second
--         failed_reads: [{batch_id: 1, window_start: 2026-01-01T11:00:00Z, window_end: 2026-01-01T11:00:01Z, reason: No page., attempt: 1, tried_at: 2026-01-02T00:00:00Z}]
--     # A later batch covers half of it.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-02}
--         - {window_start: 2026-01-01T11:00:00Z, window_end: 2026-01-01T11:00:05Z}
--       tables: &ten_seconds
--         failed_reads: [{batch_id: 1, window_start: 2026-01-01T11:00:00Z, window_end: 2026-01-01T11:00:10Z, reason: No page., attempt: 1, tried_at: 2026-01-02T00:00:00Z}]
--   no_match:
--     # Two later batches cover all of it.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       coverage:
--         - {window_start: 2026-01-01, window_end: 2026-01-02}
--         - {window_start: 2026-01-01T11:00:00Z, window_end: 2026-01-01T11:00:05Z}
--         - {window_start: 2026-01-01T11:00:05Z, window_end: 2026-01-01T11:00:10Z}
--       tables: *ten_seconds
WITH pieces AS (
    SELECT
        failed.batch_id, failed.window_start, failed.window_end,
        greatest(later.window_start, failed.window_start) AS read_from,
        least(later.window_end, failed.window_end) AS read_to
    FROM failed_reads AS failed
    JOIN coverage AS later
        ON later.batch_id > failed.batch_id
        AND later.window_start < failed.window_end AND later.window_end > failed.window_start
),
ordered AS (
    SELECT
        *,
        coalesce(
            max(read_to) OVER (
                PARTITION BY batch_id ORDER BY read_from, read_to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            window_start
        ) AS reached
    FROM pieces
),
mended AS (
    SELECT batch_id FROM ordered GROUP BY batch_id, window_end
    HAVING bool_and(read_from <= reached) AND max(read_to) >= window_end
),
gaps AS (
    SELECT window_start, window_end, max(attempt) AS attempts, arg_max(reason, batch_id) AS reason
    FROM failed_reads ANTI JOIN mended USING (batch_id)
    GROUP BY window_start, window_end
)
SELECT
    strftime(window_start AT TIME ZONE 'UTC', '%Y-%m-%d') AS group_key,
    format(
        'The log from {} to {} UTC has {} windows that {} attempts could not read. {}',
        strftime(min(window_start) AT TIME ZONE 'UTC', '%H:%M:%S'),
        strftime(max(window_end) AT TIME ZONE 'UTC', '%H:%M:%S'),
        count(*), max(attempts), arg_min(reason, window_start)
    ) AS explanation,
    min(window_start) AS began_at,
    max(window_end) AS ended_at
FROM gaps
GROUP BY group_key;
