"""maturity: what a team does as careful teams do, from what the ledger shows and what the team says; and the next best step.

The levels are those of "MLOps: Continuous delivery and automation pipelines in machine learning" (Google Cloud Architecture
Center, 2020); the practices are in practices.py. As in the rubric, the score is that of the weakest section: being careful in one
place does not make up for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from loopline.insights.practices import PRACTICES, SECTIONS, Listed
from loopline.nouns.insight import Maturity, Practice

if TYPE_CHECKING:
    from loopline.nouns.assessment import Assessment

Stands = Literal["no", "manual", "automated", "not known"]
WORTH: Final[Mapping[Stands, float]] = {"no": 0.0, "not known": 0.0, "manual": 0.5, "automated": 1.0}
MOSTLY: Final = 0.9


@dataclass(frozen=True, slots=True)
class Seen:
    """What the ledger shows of how a project is run."""

    models: int = 0
    """Deployments of models in the window."""
    by_pipeline: int = 0
    """Those that a pipeline made."""
    by_trigger: int = 0
    """Those whose pipeline a trigger had started."""
    checked: int = 0
    """Those that had a verdict before the move."""
    approved: int = 0
    """Those that somebody approved."""
    sliced: bool = False
    """Whether a verdict among them has slices."""
    guarded: frozenset[str] = frozenset()
    """Kinds of assets for whose refs a policy in force demands checks or metrics."""
    reviewed: frozenset[str] = frozenset()
    """Kinds for whose refs it demands approvals."""
    services: int = 0
    """Services in production."""
    monitors: frozenset[str] = frozenset()
    """Kinds of monitors that they declare; `objectives` where they have some."""
    recorded: bool = False
    """Whether predictions of one are kept."""
    redacted: bool = False
    rolled: int = 0
    """Changes in the window that rolled out over time."""
    deployed: int = 0
    """Deployments of models and code in the window."""
    rollbacks: int = 0
    repeats: tuple[int, int] = (0, 0)
    """Runs that were repeated: with the same bytes, all."""
    tried: int = 0
    """The most values that one param of one pipeline had in the window."""
    subscribed: int = 0
    retrains: bool = False
    """Whether a trigger proposes what a pipeline makes."""


def maturity(seen: Seen, said: Mapping[str, Assessment]) -> Maturity:
    """Put both together. What the ledger sees as automated counts; else what the team says; else what the ledger sees."""
    shown = dict(_shown(seen))
    practices = tuple(_stands(one, shown.get(one.name), said.get(one.name)) for one in PRACTICES)
    scores = tuple(
        (section, sum(WORTH[one.stands] for one in practices if one.section == section)) for section in SECTIONS
    )
    level, because = _level(seen)
    step, reason = _next(practices, dict(scores))
    return Maturity(
        level, because, scores, min(score for _, score in scores), sum(one.stands == "not known" for one in practices),
        step, reason, practices,
    )  # fmt: skip


def _stands(one: Listed, shown: tuple[Stands, str] | None, said: Assessment | None) -> Practice:
    if shown is not None and (shown[0] == "automated" or said is None):
        return Practice(one.name, one.section, one.text, shown[0], "ledger", shown[1])
    if said is not None:
        return Practice(one.name, one.section, one.text, said.answer, "team", said.note, said.at)
    ask = f"loopline assess {one.name} no|manual|automated"
    return Practice(one.name, one.section, one.text, "not known", "nobody", ask)


def _shown(seen: Seen) -> Iterator[tuple[str, tuple[Stands, str]]]:
    """Give what the ledger shows, by practice; what it cannot tell is left out."""
    yield from _of_models(seen)
    yield from _of_services(seen)
    if "data" in seen.guarded:
        yield "data-expectations", ("automated", "a policy demands checks of data")
    if seen.redacted:
        yield "privacy", ("manual", "columns are redacted from what is recorded")
    same, all_ = seen.repeats
    if all_:
        yield (
            "reproducible-training",
            ("manual" if same == all_ else "no", f"{same} of {all_} repeated runs gave the same bytes"),
        )
    if seen.subscribed:
        yield "upstream-changes", ("automated", "somebody is subscribed to the feed")
    if seen.rollbacks:
        yield "rollback", ("manual", f"{seen.rollbacks} in the window")
    elif seen.deployed:
        yield "rollback", ("no", "not tried in the window")
    if seen.deployed:
        yield (
            "canary",
            (
                "automated" if seen.rolled else "no",
                f"{seen.rolled} of {seen.deployed} deployments rolled out over time",
            ),
        )
    if seen.retrains:
        yield "model-age", ("automated", "a trigger proposes what a pipeline makes")


def _of_models(seen: Seen) -> Iterator[tuple[str, tuple[Stands, str]]]:
    if "model" in seen.reviewed:
        yield "models-reviewed", ("automated", "a policy demands approvals of models")
    elif seen.models:
        yield (
            "models-reviewed",
            ("manual" if seen.approved else "no", f"{seen.approved} of {seen.models} deployments were approved"),
        )
    if "model" in seen.guarded:
        yield "quality-before-serving", ("automated", "a policy demands checks or metrics of models")
    elif seen.models:
        told = f"{seen.checked} of {seen.models} deployments were checked before"
        yield "quality-before-serving", ("manual" if seen.checked else "no", told)
    if seen.sliced:
        yield "slices", ("automated" if "model" in seen.guarded else "manual", "verdicts have slices")
    elif seen.models:
        yield "slices", ("no", "no verdict of the window has slices")
    if seen.tried > 1:
        yield "parameters-tuned", ("manual", f"a pipeline ran with {seen.tried} values of a param")
    if seen.models:
        made: Stands = "automated" if seen.by_trigger else "manual" if seen.by_pipeline else "no"
        told = (
            f"{seen.by_pipeline} of {seen.models} models came from a pipeline, {seen.by_trigger} from a triggered one"
        )
        yield "whole-pipeline-tested", (made, told)


def _of_services(seen: Seen) -> Iterator[tuple[str, tuple[Stands, str]]]:
    if not seen.services:
        return
    for name, kinds in (
        ("data-invariants", {"data"}), ("training-serving-skew", {"drift"}), ("quality-in-production", {"quality"}),
        ("speed", {"service", "objectives"}),
    ):  # fmt: skip
        there = sorted(kinds & seen.monitors)
        yield name, ("automated" if there else "no", f"services declare: {', '.join(there) or 'none'}")
    if seen.recorded:
        yield "debuggable", ("automated", "predictions are kept with the version that made them")
    if not seen.retrains:
        yield "model-age", ("no", "no trigger proposes what a pipeline makes")


def _level(seen: Seen) -> tuple[int | None, str]:
    if not seen.models:
        return None, "no model was deployed in the window"
    if seen.by_pipeline < MOSTLY * seen.models:
        return (
            0,
            f"{seen.models - seen.by_pipeline} of {seen.models} deployed models were not made by a recorded pipeline",
        )
    if not seen.by_trigger and not seen.retrains:
        return 0, "pipelines make the models, and people start the pipelines"
    lacks = [kind for kind in ("code", "model") if kind not in seen.guarded]
    if lacks:
        return 1, f"training is automated; no policy demands checks of {' and '.join(lacks)}"
    return 2, "training is automated, and so is what lets code and models through"


def _next(practices: tuple[Practice, ...], scores: Mapping[str, float]) -> tuple[str, str]:
    """Name the step that raises the score: of the weakest section what is known to lack, else what nobody has said yet."""
    steps = {one.name: one for one in PRACTICES}
    weakest = min(SECTIONS, key=lambda section: scores[section])
    reason = f"the score is that of the weakest section: {weakest}, {scores[weakest]:g} of 7"
    for stands in ("no", "not known", "manual"):
        for one in practices:
            if one.section == weakest and one.stands == stands:
                if stands == "not known":
                    return one.because, f"{reason}; nobody has said whether: {one.text}"
                return steps[one.name].step, f"{reason}; {'not done' if stands == 'no' else 'done by hand'}: {one.text}"
    return "", "every practice is automated"
