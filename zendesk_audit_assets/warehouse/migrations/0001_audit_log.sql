-- The log, its coverage and the facts about the file, as version 0.1.0 creates them.
CREATE TABLE audit_logs (
    url VARCHAR,
    id BIGINT NOT NULL,
    action_label VARCHAR,
    actor_id BIGINT,
    source_id BIGINT,
    source_type VARCHAR,
    source_label VARCHAR,
    action VARCHAR,
    change_description VARCHAR,
    ip_address VARCHAR,
    created_at TIMESTAMPTZ NOT NULL,
    actor_name VARCHAR,
    extra JSON,
    batch_id BIGINT NOT NULL,
    inserted_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
);
CREATE TABLE audit_log_revisions (
    url VARCHAR,
    id BIGINT NOT NULL,
    action_label VARCHAR,
    actor_id BIGINT,
    source_id BIGINT,
    source_type VARCHAR,
    source_label VARCHAR,
    action VARCHAR,
    change_description VARCHAR,
    ip_address VARCHAR,
    created_at TIMESTAMPTZ NOT NULL,
    actor_name VARCHAR,
    extra JSON,
    batch_id BIGINT NOT NULL,
    inserted_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
);
CREATE TABLE audit_log_rejects (
    reason VARCHAR NOT NULL,
    raw VARCHAR NOT NULL,
    batch_id BIGINT NOT NULL,
    inserted_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
);
CREATE TABLE coverage (
    batch_id BIGINT NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    read_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL,
    requests BIGINT NOT NULL,
    rows_received BIGINT NOT NULL,
    rows_inserted BIGINT NOT NULL,
    rows_revised BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL,
    committed_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE warehouse_meta (
    name VARCHAR NOT NULL,
    value VARCHAR NOT NULL
);
INSERT INTO warehouse_meta VALUES ('schema_version', '1');
