"""The assets for readers: the published DuckDB file, and Parquet files made from it."""

import dagster as dg

from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.orchestration.assets.common import failures_as_messages
from zendesk_audit_assets.orchestration.resources import WAREHOUSE, needed, warehouse_of
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.warehouse.copies import (
    PUBLISHING_SHARE,
    Published,
    export_parquet,
    publish,
)

PUBLISHED, PARQUET = "published_warehouse", "published_parquet"

# What the copy is made of.
COPIED = (AUDIT_LOGS.name, *(table.name for table in DERIVED), FINDINGS.name)

# The other formats, each made from the copy every night.
EXPORTS = (PARQUET,)


class PublishConfig(dg.Config):
    """Options of a run."""

    force: bool = False
    """Publish now, regardless of the throttle on copying."""


def build_published(scope: Scope) -> list[dg.AssetsDefinition]:
    """The assets `published_warehouse`, and `published_parquet` made from it."""
    return [_published_warehouse(scope), _published_parquet(scope)]


def _published_warehouse(scope: Scope) -> dg.AssetsDefinition:
    @dg.asset(
        key=scope.asset_key(PUBLISHED),
        deps=[scope.asset_key(name) for name in COPIED],
        required_resource_keys=needed(scope, WAREHOUSE),
        group_name=scope.group("published"),
        owners=scope.owners,
        tags=scope.asset_tags,
        kinds={"duckdb"},
        description=(
            "A copy of the warehouse for queries while runs continue; open it read-only. Each publication replaces the "
            f"whole file, and copying takes at most {PUBLISHING_SHARE:.0%} of the time."
        ),
    )
    def published_warehouse(context: dg.AssetExecutionContext, config: PublishConfig) -> dg.MaterializeResult[None]:
        with failures_as_messages(context.selected_asset_keys, scope):
            done = publish(warehouse_of(context, scope).warehouse(), force=config.force)
            if done is None:
                return dg.MaterializeResult(metadata={"published": False, "note": "The last copy is recent enough."})
            return dg.MaterializeResult(metadata={"published": True, **_metadata(done)})

    return published_warehouse


def _published_parquet(scope: Scope) -> dg.AssetsDefinition:
    @dg.asset(
        key=scope.asset_key(PARQUET),
        deps=[scope.asset_key(PUBLISHED)],
        required_resource_keys=needed(scope, WAREHOUSE),
        group_name=scope.group("published"),
        owners=scope.owners,
        tags=scope.asset_tags,
        kinds={"parquet"},
        description="A Parquet file per table, all of the same moment, for tools that do not read DuckDB files.",
    )
    def published_parquet(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with failures_as_messages(context.selected_asset_keys, scope):
            return dg.MaterializeResult(metadata=_metadata(export_parquet(warehouse_of(context, scope).warehouse())))

    return published_parquet


def _metadata(done: Published) -> dict[str, dg.MetadataValue]:
    lines = ["| table | rows |", "| --- | ---: |", *(f"| {table} | {rows:,} |" for table, rows in done.rows.items())]
    return {
        "path": dg.MetadataValue.path(str(done.path)),
        "dagster/uri": dg.MetadataValue.url(done.path.as_uri()),
        "bytes": dg.MetadataValue.int(done.bytes),
        "seconds": dg.MetadataValue.float(round(done.seconds, 2)),
        "tables": dg.MetadataValue.md("\n".join(lines)),
    }
