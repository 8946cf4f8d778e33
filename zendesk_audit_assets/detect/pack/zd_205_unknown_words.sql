-- title: Unknown action, object type or field
-- id: bdfaef42-8c7d-4431-b331-dab129ea3a7b
-- name: ZD-205
-- remedy: >-
--   Look at the events, and write a rule if they matter.
-- status: stable
-- level: informational
-- description: >-
--   In the last 90 days an action, an object type or a field appeared that this version does not know and that did not
--   occur in the 90 days before. The warehouse stores it, but no rule looks for it yet.
-- falsepositives:
--   - A new feature of Zendesk. The rule exists to report these.
-- input: log
-- examples:
--   match:
--     - {source_type: zendesk/vault, action: update}
--     - {source_type: ticket, action: viewed}
--     - {source_type: ticket, action: update, extra: '{"device": "phone"}'}
--     # Seen 91 days before.
--     - - {source_type: ticket, action: viewed, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: ticket, action: viewed, created_at: 2026-04-02T10:00:00Z}
--   no_match:
--     - {source_type: ticket, action: update}
--     - {source_type: ticket, action: update, extra: '{}'}
--     # Seen 90 days before, and first seen more than 90 days ago.
--     - - {source_type: ticket, action: viewed, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: ticket, action: viewed, created_at: 2026-04-01T10:00:00Z}
--       - {source_type: ticket, action: update, created_at: 2026-04-01T10:00:01Z}
--     - - {source_type: ticket, action: update, created_at: 2026-01-01T10:00:00Z, extra: '{"device": "phone"}'}
--       - {source_type: ticket, action: update, created_at: 2026-04-01T10:00:01Z}
WITH recent AS (
    SELECT id, created_at, action, source_type, extra, max(created_at) OVER () - INTERVAL 90 DAY AS since
    FROM audit_logs
    WHERE created_at >= (SELECT max(created_at) FROM audit_logs) - INTERVAL 180 DAY
),
unknown AS (
    SELECT
        id, created_at, since, concat_ws(' ', action, source_type) AS group_key,
        format(
            'Action {} on {}',
            coalesce('"' || action || '"', 'none'), coalesce('"' || source_type || '"', 'nothing')
        ) AS kind
    FROM recent
    WHERE NOT coalesce(action IN (SELECT unnest(getvariable('known_actions')::VARCHAR[])), false)
       OR NOT coalesce(source_type IN (SELECT unnest(getvariable('known_source_types')::VARCHAR[])), false)
    UNION ALL
    SELECT id, created_at, since, 'field ' || field, format('Field "{}"', field)
    FROM (SELECT id, created_at, since, unnest(json_keys(extra)) AS field FROM recent WHERE extra IS NOT NULL)
),
spaced AS (
    SELECT *, lag(created_at) OVER (PARTITION BY group_key ORDER BY created_at, id) AS last_seen
    FROM unknown
),
-- The newest first appearance of each, and everything since.
appeared AS (
    SELECT *, max(created_at) FILTER (last_seen IS NULL OR last_seen < created_at - INTERVAL 90 DAY) OVER (
        PARTITION BY group_key
    ) AS began_at
    FROM spaced
)
SELECT
    group_key,
    kind || ', not seen in the 90 days before.' AS explanation,
    began_at,
    max(created_at) AS ended_at,
    count(*) AS events
FROM appeared
WHERE created_at >= began_at AND began_at >= since
GROUP BY group_key, kind, began_at;
