-- title: Privileged change at an unusual hour
-- id: 6caf76a5-7035-48ae-8280-ad3729a6f2e7
-- name: ZD-104
-- remedy: >-
--   Ask the person whether it was them, by another way than Zendesk.
-- status: stable
-- level: medium
-- description: >-
--   A privileged change outside 08:00 to 18:00 in the configured time zone, at an hour of the day with hardly any of
--   the actor's own events of the 90 days up to a day before it: one night makes no hour usual.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.t1078]
-- falsepositives:
--   - An emergency; travel.
-- look_back: 90d
-- examples:
--   match:
--     # The log is known for 30 days, the actor for 14 and by 20 events.
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T20:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T15:00:00Z, times: 20, every: 5m}
--       - {source_type: app, action: update, actor_id: 5, created_at: 2026-01-31T20:00:00Z}
--     # One of 101 events lies within an hour of this one.
--     - - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-01T08:00:00Z, times: 100, every: 5m}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-02T21:00:00Z}
--       - {source_type: app, action: update, actor_id: 5, created_at: 2026-01-31T20:00:00Z}
--     # The night itself has one of 21 events at this hour already.
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T20:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T15:00:00Z, times: 20, every: 5m}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-31T19:55:00Z}
--       - {source_type: app, action: update, actor_id: 5, created_at: 2026-01-31T20:00:00Z}
--   no_match:
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T20:00:01Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T15:00:00Z, times: 20, every: 5m}
--       - {source_type: app, action: update, actor_id: 5, created_at: 2026-01-31T20:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T20:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-18T09:00:00Z, times: 20, every: 5m}
--       - {source_type: app, action: update, actor_id: 5, created_at: 2026-01-31T20:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T20:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T15:00:00Z, times: 19, every: 5m}
--       - {source_type: app, action: update, actor_id: 5, created_at: 2026-01-31T20:00:00Z}
--     # One of 100 events.
--     - - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-01T08:00:00Z, times: 99, every: 5m}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-02T21:00:00Z}
--       - {source_type: app, action: update, actor_id: 5, created_at: 2026-01-31T20:00:00Z}
--     # In office hours; and nothing privileged.
--     - - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-01T10:00:00Z, times: 20, every: 5m}
--       - {source_type: app, action: update, actor_id: 5, created_at: 2026-01-31T17:59:59Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-31T22:00:00Z}
WITH suspects AS (
    SELECT
        id, actor_id, created_at,
        hour(created_at AT TIME ZONE coalesce(getvariable('timezone'), 'UTC')) AS hour_of_day
    FROM evaluated
    WHERE is_person
      AND is_privileged
      AND hour(created_at AT TIME ZONE coalesce(getvariable('timezone'), 'UTC')) NOT BETWEEN 8 AND 17
      AND getvariable('log_start') <= created_at - INTERVAL 30 DAY
),
own AS (
    SELECT
        actor_id, created_at,
        hour(created_at AT TIME ZONE coalesce(getvariable('timezone'), 'UTC')) AS hour_of_day
    FROM history
    WHERE actor_id IN (SELECT actor_id FROM suspects)
),
compared AS (
    SELECT
        suspects.id,
        suspects.actor_id,
        suspects.created_at,
        suspects.hour_of_day,
        count(*) AS events_before,
        min(own.created_at) AS known_since,
        -- The hour before and the hour after count as well; the day is a circle.
        count(*) FILTER ((own.hour_of_day - suspects.hour_of_day + 25) % 24 <= 2) AS around
    FROM suspects
    JOIN own
        ON own.actor_id = suspects.actor_id
        AND own.created_at <= suspects.created_at - INTERVAL 1 DAY
        AND own.created_at >= suspects.created_at - INTERVAL 90 DAY
    GROUP BY ALL
)
SELECT
    concat_ws(' ', actor_id, time_bucket(INTERVAL 1 HOUR, created_at)) AS group_key,
    list(id) AS event_ids,
    format(
        '{} of {} events of this actor in the 90 days up to the day before lie around {:02d}:00 in {}; the threshold is 1 %.',
        arg_min(around, (created_at, id)), arg_min(events_before, (created_at, id)), arg_min(hour_of_day, (created_at, id)), coalesce(getvariable('timezone'), 'UTC')
    ) AS explanation
FROM compared
WHERE around < 0.01 * events_before
  AND events_before >= 20
  AND known_since <= created_at - INTERVAL 14 DAY
GROUP BY actor_id, time_bucket(INTERVAL 1 HOUR, created_at);
