"""Merges in which paths clash, and what was chosen for them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Create the tables. One merge of a ref is open at a time; the database holds it to that."""
    op.create_table(
        "merges",
        col("id", key=True),
        col("project"),
        col("asset", BIG),
        col("ref"),
        col("kind"),
        col("source", default=""),
        col("base", BIG, null=True),
        col("ours", BIG),
        col("theirs", BIG, null=True),
        col("message", default=""),
        col("state"),
        col("actor"),
        col("created_at", BIG),
        col("closed_at", BIG, null=True),
        col("version", BIG, null=True),
        col("change", null=True),
    )
    op.create_index("merges_project", "merges", ["project", "id"])
    op.create_index(
        "merges_open",
        "merges",
        ["asset", "ref"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "resolutions",
        col("merge", key=True),
        col("seq", BIG, key=True),
        col("pattern"),
        col("choice"),
        col("digest", null=True),
        col("size", BIG, default="0"),
        col("mode", BIG, default="0"),
        col("actor"),
        col("recorded_at", BIG),
    )
    op.create_index("resolutions_digest", "resolutions", ["digest"])


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
