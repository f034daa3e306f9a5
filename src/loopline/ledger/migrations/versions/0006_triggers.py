"""What triggers have met, what they did about it, and how far each has looked."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Create the tables. One trigger meets one cause once; the database holds it to that."""
    op.create_table(
        "firings",
        col("id", key=True),
        col("project"),
        col("name"),
        col("cause"),
        col("why"),
        col("state"),
        col("fired_at", BIG),
        col("chain", default=""),
        col("propose", default=""),
        col("target", default=""),
        col("task", default=""),
        col("run", default=""),
        col("change", default=""),
        col("incident", default=""),
        col("error", default=""),
        col("ended_at", BIG, null=True),
    )
    op.create_index("firings_cause", "firings", ["project", "name", "cause"], unique=True)
    op.create_index("firings_fired", "firings", ["project", "name", "fired_at"])
    op.create_index("firings_task", "firings", ["task"])
    op.create_index("firings_change", "firings", ["change"])
    op.create_index(
        "firings_open",
        "firings",
        ["project", "id"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "trigger_marks",
        col("project", key=True),
        col("name", key=True),
        col("declared"),
        col("position", BIG),
        col("looked_at", BIG),
        col("held", BIG, default="0"),
        col("held_why", default=""),
    )
    op.create_index("changes_closed", "changes", ["project", "closed_seq"])


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
