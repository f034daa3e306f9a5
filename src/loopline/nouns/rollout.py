"""rollout: a change that moves a deployment step by step, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from loopline.nouns.rolling import Forecast, Judgement, Plan, Rolling, Weighting

OPEN = ("waiting", "rolling", "paused")
"""States of a rollout that is not over."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A change that rolls, or has rolled."""

    change: str
    """Its id."""
    project: str
    ref: str
    """The deployment: `service/delay@prod`."""
    old: int
    """Version of the service that everybody met before."""
    new: int
    """Version that it brings."""
    plan: Plan
    """As it was when it began."""
    progress: Rolling = field(default_factory=Rolling)
    """Where it stands, and why."""
    weights: tuple[Weighting, ...] = ()
    """That were in force, by the clock of the traffic (the event times that were recorded), oldest first."""
    judged: Judgement | None = None
    """The newest judgement; None: none yet."""
    forecast: tuple[Forecast, ...] = ()
    """How many units its answers will take, as far as was known when it began."""
    looked_at: int = 0
    """When the controller looked last."""
    run: str = ""
    """The run that holds the judgement which brought it where it is, with its data; empty: it was no judgement."""

    @property
    def shadow(self) -> bool:
        """Whether the new version gets copies of everything, and answers nobody."""
        return self.plan.kind == "shadow"

    @property
    def members(self) -> tuple[str, ...]:
        """Members of the plan's column of whom the weight is a share, while a rollout by slice runs; empty: of everybody."""
        inside = self.plan.kind == "slice" and not self.over and 0 <= self.progress.step < len(self.plan.steps)
        return self.plan.steps[self.progress.step].members if inside else ()

    @property
    def over(self) -> bool:
        """Whether it has come to its end."""
        return self.progress.state not in OPEN
