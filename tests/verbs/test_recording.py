from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.digest import Digest
from loopline.nouns.run import Run, RunState
from loopline.pipelines.keys import parts_from
from loopline.verbs.recording import seconds

from .projects import TINY, states

if TYPE_CHECKING:
    from .projects import Project


def kinds(project: Project) -> list[str]:
    """Give the kinds of all events."""
    with project.loop.ledger.read() as tx:
        return [row[0] for row in tx.rows.all("SELECT kind FROM events ORDER BY seq")]


def test_every_transaction_is_one_event(project: Project) -> None:
    """A run tells of its beginning, each batch of steps, its end and what it published; the chain holds."""
    before = len(kinds(project))
    project.trained()
    steps = ["steps.started", "steps.ended"] * 3
    assert kinds(project)[before:] == ["source.published", "run.started", *steps, "run.finished", "run.published"]
    before = len(kinds(project))
    project.trained()
    assert kinds(project)[before:] == ["run.started", "steps.cached", "run.finished", "run.published"]


def test_a_finished_step_says_what_its_key_was_made_of(project: Project) -> None:
    """The parts are kept as a blob, so that a later run can say what differs."""
    ran = project.trained()
    parts = parts_from(project.loop.blobs.read(Digest(ran.steps[1].tags["key"])))
    assert parts.parameters["plus"] == "0"
    assert "tiny.total" in parts.code


def test_the_cache_says_what_it_saved(project: Project) -> None:
    """The time that a cached step took when it ran is not spent again."""
    first = project.trained()
    second = project.trained()
    assert first.saved == 0
    assert second.saved == round(1e6 * sum(seconds(step) for step in first.steps))
    assert second.critical_path == ()


def test_the_first_failure_is_the_run_s_error(project: Project) -> None:
    """A run tells what went wrong where it went wrong; one that came through after a death tells of no error."""
    project.write(tiny=TINY.replace("return sum(numbers) + plus", "raise ValueError('no')"))
    assert project.run().run.error == "ValueError: no"
    mark = project.home / "mark"
    once = f"import os, pathlib\n        try: pathlib.Path({str(mark)!r}).mkdir()\n        except FileExistsError: return 1\n"
    project.write(tiny=TINY.replace("return sum(numbers) + plus", f"{once}        os._exit(1)"))
    ran = project.run(executor="local")
    assert (ran.run.state, ran.run.error) == (RunState.FINISHED, None)
    assert states(ran) == {"read": "cached", "total": "finished", "measure": "finished"}


def test_a_clock_that_jumps_back_makes_no_negative_time(project: Project) -> None:
    """A run that ended before it began took no time."""
    assert seconds(Run("a", "p", "n", started_at=2_000_000, ended_at=1_000_000)) == 0
    assert seconds(Run("a", "p", "n", started_at=1_000_000)) == 0
