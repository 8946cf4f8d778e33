-- The history of each finding's status, and the findings that cannot be recomputed: those about the log itself.
CREATE TABLE finding_decisions (
    uid VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE log_findings (
    uid VARCHAR NOT NULL,
    rule_id VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    explanation VARCHAR NOT NULL,
    actor_id BIGINT,
    actor_name VARCHAR,
    object_type VARCHAR,
    object_id BIGINT,
    object_label VARCHAR,
    ip_address VARCHAR,
    first_event_at TIMESTAMPTZ NOT NULL,
    last_event_at TIMESTAMPTZ NOT NULL,
    events BIGINT NOT NULL,
    event_ids BIGINT[] NOT NULL,
    attack VARCHAR[] NOT NULL,
    experimental BOOLEAN NOT NULL,
    batch_id BIGINT NOT NULL
);

-- Version 0.1.0 creates these tables with the first findings, so a file of that version may have them or not.
CREATE TABLE IF NOT EXISTS findings (
    uid VARCHAR NOT NULL,
    rule_id VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    explanation VARCHAR NOT NULL,
    actor_id BIGINT,
    actor_name VARCHAR,
    object_type VARCHAR,
    object_id BIGINT,
    object_label VARCHAR,
    ip_address VARCHAR,
    first_event_at TIMESTAMPTZ NOT NULL,
    last_event_at TIMESTAMPTZ NOT NULL,
    events BIGINT NOT NULL,
    event_ids BIGINT[] NOT NULL,
    attack VARCHAR[] NOT NULL,
    experimental BOOLEAN NOT NULL,
    status VARCHAR NOT NULL,
    found_at TIMESTAMPTZ NOT NULL,
    batch_id BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS findings_forgotten (
    uid VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    found_at TIMESTAMPTZ NOT NULL
);

-- ZD-205 is about the log itself from now on, which changes the uid of its findings; their decisions and deliveries go
-- with them, so that nothing is alerted twice.
CREATE TABLE finding_uids AS
SELECT
    findings.uid AS old_uid,
    sha256(
        concat_ws(' ', rule_id, epoch(created_at)::BIGINT, concat_ws(' ', action, source_type))
    ) AS new_uid
FROM findings
JOIN audit_logs ON audit_logs.id = findings.event_ids[1]
WHERE rule_id = 'bdfaef42-8c7d-4431-b331-dab129ea3a7b' AND findings.batch_id > 0;
UPDATE alert_deliveries SET uid = new_uid FROM finding_uids WHERE old_uid = alert_deliveries.uid;

CREATE TABLE finding_statuses AS
SELECT coalesce(new_uid, uid) AS uid, status, found_at
FROM (SELECT uid, status, found_at FROM findings UNION SELECT uid, status, found_at FROM findings_forgotten) AS known
LEFT JOIN finding_uids ON old_uid = known.uid;
INSERT INTO finding_decisions SELECT uid, 'open', found_at FROM finding_statuses;
-- Version 0.1.0 does not record the time of a decision, only that of the report before it.
INSERT INTO finding_decisions
SELECT
    uid,
    CASE status WHEN 'over' THEN 'resolved' ELSE status END,
    greatest(now(), found_at + INTERVAL 1 MICROSECOND)
FROM finding_statuses
WHERE status <> 'open';
INSERT INTO log_findings SELECT * EXCLUDE (status, found_at) FROM findings WHERE batch_id = 0;

DROP TABLE finding_uids;
DROP TABLE finding_statuses;
DROP TABLE findings;
DROP TABLE findings_forgotten;
-- Derived, like findings from now on: the next refresh creates both.
DROP TABLE IF EXISTS findings_state;
