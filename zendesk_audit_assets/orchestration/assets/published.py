"""What readers open: the published DuckDB file, and Parquet."""

import dagster as dg

from zendesk_audit_assets.orchestration.assets.common import OWNERS, TAGS, failures_as_messages
from zendesk_audit_assets.orchestration.assets.findings import FINDINGS_KEY
from zendesk_audit_assets.orchestration.resources import WarehouseResource
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.warehouse.copies import (
    PUBLISHING_SHARE,
    Published,
    export_parquet,
    publish,
)

PUBLISHED_KEY = dg.AssetKey("published_warehouse")
PARQUET_KEY = dg.AssetKey("published_parquet")


class PublishConfig(dg.Config):
    """What a run may choose."""

    force: bool = False
    """Publish even if the last copy is so recent that copying takes more than its share of the time."""


def build_published() -> list[dg.AssetsDefinition]:
    """The published copy, and the Parquet files made from it."""
    return [published_warehouse, published_parquet]


@dg.asset(
    key=PUBLISHED_KEY,
    deps=["audit_logs", *(table.name for table in DERIVED), FINDINGS_KEY],
    group_name="published",
    kinds={"duckdb"},
    owners=OWNERS,
    tags=TAGS,
    description=(
        "A copy of the warehouse to query while runs go on; open it read-only. It is replaced as a whole, "
        f"and copying takes at most {PUBLISHING_SHARE:.0%} of the time."
    ),
)
def published_warehouse(
    config: PublishConfig, warehouse: dg.ResourceParam[WarehouseResource]
) -> dg.MaterializeResult[None]:
    with failures_as_messages():
        done = publish(warehouse.warehouse(), force=config.force)
        if done is None:
            return dg.MaterializeResult(metadata={"published": False, "note": "The last copy is recent enough."})
        return dg.MaterializeResult(metadata={"published": True, **_metadata(done)})


@dg.asset(
    key=PARQUET_KEY,
    deps=[PUBLISHED_KEY],
    group_name="published",
    kinds={"parquet"},
    owners=OWNERS,
    tags=TAGS,
    description="A Parquet file per table, all of the same moment, for tools that do not read DuckDB files.",
)
def published_parquet(warehouse: dg.ResourceParam[WarehouseResource]) -> dg.MaterializeResult[None]:
    with failures_as_messages():
        return dg.MaterializeResult(metadata=_metadata(export_parquet(warehouse.warehouse())))


def _metadata(done: Published) -> dict[str, dg.MetadataValue]:
    lines = ["| table | rows |", "| --- | ---: |", *(f"| {table} | {rows:,} |" for table, rows in done.rows.items())]
    return {
        "path": dg.MetadataValue.path(str(done.path)),
        "dagster/uri": dg.MetadataValue.url(done.path.as_uri()),
        "bytes": dg.MetadataValue.int(done.bytes),
        "seconds": dg.MetadataValue.float(round(done.seconds, 2)),
        "tables": dg.MetadataValue.md("\n".join(lines)),
    }
