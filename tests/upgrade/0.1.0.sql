-- A warehouse of version 0.1.0 with all of its tables, as that version created and filled them. Frozen.
SET TimeZone = 'UTC';
CREATE TABLE action_summary (action VARCHAR, source_type VARCHAR, events BIGINT NOT NULL, share_of_events DOUBLE NOT NULL, distinct_actors BIGINT NOT NULL, first_seen TIMESTAMPTZ NOT NULL, last_seen TIMESTAMPTZ NOT NULL, "events_last_7_days" BIGINT NOT NULL, "events_last_30_days" BIGINT NOT NULL, "events_previous_30_days" BIGINT NOT NULL, as_of TIMESTAMPTZ NOT NULL);
INSERT INTO action_summary VALUES
    ('create', 'apitoken', '1', '0.1', '1', '2026-01-01 09:10:00+00', '2026-01-01 09:10:00+00', '1', '1', '0', '2026-01-03 01:00:00+00'),
    ('destroy', 'ticket', '1', '0.1', '1', '2026-01-01 12:00:00+00', '2026-01-01 12:00:00+00', '1', '1', '0', '2026-01-03 01:00:00+00'),
    ('login', 'user', '2', '0.2', '2', '2026-01-01 09:00:00+00', '2026-01-02 09:00:00+00', '2', '2', '0', '2026-01-03 01:00:00+00'),
    ('update', 'account_setting', '2', '0.2', '1', '2026-01-01 09:20:00+00', '2026-01-02 10:00:00+00', '2', '2', '0', '2026-01-03 01:00:00+00'),
    ('update', 'rule', '1', '0.1', '1', '2026-01-01 11:00:00+00', '2026-01-01 11:00:00+00', '1', '1', '0', '2026-01-03 01:00:00+00'),
    ('update', 'user', '2', '0.2', '2', '2026-01-01 09:05:00+00', '2026-01-02 09:30:00+00', '2', '2', '0', '2026-01-03 01:00:00+00'),
    ('update', 'zendesk/business_hours/workweek', '1', '0.1', '1', '2026-01-01 10:00:00+00', '2026-01-01 10:00:00+00', '1', '1', '0', '2026-01-03 01:00:00+00');
CREATE TABLE actor_addresses (actor_id BIGINT, ip_address VARCHAR, events BIGINT NOT NULL, first_seen TIMESTAMPTZ NOT NULL, last_seen TIMESTAMPTZ NOT NULL);
INSERT INTO actor_addresses VALUES
    ('-1', NULL, '1', '2026-01-01 12:00:00+00', '2026-01-01 12:00:00+00'),
    ('101', '203.0.113.7', '7', '2026-01-01 09:00:00+00', '2026-01-02 10:00:00+00'),
    ('102', '198.51.100.9', '2', '2026-01-02 09:00:00+00', '2026-01-02 09:30:00+00');
CREATE TABLE actor_names (actor_id BIGINT, actor_name VARCHAR, events BIGINT NOT NULL, first_seen TIMESTAMPTZ NOT NULL, last_seen TIMESTAMPTZ NOT NULL);
INSERT INTO actor_names VALUES
    ('-1', 'Zendesk', '1', '2026-01-01 12:00:00+00', '2026-01-01 12:00:00+00'),
    ('101', 'Ada Admin', '7', '2026-01-01 09:00:00+00', '2026-01-02 10:00:00+00'),
    ('102', 'Bo Admin', '2', '2026-01-02 09:00:00+00', '2026-01-02 09:30:00+00');
CREATE TABLE actor_networks (actor_id BIGINT, network VARCHAR, events BIGINT NOT NULL, first_seen TIMESTAMPTZ NOT NULL, last_seen TIMESTAMPTZ NOT NULL);
INSERT INTO actor_networks VALUES
    ('-1', NULL, '1', '2026-01-01 12:00:00+00', '2026-01-01 12:00:00+00'),
    ('101', '203.0.113.0/24', '7', '2026-01-01 09:00:00+00', '2026-01-02 10:00:00+00'),
    ('102', '198.51.100.0/24', '2', '2026-01-02 09:00:00+00', '2026-01-02 09:30:00+00');
CREATE TABLE actor_sources (actor_id BIGINT, source_type VARCHAR, source_id BIGINT, events BIGINT NOT NULL, first_seen TIMESTAMPTZ NOT NULL, last_seen TIMESTAMPTZ NOT NULL);
INSERT INTO actor_sources VALUES
    ('-1', 'ticket', '61', '1', '2026-01-01 12:00:00+00', '2026-01-01 12:00:00+00'),
    ('101', 'account_setting', NULL, '2', '2026-01-01 09:20:00+00', '2026-01-02 10:00:00+00'),
    ('101', 'apitoken', '31', '1', '2026-01-01 09:10:00+00', '2026-01-01 09:10:00+00'),
    ('101', 'rule', '51', '1', '2026-01-01 11:00:00+00', '2026-01-01 11:00:00+00'),
    ('101', 'user', '101', '1', '2026-01-01 09:00:00+00', '2026-01-01 09:00:00+00'),
    ('101', 'user', '7', '1', '2026-01-01 09:05:00+00', '2026-01-01 09:05:00+00'),
    ('101', 'zendesk/business_hours/workweek', '41', '1', '2026-01-01 10:00:00+00', '2026-01-01 10:00:00+00'),
    ('102', 'user', '102', '1', '2026-01-02 09:00:00+00', '2026-01-02 09:00:00+00'),
    ('102', 'user', '8', '1', '2026-01-02 09:30:00+00', '2026-01-02 09:30:00+00');
CREATE TABLE actor_summary (actor_id BIGINT, actor_name VARCHAR, is_system BOOLEAN NOT NULL, first_seen TIMESTAMPTZ NOT NULL, last_seen TIMESTAMPTZ NOT NULL, days_since_last_seen BIGINT NOT NULL, events BIGINT NOT NULL, events_by_action MAP(VARCHAR, BIGINT) NOT NULL, active_days BIGINT NOT NULL, distinct_source_types BIGINT NOT NULL, distinct_sources BIGINT NOT NULL, distinct_addresses BIGINT NOT NULL, off_hours_share DOUBLE, weekend_share DOUBLE, as_of TIMESTAMPTZ NOT NULL);
INSERT INTO actor_summary VALUES
    ('-1', 'Zendesk', 'true', '2026-01-01 12:00:00+00', '2026-01-01 12:00:00+00', '1', '1', '{destroy=1}', '1', '1', '1', '0', NULL, NULL, '2026-01-03 01:00:00+00'),
    ('101', 'Ada Admin', 'false', '2026-01-01 09:00:00+00', '2026-01-02 10:00:00+00', '0', '7', '{update=5, create=1, login=1}', '2', '5', '5', '1', '0.0', '0.0', '2026-01-03 01:00:00+00'),
    ('102', 'Bo Admin', 'false', '2026-01-02 09:00:00+00', '2026-01-02 09:30:00+00', '0', '2', '{login=1, update=1}', '1', '1', '2', '1', '0.0', '0.0', '2026-01-03 01:00:00+00');
CREATE TABLE alert_deliveries (uid VARCHAR NOT NULL, channel VARCHAR NOT NULL, status VARCHAR NOT NULL, attempts BIGINT NOT NULL, last_error VARCHAR, first_tried_at TIMESTAMPTZ, last_tried_at TIMESTAMPTZ, sent_at TIMESTAMPTZ);
INSERT INTO alert_deliveries VALUES
    ('1a42f41a6eda20ca4468400eabaacef57d1aac0b4d3bd4a65e3a80531fb881d1', 'slack', 'sent', '1', NULL, '2026-01-03 12:00:00+00', '2026-01-03 12:00:00+00', '2026-01-03 12:00:00+00'),
    ('1a42f41a6eda20ca4468400eabaacef57d1aac0b4d3bd4a65e3a80531fb881d1', 'webhook', 'sent', '1', NULL, '2026-01-03 12:00:00+00', '2026-01-03 12:00:00+00', '2026-01-03 12:00:00+00'),
    ('83595944a1aac5dfee43bd1bccfe5573f783398c7ed6a89d13cb02ea0086f20a', 'slack', 'sent', '1', NULL, '2026-01-03 12:00:00+00', '2026-01-03 12:00:00+00', '2026-01-03 12:00:00+00'),
    ('83595944a1aac5dfee43bd1bccfe5573f783398c7ed6a89d13cb02ea0086f20a', 'webhook', 'failed', '1', 'The webhook answered 404. Check its address.', '2026-01-03 12:00:00+00', '2026-01-03 12:00:00+00', NULL),
    ('99b6bb963278e0258d168173bbbe6bba32a437be924524ca0005857207ee6d3a', 'slack', 'pending', '0', NULL, NULL, NULL, NULL),
    ('99b6bb963278e0258d168173bbbe6bba32a437be924524ca0005857207ee6d3a', 'webhook', 'suppressed', '1', NULL, '2026-01-03 12:00:00+00', '2026-01-03 12:00:00+00', NULL),
    ('bba5d480b2c6f0239251342c9752a7119e53b30891ba4bdf8c75e2150f4517e9', 'slack', 'pending', '0', NULL, NULL, NULL, NULL),
    ('bba5d480b2c6f0239251342c9752a7119e53b30891ba4bdf8c75e2150f4517e9', 'webhook', 'pending', '0', NULL, NULL, NULL, NULL);
CREATE TABLE audit_changes (event_id BIGINT NOT NULL, line BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL, actor_id BIGINT, actor_name VARCHAR, ip_address VARCHAR, action VARCHAR, object_type VARCHAR, source_id BIGINT, source_label VARCHAR, field VARCHAR, old_value VARCHAR, new_value VARCHAR, confidence VARCHAR NOT NULL, raw VARCHAR NOT NULL, holds_secret BOOLEAN NOT NULL, batch_id BIGINT NOT NULL);
INSERT INTO audit_changes VALUES
    ('1', '1', '2026-01-01 09:00:00+00', '101', 'Ada Admin', '203.0.113.7', 'login', 'user', '101', 'Team member: Ada Admin', NULL, NULL, NULL, 'unparsed', 'Successful sign-in using Google from https://demo.zendesk.com/access/google', 'false', '1'),
    ('10', '1', '2026-01-02 10:00:00+00', '101', 'Ada Admin', '203.0.113.7', 'update', 'account_setting', NULL, 'Security: Enable IP restrictions', 'state', NULL, 'on', 'state', 'Turned on', 'false', '2'),
    ('2', '1', '2026-01-01 09:05:00+00', '101', 'Ada Admin', '203.0.113.7', 'update', 'user', '7', 'Team member: Bo Agent', 'Role', 'Agent', 'Administrator', 'exact', 'Role changed from Agent to Administrator', 'false', '1'),
    ('4', '1', '2026-01-01 09:20:00+00', '101', 'Ada Admin', '203.0.113.7', 'update', 'account_setting', NULL, 'Security: Enable IP restrictions', 'state', NULL, 'off', 'state', 'Turned off', 'false', '1'),
    ('5', '1', '2026-01-01 10:00:00+00', '101', 'Ada Admin', '203.0.113.7', 'update', 'workweek', '41', 'Schedule: Office', 'Workweek', '{}', '{"mon":{"09:00":"17:00"}}', 'exact', 'Workweek changed from {} to {"mon":{"09:00":"17:00"}}', 'false', '1'),
    ('6', '1', '2026-01-01 11:00:00+00', '101', 'Ada Admin', '203.0.113.7', 'update', 'rule', '51', 'Trigger: It''s urgent', 'Title', 'Urgent', 'It''s urgent', 'exact', 'Title changed from Urgent to It''s urgent', 'false', '1'),
    ('6', '2', '2026-01-01 11:00:00+00', '101', 'Ada Admin', '203.0.113.7', 'update', 'rule', '51', 'Trigger: It''s urgent', 'Position', '1', '2', 'exact', 'Position changed from 1 to 2', 'false', '1'),
    ('8', '1', '2026-01-02 09:00:00+00', '102', 'Bo Admin', '198.51.100.9', 'login', 'user', '102', 'Team member: Bo Admin', NULL, NULL, NULL, 'unparsed', 'Successful sign-in using password from https://demo.zendesk.com', 'false', '2'),
    ('9', '1', '2026-01-02 09:30:00+00', '102', 'Bo Admin', '198.51.100.9', 'update', 'user', '8', 'Team member: Cy Agent', 'Role', 'Agent', 'Administrator', 'exact', 'Role changed from Agent to Administrator', 'false', '2');
CREATE TABLE audit_log_rejects (reason VARCHAR NOT NULL, raw VARCHAR NOT NULL, batch_id BIGINT NOT NULL, inserted_at TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL);
INSERT INTO audit_log_rejects VALUES
    ('created_at is missing or null', '{"id": 11}', '2', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000002'),
    ('id is text, not an integer', '{"created_at": "2026-01-01T13:00:00Z", "id": "not a number"}', '1', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000001');
CREATE TABLE audit_log_revisions (url VARCHAR, id BIGINT NOT NULL, action_label VARCHAR, actor_id BIGINT, source_id BIGINT, source_type VARCHAR, source_label VARCHAR, action VARCHAR, change_description VARCHAR, ip_address VARCHAR, created_at TIMESTAMPTZ NOT NULL, actor_name VARCHAR, extra JSON, batch_id BIGINT NOT NULL, inserted_at TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL);
INSERT INTO audit_log_revisions VALUES
    ('https://demo.zendesk.com/api/v2/audit_logs/2.json', '2', 'Updated', '101', '7', 'user', 'Team member: Bo Admin', 'update', 'Role changed from Agent to Administrator', '203.0.113.7', '2026-01-01 09:05:00+00', 'Ada Admin', NULL, '2', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000002'),
    ('https://demo.zendesk.com/api/v2/audit_logs/3.json', '3', 'Created', '101', '31', 'apitoken', 'API token: Report', 'create', '', '203.0.113.7', '2026-01-01 09:10:00+00', 'Ada Admin', NULL, '2', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000002');
CREATE TABLE audit_logs (url VARCHAR, id BIGINT NOT NULL, action_label VARCHAR, actor_id BIGINT, source_id BIGINT, source_type VARCHAR, source_label VARCHAR, action VARCHAR, change_description VARCHAR, ip_address VARCHAR, created_at TIMESTAMPTZ NOT NULL, actor_name VARCHAR, extra JSON, batch_id BIGINT NOT NULL, inserted_at TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL);
INSERT INTO audit_logs VALUES
    ('https://demo.zendesk.com/api/v2/audit_logs/1.json', '1', 'Signed in', '101', '101', 'user', 'Team member: Ada Admin', 'login', 'Successful sign-in using Google from https://demo.zendesk.com/access/google', '203.0.113.7', '2026-01-01 09:00:00+00', 'Ada Admin', NULL, '1', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000001'),
    ('https://demo.zendesk.com/api/v2/audit_logs/2.json', '2', 'Updated', '101', '7', 'user', 'Team member: Bo Agent', 'update', 'Role changed from Agent to Administrator', '203.0.113.7', '2026-01-01 09:05:00+00', 'Ada Admin', NULL, '1', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000001'),
    ('https://demo.zendesk.com/api/v2/audit_logs/3.json', '3', 'Created', '101', '31', 'apitoken', 'API token: Reports', 'create', '', '203.0.113.7', '2026-01-01 09:10:00+00', 'Ada Admin', NULL, '1', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000001'),
    ('https://demo.zendesk.com/api/v2/audit_logs/4.json', '4', 'Updated', '101', NULL, 'account_setting', 'Security: Enable IP restrictions', 'update', 'Turned off', '203.0.113.7', '2026-01-01 09:20:00+00', 'Ada Admin', NULL, '1', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000001'),
    ('https://demo.zendesk.com/api/v2/audit_logs/5.json', '5', 'Updated', '101', '41', 'zendesk/business_hours/workweek', 'Schedule: Office', 'update', 'Workweek changed from {} to {"mon":{"09:00":"17:00"}}', '203.0.113.7', '2026-01-01 10:00:00+00', 'Ada Admin', NULL, '1', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000001'),
    ('https://demo.zendesk.com/api/v2/audit_logs/6.json', '6', 'Updated', '101', '51', 'rule', 'Trigger: It''s urgent', 'update', E'Title changed from Urgent to It''s urgent\r\nPosition changed from 1 to 2', '203.0.113.7', '2026-01-01 11:00:00+00', 'Ada Admin', '{"confidence": "new field"}', '1', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000001'),
    ('https://demo.zendesk.com/api/v2/audit_logs/7.json', '7', 'Deleted', '-1', '61', 'ticket', 'Ticket: 61', 'destroy', NULL, NULL, '2026-01-01 12:00:00+00', 'Zendesk', NULL, '1', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000001'),
    ('https://demo.zendesk.com/api/v2/audit_logs/8.json', '8', 'Signed in', '102', '102', 'user', 'Team member: Bo Admin', 'login', 'Successful sign-in using password from https://demo.zendesk.com', '198.51.100.9', '2026-01-02 09:00:00+00', 'Bo Admin', NULL, '2', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000002'),
    ('https://demo.zendesk.com/api/v2/audit_logs/9.json', '9', 'Updated', '102', '8', 'user', 'Team member: Cy Agent', 'update', 'Role changed from Agent to Administrator', '198.51.100.9', '2026-01-02 09:30:00+00', 'Bo Admin', NULL, '2', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000002'),
    ('https://demo.zendesk.com/api/v2/audit_logs/10.json', '10', 'Updated', '101', NULL, 'account_setting', 'Security: Enable IP restrictions', 'update', 'Turned on', '203.0.113.7', '2026-01-02 10:00:00+00', 'Ada Admin', NULL, '2', '2026-01-03 00:00:00+00', '11111111-0000-4000-8000-000000000002');
CREATE TABLE coverage (batch_id BIGINT NOT NULL, window_start TIMESTAMPTZ NOT NULL, window_end TIMESTAMPTZ NOT NULL, read_at TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL, requests BIGINT NOT NULL, rows_received BIGINT NOT NULL, rows_inserted BIGINT NOT NULL, rows_revised BIGINT NOT NULL, rows_rejected BIGINT NOT NULL, committed_at TIMESTAMPTZ NOT NULL);
INSERT INTO coverage VALUES
    ('1', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '2026-01-02 00:01:00+00', '11111111-0000-4000-8000-000000000001', '1', '8', '7', '0', '1', '2026-01-03 00:00:00+00'),
    ('2', '2026-01-02 00:00:00+00', '2026-01-03 00:00:00+00', '2026-01-03 00:01:00+00', '11111111-0000-4000-8000-000000000002', '1', '6', '3', '2', '1', '2026-01-03 00:00:00+00'),
    ('3', '2026-01-03 00:00:00+00', '2026-01-03 01:00:00+00', '2026-01-03 01:01:00+00', '11111111-0000-4000-8000-000000000003', '1', '0', '1', '0', '0', '2026-01-03 00:00:00+00');
CREATE TABLE daily_activity (day DATE NOT NULL, actor_id BIGINT, action VARCHAR, source_type VARCHAR, events BIGINT NOT NULL, distinct_sources BIGINT NOT NULL, distinct_addresses BIGINT NOT NULL, off_hours_events BIGINT NOT NULL, weekend_events BIGINT NOT NULL, first_seen TIMESTAMPTZ NOT NULL, last_seen TIMESTAMPTZ NOT NULL);
INSERT INTO daily_activity VALUES
    ('2026-01-01', '-1', 'destroy', 'ticket', '1', '1', '0', '0', '0', '2026-01-01 12:00:00+00', '2026-01-01 12:00:00+00'),
    ('2026-01-01', '101', 'create', 'apitoken', '1', '1', '1', '0', '0', '2026-01-01 09:10:00+00', '2026-01-01 09:10:00+00'),
    ('2026-01-01', '101', 'login', 'user', '1', '1', '1', '0', '0', '2026-01-01 09:00:00+00', '2026-01-01 09:00:00+00'),
    ('2026-01-01', '101', 'update', 'account_setting', '1', '0', '1', '0', '0', '2026-01-01 09:20:00+00', '2026-01-01 09:20:00+00'),
    ('2026-01-01', '101', 'update', 'rule', '1', '1', '1', '0', '0', '2026-01-01 11:00:00+00', '2026-01-01 11:00:00+00'),
    ('2026-01-01', '101', 'update', 'user', '1', '1', '1', '0', '0', '2026-01-01 09:05:00+00', '2026-01-01 09:05:00+00'),
    ('2026-01-01', '101', 'update', 'zendesk/business_hours/workweek', '1', '1', '1', '0', '0', '2026-01-01 10:00:00+00', '2026-01-01 10:00:00+00'),
    ('2026-01-02', '101', 'update', 'account_setting', '1', '0', '1', '0', '0', '2026-01-02 10:00:00+00', '2026-01-02 10:00:00+00'),
    ('2026-01-02', '102', 'login', 'user', '1', '1', '1', '0', '0', '2026-01-02 09:00:00+00', '2026-01-02 09:00:00+00'),
    ('2026-01-02', '102', 'update', 'user', '1', '1', '1', '0', '0', '2026-01-02 09:30:00+00', '2026-01-02 09:30:00+00');
CREATE TABLE derived_state (table_name VARCHAR NOT NULL, batch_id BIGINT NOT NULL, definition VARCHAR NOT NULL, refreshed_at TIMESTAMPTZ NOT NULL);
INSERT INTO derived_state VALUES
    ('action_summary', '3', '307cfacdc6f424f0bc532a0f03b397c4924ef8c91a6921f50aa2893e16193960', '2026-01-03 00:00:00+00'),
    ('actor_addresses', '3', '49adeb586c495e0e60c5476eeafb713e11b71a528c564b459bcf75999149f9f7', '2026-01-03 00:00:00+00'),
    ('actor_names', '3', '6f6033d4ba64e1ee5f7deb9726d81bb9b3010367e487b9c661b55344104113ab', '2026-01-03 00:00:00+00'),
    ('actor_networks', '3', 'e5300602d63308f840fb315249059e97bb7f8b9868e33fa231cef6972d506d67', '2026-01-03 00:00:00+00'),
    ('actor_sources', '3', '72d229515ffde20d157fb88c27f6b7a306ed4a32a21918c424c540d27ec0c66e', '2026-01-03 00:00:00+00'),
    ('actor_summary', '3', '33ac1932b0ec9e66e337b6db7393d9db4b98b2aab2fb4b3f838f1dd23e7d8967', '2026-01-03 00:00:00+00'),
    ('audit_changes', '3', '2d8a7ddbe36f65b45ddcee71da1264baed33771af16839626873c95df3e984dd', '2026-01-03 00:00:00+00'),
    ('audit_events', '3', '83bcfabf501166c497597c84c0eeaf0f0f873ac194a8975e5cdae98565c0a97c', '2026-01-03 00:00:00+00'),
    ('daily_activity', '3', '55cf060fd5ae7f0d8dbaf671716b2f4e5df16405c855983b7a52653b65723999', '2026-01-03 00:00:00+00'),
    ('dormant_privileged_actors', '3', '83e2f8a0c83a1912cbe88c2ed833a20606715e850065a3c723a2fefcb77b5613', '2026-01-03 00:00:00+00'),
    ('object_history', '3', '750e611c938d8ef257514a9808936893d85e64a84c8ddee0f4c4da0dae2aeb3a', '2026-01-03 00:00:00+00'),
    ('privileged_changes', '3', 'f92ad3dbf0373be55a5b0d6ee36441ad16e67b4e5b56ae9fe73853898ca2ac6b', '2026-01-03 00:00:00+00'),
    ('schedule_history', '3', '23dbc5972eb2059960c061aeaf2b5de624d8cb3939bee4b7828c67d6514b6c15', '2026-01-03 00:00:00+00'),
    ('setting_state', '3', 'e14bcb145154df221b180341b0e8e895988d6dce4b5653c327357e0af98cd565', '2026-01-03 00:00:00+00'),
    ('sign_ins', '3', '1b0202e023f127d2d6f0ad32bc7822802c7c0ba8027953527735ee8b9ad7a7b2', '2026-01-03 00:00:00+00'),
    ('user_role_history', '3', '8a47589dc662f1ae9bb6faa020e6aec7265e9d2e6ad0e851968360f480c7e2df', '2026-01-03 00:00:00+00');
CREATE TABLE dormant_privileged_actors (actor_id BIGINT, actor_name VARCHAR, is_admin BOOLEAN, privileged_changes BIGINT NOT NULL, last_privileged_change TIMESTAMPTZ, last_seen TIMESTAMPTZ, days_silent BIGINT NOT NULL, as_of TIMESTAMPTZ NOT NULL);
CREATE TABLE findings (uid VARCHAR NOT NULL, rule_id VARCHAR NOT NULL, rule VARCHAR NOT NULL, severity VARCHAR NOT NULL, title VARCHAR NOT NULL, explanation VARCHAR NOT NULL, actor_id BIGINT, actor_name VARCHAR, object_type VARCHAR, object_id BIGINT, object_label VARCHAR, ip_address VARCHAR, first_event_at TIMESTAMPTZ NOT NULL, last_event_at TIMESTAMPTZ NOT NULL, events BIGINT NOT NULL, event_ids BIGINT[] NOT NULL, attack VARCHAR[] NOT NULL, experimental BOOLEAN NOT NULL, status VARCHAR NOT NULL, found_at TIMESTAMPTZ NOT NULL, batch_id BIGINT NOT NULL);
INSERT INTO findings VALUES
    ('1a42f41a6eda20ca4468400eabaacef57d1aac0b4d3bd4a65e3a80531fb881d1', '135d63cf-1293-424c-802a-2e8f96fc5ce8', 'ZD-202', 'high', 'The warehouse holds other rows than were committed', 'Batch 3 brought 1 events, and the log holds 0 of it.', NULL, NULL, 'log', NULL, 'batch 3', NULL, '2026-01-03 00:00:00+00', '2026-01-03 01:00:00+00', '0', '[]', '[T1070, T1565.001]', 'false', 'open', '2026-01-03 00:00:00+00', '0'),
    ('46e576d0d992570ac62c5a522a913e7fa757e9a9956f4d53655837bf5cfe9838', '2c63888f-28f0-4481-be6d-dce7a7ace732', 'ZD-002', 'high', 'Administrator role granted', 'Bo Admin from 198.51.100.9: update user "Team member: Cy Agent": Role changed from Agent to Administrator', '102', 'Bo Admin', 'user', '8', 'Team member: Cy Agent', '198.51.100.9', '2026-01-02 09:30:00+00', '2026-01-02 09:30:00+00', '1', '[9]', '[T1098.003]', 'false', 'closed', '2026-01-03 00:00:00+00', '2'),
    ('8a5c82d9282001bcf5ae8702ec1824995cb1599a7fb8389aecde8a981e16ffee', '135d63cf-1293-424c-802a-2e8f96fc5ce8', 'ZD-202', 'high', 'The warehouse holds other rows than were committed', 'Batch 2 brought 3 events, and the log holds 2 of it.', NULL, NULL, 'log', NULL, 'batch 2', NULL, '2026-01-02 00:00:00+00', '2026-01-03 00:00:00+00', '2', '[]', '[T1070, T1565.001]', 'false', 'over', '2026-01-03 00:00:00+00', '0'),
    ('8c18beb6e8f3bfae02b10a87ecdf0b8fe0afb606592123366a455412b031038e', '135d63cf-1293-424c-802a-2e8f96fc5ce8', 'ZD-202', 'high', 'The warehouse holds other rows than were committed', 'Batch 1 brought 7 events, and the log holds 6 of it.', NULL, NULL, 'log', NULL, 'batch 1', NULL, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', '6', '[]', '[T1070, T1565.001]', 'false', 'over', '2026-01-03 00:00:00+00', '0'),
    ('99b6bb963278e0258d168173bbbe6bba32a437be924524ca0005857207ee6d3a', '3c3ae353-fb14-428e-90b4-01a6c1cc0aff', 'ZD-010-changed', 'medium', 'IP restrictions turned on or their list changed', 'Ada Admin from 203.0.113.7: update account_setting "Security: Enable IP restrictions": Turned on', '101', 'Ada Admin', 'account_setting', NULL, 'Security: Enable IP restrictions', '203.0.113.7', '2026-01-02 10:00:00+00', '2026-01-02 10:00:00+00', '1', '[10]', '[T1562, T1686.001]', 'false', 'open', '2026-01-03 00:00:00+00', '2'),
    ('b202818ac21845343a331ebe5b3bd9c75c16fc7289ed9723e4700e5d0f85579a', '2c63888f-28f0-4481-be6d-dce7a7ace732', 'ZD-002', 'high', 'Administrator role granted', 'Ada Admin from 203.0.113.7: update user "Team member: Bo Agent": Role changed from Agent to Administrator', '101', 'Ada Admin', 'user', '7', 'Team member: Bo Agent', '203.0.113.7', '2026-01-01 09:05:00+00', '2026-01-01 09:05:00+00', '1', '[2]', '[T1098.003]', 'false', 'closed', '2026-01-03 00:00:00+00', '1');
CREATE TABLE findings_forgotten (uid VARCHAR NOT NULL, status VARCHAR NOT NULL, found_at TIMESTAMPTZ NOT NULL);
INSERT INTO findings_forgotten VALUES
    ('83595944a1aac5dfee43bd1bccfe5573f783398c7ed6a89d13cb02ea0086f20a', 'open', '2026-01-03 00:00:00+00'),
    ('bba5d480b2c6f0239251342c9752a7119e53b30891ba4bdf8c75e2150f4517e9', 'open', '2026-01-03 00:00:00+00'),
    ('d323dee63bb98d287b24f20a6b8b0a536983019aa0c1ce2abf5f15a55b5081f7', 'closed', '2026-01-03 00:00:00+00');
CREATE TABLE findings_state (rule_id VARCHAR NOT NULL, definition VARCHAR NOT NULL, batch_id BIGINT NOT NULL, judged_to TIMESTAMPTZ NOT NULL, refreshed_at TIMESTAMPTZ NOT NULL);
INSERT INTO findings_state VALUES
    ('004498f4-b987-47c1-8c9c-26a813678d7a', 'cfc17c65106aef7ecd30320d297cf08610a960e7e283f8e44ca38ebedb79211a', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('03c472ca-4495-48b4-b8d8-89d2b47a5c1d', '3a031c07e1af53deedaa466308d08ce717d5a1037a609ead91ca7c78b724e88f', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('0b80a255-53a1-4945-a932-58ef7777682c', '4327815a34a4ac8c69bc9fd2d1eb5b3f0e7e71219b74a6c72ee59212660ce10c', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('0c28cec1-b947-42af-a4b9-36976b4b76b0', '91b48a2bf30e28de4d4ace83ca0c03a2fd8ef9acd0fb25d44f56a89d22db0278', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('0ecaf828-e2f7-4553-8fcc-69d79561a0d1', '1bcc92a79eef965f7ad6535d16f35a0cf07955fe230bf15b3cc3b30964be2fc6', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('0f66fa84-1834-49be-b913-63081216b6dc', 'ef4ebb0f06df74733213a8e564d42789e5ec91b4259437ee9806793f2865ff4f', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('135d63cf-1293-424c-802a-2e8f96fc5ce8', '254a19d9072c75acbf55798c604b72f0de7bae248a8a60b015b3a448296233cc', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('2c63888f-28f0-4481-be6d-dce7a7ace732', '34d7b42a2e5e6412616f1d1da345a88ef278b678cb52ca0b0efb3f8cd78d4515', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('3c3ae353-fb14-428e-90b4-01a6c1cc0aff', '42639ed7b8634f6ee664159aa27aeda6a31b9093a958bdca022a7c6563a49774', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('3ceb0831-8744-4e92-ad93-36c0f9c4b930', 'd3bfa8c3cda544c48b119b4ba2dcc4aa6e75e2c0965196aeb07f918b818ff411', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('3f0c9931-918c-40bf-9670-c342c6cce996', '72b99bea253974d3a347dd40e1a77cac963dc42738e417a4896a46ba23406b56', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('4260ce86-ca96-4d78-ba56-9ee452a5d423', '464202983de72886d708d854584dac9646acb1f1885e43f50d123ce25986f1ed', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('4c8b1eb4-4f1e-4ccf-8372-a2a784a67245', '97cd7963d5507b44e22f13e63c58b2b08aa6e45269ddb755c8a6265d927b3ef8', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('5796a670-482c-490e-8d97-82bfcdc83011', 'a47bf80ac437ec97680b376e18548110956f09d84a547ddd846be2a4f7df54f5', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('5a3c1fbd-f9da-4bf3-a816-96a68afe2312', '07c3bd665fd14fcedb1d63d3d6d4458edefeacb0583a75bfb9e0eb3a2b2791cc', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('5b1c3f0e-8a3d-4d55-9a5e-1f5f6d0c2051', 'eeb0ae81a318a3330c60e1f0d3c3bcdf73c0b78c1f209bdebb7ad983be1a9e15', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('670c1cd3-5555-4e31-84be-37c1dfe6c55b', 'b5b01df758d0eb2ff2127c9ab264a4221a139c59f9f22c485e775fd9ba14406e', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('68e58909-ccb2-4416-925a-56c9a30f4300', '37b01636d835f9f923a58c694ffcc4bdc7686e5f40ad18da8811c9526628af31', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('6caf76a5-7035-48ae-8280-ad3729a6f2e7', '4b139efdddbbda0a3cd745395d02656bb33591d2557f58b600dcc7f299cca610', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('6f877ca9-8a42-427f-b0d3-79d72f8cbeb2', '02b778eec08f8275b04c4c314093296fdf6d08668069b5f3dde1386f3f076627', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('73f80e52-a369-48b5-a441-4c46f147ecf9', '89e3f63f1f54fab9906f92b7c87f895ec9b259b028dd96a858ee788879f449ec', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('77dde229-df88-4e4d-ac23-86e5cc86ba64', '1356a3d6500383111d98d0d3e4bb59cf206333778e1abdb9e690f897d0c6fea4', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('8a119b9e-16bc-4732-8f7b-7676d015b0dc', '4e32617b5e4cf112fe3139cea98b59e5a3387f6fa01cfe02be069dc736b5bc05', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('8f39aaa5-729a-453c-b891-da33e83a9d40', 'a703d3bf24453fe3f5f1b22c8f8d9d02bdba706b0a68856e4335553c0b704279', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('a398d022-d435-4df4-8322-905089933837', 'a42f632d90f20e49abd9deba96894683556648f209aabec19cc8b2aba5ff65b9', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('a4ea3938-d429-4c52-8109-15b0875b0b21', 'e096d1ab5a1600fa415b43192c3d2a7889c0bc8a77316b69e12fe37f3f59a66a', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('a712755f-6cac-44d5-99d5-269512e74f7b', '8cfd104e0cc8f8109f2b3a56dea917d95e68c064ce2d719ef7c8faaebbf3d3fc', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('ac8efe12-1c59-49f1-ba2d-de83458bfed0', '0fdacdc35282c8cba59a6dee69844936899a78793d45ab57b73f02c7e3e68b73', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('ac9130f4-547c-47d3-8e3a-655f20731ab2', '6c2ce8de1139637138bdac08fbee17445f7d79a8cf323a141183e75d131e3039', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('adff32f5-35dd-4954-a7f8-022a4eedef2a', '0b59151eeddcfbfd8d514b6bd947708d1a4b54eb2b18af1c248d92be5bc36aaf', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('b183256e-a16e-4121-b07a-6fc42fd7b23a', 'dffbd32a5979ed992732e216a694c3e0290e29f3c5b701d98148c4c36f057fd5', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('b21b1c2e-1f61-41bc-acb7-0dd842762334', '2837c7f22c5d17040837a2ba571902829d0021b4ec4c7301069748aff2ee6700', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('b459071a-fb8a-4f9e-bf72-c46dca8fbe35', 'b13b279d561b41a5a3ae580d6dc38bfb212b273f5624c76c08ffe455a4dee8b9', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('b9c8b9ff-e46e-4627-9419-c7723226db94', '4cdc86722b5768c76c6d1987ed8b4a34bbdcb07218ad8f77f2e32691d0ff00e5', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('bb262a93-4ce1-4c61-aa03-36d98b8c82f1', '64309c63452bcf79e8b16d7795dfa01e8bc8b92491061d9b0464fc47bd9c69c9', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('bbeeb636-1d33-4c6d-96f0-da847a2a3b87', 'bce4aa61f383e2efbcd9fd23cbbe7a57a734588d00d7146b8df03353d8b52708', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('bc67ba94-637d-4efa-a09e-467ada679f81', 'e2b8a0fb37c808d6e12333ec950f3aa6e443fe5cb0122bc0ccdda9505c9d5c9f', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('bdfaef42-8c7d-4431-b331-dab129ea3a7b', '84dd9536fb73561cabaaae2d7ab14f98ff3e2df89d39363d6dfdc8b23126ec7f', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('c1af4465-06f1-42fc-a101-0f154a9f2968', '05671ff2630cc4500e10d7fe536ca1a683bbe65ce20a5f9ebd32544252da566f', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('c3dd75f6-8085-48e6-ac92-5f09a227f039', '7119b065a34b2cb3a64c4c0af129722bf45587ac8a82b418556bae4809f070bd', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('ca3ab343-ac33-4b68-be9b-f77c6519a9d5', '28bd9b00fb949a76b1ebd8077930566b4b4968a7bd0d04043e751dff1e88c372', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('cbf27734-ac10-4525-8b66-402800e03d2c', '51aee8dcdc47177b8d8b5d14bc5c6a8dea9338d776f342aa025caa14c9e69002', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('d00f7b11-205f-42f7-88c1-d781b972e776', 'acb58fd70945de61e44ff6b9de7de82ca7c2c74468e83d3ae37c95a1c1590d7d', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('e0a3a91f-2346-4c13-bc27-ed12b10877a9', 'a976f3b1d45ea2086a506afd7cfde2dff30cb0b0f0142f49c558890a850cb2c9', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('e179f773-a6e0-43c0-9514-b7dde2ad0478', '04b5833368d36385d1fbb608b66bc1d98db27313f7d3dcf6b97e5df01c5ab1b5', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('e4631b55-3fde-45b4-a886-904732dce811', '12ad6067619b0407e776e5068da3710dc93f38913afc4c085d20764769583aa7', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('e5a9f6b1-a297-49bf-adf4-38f7b27c1c74', 'cdde8369c40fb71a3d41c3b16dc74135e627f304b006d7168459558dc7645367', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('ea44bd0d-405e-4311-8b68-dba7a2bb831d', '0731d77cd60df11dd099c96270ebc2bfae55b5350cec57750507bddc885c8864', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('f1260ebc-7d56-4b56-b714-dc919b27dbdf', '313222cb551535bf203adc6d1d3b98fed3c2ac63f2c0f4890a0005999fb5c974', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('f1a38d32-6834-4c65-927c-b2382bedda16', '92c3bde04d9957ee981411b5d7a00592ab244447f8eb7179c546d55ec9126b11', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('f3c95789-ace1-4954-ac5d-6baed2eac902', '7283544fa2fc2c52c8eb46c5ec8f6ba4ea1dcdf02b53a8fc4f69027070fa2759', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('f6fadfa7-e5c1-4b62-9362-da5cc13da58a', '778228f89f796b376583bc7c345aa5ab807936c1d36c7b11c3fd5d3b1af0d42d', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00'),
    ('ff53a46f-5ead-403a-84c4-b877678537a3', 'cc99554c836f83b5df03ecefbd8b21e5adf2ec83413bd6229a7ca0e1f150add8', '3', '2026-01-03 01:00:00+00', '2026-01-03 00:00:00+00');
CREATE TABLE object_history (object_type VARCHAR, source_id BIGINT, source_label VARCHAR, field VARCHAR NOT NULL, value VARCHAR, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ, changed_by BIGINT, actor_name VARCHAR, ip_address VARCHAR, event_id BIGINT, line BIGINT);
INSERT INTO object_history VALUES
    ('rule', '51', 'Trigger: It''s urgent', 'Position', '1', NULL, '2026-01-01 11:00:00+00', NULL, NULL, NULL, NULL, NULL),
    ('rule', '51', 'Trigger: It''s urgent', 'Position', '2', '2026-01-01 11:00:00+00', NULL, '101', 'Ada Admin', '203.0.113.7', '6', '2'),
    ('rule', '51', 'Trigger: It''s urgent', 'Title', 'It''s urgent', '2026-01-01 11:00:00+00', NULL, '101', 'Ada Admin', '203.0.113.7', '6', '1'),
    ('rule', '51', 'Trigger: It''s urgent', 'Title', 'Urgent', NULL, '2026-01-01 11:00:00+00', NULL, NULL, NULL, NULL, NULL),
    ('user', '7', 'Team member: Bo Agent', 'Role', 'Administrator', '2026-01-01 09:05:00+00', NULL, '101', 'Ada Admin', '203.0.113.7', '2', '1'),
    ('user', '7', 'Team member: Bo Agent', 'Role', 'Agent', NULL, '2026-01-01 09:05:00+00', NULL, NULL, NULL, NULL, NULL),
    ('user', '8', 'Team member: Cy Agent', 'Role', 'Administrator', '2026-01-02 09:30:00+00', NULL, '102', 'Bo Admin', '198.51.100.9', '9', '1'),
    ('user', '8', 'Team member: Cy Agent', 'Role', 'Agent', NULL, '2026-01-02 09:30:00+00', NULL, NULL, NULL, NULL, NULL),
    ('workweek', '41', 'Schedule: Office', 'Workweek', '{"mon":{"09:00":"17:00"}}', '2026-01-01 10:00:00+00', NULL, '101', 'Ada Admin', '203.0.113.7', '5', '1'),
    ('workweek', '41', 'Schedule: Office', 'Workweek', '{}', NULL, '2026-01-01 10:00:00+00', NULL, NULL, NULL, NULL, NULL);
CREATE TABLE privileged_changes (event_id BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL, actor_id BIGINT, actor_name VARCHAR, kind VARCHAR NOT NULL, object_type VARCHAR, source_id BIGINT, source_label VARCHAR, state VARCHAR, ip_address VARCHAR, batch_id BIGINT NOT NULL);
INSERT INTO privileged_changes VALUES
    ('10', '2026-01-02 10:00:00+00', '101', 'Ada Admin', 'network', 'account_setting', NULL, 'Security: Enable IP restrictions', 'on', '203.0.113.7', '2'),
    ('2', '2026-01-01 09:05:00+00', '101', 'Ada Admin', 'admin_role', 'user', '7', 'Team member: Bo Agent', NULL, '203.0.113.7', '1'),
    ('3', '2026-01-01 09:10:00+00', '101', 'Ada Admin', 'credential', 'api_token', '31', 'API token: Reports', NULL, '203.0.113.7', '1'),
    ('4', '2026-01-01 09:20:00+00', '101', 'Ada Admin', 'network', 'account_setting', NULL, 'Security: Enable IP restrictions', 'off', '203.0.113.7', '1'),
    ('9', '2026-01-02 09:30:00+00', '102', 'Bo Admin', 'admin_role', 'user', '8', 'Team member: Cy Agent', NULL, '198.51.100.9', '2');
CREATE TABLE schedule_history (schedule_id BIGINT NOT NULL, schedule VARCHAR, weekday BIGINT, start_minute BIGINT, end_minute BIGINT, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ, changed_by BIGINT, actor_name VARCHAR, event_id BIGINT, line BIGINT);
INSERT INTO schedule_history VALUES
    ('41', 'Office', '1', '540', '1020', '2026-01-01 10:00:00+00', NULL, '101', 'Ada Admin', '5', '1'),
    ('41', 'Office', NULL, NULL, NULL, NULL, '2026-01-01 10:00:00+00', NULL, NULL, NULL, NULL);
CREATE TABLE setting_state (setting VARCHAR NOT NULL, label VARCHAR, state VARCHAR, since TIMESTAMPTZ NOT NULL, changed_by BIGINT, actor_name VARCHAR, event_id BIGINT NOT NULL, times_changed BIGINT NOT NULL, first_seen TIMESTAMPTZ NOT NULL);
INSERT INTO setting_state VALUES
    ('ip restrictions', 'Security: Enable IP restrictions', 'on', '2026-01-02 10:00:00+00', '101', 'Ada Admin', '10', '2', '2026-01-01 09:20:00+00');
CREATE TABLE sign_ins (event_id BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL, actor_id BIGINT, actor_name VARCHAR, method VARCHAR, host VARCHAR, ip_address VARCHAR, network VARCHAR, batch_id BIGINT NOT NULL);
INSERT INTO sign_ins VALUES
    ('1', '2026-01-01 09:00:00+00', '101', 'Ada Admin', 'google', 'demo.zendesk.com', '203.0.113.7', '203.0.113.0/24', '1'),
    ('8', '2026-01-02 09:00:00+00', '102', 'Bo Admin', 'password', 'demo.zendesk.com', '198.51.100.9', '198.51.100.0/24', '2');
CREATE TABLE user_role_history (user_id BIGINT NOT NULL, user_name VARCHAR, product VARCHAR NOT NULL, role VARCHAR, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ, granted_by BIGINT, actor_name VARCHAR, ip_address VARCHAR, event_id BIGINT, line BIGINT, is_admin BOOLEAN NOT NULL);
INSERT INTO user_role_history VALUES
    ('7', 'Bo Agent', 'support', 'Administrator', '2026-01-01 09:05:00+00', NULL, '101', 'Ada Admin', '203.0.113.7', '2', '1', 'true'),
    ('7', 'Bo Agent', 'support', 'Agent', NULL, '2026-01-01 09:05:00+00', NULL, NULL, NULL, NULL, NULL, 'false'),
    ('8', 'Cy Agent', 'support', 'Administrator', '2026-01-02 09:30:00+00', NULL, '102', 'Bo Admin', '198.51.100.9', '9', '1', 'true'),
    ('8', 'Cy Agent', 'support', 'Agent', NULL, '2026-01-02 09:30:00+00', NULL, NULL, NULL, NULL, NULL, 'false');
CREATE TABLE warehouse_meta (name VARCHAR NOT NULL, value VARCHAR NOT NULL);
INSERT INTO warehouse_meta VALUES
    ('account', 'https://demo.zendesk.com'),
    ('schema_version', '1');
CREATE VIEW audit_events AS
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
    -- The patterns of analysis/secrets.py.
    coalesce(regexp_matches(
        change_description,
        '()-----BEGIN [A-Z0-9 ]+-----(?:[^-]|-[^-])*(?:-----END [A-Z0-9 ]+-----)?()' ||
        '|(\b(?i:bearer|basic) +)[A-Za-z0-9._~+/=-]{8,}()' ||
        '|(\b(?i:authorization)(?:["''\\]|&(?:amp;)?(?:quot|#39);)*\s*[:=]\s*(?:["''\\]|&(?:amp;)?(?:quot|#39);)*)(?:[A-Za-z]+ +)?[^\s"''&,;<>{}()\[\]\\]{6,}()' ||
        '|([A-Za-z0-9+.-]://)[^/\s:@"''<>\[\]]*:[^@\s/"''<>]+(@)' ||
        '|(https://hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9/_-]+()' ||
        '|()\beyJ[A-Za-z0-9_.-]{8,}()' ||
        '|()\bxox[a-z]-[A-Za-z0-9-]{6,}()' ||
        '|()\b(?:AKIA|ASIA)[0-9A-Z]{16}\b()' ||
        '|()\bgh[oprsu]_[A-Za-z0-9]{20,}()' ||
        '|()\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}()' ||
        '|()\bAIza[A-Za-z0-9_-]{30,}()' ||
        '|(\b(?i:[a-z_]*(?:token|secret|password|passwd|passphrase|signature)|(?:api|access|private)[ _-]?key)(?:["''\\]|&(?:amp;)?(?:quot|#39);)*\s*(?::|=|=>|=&(?:amp;)?gt;)\s*(?:["''\\]|&(?:amp;)?(?:quot|#39);)*)[^\s"''&,;<>{}()\[\]\\]{6,}()' ||
        '|(\b(?i:[a-z_]*(?:token|secret|password|passwd|passphrase|signature)|(?:api|access|private)[ _-]?key) changed from (?:not set to )?)[^\s"''&,;<>{}()\[\]\\]{8,}(?: to [^\s"''&,;<>{}()\[\]\\]+(?: set\b)?)?()'
    ), false) AS holds_secret
FROM expanded;
