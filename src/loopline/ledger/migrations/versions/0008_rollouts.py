"""Changes that roll: how far they have come."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Create the tables. One change at a time rolls on a deployment; the database holds it to that. A host says which can."""
    op.create_table(
        "rollouts",
        col("change", key=True),
        col("project"),
        col("ref"),
        col("old", sa.Integer),
        col("new", sa.Integer),
        col("state"),
        col("plan"),
        col("progress"),
        col("judged", default=""),
        col("forecast", default=""),
        col("looked_at", BIG, default="0"),
        col("run", default=""),
    )
    op.create_index(
        "rollouts_open",
        "rollouts",
        ["project", "ref"],
        unique=True,
        sqlite_where=sa.text("state IN ('waiting', 'rolling', 'paused')"),
        postgresql_where=sa.text("state IN ('waiting', 'rolling', 'paused')"),
    )
    op.create_index("rollouts_project", "rollouts", ["project", "change"])
    op.add_column("deployments", col("rolls", default=""))
    op.create_table(
        "rollout_weights",
        col("change", key=True),
        col("number", sa.Integer, key=True),
        col("since", BIG),
        col("weight", sa.Double),
        col("step", sa.Integer),
    )


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
