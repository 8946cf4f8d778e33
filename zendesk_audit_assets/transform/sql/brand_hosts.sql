-- The hosts that brands have, each while it is one, and the domain of which a help centre is a part. They are no way
-- out of the account. Of that domain only itself counts: other hosts of it may be anybody's, as those of github.io are.
-- A line counts only where no text can hold it: first, or after names and the like.
SELECT list({host: host, is_parent: is_parent, since: created_at, until: until} ORDER BY created_at, host)
FROM (
    SELECT
        unnest([
            {host: mapped, is_parent: true},
            {
                host: regexp_extract(mapped, '^(?:help|helpdesk|support|service|desk|hc)[.](.+[.].+)$', 1),
                is_parent: false
            }
        ], recursive := true),
        created_at,
        until
    FROM (
        SELECT created_at, lead(created_at) OVER (
            PARTITION BY lower(source_type), coalesce(source_id, -id) ORDER BY created_at, id
        ) AS until, regexp_extract(
            lower(change_description),
            '^(?:(?:\w+ )?(?:name|subdomain|url|active|default) changed from [^\n\\]*(?:\r?\n|\\+n))*'
            || 'host.?mapping changed from (?:not set |[a-z0-9.-]+ )?to ([a-z0-9.-]+[.][a-z0-9-]+)\s*(?:[\n\r\\]|$)',
            1
        ) AS mapped
        FROM audit_logs
        WHERE lower(source_type) IN ('brand', 'account')
          AND (regexp_matches(lower(change_description), '(?:^|\n|\\n)host.?mapping changed') OR action = 'destroy')
    )
)
WHERE host <> '';
