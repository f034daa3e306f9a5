"""Predictions of flights, written down as a front does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from loopline.signals.entry import Entry, encode
from loopline.signals.frames import framed
from loopline.signals.labels import Label, append, writing
from loopline.signals.segments import Segment

DAY = 86_400_000_000
JULY = 1_372_636_800_000_000
"""2013-07-01, 00:00 UTC."""


def entry(number: int = 0, *, carrier: Any = "UA", proba: float = 0.7, **facts: Any) -> Entry:
    """One flight, asked about alone."""
    told: dict[str, Any] = {
        "id": f"{number:032x}", "recorded_at": JULY + number, "rows": 1, "number": 3, "arm": "champion",
        "version": "model/delay@7", "change": "c1", "status": 200, "latency_us": 900 + number,
        "event_times": JULY + number, "units": "UA1",
        "inputs": columns(carrier=[carrier], distance=[100 + number]), "outputs": columns(predict_proba=[1 - proba, proba]),
    }  # fmt: skip
    return Entry(**(told | facts))


def columns(**values: Any) -> Raw:
    """Columns as a front has them: encoded."""
    return Raw(msgspec.msgpack.encode(values))


def packed(told: Iterable[tuple[str, str, Any]]) -> Raw:
    """Columns, each (name, type, values), in a map: a list of JSON values, or the raw bytes of a type."""
    return columns(**{
        name: {"dtype": kind, "data": data} if isinstance(data, bytes) else data for name, kind, data in told
    })


def write(folder: Path, entries: Iterable[Entry], *, finish: bool = True) -> Path:
    """Put entries into a segment of their own."""
    segment = Segment(folder / "segments")
    segment.append(b"".join(framed(encode(one)) for one in entries))
    if finish:
        segment.finish()
    return segment.path.with_suffix(".ready") if finish else segment.path


def tell(folder: Path, *labels: Label) -> None:
    """Keep labels as they are."""
    with writing(folder):
        append(folder, labels)


def flown(number: int, value: float | str, at: int = 0, seq: int = 0) -> Label:
    """The truth about one flight."""
    return Label(value, JULY + at, seq, id=f"{number:032x}:0")
