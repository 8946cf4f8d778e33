-- The ten actors with the most events, and their share of all events.
SELECT
    actor_id,
    actor_name,
    is_system,
    events,
    events / (SELECT sum(events) FROM actor_summary) AS share_of_events,
    off_hours_share
FROM actor_summary
ORDER BY events DESC, actor_id
LIMIT 10;
