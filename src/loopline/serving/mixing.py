"""mixing: two versions of a service side by side, while a change rolls from the one to the other.

Everything but the arms stays as the old version has it until the change is applied: what is judged is the model. The new
version's arms come first, so that the interval of the units' hashes that they answer begins at 0: a share that grows takes
units from the old version, and gives none back (split.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from loopline.errors import Invalid
from loopline.nouns.service import Arm, Service
from loopline.serving.desired import Desired

PARTS: Final = 10_000
"""A share is kept to this exactness."""


def arm_name(arm: Arm, number: int) -> str:
    """Name an arm of the new version in a mixture: `main@2`."""
    return f"{arm.name}@{number}"


def mixed(old: Service, new: Service, number: int, share: float, *, shadow: bool = False) -> Service:
    """Give the service in which `share` of the units meet the arms of `new`, whose version is `number`.

    As a shadow the new version gets copies of everything, and answers nobody.
    """
    parts = round(share * PARTS)
    coming = [replace(arm, name=arm_name(arm, number)) for arm in new.arms if not arm.shadow and arm.weight > 0]
    if shadow:
        return replace(old, arms=(*old.arms, *(replace(arm, weight=0, shadow=True) for arm in coming)))
    theirs, ours = _total(old.arms), _total(coming)
    return replace(
        old,
        arms=(
            *(replace(arm, weight=arm.weight * parts * theirs) for arm in coming),
            *(arm if arm.shadow else replace(arm, weight=arm.weight * (PARTS - parts) * ours) for arm in old.arms),
        ),
    )


def alone(desired: Desired) -> Desired | None:
    """Give what is desired without the version that rolls; None where none does, or where everybody meets it already."""
    kept = [place.number in (0, desired.number) for place in desired.places]
    pairs = [
        pair for pair, keep in zip(zip(desired.service.arms, desired.places, strict=True), kept, strict=True) if keep
    ]
    if all(kept) or not any(arm.weight and not arm.shadow for arm, _ in pairs):
        return None
    arms, places = zip(*pairs, strict=True)
    return replace(desired, service=replace(desired.service, arms=arms), places=places, only=None)


def check_mixable(old: Service, new: Service) -> None:
    """Raise Invalid kind="not-comparable" for two versions whose answers cannot be judged beside each other."""
    told = {
        "unit": (old.unit, new.unit),
        "event_time": (old.event_time, new.event_time),
        "labels.target": (old.labels.target, new.labels.target),
        "labels.join": (old.labels.join, new.labels.join),
        "labels.positive": (old.labels.positive, new.labels.positive),
        "labels.kind": (old.labels.kind, new.labels.kind),
    }
    differs = [key for key, (one, other) in told.items() if one != other]
    if differs:
        raise Invalid(
            f"the two versions of {new.name} differ in {', '.join(differs)}, so one cannot be judged against the other",
            kind="not-comparable", hint='move there at once: rollout = { kind = "at-once" }', differs=differs,
        )  # fmt: skip


def _total(arms: Sequence[Arm]) -> int:
    return sum(arm.weight for arm in arms if not arm.shadow)
