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
--     - - {source_type: user_setting, action: create, actor_id: 5, source_id: 6, change_description: Suspended, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: "Support role changed from Agent to Light agent", created_at: 2026-01-01T10:01:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: "Support role was changed from Agent to End user", created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user_setting, action: create, actor_id: 5, source_id: 6, change_description: Unsuspended, created_at: 2026-01-01T10:01:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: "Support role set to End user", created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: "Suspended changed from false to true", created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: "Support role changed from Agent to End user", created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: update, actor_id: 6, source_id: 6, change_description: "Signature changed from A to B\nSupport role changed from End user to Agent", created_at: 2026-01-01T10:01:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
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
--     - - {source_type: user_setting, action: create, actor_id: 5, source_id: 6, change_description: Suspended, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: update, actor_id: 5, source_id: 6, change_description: "Support role changed from Agent to Light agent", created_at: 2026-01-01T10:01:00Z}
--       - {source_type: user_setting, action: create, actor_id: 5, source_id: 6, change_description: Unsuspended, created_at: 2026-01-01T10:02:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
--     - - {source_type: user, action: update, actor_id: 6, source_id: 6, change_description: "Signature changed from A to B\nSupport role changed from Agent to End user", created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:50:00Z}
WITH given AS (
    -- Two locks, each undone by its own opposite only: the suspension, and the role. A line that may be part of a text
    -- about something else counts when somebody else wrote it.
    SELECT id, source_id AS actor_id, created_at, 'was suspended' AS how, state = 'suspended' AS removed
    FROM history
    WHERE source_id IN (SELECT actor_id FROM evaluated WHERE is_person)
      AND object_type IN ('user', 'user_setting')
      AND state IN ('suspended', 'unsuspended')
    UNION ALL
    SELECT
        id, source_id, created_at, 'lost their role',
        list_bool_or([regexp_matches(coalesce(change.new_value, 'end user'), '(?i)^end.?user') FOR change IN roles])
    FROM (
        SELECT
            id, source_id, created_at,
            list_filter(changes, lambda change:
                change.confidence <> 'unparsed'
                AND regexp_matches(change.field, '(?i)^(?:support )?roles?$')
                AND (change.confidence = 'exact' OR actor_id IS DISTINCT FROM source_id)
            ) AS roles
        FROM history
        WHERE source_id IN (SELECT actor_id FROM evaluated WHERE is_person) AND role_change IS NOT NULL
    )
    WHERE len(roles) > 0
),
acts AS (
    -- The last turn of each kind strictly before the act counts.
    SELECT
        evaluated.id, evaluated.created_at, evaluated.actor_id,
        given.id AS removal_id, given.removed, given.how, given.created_at AS removed_at
    FROM (
        SELECT id, created_at, actor_id, unnest(['was suspended', 'lost their role']) AS how
        FROM evaluated
        WHERE is_person
    ) AS evaluated
    ASOF JOIN given
        ON given.actor_id = evaluated.actor_id AND given.how = evaluated.how AND given.created_at < evaluated.created_at
),
removed AS (
    -- Of two the later one.
    SELECT *
    FROM acts
    WHERE removed AND removed_at >= created_at - INTERVAL 180 DAY
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY removed_at DESC, removal_id DESC) = 1
)
SELECT
    concat_ws(' ', actor_id, (created_at AT TIME ZONE 'UTC')::DATE) AS group_key,
    list_distinct(list(id) || list(removal_id)) AS event_ids,
    format(
        'This actor {} on {}, and was not given that back; {} event{} after that on this day.',
        any_value(how), strftime(any_value(removed_at), '%Y-%m-%d at %H:%M UTC'), count(*),
        CASE WHEN count(*) = 1 THEN '' ELSE 's' END
    ) AS explanation
FROM removed
GROUP BY actor_id, removal_id, (created_at AT TIME ZONE 'UTC')::DATE;
