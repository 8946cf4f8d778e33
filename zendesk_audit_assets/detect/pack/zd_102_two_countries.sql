-- title: One actor in two countries within an hour
-- id: f1260ebc-7d56-4b56-b714-dc919b27dbdf
-- name: ZD-102
-- remedy: >-
--   Ask the person where they were. If they were in one place, end their sessions and change their password.
-- status: experimental
-- level: high
-- description: >-
--   An actor acted from two countries within an hour. The log has no locations: the rule waits for a table
--   `network_countries` with the columns `network`, written as in audit_events, and `country`.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.initial-access, attack.t1078]
-- falsepositives:
--   - A VPN; a shared account.
-- look_back: 1h
-- needs: [network_countries]
-- examples:
--   match:
--     - events:
--         - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-01T10:00:00Z}
--         - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-01T11:00:00Z}
--       tables: &countries
--         network_countries:
--           - {network: 203.0.113.0/24, country: NL}
--           - {network: 192.0.2.0/24, country: NL}
--           - {network: 198.51.100.0/24, country: US}
--   no_match:
--     - events:
--         - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-01T10:00:00Z}
--         - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-01T11:00:01Z}
--       tables: *countries
--     # Two networks of one country, and two people.
--     - events:
--         - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-01T10:00:00Z}
--         - {source_type: macro, action: update, actor_id: 5, ip_address: 192.0.2.7, created_at: 2026-01-01T10:30:00Z}
--         - {source_type: macro, action: update, actor_id: 6, ip_address: 198.51.100.7, created_at: 2026-01-01T10:40:00Z}
--       tables: *countries
WITH located AS (
    SELECT id, created_at, actor_id, country
    FROM history
    JOIN network_countries USING (network)
    WHERE is_person AND country IS NOT NULL
),
moved AS (
    SELECT
        *,
        lag(id) OVER of_actor AS previous_id,
        lag(created_at) OVER of_actor AS previous_at,
        lag(country) OVER of_actor AS previous_country
    FROM located
    WINDOW of_actor AS (PARTITION BY actor_id ORDER BY created_at, id)
)
SELECT
    concat_ws(' ', actor_id, id) AS group_key,
    [previous_id, id] AS event_ids,
    format(
        'From {} to {} within {} minutes; the threshold is an hour.',
        previous_country, country, date_diff('minute', previous_at, created_at)
    ) AS explanation
FROM moved
WHERE country <> previous_country AND created_at <= previous_at + INTERVAL 1 HOUR;
