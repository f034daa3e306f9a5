"""check: gather evidence about a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Annotated

from loopline.errors import LooplineError, NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.change import Change, Move
from loopline.nouns.check import Check
from loopline.nouns.digest import Digest
from loopline.nouns.expectation import Observation, in_short
from loopline.nouns.ids import brief
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.plan import Ran
from loopline.nouns.run import Run, RunState
from loopline.nouns.verdict import Result, Verdict
from loopline.verbs.burying import attended, unanswered
from loopline.verbs.declaring import declared_for
from loopline.verbs.expecting import answer, with_observations
from loopline.verbs.moving import find_open, settle, still_open
from loopline.verbs.preparing import Source, Way, prepare
from loopline.verbs.running import execute


def check(
    loop: Loop,
    change: Annotated[str, "the change's first digits, or a ref whose open change is meant"],
    *,
    only: Annotated[tuple[str, ...], "names of checks; all that the project declares for the refs when left out"] = (),
    code: Annotated[Digest | None, "source tree to take the checks from; that of the candidate when left out"] = None,
    executor: Annotated[str, "where steps run"] = "local",
    workers: Annotated[int, "steps at a time; 0: one for each processor"] = 0,
) -> Change:
    """Run the checks of a change and keep what they say as evidence.

    A check is a pipeline with the parameters `candidate` and `base`. It passes when it ends well, fails when a step raises
    AssertionError, and is an error otherwise; what it measures is what policies compare. One of expectations holds the tables of
    the candidate against them, and fails where one does not hold: its evidence tells which, and shows rows.

    Example:
        loopline check model/delay@champion
    """
    with loop.ledger.read() as tx:
        current = found = find_open(tx, change, loop)
        wanted: dict[Check, list[Move]] = {}
        for move in found.moves:
            for one in declared_for(tx, loop, move):
                if not only or one.name in only:
                    wanted.setdefault(one, []).append(move)
    unknown = sorted(set(only) - {one.name for one in wanted})
    if unknown:
        raise NotFound(
            f"no check {unknown[0]} is declared for these refs",
            kind="no-check",
            hint="see [checks] in loopline.toml",
            checks=unknown,
        )
    still_open(found)
    if not wanted:
        raise NotFound(
            f"no check is declared for {', '.join(str(move.ref) for move in found.moves)}",
            kind="no-check",
            hint='add [checks."NAME"] with refs and pipeline to loopline.toml, then loopline policy --push --why …',
            change=found.id,
        )
    way = Way(executor, workers, kind="check", tags={"change": found.id})
    with _begun(loop, found, wanted) as runs:
        for one, moves in wanted.items():
            pairs = zip(moves, runs[one], strict=True)
            answers = [_answer(loop, one, move, found, code=code, way=way, run=run) for move, run in pairs]
            verdict = _worst(answers)
            with loop.ledger.write(loop.project, loop.actor) as tx:
                tx.verdicts.add(loop.project, verdict)
                current = settle(tx, loop, tx.changes.get(found.id))
                tx.say("check.answered", found.id, check=one.name, result=str(verdict.result), run=verdict.run)
    return with_observations(loop, current)


@contextmanager
def _begun(loop: Loop, change: Change, wanted: Mapping[Check, Sequence[Move]]) -> Iterator[dict[Check, list[str]]]:
    """Say which checks are about to answer, and give the ids of the runs that will, one for each move.

    However it ends, none is waited for in vain: of those that have not answered that is said, here or by whoever finds this
    process gone.
    """
    runs = {one: [loop.ids.new() for _ in moves] for one, moves in wanted.items()}
    with ExitStack() as work:
        for several in runs.values():
            for run in several:
                work.enter_context(attended(loop, run))
        try:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                for one, (first, *_) in runs.items():
                    tx.verdicts.add(loop.project, Verdict(one.name, change.head, Result.PENDING, first, tx.now))
                tx.say("checks.started", change.id, checks=[one.name for one in runs])
            yield runs
        except BaseException as error:
            error.add_note(f"loopline check {brief(change.id)}")
            why = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
            with suppress(LooplineError):  # then whoever buries says it
                for first, *_ in runs.values():
                    unanswered(loop, first, why)
            raise


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Join what one check said about several refs: it passes where all pass."""
    first = min(verdicts, key=lambda one: (Result.ERROR, Result.FAIL, Result.PENDING, Result.PASS).index(one.result))
    return replace(
        first,
        estimates=tuple(estimate for one in verdicts for estimate in one.estimates),
        observations=tuple(observation for one in verdicts for observation in one.observations),
    )


def declared(loop: Loop, change: Change) -> tuple[str, ...]:
    """Name the checks that speak of the refs of a change."""
    with loop.ledger.read() as tx:
        return tuple(dict.fromkeys(one.name for move in change.moves for one in declared_for(tx, loop, move)))


def _answer(loop: Loop, one: Check, move: Move, change: Change, *, code: Digest | None, way: Way, run: str) -> Verdict:
    if one.expect:
        return answer(loop, one, move, change, run=run)
    try:
        ran = execute(loop, prepare(loop, _source(loop, one, move, code)), way, run=run)
    except LooplineError as error:
        summary = f"{error.message} → {error.hint}" if error.hint else error.message
        return Verdict(one.name, change.head, Result.ERROR, None, loop.clock.now(), summary)
    estimates = tuple(estimate for evaluation in ran.evaluations.values() for estimate in evaluation.estimates)
    found = tuple(observation for evaluation in ran.evaluations.values() for observation in evaluation.observations)
    result, summary = _result(ran, found), _summary(ran, found)
    return Verdict(one.name, change.head, result, ran.run.id, loop.clock.now(), summary, estimates, found)


def _source(loop: Loop, one: Check, move: Move, code: Digest | None) -> Source:
    asset = move.ref.asset
    with loop.ledger.read() as tx:
        version = tx.versions.get(asset, move.new or 0)
        maker = tx.runs.find(version.run) if version.run else None
        mine = maker if maker is not None and maker.code else None
        if mine is None and asset.kind == "data":  # what people add, no run has made
            mine = _made_with(tx, loop, code or _code_here(tx, loop))
    code = code or (mine.code if mine else None)
    if code is None or mine is None:
        hint = "run a pipeline of the project once (loopline run), then check again"
        raise NotFound(
            f"{version} was not made by a run: nobody knows which code has the pipeline {one.pipeline}", kind="no-code",
            hint=hint if asset.kind == "data" else "publish it with --run, so that its code is known", version=str(version),
        )  # fmt: skip
    params = dict(one.params) | {"candidate": str(version)}
    if move.old is not None:
        params["base"] = f"{asset}@{move.old}"
    modules = tuple(mine.tags.get("modules", "").split())
    return Source(one.pipeline, code, modules, params, mine.commit, mine.environment, mine.experiment)


def _code_here(tx: Tables, loop: Loop) -> Digest | None:
    """Find the project's own code: where `code/PROJECT@main` points, else what a pipeline was run with last."""
    asset = AssetName(loop.project, "code", loop.project)
    if tx.assets.find(asset) is None:
        return None
    ref = tx.refs.find(RefName(asset, "main"))
    newest = tx.versions.find(asset, ref.target) if ref else next(iter(tx.versions.list(asset, limit=1)), None)
    return newest.artifact.digest if newest else None


def _made_with(tx: Tables, loop: Loop, code: Digest | None) -> Run | None:
    """Find the newest run of this code that ran a pipeline: it knows the modules and the environment."""
    where = "r.project = ? AND r.code = ? AND r.kind IN ('pipeline', 'check') AND r.deleted_at IS NULL"
    found = tx.runs.search(where, [loop.project, code], order="r.id DESC", limit=1) if code else []
    return found[0] if found else None


def _result(ran: Ran, found: Sequence[Observation]) -> Result:
    if ran.run.state is RunState.FINISHED:
        return Result.PASS if all(one.holds for one in found) else Result.FAIL
    said_no = any(step.error and step.error.startswith("AssertionError") for step in ran.steps)
    return Result.FAIL if said_no else Result.ERROR


def _summary(ran: Ran, found: Sequence[Observation]) -> str:
    """Say in a line what went wrong, or on how many rows and of which time it was measured."""
    if ran.run.error:
        return ran.run.error
    if found:
        return in_short(found)
    facts = {name: fact for evaluation in ran.evaluations.values() for name, fact in evaluation.facts.items()}
    return ", ".join(f"{name} {facts[name]}" for name in ("rows", "period") if name in facts)
