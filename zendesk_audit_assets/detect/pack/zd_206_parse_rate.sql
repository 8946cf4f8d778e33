-- title: Parse rate of descriptions dropped
-- id: 4260ce86-ca96-4d78-ba56-9ee452a5d423
-- name: ZD-206
-- remedy: >-
--   Look at descriptions that are not parsed, and report new wording.
-- status: stable
-- level: medium
-- description: >-
--   The share of parsed changes of the last 7 days is 5 points or more below that of the 30 days before. Zendesk may
--   have changed its wording, or the language may have changed; rules that match text then miss events.
-- falsepositives:
--   - A week of unusual work.
-- input: log
-- needs: [audit_changes]
-- examples:
--   match:
--     # 47 of 50 in the last week, 200 of 200 before.
--     - - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-01-01T00:00:00Z, times: 200, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-02-01T00:00:00Z, times: 47, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Titel gewijzigd van A in B, created_at: 2026-02-03T00:00:00Z, times: 3, every: 1h}
--   no_match:
--     # 48 of 50.
--     - - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-01-01T00:00:00Z, times: 200, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-02-01T00:00:00Z, times: 48, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Titel gewijzigd van A in B, created_at: 2026-02-03T00:00:00Z, times: 2, every: 1h}
--     # Sign-ins do not count.
--     - - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-01-01T00:00:00Z, times: 200, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-02-01T00:00:00Z, times: 50, every: 1h}
--       - {source_type: user, action: login, change_description: Aangemeld van ergens, created_at: 2026-02-03T00:00:00Z, times: 30, every: 1h}
--     # Too few: 49 in the last week, 199 before.
--     - - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-01-01T00:00:00Z, times: 200, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-02-01T00:00:00Z, times: 9, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Titel gewijzigd van A in B, created_at: 2026-02-03T00:00:00Z, times: 40, every: 1h}
--     - - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-01-01T00:00:00Z, times: 199, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Title changed from A to B, created_at: 2026-02-01T00:00:00Z, times: 10, every: 1h}
--       - {source_type: ticket_field, action: update, change_description: Titel gewijzigd van A in B, created_at: 2026-02-03T00:00:00Z, times: 40, every: 1h}
WITH known AS (
    SELECT max(created_at) AS known_to FROM audit_logs
),
shares AS (
    SELECT
        known_to,
        count(*) FILTER (created_at >= known_to - INTERVAL 7 DAY) AS recent,
        count(*) FILTER (created_at < known_to - INTERVAL 7 DAY) AS earlier,
        avg((confidence <> 'unparsed')::INTEGER) FILTER (created_at >= known_to - INTERVAL 7 DAY) AS recent_share,
        avg((confidence <> 'unparsed')::INTEGER) FILTER (created_at < known_to - INTERVAL 7 DAY) AS earlier_share
    FROM audit_changes CROSS JOIN known
    WHERE created_at >= known_to - INTERVAL 37 DAY
      -- Sign-ins are no changes.
      AND action IS DISTINCT FROM 'login'
    GROUP BY known_to
)
SELECT
    'parse rate' AS group_key,
    format(
        '{:.0f} % of {} changes of the last 7 days could be parsed, {:.0f} % of {} in the 30 days before.',
        100 * recent_share, recent, 100 * earlier_share, earlier
    ) AS explanation,
    time_bucket(INTERVAL 7 DAY, known_to) AS began_at,
    known_to AS ended_at,
    recent AS events
FROM shares
WHERE recent >= 50 AND earlier >= 200 AND recent_share < earlier_share - 0.05;
