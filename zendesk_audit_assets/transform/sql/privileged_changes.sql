-- Changes of who may do what, and of how the account is protected: one row per event, of the first kind that fits.
--
-- Kinds go by the kind of object, the setting and the field, in this order:
--     owner            the account has another owner
--     admin_role       a user becomes an administrator, or is none any more
--     role             any other role of a user
--     identity         a user's password or e-mail address
--     custom_role      what a role may do
--     credential       API tokens and OAuth clients
--     suspension       a user is suspended, or is not any more
--     authentication   two-factor authentication, single sign-on, passwords: how one signs in
--     network          from where one may sign in
--     assumption       whether Zendesk's staff may enter the account
--     data_protection  redaction of what customers write
--     api_access, mobile_access
--     app              apps, which act with the rights of those who use them
WITH fields AS (
    SELECT
        event_id,
        bool_or(regexp_matches(field, '(?i)^(?:account )?owner$')) AS owner,
        bool_or(is_role_field(field)) AS role,
        bool_or(is_role_field(field) AND (is_admin_role(old_value) OR is_admin_role(new_value))) AS admin_role,
        bool_or(regexp_matches(field, '(?i)password|e-?mail')) AS identity
    FROM audit_changes
    WHERE object_type IN ('user', 'account')
    GROUP BY event_id
),
judged AS (
    SELECT
        *,
        CASE object_type
            WHEN 'account' THEN CASE WHEN owner THEN 'owner' END
            WHEN 'user' THEN CASE
                WHEN admin_role THEN 'admin_role'
                WHEN role THEN 'role'
                WHEN state IN ('suspended', 'unsuspended') THEN 'suspension'
                WHEN identity THEN 'identity'
            END
            WHEN 'permission_set' THEN 'custom_role'
            WHEN 'api_token' THEN 'credential'
            WHEN 'oauth_client' THEN 'credential'
            WHEN 'user_setting' THEN CASE WHEN state IN ('suspended', 'unsuspended') THEN 'suspension' END
            WHEN 'account_setting' THEN CASE
                WHEN setting IN ('token access', 'password access') OR lower(label_group) = 'zendesk api'
                THEN 'api_access'
                WHEN contains(setting, 'mobile app access') THEN 'mobile_access'
                WHEN contains(setting, 'assumption') THEN 'assumption'
                WHEN contains(setting, 'redaction') THEN 'data_protection'
                WHEN regexp_matches(setting, '\bip restriction|\ballowed ip') THEN 'network'
                WHEN regexp_matches(
                    setting,
                    'two.?factor|\b2fa\b|\bmfa\b|authentication|single sign|\bsso\b|\bsaml\b|\bjwt\b|sign.?in|password|session'
                )
                THEN 'authentication'
            END
            WHEN 'app' THEN 'app'
            WHEN 'app_installation' THEN 'app'
        END AS kind
    FROM audit_events
    LEFT JOIN fields ON fields.event_id = audit_events.id
)
SELECT
    id AS event_id,
    created_at,
    actor_id,
    actor_name,
    kind,
    object_type,
    source_id,
    source_label,
    state,
    ip_address,
    batch_id
FROM judged
WHERE kind IS NOT NULL;
