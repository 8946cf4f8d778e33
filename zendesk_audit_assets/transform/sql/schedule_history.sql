-- The business hours of every schedule, from when to when. Read from audit_changes.
--
-- A workweek is a JSON object or a Ruby hash: {"mon": {"09:00": "17:00"}} or {:mon=>{"09:00"=>"17:00"}}. Weekdays count
-- from 1, Monday, to 7, Sunday; minutes from midnight, in the time zone of the schedule, which the log does not tell.
-- A workweek in which no hours can be read, such as {}, is one row without weekday.
WITH changes AS (
    SELECT
        *,
        lead(created_at) OVER of_schedule AS changed_again,
        row_number() OVER of_schedule AS number
    FROM audit_changes
    WHERE object_type = 'workweek' AND source_id IS NOT NULL AND regexp_matches(field, '(?i)^workweek$')
        AND confidence <> 'unparsed'
    WINDOW of_schedule AS (PARTITION BY source_id ORDER BY created_at, event_id, line)
),
workweeks AS (
    SELECT
        source_id AS schedule_id,
        regexp_replace(source_label, '^[^:]+: ', '') AS schedule,
        new_value AS workweek,
        created_at AS valid_from,
        changed_again AS valid_to,
        actor_id AS changed_by,
        actor_name,
        event_id,
        line
    FROM changes
    UNION ALL
    SELECT source_id, regexp_replace(source_label, '^[^:]+: ', ''), old_value, NULL, created_at, NULL, NULL, NULL, NULL
    FROM changes
    WHERE number = 1
),
days AS (
    SELECT
        *,
        unnest(regexp_extract_all(
            workweek, '(?i)\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*["'']? *(?::|=>) *\{[^{}]*\}'
        )) AS day
    FROM workweeks
),
hours AS (
    SELECT
        schedule_id,
        valid_from,
        event_id,
        line,
        list_position(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], lower(day[:3]))::BIGINT AS weekday,
        unnest(regexp_extract_all(day, '\d{1,2}:\d{2}["'']? *(?::|=>) *["'']?\d{1,2}:\d{2}')) AS stretch
    FROM days
),
read AS (
    SELECT
        schedule_id,
        valid_from,
        event_id,
        line,
        weekday,
        regexp_extract(stretch, '^(\d+):(\d+)', 1)::BIGINT * 60 + regexp_extract(stretch, '^(\d+):(\d+)', 2)::BIGINT
            AS start_minute,
        regexp_extract(stretch, '(\d+):(\d+)$', 1)::BIGINT * 60 + regexp_extract(stretch, '(\d+):(\d+)$', 2)::BIGINT
            AS end_minute
    FROM hours
)
SELECT
    workweeks.schedule_id,
    schedule,
    weekday,
    start_minute,
    end_minute,
    workweeks.valid_from,
    valid_to,
    changed_by,
    actor_name,
    workweeks.event_id,
    workweeks.line
FROM workweeks
LEFT JOIN read
    ON read.schedule_id = workweeks.schedule_id
    AND read.event_id IS NOT DISTINCT FROM workweeks.event_id
    AND read.line IS NOT DISTINCT FROM workweeks.line
ORDER BY workweeks.schedule_id, workweeks.valid_from NULLS FIRST, workweeks.event_id, workweeks.line, weekday,
    start_minute;
