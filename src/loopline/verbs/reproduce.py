"""reproduce: run a run again, as it was."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid, NotFound
from loopline.loop import Loop
from loopline.nouns.digest import Digest
from loopline.nouns.ids import brief
from loopline.nouns.plan import Repeat
from loopline.nouns.run import Run, RunState
from loopline.verbs.moving import at_home
from loopline.verbs.preparing import PIPELINES, Way, prepare, source_of
from loopline.verbs.running import execute


def reproduce(
    loop: Loop,
    run: Annotated[str, "first digits of a pipeline's run, or a version that one made: model/delay@1"],
    *,
    here: Annotated[bool, "use the packages that are installed here instead of restoring those of the run"] = False,
    offline: Annotated[bool, "restore from the package cache alone"] = False,
    executor: Annotated[str, "where steps run"] = "local",
    workers: Annotated[int, "steps at a time; 0: one for each processor"] = 0,
) -> Repeat:
    """Run a run again with its code, parameters, inputs and packages, nothing from the cache, and compare every output.

    The packages are restored into a virtual environment of their own from the run's lock. The new run is recorded;
    nothing is published.

    Example:
        loopline reproduce model/delay@1
    """
    original = _original(loop, run)
    if original.code is None or original.kind not in PIPELINES or original.state is not RunState.FINISHED:
        raise Invalid(
            f"run {brief(original.id)} is no run of a pipeline that finished: there is nothing to compare with",
            kind="not-reproducible", hint="loopline find runs 'kind = pipeline and state = finished'", run=original.id,
        )  # fmt: skip
    python, said = ("", "the packages installed here") if here else _environment(loop, original, offline=offline)
    way = Way(executor, workers, kind="reproduce", tags={"reproduces": original.id}, python=python)
    ran = execute(loop, prepare(loop, source_of(original), refresh=True), way)
    after = {link.name: link.digest for link in ran.run.outputs if ran.run.state is RunState.FINISHED}
    equal = {link.name: after.get(link.name) == link.digest for link in original.outputs}
    return Repeat(
        original,
        ran.run,
        tuple(sorted(n for n in equal if equal[n])),
        tuple(sorted(n for n in equal if not equal[n])),
        said,
    )


def _original(loop: Loop, what: str) -> Run:
    with loop.ledger.read() as tx:
        if "/" not in what:
            return tx.runs.resolve(loop.project, what)
        from loopline.nouns.name import parse_pointer

        pointer = parse_pointer(what, project=loop.project)
        at_home(loop, pointer.asset)  # the new run would make the code of the other project this one's
        version = tx.versions.resolve(pointer)
        if version.run is None:
            raise NotFound(
                f"{version} was not made by a run", kind="no-run", hint=f"loopline show {version}", version=str(version)
            )
        return tx.runs.get(version.run)


def _environment(loop: Loop, original: Run, *, offline: bool) -> tuple[str, str]:
    """Restore the packages of a run and give the interpreter that has them, and what was done, in words."""
    if original.environment is None:
        raise NotFound(
            f"run {brief(original.id)} has no environment on record", kind="no-environment",
            hint="add --here to use what is installed", run=original.id,
        )  # fmt: skip
    from loopline.environments.lock import parse
    from loopline.environments.restore import restore

    lock = parse(loop.blobs.read(Digest(original.environment)))
    folder = loop.work / "environments" / original.environment.removeprefix("sha256:")
    restored = restore(lock, folder, report=loop.report, offline=offline)
    words = f"{len(lock.distributions)} packages {'restored' if restored.made else 'as restored before'} from the run's lock"
    if restored.left_out:
        words += f"; left out: {', '.join(restored.left_out)}"
    return str(restored.python), words
