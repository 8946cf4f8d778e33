-- title: Dormant actor active again
-- id: 0ecaf828-e2f7-4553-8fcc-69d79561a0d1
-- name: ZD-109
-- remedy: >-
--   Ask whether the person has returned. If nobody knows, suspend them, and undo their change.
-- status: stable
-- level: medium
-- description: An actor without events for 90 days or more returned and made a privileged change within a day.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.persistence, attack.t1078]
-- falsepositives:
--   - The end of a long leave.
-- look_back: 1d
-- examples:
--   match:
--     - - {source_type: user, action: login, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 6, created_at: 2026-05-01T10:00:00Z}
--       - {source_type: permission_set, action: update, actor_id: 6, created_at: 2026-05-01T10:05:00Z}
--   no_match:
--     - - {source_type: user, action: login, actor_id: 6, created_at: 2026-05-01T10:00:00Z}
--       - {source_type: permission_set, action: update, actor_id: 6, created_at: 2026-05-01T10:05:00Z}
--     - - {source_type: user, action: login, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 6, created_at: 2026-05-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-05-01T10:05:00Z}
--     - - {source_type: user, action: login, actor_id: 6, created_at: 2026-04-01T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 6, created_at: 2026-05-01T10:00:00Z}
--       - {source_type: permission_set, action: update, actor_id: 6, created_at: 2026-05-01T10:05:00Z}
WITH own AS (
    SELECT
        id, created_at, actor_id, is_privileged,
        lag(created_at) OVER (PARTITION BY actor_id ORDER BY created_at, id) AS previous_at
    FROM history
    WHERE is_person AND actor_id IN (SELECT actor_id FROM evaluated WHERE is_privileged)
),
-- However long ago that was: from the log itself, whose other columns are not touched.
earlier AS (
    SELECT actor_id, max(audit_logs.created_at) AS seen_at
    FROM audit_logs
    JOIN (SELECT actor_id, min(created_at) AS first_at FROM own GROUP BY actor_id) AS first USING (actor_id)
    WHERE audit_logs.created_at < first_at
    GROUP BY actor_id
),
returns AS (
    SELECT id AS return_id, created_at AS returned_at, actor_id, coalesce(previous_at, seen_at) AS last_seen
    FROM own LEFT JOIN earlier USING (actor_id)
    WHERE created_at - coalesce(previous_at, seen_at) >= INTERVAL 90 DAY
)
SELECT
    concat_ws(' ', actor_id, return_id) AS group_key,
    list_distinct([return_id, arg_min(own.id, (own.created_at, own.id))]) AS event_ids,
    format(
        'Last seen on {}, {} days before; a privileged change {} minutes after coming back.',
        strftime(any_value(last_seen), '%Y-%m-%d'),
        date_diff('day', any_value(last_seen), any_value(returned_at)),
        date_diff('minute', any_value(returned_at), min(own.created_at))
    ) AS explanation
FROM returns
JOIN own USING (actor_id)
WHERE own.is_privileged AND own.created_at >= returned_at AND own.created_at <= returned_at + INTERVAL 1 DAY
GROUP BY actor_id, return_id;
