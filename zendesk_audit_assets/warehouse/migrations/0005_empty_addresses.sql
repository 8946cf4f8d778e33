UPDATE audit_logs SET ip_address = NULL WHERE trim(ip_address) = '';
UPDATE audit_log_revisions SET ip_address = NULL WHERE trim(ip_address) = '';
