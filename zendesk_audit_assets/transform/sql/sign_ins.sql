-- Every sign-in that succeeded; Zendesk does not log those that failed, nor those of end users.
SELECT
    id AS event_id,
    created_at,
    actor_id,
    actor_name,
    sign_in_method AS method,
    sign_in_host AS host,
    ip_address,
    network,
    batch_id
FROM audit_events
WHERE action = 'login';
