-- Version 0.1.0 creates this table with the first alert, so a file of that version may have it or not.
CREATE TABLE IF NOT EXISTS alert_deliveries (
    uid VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    attempts BIGINT NOT NULL,
    last_error VARCHAR,
    first_tried_at TIMESTAMPTZ,
    last_tried_at TIMESTAMPTZ,
    sent_at TIMESTAMPTZ
);
-- Version 0.1.0 refuses a file with a number larger than 1. Later versions read the table `migrations` instead.
UPDATE warehouse_meta SET value = '2' WHERE name = 'schema_version';
