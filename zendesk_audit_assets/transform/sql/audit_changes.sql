-- What changed from what to what: one row per change of each description. Nothing is left out, blank lines apart.
--
-- The descriptions are read in audit_events, which says how.
SELECT
    id AS event_id,
    change.line AS line,
    created_at,
    actor_id,
    actor_name,
    ip_address,
    action,
    object_type,
    source_id,
    source_label,
    change.field AS field,
    change.old_value AS old_value,
    change.new_value AS new_value,
    change.confidence AS confidence,
    change.raw AS raw,
    holds_secret,
    batch_id
FROM (SELECT *, unnest(changes) AS change FROM audit_events);
