"""tracked: what clients of other trackers say of a run in tags of their own, put where a person looks for it.

MLflow's clients write who ran what from where as tags `mlflow.*`. What is read out of them here stands in its place on the page,
and all of them are still there, folded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loopline.nouns.run import Run

THEIRS: Final = ("mlflow.", "mlflow:")
OURS: Final = frozenset({"modules", "log", "key", "resumes"})
"""Tags that Loopline itself writes and shows elsewhere."""
NOBODY: Final = "person:somebody"
"""Who does something on an open server without saying who they are."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """A run's tags, sorted."""

    note: str
    """What somebody has written about it."""
    by: str
    """Who ran it, where that is more than that somebody did."""
    source: str
    """The script."""
    branch: str
    """Of git."""
    tags: Mapping[str, str]
    """Those of its user."""
    theirs: Mapping[str, str]
    """Those that a client has written by itself."""


def tracked(run: Run) -> Tracked:
    """Sort what is said of a run."""
    rest = {key: value for key, value in sorted(run.tags.items()) if key not in OURS}
    theirs = {key: value for key, value in rest.items() if key.startswith(THEIRS)}
    by = run.tags.get("mlflow.user", "") if str(run.actor) == NOBODY else ""
    return Tracked(
        note=run.tags.get("mlflow.note.content", ""),
        by=by or str(run.actor),
        source=run.tags.get("mlflow.source.name", ""),
        branch=run.tags.get("mlflow.source.git.branch", ""),
        tags={key: value for key, value in rest.items() if key not in theirs},
        theirs=theirs,
    )
