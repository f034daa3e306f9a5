"""rolled: how a rollout is going, as pictures: the evidence from look to look, and how far apart the two versions are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.faces.web.charts.forest import Delta, forest
from loopline.faces.web.charts.line import Curve, line
from loopline.faces.web.drawn import Picture
from loopline.faces.web.words import number, plural

if TYPE_CHECKING:
    from markupsafe import Markup

    from loopline.nouns.rolling import Compared
    from loopline.nouns.rollout import Rollout

TONES: Final = {"worse": "bad", "not-worse": "good", "undecided": "off"}


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a page shows of a rollout."""

    rollout: Rollout
    share: float
    """Of the units that meet the new version now."""
    apart: Markup
    """Each metric's difference with its bounds; empty: nothing was judged."""
    paths: tuple[Picture, ...]
    """Of each metric: its evidence over the units, beside what is enough."""
    needs: tuple[tuple[str, str], ...]
    """By metric, what would decide it."""


def rolled(rollout: Rollout) -> Rolled:
    """Draw what is known."""
    findings = rollout.judged.findings if rollout.judged else ()
    deltas = [
        Delta(one.metric, one.estimate, one.low, one.high, TONES[one.answer])
        for one in findings
        if one.estimate is not None
    ]
    apart = forest(deltas, title="New version less old one", own=len(deltas) > 1)
    needs = tuple((one.metric, _need(one)) for one in findings if one.answer == "undecided")
    return Rolled(rollout, rollout.progress.weight, apart, tuple(_path(one) for one in findings if one.path), needs)


def _path(one: Compared) -> Picture:
    xs = [units for units, _ in one.path]
    curves = [
        Curve("evidence that it is worse", xs, [value for _, value in one.path], 1),
        Curve("enough", [xs[0], xs[-1]], [one.needed, one.needed], 5),
    ]
    note = f"{number(one.path[-1][1])} of {number(one.needed)} after {plural(xs[-1], 'unit')}"
    return Picture(one.metric, line(curves, title=f"Evidence, {one.metric}", floor=0.0), note)


def _need(one: Compared) -> str:
    """Say what is missing for either answer."""
    if one.estimate is None or one.high is None:
        return one.reason
    return (
        f"not worse when the upper bound {number(one.high)} falls below {number(one.tolerance)};"
        f" worse when the evidence {number(one.evidence)} reaches {number(one.needed)}"
    )
