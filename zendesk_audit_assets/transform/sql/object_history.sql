-- What every field of every object was set to, and from when to when. Read from audit_changes.
--
-- In the order of created_at, event and line, so of two changes in one second the first is valid for no time. What the
-- first change tells of the time before it is a row without valid_from. A deleted object keeps its last values.
WITH changes AS (
    SELECT
        *,
        lead(created_at) OVER of_field AS changed_again,
        row_number() OVER of_field AS number
    FROM audit_changes
    WHERE confidence <> 'unparsed' AND source_id IS NOT NULL
    WINDOW of_field AS (PARTITION BY object_type, source_id, field ORDER BY created_at, event_id, line)
)
SELECT
    object_type,
    source_id,
    source_label,
    field,
    new_value AS value,
    created_at AS valid_from,
    changed_again AS valid_to,
    actor_id AS changed_by,
    actor_name,
    ip_address,
    event_id,
    line
FROM changes
UNION ALL
SELECT
    object_type,
    source_id,
    source_label,
    field,
    old_value,
    NULL,
    created_at,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
FROM changes
WHERE number = 1 AND confidence <> 'state'
ORDER BY object_type, source_id, field, valid_from NULLS FIRST, event_id, line;
