"""The derived tables brought up to date in a process of their own. `python benchmarks/summarized.py FILE`

As Dagster's assets do it: one transaction each. A table that is missing is built from the whole log.
"""

import sys
import time

from usage import Measured

from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.database import Warehouse


def main(path: str) -> None:
    measured = Measured()
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
