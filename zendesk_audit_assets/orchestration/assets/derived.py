"""The derived tables as assets, with their metrics and charts."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from zendesk_audit_assets.orchestration.assets.common import (
    failures_as_messages,
    table_metadata,
)
from zendesk_audit_assets.orchestration.resources import WAREHOUSE, needed, warehouse_of
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.transform import DERIVED, DerivedTable, refresh
from zendesk_audit_assets.transform.charts import CHARTS
from zendesk_audit_assets.warehouse.catalog import scalar
from zendesk_audit_assets.warehouse.database import Warehouse


class DerivedConfig(dg.Config):
    """Options of a run."""

    full_rebuild: bool = False
    """Rebuild the selected tables from the full log; the result is the same."""


def build_derived(scope: Scope) -> dg.AssetsDefinition:
    """One asset per derived table; any selection of them runs in one step, which opens the file once."""

    @dg.multi_asset(
        name=scope.prefixed("derived_tables"),
        specs=[_spec(scope, table) for table in DERIVED],
        can_subset=True,
        required_resource_keys=needed(scope, WAREHOUSE),
    )
    def derived_tables(
        context: dg.AssetExecutionContext, config: DerivedConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        warehouse = warehouse_of(context, scope)
        chosen = [table for table in DERIVED if scope.asset_key(table.name) in context.selected_asset_keys]
        file = warehouse.warehouse()
        with failures_as_messages(context.selected_asset_keys, scope), file.transactions() as transaction:
            for table in chosen:
                with transaction() as connection:
                    done = refresh.refresh(connection, table, timezone=warehouse.zone(), full=config.full_rebuild)
                    metadata = _metadata(connection, table, done, file)
                yield dg.MaterializeResult(asset_key=scope.asset_key(table.name), metadata=metadata)

    return derived_tables


def _spec(scope: Scope, table: DerivedTable) -> dg.AssetSpec:
    return dg.AssetSpec(
        scope.asset_key(table.name),
        deps=[scope.asset_key(name) for name in table.depends_on],
        group_name=scope.group(table.group),
        owners=scope.owners,
        tags=scope.asset_tags,
        kinds={"duckdb", "sql"},
        metadata={
            **table_metadata(table.name, table.columns),
            "sql": dg.MetadataValue.md(f"```sql\n{table.sql.strip()}\n```"),
        },
        description=table.description,
    )


def _metadata(
    connection: duckdb.DuckDBPyConnection, table: DerivedTable, done: refresh.Refreshed, file: Warehouse
) -> dict[str, Any]:
    return {
        "dagster/row_count": done.rows_total,
        "rows_written": done.rows_written,
        "rebuilt": done.full,
        "note": done.note,
        "dagster/uri": dg.MetadataValue.url(file.uri),
        **_metrics(connection, table),
        **_charts(connection, table),
    }


def _metrics(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> dict[str, float]:
    """The metrics of a table, without those that an empty table does not have."""
    metrics = {name: scalar(connection, f'SELECT {sql} FROM "{table.name}"') for name, sql in table.metrics}
    return {name: value for name, value in metrics.items() if value is not None}


def _charts(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> dict[str, dg.MetadataValue]:
    return {
        chart.name: dg.MetadataValue.md(chart.draw(connection.sql(chart.sql).pl()))
        for chart in CHARTS
        if chart.table == table.name
    }
