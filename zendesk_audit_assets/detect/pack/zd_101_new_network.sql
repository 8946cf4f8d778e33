-- title: New network of a privileged actor
-- id: e0a3a91f-2346-4c13-bc27-ed12b10877a9
-- name: ZD-101
-- remedy: >-
--   Ask the person whether it was them. If not, end their sessions, change their password and undo what came from
--   this network.
-- status: stable
-- level: medium
-- description: >-
--   An actor with privileged changes acted from a network that occurs in none of their events of the last 90 days.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.initial-access, attack.t1078]
-- falsepositives:
--   - Travel; a new internet provider at home.
-- look_back: 90d
-- examples:
--   match:
--     # The log is known for 30 days, the actor for 14 and by 20 events.
--     - - {source_type: macro, action: update, actor_id: 6, ip_address: 192.0.2.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: app, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: app, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-01T09:59:59Z}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-02T10:00:00Z, times: 20, every: 1d}
--       - {source_type: app, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-04-01T10:00:00Z}
--   no_match:
--     - - {source_type: macro, action: update, actor_id: 6, ip_address: 192.0.2.7, created_at: 2026-01-01T10:00:01Z}
--       - {source_type: app, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, ip_address: 192.0.2.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: app, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-17T10:00:01Z, times: 20, every: 1h}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, ip_address: 192.0.2.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: app, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-17T10:00:00Z, times: 19, every: 1h}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-31T10:00:00Z}
--     # Nothing privileged.
--     - - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-01T10:00:00Z, times: 20, every: 1d}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-31T10:00:00Z}
--     # Another address of the same network, and a network that was seen 90 days before.
--     - - {source_type: app, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-01T10:00:00Z, times: 20, every: 1d}
--       - {source_type: app, action: update, actor_id: 5, ip_address: 203.0.113.99, created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: app, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: app, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-02T10:00:00Z, times: 20, every: 1d}
--       - {source_type: app, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-04-01T10:00:00Z}
WITH own AS (
    SELECT
        id,
        created_at,
        actor_id,
        network,
        is_privileged,
        lag(created_at) OVER (PARTITION BY actor_id, network ORDER BY created_at, id) AS last_from_there,
        count(*) OVER before AS events_before,
        count(*) FILTER (is_privileged) OVER before AS privileged_before,
        count(DISTINCT network) OVER before AS networks_before,
        min(created_at) OVER before AS known_since
    FROM history
    WHERE is_person AND network IS NOT NULL AND actor_id IN (SELECT actor_id FROM evaluated)
    WINDOW before AS (
        PARTITION BY actor_id ORDER BY created_at
        RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 SECOND PRECEDING
    )
)
SELECT
    concat_ws(' ', actor_id, network) AS group_key,
    [id] AS event_ids,
    format(
        'All {} events of this actor in the 90 days before came from {} other network{}; this one came from {}.',
        events_before, networks_before, CASE WHEN networks_before > 1 THEN 's' ELSE '' END, network
    ) AS explanation
FROM own
WHERE (last_from_there IS NULL OR last_from_there < created_at - INTERVAL 90 DAY)
  AND (privileged_before > 0 OR is_privileged)
  AND events_before >= 20
  AND known_since <= created_at - INTERVAL 14 DAY
  AND getvariable('log_start') <= created_at - INTERVAL 30 DAY;
