-- Who was an administrator, from when to when, and how the log knows it: one row per person, period and kind of proof.
--
-- Who was an administrator on 31 March 2026:
--     SELECT * FROM administrators
--     WHERE coalesce(valid_from < '2026-04-01', true) AND coalesce(valid_to > '2026-03-31', true)
-- known_by tells the proof:
--     role     the log records the role: a row of user_role_history
--     owner    the log records a change of the account owner, by name; the id is that of the only actor of this name
--     act      no recorded role makes the person an administrator, but the person did what takes one
--
-- Acts that take an administrator, by Zendesk's help centre:
--     to give or take the administrator role in Support: "agents can't [...] manage admin roles"
--     (support.zendesk.com, 4408882153882), "only admins in Support can [...] assign roles" (4408824375450)
--     to pass on the ownership of the account: the owner alone can (203662056)
-- Acts that take one as far as is known; no page says that no custom role permits them:
--     to create, change or delete API tokens and OAuth clients
--     to change the account settings of security, API access, mobile access and redaction
-- Not among them: custom roles, suspensions, passwords of others, apps and business rules, which a custom role may allow.
--
-- Zendesk records every change of a role. Where the log has none of a person, the role of a later act was the same since
-- the first event of the person. An act in spite of a recorded role that is none of an administrator proves itself alone.
WITH roles AS (
    SELECT
        *,
        is_admin OR coalesce(lag(is_admin) OVER of_user, false) AS admin_role
    FROM user_role_history
    WINDOW of_user AS (PARTITION BY user_id, product ORDER BY valid_from NULLS FIRST, event_id, line)
),
people AS (
    SELECT
        actor_id,
        last(actor_name ORDER BY last_seen, actor_name) FILTER (actor_name IS NOT NULL) AS actor_name,
        min(first_seen) AS first_seen
    FROM actor_names
    WHERE actor_id > 0
    GROUP BY actor_id
),
owner_changes AS (
    SELECT
        *,
        lead(created_at) OVER by_time AS changed_again,
        row_number() OVER by_time AS number
    FROM audit_changes
    WHERE object_type = 'account' AND regexp_matches(field, '(?i)^(?:account )?owner$') AND confidence <> 'unparsed'
    WINDOW by_time AS (ORDER BY created_at, event_id, line)
),
owners AS (
    SELECT
        new_value AS user_name,
        created_at AS valid_from,
        changed_again AS valid_to,
        actor_id AS granted_by,
        actor_name AS granted_by_name,
        ip_address,
        event_id
    FROM owner_changes
    UNION ALL
    SELECT old_value, NULL, created_at, NULL, NULL, NULL, NULL
    FROM owner_changes
    WHERE number = 1
),
named AS (
    SELECT actor_name AS user_name, min(actor_id) AS user_id
    FROM actor_names
    WHERE actor_id > 0
    GROUP BY actor_name
    HAVING count(DISTINCT actor_id) = 1
),
acts AS (
    SELECT event_id, actor_id, created_at, kind AS act, source_label AS act_on, ip_address
    FROM privileged_changes
    WHERE actor_id > 0 AND kind IN (
        'owner', 'credential', 'authentication', 'network', 'assumption', 'data_protection', 'api_access',
        'mobile_access'
    )
    UNION
    -- Those who give themselves a role show what they lacked.
    SELECT event_id, granted_by, valid_from, 'admin_role', user_name, ip_address
    FROM roles
    WHERE admin_role AND product = 'support' AND granted_by > 0 AND granted_by <> user_id
),
unproved AS (
    SELECT
        acts.*,
        held.role,
        held.user_id IS NOT NULL AS has_role,
        held.valid_from AS role_from,
        held.valid_to AS role_to
    FROM acts
    LEFT JOIN user_role_history AS held
        ON held.user_id = acts.actor_id
        AND held.product = 'support'
        AND coalesce(held.valid_from <= acts.created_at, true)
        AND coalesce(held.valid_to > acts.created_at, true)
    WHERE held.is_admin IS NOT true
),
inferred AS (
    SELECT
        actor_id,
        role,
        has_role,
        role_from,
        role_to,
        count(DISTINCT event_id) AS acts,
        min(created_at) AS first_act_at,
        max(created_at) AS last_act_at,
        last(act ORDER BY created_at, event_id) AS act,
        last(act_on ORDER BY created_at, event_id) AS act_on,
        last(ip_address ORDER BY created_at, event_id) AS ip_address,
        last(event_id ORDER BY created_at, event_id) AS event_id
    FROM unproved
    GROUP BY ALL
)
SELECT
    user_id,
    user_name,
    product,
    role,
    valid_from,
    valid_to,
    'role' AS known_by,
    granted_by,
    actor_name AS granted_by_name,
    ip_address,
    event_id,
    NULL::BIGINT AS acts,
    NULL::TIMESTAMPTZ AS first_act_at,
    NULL::TIMESTAMPTZ AS last_act_at,
    NULL::VARCHAR AS act,
    NULL::VARCHAR AS act_on
FROM user_role_history
WHERE is_admin
UNION ALL
SELECT
    user_id, user_name, 'account', 'Account owner', valid_from, valid_to, 'owner', granted_by, granted_by_name,
    ip_address, event_id, NULL, NULL, NULL, NULL, NULL
FROM owners
LEFT JOIN named USING (user_name)
WHERE user_name IS NOT NULL
UNION ALL
SELECT
    actor_id,
    actor_name,
    'support',
    role,
    CASE WHEN has_role THEN first_act_at ELSE first_seen END,
    role_to,
    'act',
    NULL,
    NULL,
    ip_address,
    event_id,
    acts,
    first_act_at,
    last_act_at,
    act,
    act_on
FROM inferred
JOIN people USING (actor_id)
ORDER BY user_name, user_id, valid_from NULLS FIRST, known_by, product, event_id;
