-- title: First action of its kind by this person
-- id: 004498f4-b987-47c1-8c9c-26a813678d7a
-- name: ZD-108
-- remedy: >-
--   Ask the person about the new task.
-- status: stable
-- level: informational
-- description: >-
--   A person acted on a kind of object in a way that is new for them in 90 days and rare among all others. The level is
--   medium when the action is privileged, fewer than 1 in 100 active people did it, and the person made no privileged
--   change before that day.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.t1078]
-- falsepositives:
--   - A new task.
-- look_back: 91d
-- examples:
--   match:
--     # The log is known for 30 days, the actor for 14 and by 20 events.
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: trigger, action: create, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: trigger, action: create, actor_id: 5, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: trigger, action: create, actor_id: 5, created_at: 2026-04-02T10:00:00Z}
--   no_match:
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:01Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: trigger, action: create, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:01Z, times: 20, every: 1h}
--       - {source_type: trigger, action: create, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 19, every: 1h}
--       - {source_type: trigger, action: create, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     # One of two people at work did so.
--     - - {source_type: trigger, action: create, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: trigger, action: create, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
--     # Signing in is no act.
--     - - {source_type: macro, action: update, actor_id: 5, created_at: 2026-01-01T10:00:00Z, times: 20, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, created_at: 2026-01-31T10:00:00Z}
WITH acts AS (
    SELECT
        id,
        created_at,
        actor_id,
        action,
        coalesce(object_type, 'unknown object') AS object_type,
        is_privileged,
        (created_at AT TIME ZONE 'UTC')::DATE AS day,
        lag(created_at) OVER (PARTITION BY actor_id, object_type, action ORDER BY created_at, id) AS last_done
    FROM history
    WHERE is_person AND action <> 'login' AND actor_id IN (SELECT actor_id FROM evaluated)
),
candidates AS (
    SELECT * FROM acts
    WHERE (last_done IS NULL OR last_done < created_at - INTERVAL 90 DAY)
      AND getvariable('log_start') <= created_at - INTERVAL 30 DAY
      AND created_at >= (SELECT min(created_at) FROM evaluated)
),
firsts AS (
    SELECT
        candidates.*,
        count(*) AS events_before,
        count(*) FILTER (
            own.is_privileged AND own.created_at <= candidates.created_at - INTERVAL 1 DAY
        ) AS privileged_before
    FROM candidates
    JOIN history AS own
        ON own.actor_id = candidates.actor_id
        AND own.created_at < candidates.created_at
        AND own.created_at >= candidates.created_at - INTERVAL 90 DAY
    GROUP BY ALL
    HAVING count(*) >= 20 AND min(own.created_at) <= candidates.created_at - INTERVAL 14 DAY
),
-- How many people were at work, and did the same, in the 90 days before a day: each counts from the day after an act
-- until 90 days after the last one that follows within 90 days.
work_days AS (
    SELECT
        day,
        coalesce(day - lag(day) OVER own > 90, true) AS begins,
        coalesce(lead(day) OVER own - day > 90, true) AS ends
    FROM (SELECT DISTINCT actor_id, (created_at AT TIME ZONE 'UTC')::DATE AS day FROM history WHERE is_person)
    WINDOW own AS (PARTITION BY actor_id ORDER BY day)
),
at_work AS (
    SELECT day, sum(sum(change)) OVER (ORDER BY day) AS people
    FROM (
        SELECT day + 1 AS day, 1 AS change FROM work_days WHERE begins
        UNION ALL
        SELECT day + 91, -1 FROM work_days WHERE ends
    )
    GROUP BY day
),
act_days AS (
    SELECT
        day,
        object_type,
        action,
        coalesce(day - lag(day) OVER own > 90, true) AS begins,
        coalesce(lead(day) OVER own - day > 90, true) AS ends
    FROM (
        SELECT DISTINCT
            actor_id,
            coalesce(object_type, 'unknown object') AS object_type,
            action,
            (created_at AT TIME ZONE 'UTC')::DATE AS day
        FROM history
        WHERE is_person AND action <> 'login'
    )
    WINDOW own AS (PARTITION BY actor_id, object_type, action ORDER BY day)
),
doing_so AS (
    SELECT day, object_type, action, sum(sum(change)) OVER (PARTITION BY object_type, action ORDER BY day) AS people
    FROM (
        SELECT day + 1 AS day, object_type, action, 1 AS change FROM act_days WHERE begins
        UNION ALL
        SELECT day + 91, object_type, action, -1 FROM act_days WHERE ends
    )
    GROUP BY day, object_type, action
),
rare AS (
    SELECT firsts.*, coalesce(doing_so.people, 0) AS doing_so, at_work.people AS at_work
    FROM firsts
    ASOF JOIN at_work ON at_work.day <= firsts.day
    ASOF LEFT JOIN doing_so
        ON doing_so.object_type = firsts.object_type
        AND doing_so.action = firsts.action
        AND doing_so.day <= firsts.day
)
SELECT
    concat_ws(' ', actor_id, object_type, action) AS group_key,
    [id] AS event_ids,
    format(
        'The first {} of {} among {} events of this actor in 90 days; {} of {} people at work did so: {:.1f} bits.',
        action, object_type, events_before, doing_so, at_work, -log2(greatest(doing_so, 0.5) / at_work)
    ) AS explanation,
    CASE WHEN is_privileged AND privileged_before = 0 AND doing_so < 0.01 * at_work THEN 'medium' ELSE 'informational' END AS level
FROM rare
WHERE doing_so < 0.05 * at_work;
