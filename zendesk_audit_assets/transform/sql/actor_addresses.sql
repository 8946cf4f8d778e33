-- The IP addresses that every actor has come from; NULL stands for events without one, such as Zendesk's own.
SELECT
    actor_id,
    ip_address,
    count(*) AS events,
    min(created_at) AS first_seen,
    max(created_at) AS last_seen
FROM audit_logs
GROUP BY ALL
ORDER BY actor_id, ip_address;
