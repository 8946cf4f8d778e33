-- title: Team member unsuspended
-- id: f3c95789-ace1-4954-ac5d-6baed2eac902
-- name: ZD-014-staff
-- remedy: >-
--   Ask the administrator why the person may sign in again. If nobody knows, suspend them and look at what they did
--   since.
-- status: stable
-- level: high
-- description: >-
--   A locked-out team member may sign in again: the log holds earlier events of the user, and Zendesk logs events of
--   team members only.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.persistence, attack.t1098, attack.t1078]
-- falsepositives:
--   - A returning colleague; a lock by mistake.
-- look_back: 180d
-- examples:
--   match:
--     - - {source_type: macro, action: update, actor_id: 6, source_id: 1, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user_setting, action: update, actor_id: 5, source_id: 6, change_description: Unsuspended, created_at: 2026-01-02T10:00:00Z}
--   no_match:
--     - - {source_type: user_setting, action: update, actor_id: 5, source_id: 7, change_description: Unsuspended, created_at: 2026-01-02T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, source_id: 1, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user_setting, action: create, actor_id: 5, source_id: 6, change_description: Suspended, created_at: 2026-01-02T10:00:00Z}
WITH unsuspended AS (
    SELECT * FROM evaluated WHERE object_type IN ('user', 'user_setting') AND state = 'unsuspended'
)
SELECT
    unsuspended.id::VARCHAR AS group_key,
    [unsuspended.id] AS event_ids,
    format(
        '{} was unsuspended, and has left {} events in the 180 days before, the last on {}.',
        coalesce(any_value(unsuspended.label_name), 'User ' || any_value(unsuspended.source_id)),
        count(*),
        strftime(max(own.created_at), '%Y-%m-%d')
    ) AS explanation
FROM unsuspended
JOIN history AS own
    ON own.actor_id = unsuspended.source_id
    AND own.created_at < unsuspended.created_at
    AND own.created_at >= unsuspended.created_at - INTERVAL 180 DAY
GROUP BY unsuspended.id;
