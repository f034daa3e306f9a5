from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from loopline.nouns.digest import Digest
from loopline.nouns.run import RunState
from loopline.store.local import LocalBlobs

from .projects import TINY, states

if TYPE_CHECKING:
    from .projects import Project

SIDES = """
    import os, signal, sys
    from loopline import pipeline, step

    @step
    def good() -> int:
        return 1

    @step
    def bad(number: int) -> int:
        BODY

    @step
    def behind(number: int) -> int:
        return number

    @pipeline
    def train():
        number = good()
        behind(bad(number))
        behind(number)
"""


def broken(project: Project, body: str, executor: str = "local") -> tuple[dict[str, str], str, str]:
    """Run a pipeline whose second step does `body`; give the states, the run's error and what the step printed last."""
    project.write(tiny=SIDES.replace("BODY", body))
    ran = project.run(executor=executor, workers=1)
    return states(ran), ran.run.error or "", ran.logs.get("bad", "")


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_what_does_not_depend_on_a_failure_goes_on(project: Project, executor: str) -> None:
    """A step that raises fails with its traceback; those behind it are left out, the others finish."""
    found, error, log = broken(project, "print('so far'); raise KeyError('delay')", executor)
    assert found == {"good": "finished", "bad": "failed", "behind-2": "finished"}
    assert error.startswith("KeyError")
    assert "so far" in log
    assert "tiny.py" in log


def test_a_step_that_dies_has_crashed_and_not_failed(project: Project) -> None:
    """A killed process is tried once more, then the step has crashed; both attempts are on record."""
    found, error, _ = broken(project, "os.kill(os.getpid(), signal.SIGKILL)")
    assert (found["bad"], found["behind-2"]) == ("crashed", "finished")
    assert "SIGKILL" in error
    assert [run.state for run in project.runs("step") if run.name == "bad"] == [RunState.CRASHED] * 2


def test_a_step_that_leaves_its_process_has_crashed(project: Project) -> None:
    """os._exit is no value."""
    found, error, _ = broken(project, "os._exit(3)")
    assert found["bad"] == "crashed"
    assert "status 3" in error


def test_a_step_that_forks_gives_one_value(project: Project) -> None:
    """The child's way back ends where the job ends: the parent's value counts, once."""
    found, error, _ = broken(project, "return 7 if os.fork() else 8")
    assert (found["bad"], error) == ("finished", "")
    (run,) = (run for run in project.runs("step") if run.name == "bad")
    assert project.loop.blobs.read(run.outputs[0].digest) == b"7"


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_the_wrong_type_is_told_by_name(project: Project, executor: str) -> None:
    """A step that promises an int and gives a text fails, naming step, output and both types."""
    found, error, _ = broken(project, "return 'seven'", executor)
    assert found["bad"] == "failed"
    assert "bad" in error
    assert "int" in error
    assert "str" in error
    assert "→" in error


def test_what_a_step_printed_is_kept_as_a_blob(project: Project) -> None:
    """The log outlives the folder that it was written to, also of a step that finished."""
    project.write(tiny=SIDES.replace("BODY", "print('hello'); return 1"))
    ran = project.run(executor="local", workers=1)
    step = next(step for step in ran.steps if step.name == "bad")
    assert project.loop.blobs.read(Digest(step.tags["log"])) == b"hello\n"
    assert not list((project.loop.work / "logs").iterdir())


def test_queueing_is_not_counted_as_work(project: Project) -> None:
    """A step's time begins when it begins, not when it was written down: with one worker they do not overlap."""
    project.write(tiny=SIDES.replace("BODY", "return 1"))
    ran = project.run(executor="local", workers=1)
    spans = sorted((step.started_at or 0, step.ended_at or 0) for step in ran.steps)
    assert all(over <= began for (_, over), (began, _) in pairwise(spans))


def test_an_interrupt_keeps_what_was_finished(project: Project) -> None:
    """Ctrl-C is raised again with the way to go on; the run is cancelled, and its finished steps are known."""
    project.write(tiny=TINY.replace("return sum(numbers) + plus", "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt) as caught:
        project.run()
    (run,) = project.runs()
    assert run.state is RunState.CANCELLED
    assert caught.value.__notes__ == [f"loopline run --resume {run.id[:16]}"]
    assert {step.name: str(step.state) for step in project.runs("step")} == {"read": "finished", "total": "cancelled"}


def test_the_process_of_a_pipeline_is_a_writer_before_its_workers_store_anything(project: Project) -> None:
    """Workers have no ledger: what they store is safe from a reclaim as long as their parent beats."""
    held: list[int] = []

    class Known(LocalBlobs):
        def hold(self) -> None:
            held.append(1)

    project.write(tiny=TINY)
    project.loop = replace(project.loop, blobs=Known(project.home))
    assert project.run(executor="local", workers=1).run.state is RunState.FINISHED
    assert held == [1]
