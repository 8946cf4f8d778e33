-- Every event with its spellings and generations unified. A view: it is computed when it is read, column by column.
--
-- What rules and histories read. Zendesk's own columns stay as they are, beside those that are made from them.
WITH spelled AS (
    SELECT
        *,
        CASE lower(source_type)
            WHEN 'apitoken' THEN 'api_token'
            WHEN 'custom_field/field' THEN 'custom_field'
            WHEN 'sla/policy' THEN 'sla_policy'
            WHEN 'zendesk/app_market/app' THEN 'app'
            WHEN 'zendesk/app_market/installation' THEN 'app_installation'
            WHEN 'zendesk/business_hours/holiday' THEN 'holiday'
            WHEN 'zendesk/business_hours/workweek' THEN 'workweek'
            ELSE lower(source_type)
        END AS object_type,
        CASE WHEN contains(source_label, ': ') THEN split_part(source_label, ': ', 1) END AS label_group,
        CASE
            WHEN contains(source_label, ': ') THEN substr(source_label, strpos(source_label, ': ') + 2)
            ELSE source_label
        END AS label_name,
        trim(lower(change_description), E' \r\n\t') AS words,
        regexp_replace(trim(lower(ip_address)), '%.*$', '') AS address
    FROM audit_logs
),
prepared AS (
    SELECT
        *,
        CASE WHEN object_type = 'account_setting' THEN
            regexp_replace(trim(lower(label_name)), '^(?:enable|require) ', '')
        END AS bare_setting,
        -- What it was switched to: the whole text, or the value after the last ' to '.
        CASE
            WHEN object_type = 'account_setting' AND contains(words, ' changed from ')
            THEN regexp_extract(words, '.* to (.+)$', 1)
            ELSE words
        END AS switched_to,
        -- IPv6 with a zero on either side of '::', and a dotted end, which counts as two groups, left out.
        CASE WHEN contains(address, ':') AND NOT regexp_matches(address, '::.*::') THEN
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        address, ':(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$', ':0:0'
                    ),
                    '^::',
                    '0::'
                ),
                '::$',
                '::0'
            )
        END AS groups
    FROM spelled
),
expanded AS (
    SELECT
        *,
        -- All eight groups, without leading zeros: '::' stands for as many as are missing.
        regexp_replace(
            CASE
                WHEN contains(groups, '::')
                THEN replace(groups, '::', ':' || repeat('0:', 9 - len(string_split(groups, ':'))))
                ELSE groups
            END,
            '(^|:)0+([0-9a-f])',
            '\1\2',
            'g'
        ) AS ipv6
    FROM prepared
)
SELECT
    url,
    id,
    action_label,
    actor_id,
    source_id,
    source_type,
    source_label,
    action,
    change_description,
    ip_address,
    created_at,
    actor_name,
    extra,
    batch_id,
    inserted_at,
    run_id,
    object_type,
    label_group,
    label_name,
    -- The one place that knows what a setting was called in earlier years, and is called today.
    CASE
        WHEN bare_setting IN ('two factor', 'two-factor', '2fa', 'two-factor authentication for all admins and agents')
        THEN 'two-factor authentication'
        WHEN bare_setting IN ('ip restriction', 'ip restrictions') THEN 'ip restrictions'
        WHEN bare_setting IN ('sso', 'single sign on', 'single sign-on (sso) for team members') THEN 'single sign-on'
        WHEN bare_setting IN ('zendesk support mobile app access') THEN 'mobile app access'
        WHEN bare_setting IN ('api token access') THEN 'token access'
        WHEN bare_setting IN ('api password access') THEN 'password access'
        WHEN bare_setting IN ('email blocklist', 'email blacklist', 'blacklist') THEN 'blocklist'
        WHEN bare_setting IN ('email allowlist', 'email whitelist', 'whitelist') THEN 'allowlist'
        WHEN bare_setting IN ('ccs', 'allow ccs on tickets') THEN 'ccs on tickets'
        WHEN bare_setting IN ('agents can edit tags') THEN 'tags on tickets'
        WHEN bare_setting IN ('anybody can submit tickets') THEN 'anyone can submit tickets'
        WHEN bare_setting IN ('satisfaction ratings') THEN 'customer satisfaction surveys'
        ELSE bare_setting
    END AS setting,
    CASE
        WHEN switched_to IN ('enabled', 'turned on', 'on', 'true') THEN 'on'
        WHEN switched_to IN ('disabled', 'turned off', 'off', 'false') THEN 'off'
        WHEN words IN ('suspended', 'unsuspended', 'changed') THEN words
        WHEN object_type = 'account_setting' AND action = 'destroy' THEN 'off'
        WHEN object_type = 'account_setting' AND contains(words, ' changed from ') THEN 'changed'
    END AS state,
    CASE WHEN action = 'login' THEN
        nullif(regexp_extract(words, '^successful sign-?in using (?:zendesk )?(.+?) from ', 1), '')
    END AS sign_in_method,
    CASE WHEN action = 'login' THEN
        nullif(regexp_extract(words, ' from (?:[a-z]+://)?(?:[^/\s@]*@)?([^/\s:?#@]+)\S*$', 1), '')
    END AS sign_in_host,
    CASE
        WHEN regexp_full_match(
            address, '(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)'
        )
        THEN regexp_extract(address, '^\d+\.\d+\.\d+\.') || '0/24'
        WHEN regexp_full_match(ipv6, '0:0:0:0:0:ffff:[0-9a-f]{1,4}:[0-9a-f]{1,4}')
        -- IPv4 as IPv6 writes it, dotted or in hexadecimal.
        THEN coalesce(
            nullif(regexp_extract(address, '\d+\.\d+\.\d+\.'), ''),
            concat_ws(
                '.',
                ('0x0' || split_part(ipv6, ':', 7))::INTEGER // 256,
                ('0x0' || split_part(ipv6, ':', 7))::INTEGER % 256,
                ('0x0' || split_part(ipv6, ':', 8))::INTEGER // 256,
                ''
            )
        ) || '0/24'
        WHEN regexp_full_match(ipv6, '(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}')
        THEN regexp_replace(regexp_extract(ipv6, '^(\w+:\w+:\w+):', 1), '(?:^|:)0(?::0)*$', '') || '::/48'
    END AS network,
    coalesce(actor_id > 0, false) AS is_person,
    -- The pattern of masking.py, which stands here in the view and wherever the text is shown.
    coalesce(regexp_matches(change_description, getvariable('secret_pattern')), false) AS holds_secret
FROM expanded;
