"""Refresh all derived tables in a process of their own. `python benchmarks/run_refresh.py FILE`

Each table has its own transaction, as in Dagster's assets. A missing table is built from the whole log.
"""

import sys
import time

from usage import Measurement

from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.database import Warehouse


def main(path: str) -> None:
    measured = Measurement()
    warehouse = Warehouse(path)
    seconds, rows = {}, {}
    with warehouse.transactions() as transaction:
        for table in DERIVED:
            started = time.perf_counter()
            with transaction() as connection:
                rows[table.name] = refresh.refresh(connection, table).rows_total
            seconds[table.name] = time.perf_counter() - started
    measured.report(seconds=seconds, rows=rows)


if __name__ == "__main__":
    main(sys.argv[1])
