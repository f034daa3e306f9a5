"""Programs that must pass strictly, as a user would write them."""

from __future__ import annotations

import loopline
from loopline import Evaluation, evaluate, pipeline, step


@step
def double(number: int) -> int:
    return number * 2


@step(retries=2, timeout=60)
def halve(number: int) -> float:
    return number / 2


@pipeline
def both(number: int = 3) -> float:
    return halve(double(number))


def train() -> None:
    with loopline.start("train", params={"depth": 8}) as run:
        for number in range(3):
            run.log(loss=1 / (number + 1), step=number)


def judged(truth: list[int], guessed: list[float]) -> Evaluation:
    return evaluate(truth, guessed)


def result() -> float:
    return both(number=4)
