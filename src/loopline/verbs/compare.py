"""compare: runs side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final

from loopline.errors import Invalid, LooplineError
from loopline.loop import Loop
from loopline.nouns.digest import short
from loopline.nouns.entry import Difference
from loopline.nouns.lineup import Figure, Line, Lineup
from loopline.nouns.run import Run
from loopline.verbs.comparing import FILES, tree_difference

MOST: Final = 10


def compare(loop: Loop, runs: Annotated[tuple[str, ...], "first digits of 2 to 10 runs"]) -> Lineup:
    """Hold runs against each other: params, metrics, data, packages, code. What differs comes first.

    Example:
        loopline compare 019f1 019f2
    """
    names = tuple(dict.fromkeys(runs))
    if not 2 <= len(names) <= MOST:
        raise Invalid(
            f"{len(names)} runs were named", kind="too-many-runs" if len(names) > MOST else "too-few-runs",
            hint=f"name 2 to {MOST} runs", runs=len(names),
        )  # fmt: skip
    with loop.ledger.read() as tx:
        found = [tx.runs.resolve(loop.project, name) for name in names]
        packages = {one.environment: tx.lineage.packed(one.environment) for one in found if one.environment}
    environments = [packages[one.environment] if one.environment else {} for one in found]
    compared = _lines(environments)
    return Lineup(
        runs=tuple(found),
        facts=_lines([_facts(one) for one in found], order=_FACTS),
        params=_lines([one.params for one in found]),
        metrics=_figures(found),
        packages=tuple(one for one in compared if one.differs),
        same_packages=sum(not one.differs for one in compared),
        code=tuple(_code(loop, found[0], one) for one in found),
    )


_FACTS: Final = ("name", "experiment", "state", "by", "took", "data", "commit", "code", "environment")


def _facts(run: Run) -> dict[str, str]:
    facts = {
        "name": run.name, "experiment": run.experiment, "state": str(run.state), "by": run.actor,
        "commit": run.commit or "", "code": short(run.code) if run.code else "",
        "environment": short(run.environment) if run.environment else "",
        "data": ", ".join(f"{one.asset}@{one.number}" for one in run.inputs if one.asset),
    }  # fmt: skip
    if run.started_at and run.ended_at:
        facts["took"] = f"{(run.ended_at - run.started_at) / 1e6:.1f} s"
    return {name: text for name, text in facts.items() if text}


def _lines(sides: Sequence[Mapping[str, str]], order: Iterable[str] = ()) -> tuple[Line, ...]:
    names = [name for name in order if any(name in side for side in sides)] or sorted({
        n for side in sides for n in side
    })
    lines = []
    for name in names:
        values = tuple(side.get(name) for side in sides)
        lines.append(Line(name, values, len(set(values)) > 1))
    return tuple(sorted(lines, key=lambda one: not one.differs))


def _figures(runs: Sequence[Run]) -> tuple[Figure, ...]:
    figures = []
    for name in sorted({key for run in runs for key in run.metrics}, key=lambda key: ("[" in key, key)):
        values = tuple(run.metrics.get(name) for run in runs)
        figures.append(Figure(name, values, len({repr(value) for value in values}) > 1))
    return tuple(sorted(figures, key=lambda one: not one.differs))


def _code(loop: Loop, first: Run, other: Run) -> tuple[Difference, ...]:
    if not first.code or not other.code or first.code == other.code:
        return ()
    try:
        return tree_difference(loop, first.code, other.code, FILES)[0]
    except LooplineError:  # a source tree may have been swept; the digests still tell that they differ
        return ()
