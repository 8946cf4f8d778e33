"""Own your Zendesk audit log: extraction, coverage and analysis as Dagster assets over DuckDB."""
