"""What is staged on a branch, over a root that it was folded into; buckets, uploads in parts, and sums of bytes beside sha256."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Make the tables. Nothing has ever been staged in the old one."""
    op.drop_table("staging")
    op.create_table(
        "staging",
        col("owner", key=True),
        col("whole", BIG, key=True),
        col("path", key=True),
        col("seq", BIG),
        col("digest", null=True),
        col("size", BIG),
        col("mode", BIG),
        col("notes", default=""),
        col("actor", default=""),
        col("recorded_at", BIG),
    )
    op.create_table(
        "workings",
        col("owner", key=True),
        col("last", BIG),
        col("folded", BIG, default="0"),
        col("base", BIG, null=True),
        col("root", null=True),
        col("notes", null=True),
        col("recorded_at", BIG),
    )
    doors()


def doors() -> None:
    """Make what clients of other tools need beside."""
    op.create_table(
        "buckets",
        col("name", key=True),
        col("asset", BIG),
        col("ref"),
        col("auto_commit", BIG, default="0"),
        col("created_at", BIG),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"]),
    )
    op.create_index("buckets_asset", "buckets", ["asset"])
    op.create_table(
        "multiparts",
        col("id", key=True),
        col("owner"),
        col("path"),
        col("notes"),
        col("done", default=""),
        col("actor"),
        col("created_at", BIG),
    )
    op.create_index("multiparts_owner", "multiparts", ["owner", "path", "id"])
    op.create_table(
        "parts",
        col("multipart", key=True),
        col("number", BIG, key=True),
        col("digest"),
        col("size", BIG),
        col("md5"),
        col("sums", default=""),
        col("recorded_at", BIG),
        sa.ForeignKeyConstraint(["multipart"], ["multiparts.id"]),
    )
    op.create_table(
        "sums",
        col("digest", key=True),
        col("algorithm", key=True),
        col("value"),
    )


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
