from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.verbs.preparing import Source, Way, prepare, source_of

if TYPE_CHECKING:
    from .projects import Project


def source(project: Project, **asked: str) -> Source:
    """Name the pipeline of the project."""
    return Source("train", project.code, ("tiny",), asked)


def test_preparing_writes_nothing(project: Project) -> None:
    """A plan is only read: the feed is as long as before."""
    with project.loop.ledger.read() as tx:
        before = tx.feed.head("flights").seq
    prepared = prepare(project.loop, source(project, plus="3"))
    assert prepared.pinned == {"plus": "3", "data": "data/flights@1"}
    with project.loop.ledger.read() as tx:
        assert tx.feed.head("flights").seq == before


def test_a_run_says_what_it_was_a_run_of(project: Project) -> None:
    """From what the ledger keeps of a run the same source can be named again."""
    ran = project.trained(params={"plus": "3"}, commit="abc", experiment="delay")
    again = source_of(ran.run)
    assert (again.pipeline, again.code, again.modules) == ("train", project.code, ("tiny",))
    assert (again.params, again.commit, again.experiment) == ({"plus": "3", "data": "data/flights@1"}, "abc", "delay")


def test_what_a_repetition_gives_is_not_known_to_later_runs() -> None:
    """Neither a repetition nor another environment feeds the cache."""
    assert Way().known
    assert Way(kind="check").known
    assert not Way(kind="reproduce").known
    assert not Way(python="/usr/bin/python3").known
