from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.verbs.running import Source, Way, execute, prepare, source_of

from .projects import TINY

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


def test_steps_run_from_the_snapshot(project: Project) -> None:
    """What was prepared is what runs, whatever was stored since; a module that is not part of it is not found."""
    prepared = prepare(project.loop, source(project))
    project.write(tiny=TINY.replace("+ plus", "+ 100"))
    ran = execute(project.loop, prepared, Way("inline"))
    assert ran.run.metrics["number"] == 6


def test_what_a_repetition_gives_is_not_known_to_later_runs() -> None:
    """Neither a repetition nor another environment feeds the cache."""
    assert Way().known
    assert Way(kind="check").known
    assert not Way(kind="reproduce").known
    assert not Way(python="/usr/bin/python3").known


def test_an_unknown_executor_leaves_no_run(project: Project) -> None:
    """It is refused before anything is written down."""
    with pytest.raises(Invalid) as caught:
        execute(project.loop, prepare(project.loop, source(project)), Way("ray"))
    assert caught.value.kind == "no-executor"
    assert "inline" in caught.value.hint
    assert project.runs() == []


def test_tags_and_kind_are_those_that_were_asked_for(project: Project) -> None:
    """A check is a run of its own kind, with its tags beside the modules."""
    ran = execute(
        project.loop, prepare(project.loop, source(project)), Way("inline", kind="check", tags={"change": "x"})
    )
    assert (ran.run.kind, ran.run.tags) == ("check", {"change": "x", "modules": "tiny"})
