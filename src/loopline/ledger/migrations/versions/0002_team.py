"""What a team's server needs: people, tokens, sessions, tasks, answers that may be repeated, comments, subscriptions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text, Real = sa.Text, sa.Double


def col(name: str, kind: Any = Text, *, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """One column."""
    return sa.Column(name, kind, nullable=null, primary_key=key, server_default=default, autoincrement=False)


def serial(name: str = "id") -> Any:
    """A number that the database hands out."""
    return sa.Column(name, BIG, primary_key=True, autoincrement=True)


def upgrade() -> None:
    """Create every table."""
    identity()
    requests()
    work()
    discussion()
    searching()
    subscriptions()


def identity() -> None:
    """People, tokens, browser sessions, and logins of devices that wait for an answer."""
    op.create_table(
        "people",
        col("actor", key=True),
        col("issuer", default=""),
        col("subject", default=""),
        col("email", default=""),
        col("title", default=""),
        col("created_at", BIG),
        col("seen_at", BIG, null=True),
        col("disabled_at", BIG, null=True),
    )
    op.create_index("grants_actor", "grants", ["actor"])
    op.create_index("people_subject", "people", ["issuer", "subject"])
    op.create_table(
        "tokens",
        col("id", key=True),
        col("hash"),
        col("actor"),
        col("name"),
        col("scopes"),
        col("created_by"),
        col("created_at", BIG),
        col("expires_at", BIG, null=True),
        col("revoked_at", BIG, null=True),
        col("used_at", BIG, null=True),
        sa.UniqueConstraint("hash"),
    )
    op.create_index("tokens_actor", "tokens", ["actor"])
    op.create_table(
        "sessions",
        col("hash", key=True),
        col("actor"),
        col("csrf"),
        col("created_at", BIG),
        col("expires_at", BIG),
        col("token", null=True),
    )
    op.create_index("sessions_actor", "sessions", ["actor"])
    op.create_table(
        "devices",
        col("hash", key=True),
        col("user_code"),
        col("client"),
        col("created_at", BIG),
        col("expires_at", BIG),
        col("actor", null=True),
        col("token", null=True),
        col("state"),
        col("asked_at", BIG, default="0"),
        sa.UniqueConstraint("user_code"),
    )


def requests() -> None:
    """Answers to requests that may be sent again, and which bytes a project holds."""
    op.create_table(
        "replies",
        col("project", key=True),
        col("actor", key=True),
        col("key", key=True),
        col("request"),
        col("status", BIG),
        col("body"),
        col("at", BIG),
    )
    op.create_index("replies_at", "replies", ["at"])
    op.create_table("holdings", col("project", key=True), col("digest", key=True))
    op.create_table("walked", col("project", key=True), col("root", key=True))


def work() -> None:
    """Work that waits for a worker, is under way, or is done; and how far it is."""
    op.create_table(
        "tasks",
        col("id", key=True),
        col("project"),
        col("queue"),
        col("verb"),
        col("words"),
        col("actor"),
        col("verified", BIG, default="0"),
        col("state"),
        col("created_at", BIG),
        col("started_at", BIG, null=True),
        col("ended_at", BIG, null=True),
        col("cancelled_at", BIG, null=True),
        col("worker", null=True),
        col("fence", BIG, default="0"),
        col("until", BIG, default="0"),
        col("attempts", BIG, default="0"),
        col("result", null=True),
        col("error", null=True),
    )
    op.create_index("tasks_waiting", "tasks", ["state", "queue", "id"])
    op.create_index("tasks_project", "tasks", ["project", "id"])
    op.create_table(
        "progress",
        col("task", key=True),
        col("label", key=True),
        col("done", BIG),
        col("total", BIG, null=True),
        col("unit"),
        col("at", BIG),
    )
    op.create_table(
        "workers",
        col("name", key=True),
        col("queue"),
        col("started_at", BIG),
        col("seen_at", BIG),
        col("version"),
    )


def discussion() -> None:
    """What people say about a change."""
    op.create_table(
        "comments",
        col("id", key=True),
        col("project"),
        col("change"),
        col("author"),
        col("body"),
        col("place", default=""),
        col("answers", null=True),
        col("at", BIG),
        col("edited_at", BIG, null=True),
        col("deleted_at", BIG, null=True),
    )
    op.create_index("comments_change", "comments", ["change", "id"])


def searching() -> None:
    """What makes a search of everything cheap: a narrow walk over names, and commits by their beginning."""
    op.create_index("runs_names", "runs", ["project", "id", "name"])
    op.create_index("runs_commit", "runs", ["project", "git_commit"])


def subscriptions() -> None:
    """Who is told of events, how far they have been told, and what could not be delivered."""
    op.create_table(
        "subscriptions",
        col("id", key=True),
        col("project"),
        col("name"),
        col("url"),
        col("format"),
        col("kinds"),
        col("secret"),
        col("created_by"),
        col("created_at", BIG),
        col("deleted_at", BIG, null=True),
        col("paused_at", BIG, null=True),
        col("position", BIG),
        col("failures", BIG, default="0"),
        col("next_at", BIG, default="0"),
        col("error", default=""),
        col("delivered_at", BIG, null=True),
    )
    op.create_index("subscriptions_project", "subscriptions", ["project", "id"])
    op.create_table(
        "deliveries",
        serial(),
        col("subscription"),
        col("seq", BIG),
        col("at", BIG),
        col("attempt", BIG),
        col("status", BIG),
        col("error", default=""),
        col("state"),
    )
    op.create_index("deliveries_subscription", "deliveries", ["subscription", "id"])
    op.create_index("deliveries_state", "deliveries", ["subscription", "state", "seq"])
    op.create_index(
        "runs_foreign",
        "runs",
        ["project", "foreign_id"],
        sqlite_where=sa.text("foreign_id IS NOT NULL"),
        postgresql_where=sa.text("foreign_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
