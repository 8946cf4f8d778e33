-- title: Password instead of single sign-on
-- id: 73f80e52-a369-48b5-a441-4c46f147ecf9
-- name: ZD-112
-- remedy: >-
--   Ask the person whether it was them. If not, end their sessions, and turn passwords off for team members.
-- status: stable
-- level: high
-- description: A user with ten or more sign-ins in 90 days, none of them with a password, signed in with a password.
-- references:
--   - https://attack.mitre.org/techniques/T1556/
-- tags: [attack.initial-access, attack.t1556, attack.t1078]
-- falsepositives:
--   - An outage of the identity provider.
-- look_back: 90d
-- examples:
--   match:
--     # The log is known for 30 days, the actor for 14 and by 10 sign-ins.
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using SAML from https://acme.zendesk.com/access', created_at: 2026-01-17T10:00:00Z, times: 10, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-01-01T09:59:59Z}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using SAML from https://acme.zendesk.com/access', created_at: 2026-01-17T10:00:00Z, times: 10, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-04-01T10:00:00Z}
--   no_match:
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:01Z}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using SAML from https://acme.zendesk.com/access', created_at: 2026-01-17T10:00:00Z, times: 10, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using SAML from https://acme.zendesk.com/access', created_at: 2026-01-17T10:00:01Z, times: 10, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-01-31T10:00:00Z}
--     - - {source_type: macro, action: update, actor_id: 6, created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using SAML from https://acme.zendesk.com/access', created_at: 2026-01-17T10:00:00Z, times: 9, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-01-31T10:00:00Z}
--     # With a password 90 days before, and not with one now.
--     - - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-01-01T10:00:00Z}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using SAML from https://acme.zendesk.com/access', created_at: 2026-01-17T10:00:00Z, times: 10, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-04-01T10:00:00Z}
--     - - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using Zendesk password from https://acme.zendesk.com/access', created_at: 2026-01-01T09:59:59Z}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using SAML from https://acme.zendesk.com/access', created_at: 2026-01-17T10:00:00Z, times: 10, every: 1d}
--       - {source_type: user, action: login, actor_id: 5, change_description: 'Successful sign-in using SAML from https://acme.zendesk.com/access', created_at: 2026-04-01T10:00:00Z}
WITH own AS (
    SELECT
        id, created_at, actor_id, sign_in_method,
        count(*) OVER before AS sign_ins_before,
        count(*) FILTER (sign_in_method = 'password') OVER before AS by_password_before,
        mode(sign_in_method) OVER before AS usual,
        min(created_at) OVER before AS known_since
    FROM history
    WHERE action = 'login'
      AND sign_in_method IS NOT NULL
      AND actor_id IN (SELECT actor_id FROM evaluated WHERE sign_in_method = 'password')
    WINDOW before AS (
        PARTITION BY actor_id ORDER BY created_at
        RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 SECOND PRECEDING
    )
)
SELECT
    concat_ws(' ', actor_id, created_at) AS group_key,
    list(id) AS event_ids,
    format(
        'Sign-in with a password; none of {} sign-ins of this actor in the 90 days before used one, most used {}.',
        any_value(sign_ins_before), any_value(usual)
    ) AS explanation
FROM own
WHERE sign_in_method = 'password'
  AND sign_ins_before >= 10
  AND by_password_before = 0
  AND known_since <= created_at - INTERVAL 14 DAY
  AND getvariable('log_start') <= created_at - INTERVAL 30 DAY
GROUP BY actor_id, created_at;
