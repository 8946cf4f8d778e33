-- How every account setting stands, as far as the log tells: the last change, and how often it was changed.
--
-- A setting that was never changed is not here, and one that was last changed by "Changed" alone is just that.
SELECT
    setting,
    last(source_label ORDER BY created_at, id) AS label,
    last(CASE WHEN is_one_value THEN changes[1].new_value ELSE state END ORDER BY created_at, id) AS state,
    last(
        CASE WHEN is_one_value THEN changes[1].confidence WHEN state IS NOT NULL THEN 'state' END
        ORDER BY created_at, id
    ) AS confidence,
    max(created_at) AS since,
    last(actor_id ORDER BY created_at, id) AS changed_by,
    last(actor_name ORDER BY created_at, id) AS actor_name,
    last(id ORDER BY created_at, id) AS event_id,
    count(*) AS times_changed,
    min(created_at) AS first_seen
FROM (
    SELECT
        *,
        -- The value of one field among several is not the state of the whole.
        coalesce(
            state NOT IN ('on', 'off') AND len(changes) = 1 AND changes[1].confidence IN ('exact', 'ambiguous'), false
        ) AS is_one_value
    FROM audit_events
    WHERE setting IS NOT NULL
)
GROUP BY setting
ORDER BY setting;
