-- title: First action of its kind by this person
-- id: 004498f4-b987-47c1-8c9c-26a813678d7a
-- name: ZD-108
-- status: stable
-- level: low
-- description: >-
--   Somebody did to a kind of item what they had not done for 90 days, and hardly anybody else. Medium when it is
--   privileged, fewer than 1 in 100 of those at work did it, and the person made no privileged change before the day.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.t1078]
-- falsepositives:
--   - A new task.
-- look_back: 91d
WITH own AS (
    SELECT
        id,
        created_at,
        actor_id,
        action,
        object_type,
        is_privileged,
        (created_at AT TIME ZONE 'UTC')::DATE AS day,
        lag(created_at) OVER (PARTITION BY actor_id, object_type, action ORDER BY created_at, id) AS last_done,
        count(*) OVER before AS events_before,
        min(created_at) OVER before AS known_since,
        count(*) FILTER (is_privileged) OVER (
            PARTITION BY actor_id ORDER BY created_at
            RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 DAY PRECEDING
        ) AS privileged_before
    FROM history
    WHERE is_person AND actor_id IN (SELECT actor_id FROM judged)
    WINDOW before AS (
        PARTITION BY actor_id ORDER BY created_at
        RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 SECOND PRECEDING
    )
),
firsts AS (
    SELECT * FROM own
    WHERE action <> 'login'
      AND (last_done IS NULL OR last_done < created_at - INTERVAL 90 DAY)
      AND events_before >= 20
      AND known_since <= created_at - INTERVAL 14 DAY
      AND getvariable('log_start') <= created_at - INTERVAL 30 DAY
      AND created_at >= (SELECT min(created_at) FROM judged)
),
days AS (
    SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::DATE AS day, actor_id, object_type, action
    FROM history WHERE is_person
),
-- In the 90 days before that day: who was at work, and who did the same.
at_work AS (
    SELECT firsts_day.day, count(DISTINCT actor_id) AS people
    FROM (SELECT DISTINCT day FROM firsts) AS firsts_day
    JOIN days ON days.day < firsts_day.day AND days.day >= firsts_day.day - 90
    GROUP BY firsts_day.day
),
doing_so AS (
    SELECT kinds.day, kinds.object_type, kinds.action, count(DISTINCT days.actor_id) AS people
    FROM (SELECT DISTINCT day, object_type, action FROM firsts) AS kinds
    JOIN days
        ON days.object_type = kinds.object_type AND days.action = kinds.action
        AND days.day < kinds.day AND days.day >= kinds.day - 90
    GROUP BY ALL
),
rare AS (
    SELECT firsts.*, coalesce(doing_so.people, 0) AS doing_so, at_work.people AS at_work
    FROM firsts
    JOIN at_work USING (day)
    LEFT JOIN doing_so USING (day, object_type, action)
)
SELECT
    concat_ws(' ', actor_id, object_type, action) AS group_key,
    [id] AS event_ids,
    format(
        'The first {} of {} among {} events of this actor in 90 days; {} of {} people at work did so: {:.1f} bits.',
        action, object_type, events_before, doing_so, at_work, -log2(greatest(doing_so, 0.5) / at_work)
    ) AS explanation,
    CASE WHEN is_privileged AND privileged_before = 0 AND doing_so < 0.01 * at_work THEN 'medium' ELSE 'low' END AS level
FROM rare
WHERE doing_so < 0.05 * at_work;
