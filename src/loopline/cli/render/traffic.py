"""traffic: how much a service was asked, a line for each piece of time and arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.text import aligned, clean, moment, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.traffic import Bucket

_HEADS = ("since", "arm", "requests", "rows", "a minute", "errors", "refused", "p50 ms", "p90 ms", "p99 ms")


def list_of_bucket(values: Sequence[Bucket], screen: Screen) -> Iterator[str]:
    """Draw the pieces, oldest first."""
    rows = [[screen.paint("dim", word) for word in _HEADS]]
    rows += [
        [
            moment(one.start, screen.zone), f"{clean(one.arm)}{' (shadow)' if one.shadow else ''}",
            *(number(count) for count in (one.requests, one.rows)),
            f"{one.requests * 60e6 / max(one.end - one.start, 1):.1f}", number(one.errors), number(one.refused),
            *(f"{at / 1e3:.1f}" for at in (one.p50_us, one.p90_us, one.p99_us)),
        ]
        for one in values
    ]  # fmt: skip
    yield from aligned(rows, right=set(range(2, len(_HEADS))), width=screen.width)
