-- title: Settings changes in unknown wording
-- id: 5b1c3f0e-8a3d-4d55-9a5e-1f5f6d0c2051
-- name: ZD-205-words
-- remedy: >-
--   Let the credentials belong to a user whose language is English.
-- status: stable
-- level: medium
-- description: >-
--   More than half of the changes of account settings in the last 90 days do not say on, off or changed in known
--   words. Their language may not be English; rules about settings then miss events.
-- falsepositives:
--   - A few unusual settings, and little else.
-- input: log
-- examples:
--   match:
--     # 11 of 20.
--     - - {source_type: account_setting, action: update, change_description: Uitgeschakeld, created_at: 2026-01-01T10:00:00Z, times: 11, every: 1d}
--       - {source_type: account_setting, action: update, change_description: Turned on, created_at: 2026-01-20T10:00:00Z, times: 9, every: 1d}
--   no_match:
--     - - {source_type: account_setting, action: update, change_description: Uitgeschakeld, created_at: 2026-01-01T10:00:00Z, times: 10, every: 1d}
--       - {source_type: account_setting, action: update, change_description: Turned on, created_at: 2026-01-20T10:00:00Z, times: 10, every: 1d}
--     - {source_type: account_setting, action: update, change_description: Uitgeschakeld, times: 19, every: 1d}
--     # Of another kind of object, and more than 90 days ago.
--     - {source_type: macro, action: update, change_description: Uitgeschakeld, times: 20, every: 1d}
--     - - {source_type: account_setting, action: update, change_description: Uitgeschakeld, created_at: 2026-01-01T10:00:00Z, times: 20, every: 1m}
--       - {source_type: macro, action: update, created_at: 2026-04-01T11:00:00Z}
WITH recent AS (
    SELECT created_at, state
    FROM audit_events
    WHERE object_type = 'account_setting'
      AND created_at >= (SELECT max(created_at) FROM audit_logs) - INTERVAL 90 DAY
)
SELECT
    'settings' AS group_key,
    format(
        '{} of {} changes of settings in 90 days have unknown wording.',
        count(*) FILTER (state IS NULL), count(*)
    ) AS explanation,
    -- The same one for a quarter.
    time_bucket(INTERVAL 90 DAY, min(created_at)) AS began_at,
    max(created_at) AS ended_at,
    count(*) AS events
FROM recent
HAVING count(*) >= 20 AND count(*) FILTER (state IS NULL) > 0.5 * count(*);
