-- What rules that compare and count read: the events of a stretch of time, each with whether it is privileged.
--
-- Privileged is what changes who may do what, how the account is protected, or where its data goes, and what takes data
-- out. The everyday work of administrators on business rules is not.
SELECT
    *,
    coalesce(
        action = 'exported'
        OR object_type IN (
            'account', 'account_setting', 'api_token', 'app', 'app_installation', 'permission_set', 'subscription',
            'target', 'webhook'
        )
        OR contains(object_type, 'oauth')
        OR role_change IS NOT NULL,
        false
    ) AS is_privileged
FROM audit_events
