-- title: A kind of event that is not known
-- id: bdfaef42-8c7d-4431-b331-dab129ea3a7b
-- name: ZD-205
-- status: stable
-- level: informational
-- description: >-
--   An action or a kind of item that this version does not know appeared for the first time in 90 days. No rule looks for it
--   yet.
-- falsepositives:
--   - Something new at Zendesk; that is what the rule is for.
-- look_back: 90d
-- examples:
--   match:
--     - {source_type: zendesk/vault, action: update}
--     - {source_type: ticket, action: viewed}
--   no_match:
--     - {source_type: ticket, action: update}
--     # Seen 90 days before.
--     - events:
--         - {source_type: ticket, action: viewed, created_at: 2026-01-01T10:00:00Z}
--         - {source_type: ticket, action: viewed, created_at: 2026-04-01T10:00:00Z}
--       coverage:
--         - {window_start: 2026-02-01, window_end: 2026-04-02}
WITH strange AS (
    SELECT
        id, created_at, action, source_type,
        lag(created_at) OVER (PARTITION BY action, source_type ORDER BY created_at, id) AS last_seen
    FROM history
    WHERE NOT coalesce(action IN (SELECT unnest(getvariable('known_actions')::VARCHAR[])), false)
       OR NOT coalesce(source_type IN (SELECT unnest(getvariable('known_source_types')::VARCHAR[])), false)
)
SELECT
    concat_ws(' ', action, source_type) AS group_key,
    [id] AS event_ids,
    format(
        'Action {} on {}, not seen in the 90 days before.',
        coalesce('"' || action || '"', 'none'), coalesce('"' || source_type || '"', 'nothing')
    ) AS explanation
FROM strange
WHERE last_seen IS NULL OR last_seen < created_at - INTERVAL 90 DAY;
