-- The hosts that brands have, each since it is one, and the domain of which a help centre is a part. They are no way
-- out of the account.
SELECT list({host: host, since: created_at} ORDER BY created_at, host)
FROM (
    SELECT
        created_at,
        unnest([mapped, regexp_replace(mapped, '^(?:help|helpdesk|support|service|desk|hc)[.]', '')]) AS host
    FROM (
        SELECT created_at, unnest(regexp_extract_all(
            lower(change_description),
            '(?:^|\n|\\n)host.?mapping changed from [^\n]* to ([a-z0-9.-]+[.][a-z0-9-]+)',
            1
        )) AS mapped
        FROM audit_logs
        WHERE lower(source_type) IN ('brand', 'account')
    )
);
