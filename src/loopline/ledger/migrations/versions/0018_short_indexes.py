"""Indexes that hold the beginnings of long texts: PostgreSQL takes no row whose entry in one is longer than 2,704 bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SHORT = {
    "params_key": ("params", "key", "value"),
    "tags_key": ("tags", "key", "value"),
    "taggings_key": ("taggings", "key", "value"),
    "traces_session": ("traces", "session"),
}
"""The table of each, and its columns. The last is a text of any length."""


def upgrade() -> None:
    """Make them anew where they are too long. SQLite, which has no such limit, keeps the whole texts."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, (table, *columns, long) in SHORT.items():
        op.drop_index(name, table)
        op.create_index(name, table, [*map(sa.text, columns), sa.text(f"left({long}, 200)")])


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
