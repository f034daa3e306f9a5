"""What a deployment was asked and how good it was, as pictures."""

from __future__ import annotations

import re
from typing import Any

from loopline.faces.web.measured import parts_of, quality_of, slices_of, table_of, traffic_of
from loopline.nouns.evaluation import Estimate
from loopline.nouns.quality import Cell
from loopline.nouns.traffic import Bucket

DAY, HOUR = 86_400_000_000, 3_600_000_000


def asked(start: int, arm: str = "main", requests: int = 60, **facts: Any) -> Bucket:
    """Give an hour of an arm."""
    return Bucket(start * HOUR, (start + 1) * HOUR, arm, requests=requests, rows=requests, **facts)


def cell(day: int, arm: str = "main", value: float | None = None, **facts: Any) -> Cell:
    """Give a day of an arm."""
    told = (Estimate("roc_auc", value),) if value is not None else ()
    return Cell(day * DAY, (day + 1) * DAY, arm, "model/delay@1", estimates=told, **({"predictions": 100} | facts))


def test_parts_of_arms_are_put_together() -> None:
    """Counts add up, the median is of the requests and not of the pieces, and shadows come last."""
    parts = parts_of([
        asked(0, "copy", 500, shadow=True), asked(0, "small", 5), asked(0, requests=90, p50_us=4.0, p99_us=9.0, errors=1),
        asked(1, requests=10, p50_us=40.0, p99_us=70.0, refused=2),
    ])  # fmt: skip
    assert [one.arm for one in parts] == ["main", "small", "copy"]
    main = parts[0]
    assert (main.requests, main.errors, main.refused, main.p50_us, main.p99_us) == (100, 1, 2, 4.0, 70.0)


def test_hours_without_requests_are_zero_and_have_no_latency() -> None:
    """Of five hours two were asked in: the rate falls to zero between, and the latency has a gap; moves are marked."""
    rate, latency, errors = traffic_of(
        [asked(0, p50_us=5e3, p99_us=9e3), asked(3, p50_us=5e3, p99_us=9e3, errors=30)], (0, 5 * HOUR), HOUR,
        marks=[(2 * HOUR, "@7"), (9 * HOUR, "@8")],
    )  # fmt: skip
    (line,) = re.findall(r'<path d="([^"]+)" class="line k1"', str(rate.drawing))
    assert line.count("L") == 4
    curves = re.findall(r'<path d="(M\d[^"]+)" class="line[^>]*data-name', str(latency.drawing))
    assert [path.count("M") for path in curves] == [2, 2]
    assert latency.drawing.count("<circle") == 4
    assert ("@7" in rate.drawing, "@8" in rate.drawing) == (True, False)
    assert "between 0 and 50" in errors.drawing


def test_an_unfinished_piece_counts_by_its_length() -> None:
    """Thirty requests in half an hour are one a minute, though the piece is an hour long."""
    rate, *_ = traffic_of([asked(0), asked(1, requests=30)], (0, 3 * HOUR // 2), HOUR, marks=())
    assert "between 1 and 1" in rate.drawing


def test_quality_is_drawn_by_arm_with_its_coverage() -> None:
    """Each metric and the share of labels over days; a day without labels is a gap."""
    cells = [cell(0, value=0.8, labelled=50), cell(1, predictions=80), cell(1, "other", 0.7, labelled=100)]
    auc, coverage = quality_of(cells, ["roc_auc"])
    assert (auc.title, auc.note) == ("roc_auc", "higher is better")
    assert "main: from 0.8000 to 0.8000" in auc.drawing
    assert "main: from 50 to 0" in coverage.drawing
    assert "other: from 100 to 100" in coverage.drawing
    rows = table_of(cells, ["roc_auc"])
    assert [(one.start // DAY, one.arm, covered, told) for one, covered, told in rows] == [
        (1, "main", 0.0, ["–"]), (1, "other", 1.0, ["0.7000"]), (0, "main", 0.5, ["0.8000"]),
    ]  # fmt: skip


def test_slices_are_held_against_their_own_day() -> None:
    """A member that is worse than all rows of its day is shaded so; members without labels are left out."""
    cells = [
        cell(0, value=0.8), cell(0, value=0.7, slice="carrier", member="UA"), cell(0, slice="carrier", member="AA"),
        cell(1, value=0.6), cell(1, value=0.7, slice="carrier", member="UA"), cell(1, slice="origin", member="JFK"),
    ]  # fmt: skip
    (picture,) = slices_of(cells, "main", "roc_auc")
    assert picture.title == "roc_auc by carrier"
    assert re.findall(r'class="s-(good|bad)"', str(picture.drawing)) == ["bad", "good"]
    for words in ("−0.1000", "+0.1000", "1 Jan", "2 Jan"):
        assert words in picture.drawing, words
    assert "AA" not in picture.drawing
