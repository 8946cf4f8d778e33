-- How every account setting stands, as far as the log tells: the last change, and how often it was changed.
--
-- A setting that was never changed is not here, and one that was last changed by "Changed" alone is just that.
SELECT
    setting,
    last(source_label ORDER BY created_at, id) AS label,
    last(
        CASE
            WHEN state IN ('on', 'off') THEN state
            ELSE coalesce(nullif(regexp_extract(change_description, ' changed from .* to (.+)$', 1), ''), state)
        END
        ORDER BY created_at, id
    ) AS state,
    max(created_at) AS since,
    last(actor_id ORDER BY created_at, id) AS changed_by,
    last(actor_name ORDER BY created_at, id) AS actor_name,
    last(id ORDER BY created_at, id) AS event_id,
    count(*) AS times_changed,
    min(created_at) AS first_seen
FROM audit_events
WHERE setting IS NOT NULL
GROUP BY setting
ORDER BY setting;
