"""The first schema: everything that DESIGN §1 names."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
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
    projects_and_feed()
    artifacts_and_assets()
    refs_and_staging()
    runs()
    measures_and_links()
    changes()
    evidence()
    the_rest()


def projects_and_feed() -> None:
    """Projects, the chained feed and the head of each chain."""
    op.create_table("projects", col("name", key=True), col("created_at", BIG), col("deleted_at", BIG, null=True))
    op.create_table("heads", col("project", key=True), col("seq", BIG), col("hash"))
    op.create_table(
        "events",
        col("project", key=True),
        col("seq", BIG, key=True),
        col("recorded_at", BIG),
        col("event_time", BIG, null=True),
        col("actor"),
        col("kind"),
        col("subject"),
        col("schema", BIG),
        col("payload_digest"),
        col("previous"),
        col("hash"),
        col("payload", null=True),
    )
    op.create_index("events_subject", "events", ["project", "subject", "seq"])
    op.create_index("events_kind", "events", ["project", "kind", "seq"])


def artifacts_and_assets() -> None:
    """Descriptors, other names of digests, assets and their versions."""
    op.create_table("artifacts", col("digest", key=True), col("media_type"), col("size", BIG), col("recorded_at", BIG))
    op.create_index("artifacts_type", "artifacts", ["media_type", "digest"])
    op.create_table("aliases", col("algorithm", key=True), col("value", key=True), col("digest"))
    op.create_index("aliases_digest", "aliases", ["digest"])
    op.create_table(
        "assets",
        serial(),
        col("project"),
        col("kind"),
        col("name"),
        col("created_at", BIG),
        col("last_number", BIG, default="0"),
        col("description", default=""),
        col("deleted_at", BIG, null=True),
        sa.UniqueConstraint("project", "kind", "name"),
    )
    op.create_table(
        "versions",
        col("asset", BIG, key=True),
        col("number", BIG, key=True),
        col("digest"),
        col("author"),
        col("message"),
        col("metadata"),
        col("run", null=True),
        col("recorded_at", BIG),
        col("event_time", BIG, null=True),
        col("deleted_at", BIG, null=True),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"]),
    )
    op.create_index("versions_digest", "versions", ["digest"])
    op.create_index("versions_run", "versions", ["run"])
    op.create_table("parents", col("asset", BIG, key=True), col("number", BIG, key=True), col("parent", BIG, key=True))
    op.create_table(
        "quarantine",
        col("asset", BIG, key=True),
        col("number", BIG, key=True),
        col("since", BIG),
        col("reason"),
        col("change", null=True),
    )


def refs_and_staging() -> None:
    """Where names point now, and what is about to become a version."""
    op.create_table(
        "refs",
        col("asset", BIG, key=True),
        col("name", key=True),
        col("target", BIG),
        col("tier", default=""),
        col("change", null=True),
        col("moved_at", BIG),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"]),
    )
    op.create_index("refs_target", "refs", ["asset", "target"])
    op.create_table(
        "staging",
        col("owner", key=True),
        col("path", key=True),
        col("digest", null=True),
        col("size", BIG),
        col("mode", BIG),
        col("media_type"),
        col("recorded_at", BIG),
    )


def runs() -> None:
    """Experiments and runs."""
    op.create_table(
        "experiments",
        serial(),
        col("project"),
        col("name"),
        col("created_at", BIG),
        col("deleted_at", BIG, null=True),
        sa.UniqueConstraint("project", "name"),
    )
    op.create_table(
        "runs",
        col("id", key=True),
        col("project"),
        col("experiment", BIG),
        col("name"),
        col("kind"),
        col("state"),
        col("parent", null=True),
        col("actor"),
        col("started_at", BIG, null=True),
        col("ended_at", BIG, null=True),
        col("recorded_at", BIG),
        col("code", null=True),
        col("git_commit", null=True),
        col("environment", null=True),
        col("cache_key", null=True),
        col("origin", null=True),
        col("error", null=True),
        col("foreign_id", null=True),
        col("fence", BIG, default="0"),
        col("deleted_at", BIG, null=True),
    )
    op.create_index("runs_recent", "runs", ["project", "id"])
    op.create_index("runs_experiment", "runs", ["experiment", "id"])
    op.create_index("runs_parent", "runs", ["parent"])
    op.create_index("runs_state", "runs", ["project", "state"])
    op.create_index(
        "runs_cache",
        "runs",
        ["project", "cache_key"],
        sqlite_where=sa.text("state = 'finished' AND cache_key IS NOT NULL"),
        postgresql_where=sa.text("state = 'finished' AND cache_key IS NOT NULL"),
    )
    op.create_index("runs_code", "runs", ["code", "project", "id"])
    op.create_index("runs_environment", "runs", ["environment", "project", "id"])


def measures_and_links() -> None:
    """Params, tags, metric series, journals' marks, packages, and the edges of lineage."""
    op.create_table("params", col("run", key=True), col("key", key=True), col("value"), col("number", Real, null=True))
    op.create_index("params_key", "params", ["key", "value"])
    op.create_table("tags", col("run", key=True), col("key", key=True), col("value"), col("number", Real, null=True))
    op.create_index("tags_key", "tags", ["key", "value"])
    op.create_table(
        "points", serial(), col("run"), col("key"), col("step", BIG), col("time", BIG), col("value", Real, null=True)
    )
    op.create_index("points_series", "points", ["run", "key", "step"])
    op.create_table(
        "series",
        col("run", key=True),
        col("key", key=True),
        col("last", Real, null=True),
        col("last_step", BIG),
        col("last_time", BIG),
        col("low", Real, null=True),
        col("high", Real, null=True),
        col("count", BIG),
    )
    op.create_index("series_key", "series", ["key", "last"])
    op.create_table("marks", col("run", key=True), col("source", key=True), col("sequence", BIG))
    op.create_table(
        "links",
        serial(),
        col("run"),
        col("direction"),
        col("name"),
        col("digest"),
        col("media_type"),
        col("size", BIG),
        col("asset", BIG, null=True),
        col("number", BIG, null=True),
    )
    op.create_table("packages", col("environment", key=True), col("name", key=True), col("version"))
    op.create_index("packages_name", "packages", ["name", "version"])
    op.create_index("links_run", "links", ["run", "direction"])
    op.create_index("links_digest", "links", ["digest", "direction", "run"])
    op.create_index("links_version", "links", ["asset", "number", "direction"])


def changes() -> None:
    """Changes with their moves and answers."""
    op.create_table(
        "changes",
        col("id", key=True),
        col("project"),
        col("author"),
        col("reason"),
        col("kind"),
        col("state"),
        col("head"),
        col("created_at", BIG),
        col("closed_at", BIG, null=True),
        col("closed_seq", BIG, null=True),
        col("run", null=True),
        col("undoes", null=True),
        col("lifts"),
        col("fence", BIG, default="0"),
    )
    op.create_index("changes_state", "changes", ["project", "state", "id"])
    op.create_table(
        "moves",
        col("change", key=True),
        col("asset", BIG, key=True),
        col("ref", key=True),
        col("old", BIG, null=True),
        col("new", BIG, null=True),
        col("tier", null=True),
        sa.ForeignKeyConstraint(["change"], ["changes.id"]),
    )
    op.create_index("moves_ref", "moves", ["asset", "ref"])
    op.create_index("moves_target", "moves", ["asset", "new"])
    op.create_table(
        "approvals",
        serial(),
        col("change"),
        col("actor"),
        col("answer"),
        col("head"),
        col("evidence"),
        col("verified", BIG),
        col("at", BIG),
        col("comment"),
    )
    op.create_index("approvals_change", "approvals", ["change"])


def evidence() -> None:
    """What checks said, overrides, decisions; policies; leases."""
    op.create_table(
        "verdicts",
        serial(),
        col("project"),
        col("head"),
        col("name"),
        col("result"),
        col("run", null=True),
        col("at", BIG),
        col("summary"),
        col("estimates"),
    )
    op.create_index("verdicts_head", "verdicts", ["project", "head", "name", "id"])
    op.create_table(
        "overrides",
        serial(),
        col("change"),
        col("actor"),
        col("reason"),
        col("until", BIG),
        col("at", BIG),
        col("head"),
    )
    op.create_index("overrides_change", "overrides", ["change"])
    op.create_table(
        "decisions",
        serial(),
        col("change"),
        col("at", BIG),
        col("actor"),
        col("phase"),
        col("policy", null=True),
        col("inputs"),
        col("passed", BIG),
        col("results"),
    )
    op.create_index("decisions_change", "decisions", ["change"])
    op.create_table("policies", col("digest", key=True), col("document"))
    op.create_table("leases", col("name", key=True), col("holder"), col("fence", BIG), col("until", BIG))


def the_rest() -> None:
    """Teams and incidents."""
    op.create_table(
        "grants",
        col("project", key=True),
        col("role", key=True),
        col("actor", key=True),
        col("granted_by"),
        col("at", BIG),
    )
    op.create_table(
        "incidents",
        col("id", key=True),
        col("project"),
        col("title"),
        col("severity"),
        col("opened_by"),
        col("opened_at", BIG),
        col("resolved_at", BIG, null=True),
    )
    op.create_index("incidents_open", "incidents", ["project", "resolved_at"])
    op.create_table(
        "blames",
        col("incident", key=True),
        col("relation", key=True),
        col("change", key=True),
        col("source"),
        col("confidence", Real),
    )
    op.create_index("blames_change", "blames", ["change"])


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
