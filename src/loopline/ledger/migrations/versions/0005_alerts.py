"""What monitors saw: alerts, silences, and how far each monitor has looked."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Create the tables. One monitor of one service has at most one alert that is open."""
    op.create_table(
        "alerts",
        col("id", key=True),
        col("project"),
        col("service"),
        col("monitor"),
        col("kind"),
        col("severity"),
        col("summary"),
        col("opened_at", BIG),
        col("event_time", BIG),
        col("change", default=""),
        col("facts"),
        col("updated_at", BIG),
        col("resolved_at", BIG, null=True),
        col("acknowledged_by", default=""),
        col("acknowledged_at", BIG, null=True),
        col("silenced", BIG, default="0"),
    )
    op.create_index("alerts_project", "alerts", ["project", "id"])
    op.create_index("alerts_change", "alerts", ["change"])
    op.create_index(
        "alerts_open",
        "alerts",
        ["project", "service", "monitor"],
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "silences",
        col("id", key=True),
        col("project"),
        col("pattern"),
        col("ends_at", BIG),
        col("why"),
        col("created_by"),
        col("created_at", BIG),
    )
    op.create_index("silences_project", "silences", ["project", "ends_at"])
    op.create_table(
        "monitors",
        col("project", key=True),
        col("service", key=True),
        col("monitor", key=True),
        col("looked_at", BIG),
        col("state"),
        col("updated_at", BIG),
    )


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
