"""The derived tables as assets, in the order in which they build on each other, with their charts."""

import dagster as dg
import duckdb

from zendesk_audit_assets.analysis.charts import CHARTS
from zendesk_audit_assets.analysis.tables import DERIVED, DerivedTable
from zendesk_audit_assets.assets.common import OWNERS, TAGS, errors_in_words, file_uri, table_metadata
from zendesk_audit_assets.resources import WarehouseResource
from zendesk_audit_assets.warehouse import derived
from zendesk_audit_assets.warehouse.schema import scalar


class SummaryConfig(dg.Config):
    """What a run may choose."""

    full_rebuild: bool = False
    """Compute the table from the whole log instead of from what is new; the result is the same."""


def build_summaries() -> list[dg.AssetsDefinition]:
    """An asset per derived table."""
    return [_summary(table) for table in DERIVED]


def _summary(table: DerivedTable) -> dg.AssetsDefinition:
    @dg.asset(
        name=table.name,
        deps=list(table.depends_on),
        group_name=table.group,
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        tags=TAGS,
        metadata={
            **table_metadata(table.name, table.columns),
            "sql": dg.MetadataValue.md(f"```sql\n{table.sql.strip()}\n```"),
        },
        description=table.meaning,
    )
    def summary(config: SummaryConfig, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        with errors_in_words(), warehouse.get_connection() as connection:
            done = derived.refresh(connection, table, timezone=warehouse.zone(), full=config.full_rebuild)
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": done.rows_total,
                    "rows_written": done.rows_written,
                    "rebuilt": done.full,
                    "note": done.note,
                    "dagster/uri": dg.MetadataValue.url(file_uri(warehouse.warehouse())),
                    **_figures(connection, table),
                    **_charts(connection, table),
                }
            )

    return summary


def _figures(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> dict[str, float]:
    """Without those that an empty table does not have."""
    figures = {name: scalar(connection, f'SELECT {sql} FROM "{table.name}"') for name, sql in table.figures}
    return {name: value for name, value in figures.items() if value is not None}


def _charts(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> dict[str, dg.MetadataValue]:
    return {
        chart.name: dg.MetadataValue.md(chart.draw(connection.sql(chart.sql).pl()))
        for chart in CHARTS
        if chart.table == table.name
    }
