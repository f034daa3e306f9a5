from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.verbs.preparing import Source, Way, prepare
from loopline.verbs.running import execute

from .projects import TINY

if TYPE_CHECKING:
    from .projects import Project


def source(project: Project, **asked: str) -> Source:
    """Name the pipeline of the project."""
    return Source("train", project.code, ("tiny",), asked)


def test_steps_run_from_the_snapshot(project: Project) -> None:
    """What was prepared is what runs, whatever was stored since; a module that is not part of it is not found."""
    prepared = prepare(project.loop, source(project))
    project.write(tiny=TINY.replace("+ plus", "+ 100"))
    ran = execute(project.loop, prepared, Way("inline"))
    assert ran.run.metrics["number"] == 6


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
