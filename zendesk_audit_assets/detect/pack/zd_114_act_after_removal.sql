-- title: Action after removal or suspension
-- id: c1af4465-06f1-42fc-a101-0f154a9f2968
-- name: ZD-114
-- remedy: >-
--   End all sessions of the user, and delete the tokens and clients that they know.
-- status: stable
-- level: high
-- description: >-
--   A user who lost their role or was suspended acted afterwards. A session or a token may have outlived the removal.
--   Each UTC day is a separate finding.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.persistence, attack.t1078]
-- falsepositives:
--   - Work in progress at the minute of the removal.
-- look_back: 180d
-- examples:
--   match:
--     - - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: Support role changed from Agent to End User, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: user_setting, action: create, actor_id: 5, source_id: 6, change_description: Suspended, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 6, created_at: 2026-03-01T10:50:00Z}
--   no_match:
--     - - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: Support role changed from Agent to End User, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: Support role changed from End User to Agent, created_at: 2026-01-01T10:10:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: Support role changed from Agent to Light agent, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: Notes changed from not set to Role changed from Agent to End User, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T09:50:00Z}
--       - {source_type: user_setting, action: create, actor_id: 5, source_id: 6, change_description: Suspended, created_at: 2026-01-01T10:00:00Z}
WITH turns AS (
    SELECT
        id AS removal_id,
        source_id AS actor_id,
        created_at,
        coalesce(
            state = 'suspended'
            OR list_bool_or([
                regexp_matches(coalesce(change.new_value, 'end user'), '(?i)^end.?user')
                FOR change IN changes
                IF change.confidence <> 'unparsed' AND regexp_matches(change.field, '(?i)^(?:support )?role$')
            ]),
            false
        ) AS removed,
        CASE WHEN object_type = 'user' THEN 'lost their role' ELSE 'was suspended' END AS how
    FROM history
    WHERE source_id IN (SELECT actor_id FROM evaluated WHERE is_person)
      AND (
          (object_type = 'user_setting' AND state IN ('suspended', 'unsuspended'))
          OR (
              role_change IS NOT NULL
              AND list_bool_or([regexp_matches(field, '(?i)^(?:support )?role$') FOR field IN fields])
          )
      )
),
acts AS (
    -- The last turn strictly before the act counts.
    SELECT evaluated.id, evaluated.created_at, evaluated.actor_id, turns.removal_id, turns.removed, turns.how,
        turns.created_at AS removed_at
    FROM evaluated
    ASOF JOIN turns ON turns.actor_id = evaluated.actor_id AND turns.created_at < evaluated.created_at
    WHERE evaluated.is_person
)
SELECT
    concat_ws(' ', actor_id, (created_at AT TIME ZONE 'UTC')::DATE) AS group_key,
    list_distinct(list(id) || list(removal_id)) AS event_ids,
    format(
        'This actor {} on {}, and was not given anything back; {} event{} after that on this day.',
        any_value(how), strftime(any_value(removed_at), '%Y-%m-%d at %H:%M UTC'), count(*),
        CASE WHEN count(*) = 1 THEN '' ELSE 's' END
    ) AS explanation
FROM acts
WHERE removed AND removed_at >= created_at - INTERVAL 180 DAY
GROUP BY actor_id, removal_id, (created_at AT TIME ZONE 'UTC')::DATE;
