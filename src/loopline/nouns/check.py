"""check: a run that yields evidence about what is to become current, as a project declares it."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.expectation import Expectation


@dataclass(frozen=True, slots=True)
class Check:
    """`[checks."eval/holdout"]` of a project file: a pipeline that judges, or expectations of tables."""

    name: str
    refs: tuple[str, ...]
    """Globs over `kind/name@ref`: changes of these refs are checked by it."""
    pipeline: str = ""
    """Name of the pipeline that judges. Its parameters `candidate` and `base` are the new and the current version."""
    params: tuple[tuple[str, str], ...] = ()
    expect: tuple[Expectation, ...] = ()
    """What the tables of the candidate must hold, in place of a pipeline."""
    missing: tuple[str, ...] = ()
    """Texts that mean "no value" in these tables."""
