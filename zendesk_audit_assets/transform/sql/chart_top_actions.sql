-- The ten most frequent actions by kind of object, and how the last 30 days compare with the 30 before.
SELECT action, source_type, events, share_of_events, events_last_30_days, events_previous_30_days
FROM action_summary
ORDER BY events DESC, action, source_type
LIMIT 10;
