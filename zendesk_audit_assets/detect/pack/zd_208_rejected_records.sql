-- title: Records of the log were rejected
-- id: 2f6c0a54-3c1b-4f0e-8d55-0b9c6a4e2108
-- name: ZD-208
-- remedy: >-
--   Read `reason` and `raw` in audit_log_rejects: no other rule has seen these records.
-- status: stable
-- level: high
-- description: >-
--   Zendesk sent records with a value of the wrong type, such as a name that is a number. They are kept in
--   audit_log_rejects, where no rule looks. One finding for a day.
-- falsepositives:
--   - A new form of the log, which a newer version of this project may know.
-- input: log
-- needs: [audit_log_rejects]
-- examples:
--   match:
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       tables:
--         audit_log_rejects: [{batch_id: 1, reason: "actor_name is an integer, not text", raw: '{"id": 7}', inserted_at: 2026-01-01T11:00:00Z}]
--   no_match:
--     # A page that cannot be read is told by ZD-207.
--     - events:
--         - {source_type: macro, action: update, created_at: 2026-01-01T10:00:00Z}
--       tables:
--         audit_log_rejects:
--           - {batch_id: 1, reason: No page., raw: '{"audit_logs": [{"id": 7}]}', inserted_at: 2026-01-01T11:00:00Z}
--           - {batch_id: 1, reason: No JSON., raw: '<html>', inserted_at: 2026-01-01T11:00:00Z}
SELECT
    strftime(inserted_at AT TIME ZONE 'UTC', '%Y-%m-%d') AS group_key,
    format(
        '{} records of the log were rejected. The first: {}.', count(*), rtrim(arg_min(reason, inserted_at), '.')
    ) AS explanation,
    min(inserted_at) AS began_at,
    max(inserted_at) AS ended_at
FROM audit_log_rejects
WHERE json_valid(raw) AND NOT coalesce(json_exists(raw, '$.audit_logs'), false)
GROUP BY group_key;
