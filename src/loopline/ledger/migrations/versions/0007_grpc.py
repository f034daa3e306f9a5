"""Where deployments speak gRPC."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text


def col(name: str, kind: Any = Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Give a deployment a second port that it keeps, and a second address at which it is found."""
    op.add_column("deployments", col("grpc", default=""))
    op.add_column("deployments", col("grpc_port", sa.Integer, default="0"))


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
