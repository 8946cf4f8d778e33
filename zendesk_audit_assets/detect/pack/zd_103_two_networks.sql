-- title: One actor in a known and a new network within an hour
-- id: ea44bd0d-405e-4311-8b68-dba7a2bb831d
-- name: ZD-103
-- remedy: >-
--   Ask the person whether both networks are theirs. If not, end their sessions and change their password.
-- status: stable
-- level: medium
-- description: >-
--   A person acted from a network that occurs in none of their events of the last 90 days, and within an hour from another
--   one: two people may share the account. The level is low unless they signed in from the new network; a network is no
--   place, and a mobile phone changes networks on its way.
-- references:
--   - https://attack.mitre.org/techniques/T1078/
-- tags: [attack.initial-access, attack.t1078]
-- falsepositives:
--   - A phone beside the office; a new provider; the first use of a VPN.
-- look_back: 91d
-- examples:
--   match:
--     # The log is known for 30 days, the actor for 14 and by 20 events.
--     - - {source_type: macro, action: update, actor_id: 6, ip_address: 192.0.2.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-31T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 5, ip_address: '2001:db8:beef:7::1', created_at: 2026-01-31T11:00:00Z}
--     # The known network comes after the new one.
--     - - {source_type: macro, action: update, actor_id: 6, ip_address: 192.0.2.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-31T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-31T11:00:00Z}
--   no_match:
--     # More than an hour apart.
--     - - {source_type: macro, action: update, actor_id: 6, ip_address: 192.0.2.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-31T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-31T11:00:01Z}
--     # Both networks are known, one since 90 days.
--     - - {source_type: macro, action: update, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-03-12T10:00:00Z, times: 20, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, ip_address: 198.51.100.7, created_at: 2026-04-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-04-01T10:15:00Z}
--     # Another address of the same network; another person.
--     - - {source_type: macro, action: update, actor_id: 6, ip_address: 192.0.2.7, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-17T10:00:00Z, times: 20, every: 1h}
--       - {source_type: macro, action: update, actor_id: 5, ip_address: 203.0.113.7, created_at: 2026-01-31T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 5, ip_address: 203.0.113.99, created_at: 2026-01-31T10:15:00Z}
--       - {source_type: user, action: login, actor_id: 6, ip_address: 198.51.100.7, created_at: 2026-01-31T10:15:00Z}
WITH own AS (
    SELECT
        id, created_at, actor_id, network, action,
        lag(created_at) OVER (PARTITION BY actor_id, network ORDER BY created_at, id) AS last_from_there,
        count(*) OVER before AS events_before,
        min(created_at) OVER before AS known_since
    FROM history
    WHERE is_person AND network IS NOT NULL AND actor_id IN (SELECT actor_id FROM evaluated)
    WINDOW before AS (
        PARTITION BY actor_id ORDER BY created_at
        RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 SECOND PRECEDING
    )
),
firsts AS (
    SELECT * FROM own
    WHERE (last_from_there IS NULL OR last_from_there < created_at - INTERVAL 90 DAY)
      AND events_before >= 20
      AND known_since <= created_at - INTERVAL 14 DAY
      AND getvariable('log_start') <= created_at - INTERVAL 30 DAY
),
-- The last event elsewhere before it, else the first one after it.
pairs AS (
    SELECT
        firsts.*, other.network AS elsewhere, other.id AS other_id,
        abs(date_diff('minute', other.created_at, firsts.created_at)) AS minutes
    FROM firsts
    JOIN own AS other
        ON other.actor_id = firsts.actor_id AND other.network <> firsts.network
        AND other.created_at BETWEEN firsts.created_at - INTERVAL 1 HOUR AND firsts.created_at + INTERVAL 1 HOUR
    QUALIFY row_number() OVER (
        PARTITION BY firsts.id
        ORDER BY
            other.created_at > firsts.created_at, abs(epoch(other.created_at) - epoch(firsts.created_at)), other.id
    ) = 1
)
SELECT
    concat_ws(' ', actor_id, network) AS group_key,
    [other_id, id] AS event_ids,
    format(
        'From {} and {} within {} minutes; none of the {} events of this actor in the 90 days before came from {}.',
        elsewhere, network, minutes, events_before, network
    ) AS explanation,
    CASE WHEN action = 'login' THEN 'medium' ELSE 'low' END AS level
FROM pairs;
