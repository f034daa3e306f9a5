"""How the processes behind services do, as their hosts have seen it last. Telemetry: no events are written of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def col(name: str, kind: Any = sa.Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Create the table of deployments."""
    op.create_table(
        "deployments",
        col("project", key=True),
        col("ref", key=True),
        col("state"),
        col("serving", BIG, null=True),
        col("url", default=""),
        col("port", BIG, default="0"),
        col("host", default=""),
        col("pids", default=""),
        col("restarts", BIG, default="0"),
        col("message", default=""),
        col("seen_at", BIG),
    )


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
