-- title: First export by this person
-- id: cbf27734-ac10-4525-8b66-402800e03d2c
-- name: ZD-015-first
-- remedy: >-
--   Ask the person what the export is for and where the file is now.
-- status: stable
-- level: medium
-- description: >-
--   A user who was active for 90 days without any export exports data. The level is informational for users with privileged
--   changes before that day: administrators export now and then.
-- references:
--   - https://attack.mitre.org/techniques/T1213/
-- tags: [attack.collection, attack.exfiltration, attack.t1213]
-- falsepositives:
--   - A new task.
-- look_back: 90d
-- examples:
--   match:
--     # The log is known for 30 days, the actor for 14 and by 20 events.
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: ticket, action: exported, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: ticket, action: exported, actor_id: 5, created_at: 2026-01-01T09:59:59Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: ticket, action: exported, actor_id: 5, created_at: 2026-04-01T10:00:00Z}
--   no_match:
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:01Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: ticket, action: exported, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:01Z, times: 20, every: 1h}
--       - {source_type: ticket, action: exported, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 19, every: 1h}
--       - {source_type: ticket, action: exported, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     # Not the first in 90 days.
--     - - {source_type: ticket, action: exported, actor_id: 5, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: ticket, action: exported, actor_id: 5, created_at: 2026-04-01T10:00:00Z}
WITH own AS (
    SELECT
        id,
        created_at,
        actor_id,
        action,
        object_type,
        count(*) OVER before AS events_before,
        min(created_at) OVER before AS known_since,
        max(CASE WHEN action = 'exported' THEN created_at END) OVER before AS exported_before,
        -- Of this day nothing counts: whoever takes a role to export something has it for minutes.
        count(*) FILTER (is_privileged) OVER (
            PARTITION BY actor_id ORDER BY created_at
            RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 DAY PRECEDING
        ) AS privileged_before
    FROM history
    WHERE is_person AND actor_id IN (SELECT actor_id FROM evaluated WHERE action = 'exported')
    WINDOW before AS (
        PARTITION BY actor_id ORDER BY created_at
        RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 SECOND PRECEDING
    )
)
SELECT
    concat_ws(' ', actor_id, created_at) AS group_key,
    list(id) AS event_ids,
    format(
        'No export among the {} events of this actor in the 90 days before, of which {} were privileged; now of: {}.',
        any_value(events_before),
        any_value(privileged_before),
        string_agg(DISTINCT coalesce(object_type, 'something'), ', ' ORDER BY coalesce(object_type, 'something'))
    ) AS explanation,
    CASE WHEN any_value(privileged_before) > 0 THEN 'informational' ELSE 'medium' END AS level
FROM own
WHERE action = 'exported'
  AND exported_before IS NULL
  AND events_before >= 20
  AND known_since <= created_at - INTERVAL 14 DAY
  AND getvariable('log_start') <= created_at - INTERVAL 30 DAY
GROUP BY actor_id, created_at;
