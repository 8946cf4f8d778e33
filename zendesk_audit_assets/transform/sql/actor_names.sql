-- The names that every actor has borne. More than one per actor is a renamed user; NULL is an old record without one.
SELECT
    actor_id,
    actor_name,
    count(*) AS events,
    min(created_at) AS first_seen,
    max(created_at) AS last_seen
FROM audit_logs
GROUP BY ALL
ORDER BY actor_id, actor_name;
