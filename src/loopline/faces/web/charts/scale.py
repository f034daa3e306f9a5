"""scale: values to places, and round values on the way."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from loopline.faces.web.words import span

_STEPS = (1, 2, 2.5, 5, 10)
_TIMES = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
    172800,
    604800,
    1209600,
)
"""Seconds between ticks of time, up to two weeks."""
_MICROS = 1_000_000
MOST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Scale:
    """Takes [low, high] to [start, end]; with `log`, by the logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Give the place of a value. A value beyond the ends is put at the nearer one."""
        low, high, value = self._bent(self.low), self._bent(self.high), self._bent(value)
        if math.isnan(value):
            return self.start
        share = (
            (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.5
        )  # the whole may be more than a float holds
        share = min(max(share, 0.0), 1.0) if share == share else 0.5  # noqa: PLR0124 (two denormals apart)
        return self.start + (self.end - self.start) * share

    def _bent(self, value: float) -> float:
        if not self.log:
            return value
        return math.log10(value) if value > 0 else -math.inf


def extent(values: Iterable[float]) -> tuple[float, float] | None:
    """Give the lowest and the highest that are numbers; None where none is."""
    real = [value for value in values if math.isfinite(value)]
    return (min(real), max(real)) if real else None


def roomy(low: float, high: float, share: float = 0.05) -> tuple[float, float]:
    """Give a range with some air; one value alone gets a range around it."""
    if low == high:
        air = abs(low) * 0.1 or 1.0
        low, high = max(low - air, -MOST), min(high + air, MOST)
        return low, high
    air = (high - low) * share
    return (low - air, high + air) if math.isfinite(air) else (low, high)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Give about `count` round values between two (Heckbert 1990, "Nice Numbers for Graph Labels", Graphics Gems)."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    raw = (high / count) - (low / count)
    if not raw:
        return [low, high]
    power = math.floor(math.log10(raw))
    step = next((s * 10.0**power for s in _STEPS if raw * 0.999 <= s * 10.0**power < math.inf), 0.0)
    if not step:
        return [low, high]
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    if last - first > 4 * count:
        return [low, high]
    return [round(i * step, max(0, 2 - math.floor(math.log10(step)))) for i in range(first, last + 1)]


def whole_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Give round values that are whole: steps, counts."""
    return [value for value in ticks(low, high, count) if value == int(value)] or [math.ceil(low)]


def log_ticks(low: float, high: float) -> list[float]:
    """Give powers of ten between two positive values, with 2 and 5 where few fit."""
    first, last = max(math.floor(math.log10(low)), -307), min(math.ceil(math.log10(high)), 307)
    every = max(1, (last - first) // 6)
    powers = [10.0**p for p in range(first, last + 1, every)]
    inside = [value for value in powers if low <= value <= high]
    if len(inside) >= 3:
        return inside
    more = sorted(factor * 10.0**p for p in range(first, last + 1) for factor in (1, 2, 5))
    return [value for value in more if low <= value <= high] or [low, high]


def time_ticks(low: int, high: int, count: int = 5, zone: tzinfo = UTC) -> list[tuple[int, str]]:
    """Give times of day (microseconds) that people say, each as it is written in the zone."""
    seconds = max((high - low) / _MICROS, 1e-3) / count
    step = next((one for one in _TIMES if one >= seconds), math.ceil(seconds / 2_419_200) * 2_419_200)
    try:
        offset = int((datetime.fromtimestamp(low / _MICROS, zone).utcoffset() or timedelta()).total_seconds())
        first = -(-(low // _MICROS + offset) // step) * step - offset
        at = list(range(first, high // _MICROS + 1, step))[: 4 * count]
        return [(one * _MICROS, _clock(datetime.fromtimestamp(one, zone), step)) for one in at]
    except (OverflowError, ValueError, OSError):
        return []


def span_ticks(length: float, count: int = 5) -> list[float]:
    """Give round lengths of time (seconds) up to `length`."""
    if length <= 0:
        return [0.0]
    step = next((float(one) for one in _TIMES if one >= length / count), None)
    if length / count < 1:
        return [tick for tick in ticks(0, length, count) if tick >= 0]
    step = step or math.ceil(length / count / 604_800) * 604_800.0
    return [i * step for i in range(int(length // step) + 1)]


def said(seconds: float) -> str:
    """Write a length of time on an axis: `0`, `0.5 s`, `15 s`, `2 min`, `1 min 15 s`."""
    if seconds < 60:
        return f"{seconds:g} s" if seconds else "0"
    return span(seconds * _MICROS)


def brief(value: float) -> str:
    """Write a tick: `0.25`, `12k`, `3.5M`, `1e-06`, with a real minus."""
    if value == 0:
        return "0"
    size = abs(value)
    for above, sign in ((1e12, ""), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= above and size < 1e15 and sign:
            unit = {"G": 1e9, "M": 1e6, "k": 1e3}[sign]
            return f"{value / unit:.4g}{sign}".replace("-", "\u2212")
    if size >= 1e12 or size < 1e-4:
        return f"{value:.3g}".replace("-", "\u2212")
    return f"{value:.6g}".replace("-", "\u2212")


def bins(values: Sequence[float], most: int = 40) -> tuple[list[int], list[float]]:
    """Count values in equal bins: as many as Freedman and Diaconis (1981) say, at most `most`. Give counts and edges."""
    real = sorted(value for value in values if math.isfinite(value))
    if not real:
        return [], []
    low, high = real[0], real[-1]
    if low == high:
        return [len(real)], [low - 0.5, high + 0.5]
    quarter, three = real[len(real) // 4], real[(3 * len(real)) // 4]
    width = 2 * (three / 2 - quarter / 2) / len(real) ** (1 / 3)
    wanted = (high / 2 - low / 2) / width if width > 0 else math.sqrt(len(real))
    number = int(min(max(math.ceil(min(wanted, most)), 1), most))
    counts = [0] * number
    for value in real:
        counts[min(int((value / 2 - low / 2) / (high / 2 - low / 2) * number), number - 1)] += 1
    return counts, [low + (high / number - low / number) * i for i in range(number)] + [high]


def _clock(at: datetime, step: int) -> str:
    if step >= 86_400:
        return f"{at:%d %b}".lstrip("0")
    if at.hour == at.minute == at.second == 0 and step >= 60:
        return f"{at:%d %b}".lstrip("0")
    return f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"
