"""What a task may do and which run it begins, and a way to what one actor did and to the checks that wait for a run."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

EVERYTHING = json.dumps([{"verbs": ["*"], "project": "*", "assets": "*"}])
"""Scopes of a token that narrows nothing."""


def col(name: str) -> Any:
    """One text that may be empty."""
    return sa.Column(name, sa.Text, nullable=True)


def upgrade() -> None:
    """Add columns and indexes. Tasks that were asked for by somebody known are held against their roles, as of then."""
    op.add_column("tasks", col("scopes"))
    op.add_column("tasks", col("run"))
    op.execute(sa.text("UPDATE tasks SET scopes = :scopes WHERE verified = 1").bindparams(scopes=EVERYTHING))
    op.create_index("events_actor", "events", ["project", "actor", "seq"])
    op.create_index("verdicts_run", "verdicts", ["project", "run"])


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
