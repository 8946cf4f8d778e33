"""The baseline of sync.py and latency.py: fetch page after page, INSERT 10,000 rows at a time, no guarantees.

Of the plain loops tried this one takes the least CPU (see README.md). `python benchmarks/sequential.py URL FILE [ROWS]`
"""

import json
import sys

import duckdb
import pyarrow as pa
import requests
from usage import Measurement

NUMBERS = ("id", "actor_id", "source_id")
TEXTS = ("url", "action_label", "source_type", "source_label", "action", "change_description", "ip_address")
COLUMNS = dict.fromkeys(NUMBERS, "BIGINT") | dict.fromkeys((*TEXTS, "actor_name"), "VARCHAR")
SCHEMA = pa.schema([(name, pa.int64() if name in NUMBERS else pa.string()) for name in (*COLUMNS, "created_at")])


def main(url: str, path: str, rows_per_insert: int) -> None:
    measured = Measurement()
    session = requests.Session()
    session.headers["Authorization"] = "Bearer emulator-access-token"
    connection = duckdb.connect(path)
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"CREATE TABLE audit_logs ({columns}, created_at TIMESTAMPTZ)")
    pages, rows = 0, []
    while url:
        response = session.get(url, timeout=30)
        response.raise_for_status()
        content = json.loads(response.content)
        pages += 1
        rows += content["audit_logs"]
        url = content["links"]["next"] if content["meta"]["has_more"] else ""
        if len(rows) >= rows_per_insert or not url:
            connection.register("page", pa.Table.from_pylist(rows, schema=SCHEMA))
            connection.execute("INSERT INTO audit_logs BY NAME FROM page")
            connection.unregister("page")
            rows = []
    connection.close()
    measured.report(requests=pages)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 10_000)
