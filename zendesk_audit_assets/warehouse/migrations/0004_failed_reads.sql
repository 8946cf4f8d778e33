CREATE TABLE failed_reads (
    batch_id BIGINT NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    reason VARCHAR NOT NULL,
    attempt BIGINT NOT NULL,
    tried_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
);
