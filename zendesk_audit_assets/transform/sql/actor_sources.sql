-- The objects that every actor has acted on. An object is known by its kind and its id together.
SELECT
    actor_id,
    source_type,
    source_id,
    count(*) AS events,
    min(created_at) AS first_seen,
    max(created_at) AS last_seen
FROM audit_logs
GROUP BY ALL
ORDER BY actor_id, source_type, source_id;
