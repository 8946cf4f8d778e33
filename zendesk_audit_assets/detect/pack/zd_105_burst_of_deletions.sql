-- title: Burst of deletions
-- id: 3f0c9931-918c-40bf-9670-c342c6cce996
-- name: ZD-105
-- remedy: >-
--   Ask the person. If it was a mistake or not them, suspend them and restore what they deleted: tickets for 30
--   days.
-- status: stable
-- level: high
-- description: >-
--   An actor deleted ten or more objects within ten minutes, and more than in 99 of 100 such spans of their own in the
--   90 days before that day, in UTC: what they did on the day itself makes nothing usual.
-- references:
--   - https://attack.mitre.org/techniques/T1485/
-- tags: [attack.impact, attack.t1485]
-- falsepositives:
--   - Spam; tests; requests for erasure.
-- look_back: 91d
-- examples:
--   match:
--     - {source_type: ticket, action: destroy, actor_id: 5, times: 10, every: 66s}
--     # Judged is the day that `coverage` gives; the one before says what is usual: up to 12 within ten minutes.
--     - events:
--         - {source_type: ticket, action: destroy, actor_id: 5, created_at: 2026-01-31T10:00:00Z, times: 12, every: 30s}
--         - {source_type: ticket, action: destroy, actor_id: 5, created_at: 2026-02-01T10:00:00Z, times: 13, every: 30s}
--       coverage:
--         - {window_start: 2026-02-01, window_end: 2026-02-02}
--   no_match:
--     - {source_type: ticket, action: destroy, actor_id: 5, times: 9, every: 30s}
--     - {source_type: ticket, action: destroy, actor_id: 5, times: 30, every: 67s}
--     - {source_type: ticket, action: update, actor_id: 5, times: 30, every: 10s}
--     - {source_type: attachment, action: destroy, actor_id: -1, times: 30, every: 10s}
--     - events:
--         - {source_type: ticket, action: destroy, actor_id: 5, created_at: 2026-01-31T10:00:00Z, times: 12, every: 30s}
--         - {source_type: ticket, action: destroy, actor_id: 5, created_at: 2026-02-01T10:00:00Z, times: 12, every: 30s}
--       coverage:
--         - {window_start: 2026-02-01, window_end: 2026-02-02}
WITH deletions AS (
    SELECT
        id,
        created_at,
        actor_id,
        date_trunc('day', created_at AT TIME ZONE 'UTC') AS day,
        count(*) OVER (PARTITION BY actor_id ORDER BY created_at RANGE INTERVAL 10 MINUTE PRECEDING) AS observed
    FROM history
    WHERE action = 'destroy' AND is_person
      AND actor_id IN (SELECT actor_id FROM evaluated WHERE action = 'destroy')
),
compared AS (
    SELECT
        *,
        quantile_disc(observed, 0.99) OVER (
            PARTITION BY actor_id ORDER BY day
            RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 DAY PRECEDING
        ) AS usual
    FROM deletions
),
bursts AS (
    SELECT
        *,
        -- One finding until there are ten quiet minutes, or midnight UTC.
        coalesce(created_at - lag(created_at) OVER of_day > INTERVAL 10 MINUTE, true) AS begins
    FROM compared
    WHERE observed >= greatest(10, coalesce(usual, 0) + 1)
    WINDOW of_day AS (PARTITION BY actor_id, day ORDER BY created_at, id)
),
numbered AS (
    SELECT *, count(*) FILTER (begins) OVER (PARTITION BY actor_id ORDER BY created_at, id) AS burst FROM bursts
),
whole AS (
    SELECT
        actor_id, burst, min(created_at) - INTERVAL 10 MINUTE AS first, max(created_at) AS last,
        max(observed) AS observed, arg_min(coalesce(usual, 0), created_at) AS usual
    FROM numbered
    GROUP BY actor_id, burst
)
SELECT
    whole.actor_id::VARCHAR AS group_key,
    list(deletions.id) AS event_ids,
    format(
        '{} deletions within 10 minutes; in the 90 days before that day, at most {} in 99 of 100 such stretches of this actor.',
        any_value(whole.observed), any_value(usual)
    ) AS explanation
FROM whole
JOIN deletions ON deletions.actor_id = whole.actor_id AND deletions.created_at BETWEEN first AND last
GROUP BY whole.actor_id, burst;
