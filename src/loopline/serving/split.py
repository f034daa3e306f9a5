"""split: which arm answers a unit. The same unit always meets the same arm, for as long as weights and names stay.

The unit's hash (xxh3, 64 bits, salted with the service's name, so that two services cut their units independently) falls into
one of the arms' intervals, which lie one behind the other in the order of the specification: a weight that grows takes units
from its neighbours and moves no others.

A row may come without a unit: its column or header is missing, or empty (`unit_of`). Then the id of its request takes the
place of the unit, as it does for every row where a service declares none. So these rows, too, are spread by the weights;
those of one request stay together, and a request that is sent again with its id meets the same arm. Its record has an empty
unit: the explorer finds it by `--where unit=`, quality counts it as any other, and a label names it by id or by other
columns, never by a unit that nobody said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from xxhash import xxh3_64_intdigest

from loopline.nouns.service import Arm

_WHOLE: Final = 1 << 64


class Split:
    """The weighted arms of a service."""

    def __init__(self, name: str, arms: Sequence[Arm]) -> None:
        self.arms = tuple(arm.name for arm in arms if arm.weight > 0 and not arm.shadow)
        """Those that get traffic."""
        weights = [arm.weight for arm in arms if arm.weight > 0 and not arm.shadow]
        total = sum(weights)
        self._edges = [_WHOLE * sum_ // total for sum_ in accumulate(weights)][:-1]
        self._salt = f"{name}\0".encode()

    def arm(self, unit: str, request: str) -> str:
        """Give the arm of a unit, or where nobody said whom a row is about (empty) that of the request's id."""
        if not self._edges:
            return self.arms[0]
        return self.arms[bisect_right(self._edges, xxh3_64_intdigest(self._salt + (unit or request).encode()))]


def unit_of(values: Sequence[Any]) -> str:
    """Write the unit that some columns' values name: `UA+1545`. A missing value makes it empty: nobody said."""
    texts = []
    for one in values:
        if one is None or one == "" or one != one:  # noqa: PLR0124 (only NaN differs from itself)
            return ""
        text = str(int(one)) if isinstance(one, float) and one.is_integer() else str(one)
        texts.append(text.replace("%", "%25").replace("+", "%2B") if "+" in text or "%" in text else text)
    return "+".join(texts)


def member_of(value: Any) -> str:
    """Write a value as the members of a slice are declared: `UA`, `5` for 5.0, `true`; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def sampled(name: str, share: float) -> bool:
    """Tell whether a request is among the share that is kept whole: by the hash of its id, so the same one always is."""
    return share >= 1 or xxh3_64_intdigest(name.encode()) < share * _WHOLE
