"""Who is writing bytes that no row names yet, and what was taken out of the store because nothing names it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, key: bool = False, null: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, primary_key=key, nullable=null, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "writers", col("id", key=True), col("began", BIG), col("beat", BIG), col("place"), col("since", BIG)
    )
    op.create_table(
        "reclaims",
        col("number", BIG, key=True),
        col("opened", BIG),
        col("closed", BIG, null=True),
        col("state"),
        col("place"),
        col("objects", BIG, default="0"),
        col("bytes", BIG, default="0"),
        col("at", BIG),
        col("ended_at", BIG, null=True),
    )


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
