"""series: curves as a line of blocks each, and what a run printed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from loopline.cli.render.words import short_id
from loopline.cli.text import aligned, clean, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.series import Series, Tail

BLOCKS: Final = "▁▂▃▄▅▆▇█"
WIDTH: Final = 40


def list_of_series(values: Sequence[Series], screen: Screen) -> Iterator[str]:
    """Draw a line for each series: its shape, where it ended, how many points it has."""
    rows = [
        [
            screen.paint("name", short_id(one.run)), clean(one.key), _shape(one.values),
            number(one.values[-1]) if one.values and math.isfinite(one.values[-1]) else "–", plural(one.count, "point"),
        ]
        for one in values
    ]  # fmt: skip
    yield from aligned(rows, right={3, 4})


def tail(value: Tail, screen: Screen) -> Iterator[str]:
    """Write what was printed, as it was printed but for what a terminal would act upon."""
    if not value.size:
        screen.say(f"{clean(value.name)} has printed nothing" + ("" if value.over else " yet, or runs elsewhere"))
    yield from ("\t".join(clean(part) for part in line.split("\t")) for line in value.text.splitlines())


def _shape(values: Sequence[float]) -> str:
    count = min(WIDTH, len(values))
    groups = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    means = [sum(real) / len(real) if (real := [v for v in group if math.isfinite(v)]) else None for group in groups]
    known = [mean for mean in means if mean is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = (high - low) or 1.0
    return "".join(" " if mean is None else BLOCKS[min(7, int((mean - low) / span * 8))] for mean in means)
