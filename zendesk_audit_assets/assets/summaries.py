"""The derived tables as assets, in the order in which they build on each other, with their charts."""

from collections.abc import Callable, Mapping

import dagster as dg
import duckdb
import polars as pl

from zendesk_audit_assets.analysis import charts
from zendesk_audit_assets.analysis.tables import DERIVED, DerivedTable, query
from zendesk_audit_assets.assets.common import OWNERS, TAGS, errors_in_words, file_uri, table_metadata
from zendesk_audit_assets.resources import WarehouseResource
from zendesk_audit_assets.warehouse import derived

# Per table: the charts on its page, each drawn from the query `analysis/sql/chart_<name>.sql`.
CHARTS: Mapping[str, Mapping[str, Callable[[pl.DataFrame], str]]] = {
    "daily_activity": {"hour_by_weekday": charts.hour_by_weekday, "events_per_day": charts.events_per_day},
    "actor_summary": {"top_actors": charts.top_actors},
    "action_summary": {"top_actions": charts.top_actions},
}


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
        group_name="summaries",
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        tags=TAGS,
        metadata=table_metadata(table.name, table.columns),
        description=f"{table.meaning}\n\n```sql\n{table.sql.strip()}\n```",
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
                    **_charts(connection, table),
                }
            )

    return summary


def _charts(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> dict[str, dg.MetadataValue]:
    return {
        name: dg.MetadataValue.md(draw(connection.sql(query(f"chart_{name}")).pl()))
        for name, draw in CHARTS.get(table.name, {}).items()
    }
