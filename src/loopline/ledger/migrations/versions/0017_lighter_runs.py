"""Indexes of runs that hold only what somebody looks for: each page that a new run touches is written once more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

PARTIAL = {
    "runs_parent": ("parent", ["parent"]),
    "runs_code": ("code", ["code", "project", "id"]),
    "runs_environment": ("environment", ["environment", "project", "id"]),
    "runs_commit": ("git_commit", ["project", "git_commit"]),
}
"""What each asks for, which many runs lack, and its columns."""


def upgrade() -> None:
    """Leave out the runs that lack it, and drop what another index begins with."""
    op.drop_index("runs_recent", "runs")  # runs_names begins so
    for name, (asked, columns) in PARTIAL.items():
        where = sa.text(f"{asked} IS NOT NULL")
        op.drop_index(name, "runs")
        op.create_index(name, "runs", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
