"""plans: sound plans of any kind, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from loopline.nouns.rolling import Judged, Kind, Plan, Step
from loopline.rollout.plan import sound, usual


def planned(
    kind: Kind, metrics: Sequence[Judged] = (), *, weights: Sequence[float] = (), members: Sequence[Sequence[str]] = (),
    column: str = "", step: Step | None = None, **limits: Any,
) -> Plan:  # fmt: skip
    """Make a sound plan of the usual steps of a kind, or of `weights`; its steps are like `step` in everything else."""
    shares = [*weights] or [one.weight for one in usual(kind)] or [0.5] * len(members)
    named = [tuple(one) for one in members] or [()] * len(shares)
    like = step or Step(0.0)
    steps = tuple(replace(like, weight=share, members=who) for share, who in zip(shares, named, strict=True))
    return sound(Plan(kind, steps, tuple(metrics), column=column, **limits))
