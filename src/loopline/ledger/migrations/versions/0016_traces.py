"""What programs tell of their requests: traces with their spans, what is said about them, and what they belong to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text, Real = sa.Text, sa.Double


def col(name: str, kind: Any = Text, *, key: bool = False, null: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, primary_key=key, nullable=null, server_default=default, autoincrement=False)


def upgrade() -> None:
    """Make the tables."""
    traces()
    spans_and_feedbacks()


def traces() -> None:
    """Traces, what their programs say of them, and the runs and prompts that they belong to."""
    op.create_table(
        "traces",
        sa.Column("number", BIG, primary_key=True, autoincrement=True),
        col("project"),
        col("id"),
        col("experiment", BIG),
        col("name", null=True),
        col("state"),
        col("time", BIG),
        col("duration", BIG, null=True),
        col("client", null=True),
        col("request", null=True),
        col("response", null=True),
        col("session", null=True),
        col("tokens", default="{}"),
        col("cost", default="{}"),
        col("spans", BIG, default="0"),
        col("told", BIG, default="0"),
        col("recorded_at", BIG),
        sa.UniqueConstraint("project", "id"),
    )
    op.create_index("traces_experiment", "traces", ["experiment", "time"])
    op.create_index("traces_project", "traces", ["project", "time"])
    op.create_index("traces_session", "traces", ["session"])
    op.create_table("trace_facts", col("trace", BIG, key=True), col("key", key=True), col("value"))
    op.create_table("trace_links", col("trace", BIG, key=True), col("kind", key=True), col("target", key=True))
    op.create_index("trace_links_target", "trace_links", ["kind", "target"])


def spans_and_feedbacks() -> None:
    """The parts of traces, and what is said about them."""
    op.create_table(
        "spans",
        col("trace", BIG, key=True),
        col("id", key=True),
        col("parent", null=True),
        col("name"),
        col("kind"),
        col("state"),
        col("began_ns", BIG),
        col("ended_ns", BIG, null=True),
        col("tokens", null=True),
        col("cost", null=True),
        col("model", null=True),
        col("content"),
    )
    op.create_table(
        "feedbacks",
        col("trace", BIG, key=True),
        col("id", key=True),
        col("kind"),
        col("name"),
        col("value"),
        col("number", Real, null=True),
        col("error", null=True),
        col("source_kind"),
        col("source"),
        col("rationale", null=True),
        col("facts", default="{}"),
        col("span", null=True),
        col("run", null=True),
        col("overrides", null=True),
        col("valid", BIG, default="1"),
        col("created_at", BIG),
        col("updated_at", BIG),
    )
    op.create_index("feedbacks_name", "feedbacks", ["name", "trace"])


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
