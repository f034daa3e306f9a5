"""What clients of other trackers say of a run, where a person looks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.faces.web.tracked import tracked
from loopline.nouns.run import Run

if TYPE_CHECKING:
    from .serving import Server
    from .story import Story

TAGS = {
    "mlflow.user": "ada", "mlflow.note.content": "the July data", "mlflow.source.name": "train.py",
    "mlflow.source.git.branch": "topic", "stage": "warm", "log": "x",
}  # fmt: skip


def test_tags_are_sorted_by_who_wrote_them() -> None:
    """A user's own stay tags, the client's are folded, and Loopline's stand elsewhere."""
    told = tracked(Run("0" * 32, "flights", "train", tags=TAGS, actor="person:somebody"))
    assert (told.note, told.by, told.source, told.branch) == ("the July data", "ada", "train.py", "topic")
    assert (dict(told.tags), len(told.theirs)) == ({"stage": "warm"}, 4)


def test_whoever_is_known_did_it() -> None:
    """Where the server knows who asked, a tag changes nothing about that."""
    run = Run("0" * 32, "flights", "train", tags=TAGS, actor="person:bob")
    assert tracked(run).by == "person:bob"
    assert tracked(replace(run, actor="person:somebody", tags={})).by == "person:somebody"


def test_a_page_shows_notes_and_nested_runs(fresh: Story, serving: Server) -> None:
    """What a run holds is not called a step and prints nothing, and the client's own tags are folded."""
    run = fresh.do("start", "train", tags={key: value for key, value in TAGS.items() if key != "log"})
    inner = fresh.do("start", "fold", parent=run.id)
    for one in (inner, run):
        fresh.do("finish", one.id)
    page = serving.get(f"/p/flights/runs/{run.id}")
    for text in ("the July data", "Nested runs", "train.py", "4 tags that its client wrote"):
        assert text in page.text, text
    assert " Log " not in page.text
    assert "Nested runs" in serving.get(f"/p/flights/runs/{run.id}/steps").text
