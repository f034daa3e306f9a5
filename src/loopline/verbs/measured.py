"""measured: which answer of a service is held against its labels, and by which metrics; for deploy, quality and monitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from loopline.checks.names import BINARY, CLASSES, REGRESSION
from loopline.errors import Invalid
from loopline.nouns.quality import spelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loopline.nouns.service import Arm, Labels, Monitor
    from loopline.nouns.signature import Column

Kind = Literal["binary", "classes", "regression"]
METRICS: Final[dict[Kind, tuple[str, ...]]] = {"binary": BINARY, "classes": CLASSES, "regression": REGRESSION}
_CALLED: Final = ("accuracy", "precision", "recall")
"""What is usual where an answer is a class and no probability."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One output, and what it is held against."""

    kind: Kind
    score: str
    """`predict`, `predict_proba[1]`."""
    positive: str = ""
    """The class that counts as 1; empty: labels are numbers, or the class itself."""
    classes: tuple[str, ...] = ()
    """Those that the model tells apart, where it says."""
    named: bool = False
    """Whether the output is a class, and no number."""

    @property
    def usual(self) -> tuple[str, ...] | None:
        """Give the metrics where nobody names any; None: those that `evaluate` takes."""
        return CLASSES if self.kind == "classes" else _CALLED if self.named else None


def measured(labels: Labels, arms: Sequence[Arm]) -> Measured:
    """Say what is measured: of more than two classes, none of which is declared to count as 1, whether an answer is right."""
    outputs, classes, several = _answers(arms)
    kind = labels.kind or kind_of(labels, arms)
    if kind == "regression":
        return Measured("regression", labels.score or next(iter(outputs), "predict"))
    if kind == "classes" or (several and not labels.positive):
        chosen = outputs.get(labels.score)
        flat = [name for name, one in outputs.items() if len(one.shape) == 1]
        first = next((name for name in flat if outputs[name].values), flat[0] if flat else "predict")
        score = labels.score if chosen and len(chosen.shape) == 1 else first
        return Measured("classes", score, classes=classes, named=True)
    score = labels.score or ("predict_proba" if "predict_proba" in outputs or not outputs else next(iter(outputs)))
    positive = labels.positive or (classes[-1] if classes else "1")
    shape = outputs[score].shape if score in outputs else (-1, 2)
    named = len(shape) == 1 and len(outputs[score].values) > 1
    if len(shape) > 1 and "[" not in score:
        places = [spelled(one) for one in classes]
        score += f"[{places.index(spelled(positive)) if spelled(positive) in places else shape[-1] - 1}]"
    told = spelled(positive) if positive.lower() in ("true", "false") else positive
    return Measured("binary", score, told, classes, named)


def kind_of(labels: Labels, arms: Sequence[Arm]) -> Kind:
    """Say what labels are where nobody has: a number without classes and probabilities is a regression's."""
    outputs, _, several = _answers(arms)
    score = outputs.get(labels.score) if labels.score else next(iter(outputs.values()), None)
    numbers = score is not None and score.type.startswith("FP") and len(score.shape) == 1 and not score.values
    other = labels.positive or set(labels.metrics) - set(REGRESSION)
    if numbers and "predict_proba" not in outputs and not other:
        return "regression"
    return "classes" if several and not labels.positive else "binary"


def check(labels: Labels, arms: Sequence[Arm], monitors: Sequence[Monitor]) -> None:
    """Refuse labels, metrics and bounds that do not go with the classes that a model tells apart.

    Raise Invalid kind="no-positive", "unknown-class", "unknown-metric" or "bad-bound".
    """
    outputs, classes, several = _answers(arms)
    if labels.kind == "classes" and labels.positive:
        raise Invalid(
            f"labels say that {labels.positive} counts as 1, and that no class does", kind="bad-value",
            hint='leave out kind = "classes" to measure that class against the rest, or positive to measure all',
            positive=labels.positive,
        )  # fmt: skip
    scored = outputs.get(labels.score.partition("[")[0])
    of_one = labels.kind == "binary" or "[" in labels.score or (scored is not None and len(scored.shape) > 1)
    if several and of_one and not labels.positive:
        raise Invalid(
            f"the model tells {several} classes apart, and labels do not say which of them counts as 1",
            kind="no-positive", classes=classes,
            hint=f"{_one_of(classes)} measures that class against the rest; without kind and score, and with no metric but"
            " accuracy, all classes count",
        )  # fmt: skip
    if classes and labels.positive and spelled(labels.positive) not in map(spelled, classes):
        raise Invalid(
            f"labels.positive is {labels.positive!r}, which is no class of the model", kind="unknown-class",
            hint=f"there are {', '.join(classes)[:200]}", word=labels.positive,
        )  # fmt: skip
    found = measured(labels, arms)
    allowed(found, labels.metrics)
    known = METRICS[found.kind]
    for monitor in monitors:
        for bound in sorted(monitor.bounds) if monitor.kind == "quality" else ():
            if bound.removesuffix("_drop") not in known:
                raise Invalid(
                    f"monitor {monitor.name} bounds {bound}, which is not measured here", kind="bad-bound",
                    hint=_instead(found), monitor=monitor.name, bound=bound,
                )  # fmt: skip


def allowed(found: Measured, metrics: Sequence[str]) -> None:
    """Refuse metrics that make no sense. Raise Invalid kind="unknown-metric"."""
    from difflib import get_close_matches

    known = METRICS[found.kind]
    for name in metrics:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise Invalid(
                f"{name!r} is no metric of {_WORDS[found.kind]}", kind="unknown-metric",
                hint=f"did you mean {near[0]}?" if near else _instead(found), word=name, known=known,
            )  # fmt: skip


_WORDS: Final[Mapping[Kind, str]] = {
    "binary": "two classes",
    "classes": "several classes",
    "regression": "numbers",
}


def _instead(found: Measured) -> str:
    known = f"use {', '.join(METRICS[found.kind])}"
    if found.kind != "classes":
        return known
    return f"{known}, or declare {_one_of(found.classes)} to measure that class against the rest"


def _one_of(classes: Sequence[str]) -> str:
    return f'labels.positive = "{classes[-1] if classes else "CLASS"}"'


def _answers(arms: Sequence[Arm]) -> tuple[dict[str, Column], tuple[str, ...], int]:
    """Give the outputs, the classes where they are told, and how many there are where that is more than two."""
    arms = [arm for arm in arms if arm.weight and not arm.shadow] or arms
    outputs = {one.name: one for arm in arms for one in arm.signature.outputs}
    told = [one.values for arm in arms for one in arm.signature.outputs if len(one.values) > 1]
    classes = max(told, key=len, default=())
    proba = outputs.get("predict_proba")
    count = max(len(classes), proba.shape[-1] if proba and len(proba.shape) > 1 else 0)
    return outputs, classes, count if count > 2 else 0
