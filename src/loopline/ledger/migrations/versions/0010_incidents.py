"""Since when something was wrong, what was about it, who says which change caused it, and how it ended."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, null: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, server_default=default)


def upgrade() -> None:
    """Add the columns. Of what there is already nobody knows more than it says."""
    op.add_column("incidents", col("about", default=""))
    op.add_column("incidents", col("began_at", BIG, null=True))
    op.add_column("incidents", col("resolved_by", default=""))
    op.add_column("incidents", col("resolution", default=""))
    op.add_column("blames", col("actor", default=""))
    op.add_column("blames", col("at", BIG, default="0"))
    op.add_column("blames", col("why", default=""))
    op.add_column("comments", col("incident", default=""))
    op.create_index("comments_incident", "comments", ["incident", "id"])


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
