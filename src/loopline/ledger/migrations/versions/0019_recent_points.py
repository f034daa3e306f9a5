"""Points that came in batches of many series, until they go to the others: they share their pages meanwhile."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "recent_points",
        *(
            sa.Column(name, BIG, primary_key=True, nullable=False, autoincrement=False)
            for name in ("series", "step", "time", "n")
        ),
        sa.Column("value", sa.Double),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
