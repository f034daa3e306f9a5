"""spread: the rows of one question for several arms, and their answers together again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loopline.errors import Unavailable
from loopline.nouns.datatype import SIZES, TEXT
from loopline.serving.question import Given, Made, Question


def part_of(question: Question, rows: Sequence[int]) -> Question:
    """Give some rows of a question."""
    return Question(
        question.id, len(rows), [pick(one, rows) for one in question.columns], question.outputs,
        parameters=question.parameters, headers=question.headers,
    )  # fmt: skip


def pick(given: Given, rows: Sequence[int]) -> Given:
    """Give some rows of an input."""
    width, data = given.width, given.data
    if isinstance(data, bytes):
        size = SIZES[given.type] * width
        return given._replace(data=b"".join(data[row * size : (row + 1) * size] for row in rows))
    if width == 1:
        return given._replace(data=[data[row] for row in rows])
    return given._replace(data=[one for row in rows for one in data[row * width : (row + 1) * width]])


def join(made: Sequence[Sequence[Made]], places: Sequence[Sequence[int]]) -> list[Made]:
    """Put outputs of several arms together: `places[i]` are the rows that `made[i]` is about.

    Raise Unavailable kind="arms-differ" where the arms' outputs have other types or shapes.
    """
    first = made[0]
    for other in made[1:]:
        if [(one.name, one.type, one.tail) for one in other] != [(one.name, one.type, one.tail) for one in first]:
            raise Unavailable(
                "the arms of this service answer in different shapes",
                kind="arms-differ",
                hint="name one output, or one version",
            )
    found = []
    rows = sum(map(len, places))
    for index, one in enumerate(first):
        width = 1
        for size in one.tail:
            width *= size
        if one.type == TEXT:
            texts: list[Any] = [None] * (rows * width)
            for outputs, mine in zip(made, places, strict=True):
                for at, row in enumerate(mine):
                    texts[row * width : (row + 1) * width] = outputs[index].data[at * width : (at + 1) * width]
            found.append(one._replace(data=texts))
            continue
        step = SIZES[one.type] * width
        raw = bytearray(rows * step)
        for outputs, mine in zip(made, places, strict=True):
            for at, row in enumerate(mine):
                raw[row * step : (row + 1) * step] = outputs[index].data[at * step : (at + 1) * step]
        found.append(one._replace(data=bytes(raw)))
    return found
