"""What trackers keep beside runs: tags of what is no run, datasets as clients describe them, models that runs log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text, Real = sa.Text, sa.Double


def col(name: str, kind: Any = Text, *, key: bool = False, null: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, primary_key=key, nullable=null, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Make the tables."""
    op.add_column("experiments", col("updated_at", BIG, null=True))
    op.create_table("taggings", col("subject", key=True), col("key", key=True), col("value"))
    op.create_index("taggings_key", "taggings", ["key", "value"])
    op.create_table(
        "datasets",
        col("digest", key=True),
        col("name"),
        col("sum"),
        col("source_type"),
        col("source"),
        col("schema"),
        col("profile"),
    )
    op.create_index("datasets_name", "datasets", ["name", "sum"])
    op.create_table(
        "logged_models",
        col("id", key=True),
        col("project"),
        col("experiment", BIG),
        col("run", null=True),
        col("name"),
        col("kind"),
        col("state"),
        col("message", default=""),
        col("digest", null=True),
        col("created_at", BIG),
        col("updated_at", BIG),
        col("deleted_at", BIG, null=True),
    )
    op.create_index("logged_models_experiment", "logged_models", ["experiment", "created_at"])
    op.create_index("logged_models_run", "logged_models", ["run"])
    op.create_index("logged_models_digest", "logged_models", ["digest"])
    op.create_table("model_params", col("model", key=True), col("key", key=True), col("value"))
    op.create_table(
        "model_metrics",
        col("model", key=True),
        col("run", key=True),
        col("key", key=True),
        col("dataset", key=True),
        col("sum", key=True),
        col("step", BIG),
        col("time", BIG),
        col("value", Real, null=True),
    )
    op.create_index("model_metrics_run", "model_metrics", ["run", "key"])


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
