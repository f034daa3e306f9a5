"""running: a plan carried out, from the first step to what the ledger keeps; shared by `run`, `check` and `reproduce`."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from loopline.errors import LooplineError
from loopline.nouns.artifact import EVALUATION
from loopline.nouns.evaluation import Evaluation
from loopline.nouns.ids import brief
from loopline.nouns.plan import Ran
from loopline.nouns.run import RunState
from loopline.verbs.burying import attended, bury
from loopline.verbs.driving import Drive, executor_named
from loopline.verbs.recording import Recording, begin, seconds

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.pipelines.schedule import Schedule
    from loopline.verbs.preparing import Prepared, Way


def execute(loop: Loop, prepared: Prepared, way: Way, *, run: str = "") -> Ran:
    """Run what the plan says must run, and write everything down: the pipeline, its steps, what each read and made.

    What a step made is recorded as soon as it has ended, so a run that is killed goes on from there: the next run on this
    machine finds it dead and says so. Ctrl-C cancels, records that, and is raised again with the way to go on as its note.
    `run`: its id, where somebody attends to it already who says, too, how to go on.
    """
    from loopline.pipelines.schedule import Schedule

    executor_named(loop, way.executor)
    bury(loop)
    name = run or loop.run or loop.ids.new()
    with nullcontext() if run else attended(loop, name):
        recording = Recording(loop, prepared, way, begin(loop, prepared, way, name))
        try:
            schedule = Schedule(prepared.plan, prepared.planner)
            drive = Drive(loop, prepared, way, schedule, recording)
            recording.cached(schedule, [one.node for one in prepared.plan.nodes if one.standing == "cached"])
            if not schedule.over:
                drive.all()
            evaluations = _evaluations(loop, schedule)
            ended = recording.finished(schedule, evaluations.values())
        except BaseException as error:
            if not run:
                error.add_note(f"loopline run --resume {brief(name)}")
            with suppress(LooplineError):  # then the next run says it
                recording.broken(error)
            raise
    steps = recording.steps
    spent = {node: seconds(step) for node, step in steps.items() if step.state is not RunState.CACHED}
    graph = prepared.plan.graph
    path = graph.critical_path(spent)[0] if spent else ()
    listed = tuple(steps[node.id] for node in graph.nodes if node.id in steps)
    return Ran(ended, listed, (), evaluations, path, recording.saved, drive.logs)


def _evaluations(loop: Loop, schedule: Schedule) -> dict[str, Evaluation]:
    from loopline.pipelines.codecs import EvaluationCodec

    codec = EvaluationCodec()
    return {
        name: codec.from_bytes(loop.blobs.read(link.digest))
        for name in schedule.stages
        for link in schedule.outputs(name)
        if link.media_type == EVALUATION
    }
