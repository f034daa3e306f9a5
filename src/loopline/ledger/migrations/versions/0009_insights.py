"""What a team says about its practices, and what people say to a survey."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Create the tables. A response has no name and no time: what is not there cannot be told."""
    op.create_table(
        "assessments",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        col("project"),
        col("practice"),
        col("answer"),
        col("note"),
        col("actor"),
        col("at", BIG),
    )
    op.create_index("assessments_practice", "assessments", ["project", "practice", "id"])
    op.create_table(
        "responses",
        col("project", key=True),
        col("question", key=True),
        col("period", key=True),
        col("mark", key=True),
        col("value", sa.Integer),
    )
    op.create_table("response_keys", col("project", key=True), col("period", key=True), col("secret"))


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
