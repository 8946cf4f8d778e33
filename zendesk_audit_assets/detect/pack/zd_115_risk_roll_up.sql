-- title: Many findings about one person
-- id: b459071a-fb8a-4f9e-bf72-c46dca8fbe35
-- name: ZD-115
-- remedy: >-
--   Read the events in their order; together they tell more than each. Suspend the person if they cannot explain
--   them.
-- status: stable
-- level: high
-- description: >-
--   Several rules reported findings about one person within a day. A low finding counts 1, a medium one 4, a high one
--   10, a critical one 20, each rule once; the threshold is 20 from three rules or more. Each UTC day is a separate
--   finding.
-- falsepositives:
--   - An administrator on a busy day.
-- input: findings
-- look_back: 1d
-- examples:
--   match:
--     # ZD-001 weighs 10, ZD-004 and ZD-010-changed 4 each, ZD-024-changed and ZD-026 1 each.
--     - - {source_type: account, action: update, actor_id: 5, change_description: Owner changed from Ada to Bea, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: permission_set, action: update, actor_id: 5, created_at: 2026-01-01T11:00:00Z}
--       - {source_type: account_setting, action: update, actor_id: 5, source_label: IP restrictions, change_description: Turned on, created_at: 2026-01-01T12:00:00Z}
--       - {source_type: recipient_address, action: update, actor_id: 5, change_description: Name changed from A to B, created_at: 2026-01-01T13:00:00Z}
--       - {source_type: account_setting, action: update, actor_id: 5, source_label: Blacklist, change_description: Turned on, created_at: 2026-01-02T09:59:59Z}
--   no_match:
--     # The first is a day old when the last comes. Of another actor 19: ZD-024-changed counts once. Of a third 20, by two rules.
--     - - {source_type: account, action: update, actor_id: 5, change_description: Owner changed from Ada to Bea, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: permission_set, action: update, actor_id: 5, created_at: 2026-01-01T11:00:00Z}
--       - {source_type: account_setting, action: update, actor_id: 5, source_label: IP restrictions, change_description: Turned on, created_at: 2026-01-01T12:00:00Z}
--       - {source_type: recipient_address, action: update, actor_id: 5, change_description: Name changed from A to B, created_at: 2026-01-01T13:00:00Z}
--       - {source_type: account_setting, action: update, actor_id: 5, source_label: Blacklist, change_description: Turned on, created_at: 2026-01-02T10:00:00Z}
--       - {source_type: account, action: update, actor_id: 6, change_description: Owner changed from Bea to Ada, created_at: 2026-01-03T10:00:00Z}
--       - {source_type: permission_set, action: update, actor_id: 6, created_at: 2026-01-03T11:00:00Z}
--       - {source_type: account_setting, action: update, actor_id: 6, source_label: IP restrictions, change_description: Turned on, created_at: 2026-01-03T12:00:00Z}
--       - {source_type: recipient_address, action: update, actor_id: 6, change_description: Name changed from A to B, created_at: 2026-01-03T13:00:00Z, times: 5, every: 1m}
--       - {source_type: account, action: update, actor_id: 7, change_description: Owner changed from Ada to Bea, created_at: 2026-01-05T10:00:00Z}
--       - {source_type: account_setting, action: update, actor_id: 7, source_label: Require Two Factor, change_description: Disabled, created_at: 2026-01-05T11:00:00Z}
WITH weighed AS (
    SELECT
        uid, rule, actor_id, last_event_at, event_ids[-1] AS event_id,
        CASE severity WHEN 'low' THEN 1 WHEN 'medium' THEN 4 WHEN 'high' THEN 10 ELSE 20 END AS weight
    FROM found
    WHERE actor_id > 0 AND severity <> 'informational'
),
together AS (
    -- What had been found of the actor in the 24 hours up to each finding, each rule once.
    SELECT latest.actor_id, latest.uid, latest.last_event_at, earlier.rule, max(earlier.weight) AS weight,
        list(earlier.event_id) AS event_ids
    FROM weighed AS latest
    JOIN weighed AS earlier
        ON earlier.actor_id = latest.actor_id
        AND earlier.last_event_at <= latest.last_event_at
        AND earlier.last_event_at > latest.last_event_at - INTERVAL 1 DAY
    GROUP BY ALL
),
risks AS (
    SELECT actor_id, uid, last_event_at, sum(weight) AS risk, count(*) AS rules,
        string_agg(rule, ', ' ORDER BY rule) AS names, flatten(list(event_ids)) AS event_ids
    FROM together
    GROUP BY actor_id, uid, last_event_at
)
SELECT
    concat_ws(' ', actor_id, (last_event_at AT TIME ZONE 'UTC')::DATE) AS group_key,
    list_distinct(flatten(list(event_ids))) AS event_ids,
    format(
        '{} rules within 24 hours: {}. Their weight is {}; the threshold is 20.',
        arg_max(rules, (risk, uid)), arg_max(names, (risk, uid)), max(risk)
    ) AS explanation
FROM risks
WHERE risk >= 20 AND rules >= 3
GROUP BY actor_id, (last_event_at AT TIME ZONE 'UTC')::DATE;
