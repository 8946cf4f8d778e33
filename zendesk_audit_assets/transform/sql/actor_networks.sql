-- The networks that every actor has come from; NULL stands for events without a readable address.
SELECT
    actor_id,
    network,
    count(*) AS events,
    min(created_at) AS first_seen,
    max(created_at) AS last_seen
FROM audit_events
GROUP BY ALL
ORDER BY actor_id, network;
