from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from loopline.insights.sheet import HEAD, as_csv, rows
from loopline.nouns.insight import (
    Delivered,
    Insights,
    Lane,
    Maturity,
    Measure,
    Perceived,
    Period,
    Practice,
    Stage,
    Stream,
)

MEASURE = Measure(
    "change lead time", "s", 2_000_000, 3_000_000, 4, ids=("a", "b"), why="=SUM(A1)",
    trend=(Period(0, 1_000_000, None, 1, whole=False),), parts=(Measure("from there", "s", 500_000, n=2),),
)  # fmt: skip
FOUND = Insights(
    "flights", 0, 1, 1, "UTC",
    lanes=(Lane("code", (MEASURE,), (Delivered("service/delay@prod", (MEASURE,)),)),),
    learning=(Measure("evidence age", "s", known=False, why="none"),),
    streams=(Stream("all", MEASURE, 1.5e6, (Stage("waiting", 1e6, 2e6, 0.5),), "waiting", "w"),),
    friction=(Measure("flake rate", "share", 0.5, n=2, of=1),),
    maturity=Maturity(1, "b", (("data", 1.0),), 1.0, 0, "s", "r", (Practice("privacy", "data", "t", "manual", "team", "x", 3),)),
    survey=(
        Perceived("delivery", "t", "2026-Q3", 6, 5, 0.8, mean=4.0, counts=(0, 0, 0, 5, 0)),
        Perceived("delivery", "t", "2026-Q4", 6, 2, 0.3, hidden="fewer than 5 answered"),
    ),
)  # fmt: skip


def test_every_number_is_a_row_with_its_trend_and_parts() -> None:
    """Durations are seconds, what is not known is marked, and each row has as many cells as the head."""
    every = list(rows(FOUND))
    assert all(len(row) == len(HEAD) for row in every)
    assert [row[:5] for row in every[:2]] == [
        ("window", "flights", "since", "", 0),
        ("window", "flights", "until", "", 1),
    ]
    found = every[3:]
    assert found[0][:9] == ("delivery", "code", "change lead time", "", None, "s", 2.0, 3.0, 4)
    assert found[1][2:7] == ("change lead time", "from there", None, "s", 0.5)
    assert found[2][4:9] == (0, "s", 1.0, None, 1)
    assert found[2][12] == "in part"
    steps = [row[2:4] for row in found if row[0] == "practices"]
    assert steps == [("level", ""), ("score", ""), ("next step", "s"), ("privacy", "team")]
    assert {row[0] for row in found} == {"delivery", "learning", "changes", "friction", "practices", "survey"}
    assert next(row for row in found if row[2] == "evidence age")[11] == 0


def test_what_is_hidden_stays_hidden_in_a_file() -> None:
    """A period of two answers has its count and its reason, and nothing else."""
    hidden = [row for row in rows(FOUND) if row[0] == "survey"][1]
    assert (hidden[5], hidden[6], hidden[8], hidden[11], hidden[12]) == ("1 to 5", None, 2, 0, "fewer than 5 answered")


def test_no_text_becomes_a_formula() -> None:
    """A spreadsheet computes nothing that somebody has written into a reason."""
    (head, *found) = csv.reader(io.StringIO(as_csv(FOUND)))
    assert tuple(head) == HEAD
    assert found[3][12] == "'=SUM(A1)"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_sign_begins_a_formula(sign: str) -> None:
    """What a spreadsheet takes for the beginning of one stands behind an apostrophe; no text begins a row of its own."""
    texts = (f"{sign}1", f"x\r{sign}1", f"x\r\n{sign}1")
    measures = tuple(replace(MEASURE, why=text) for text in texts)
    found = list(csv.reader(io.StringIO(as_csv(replace(FOUND, learning=measures)))))
    assert all(len(row) == len(HEAD) for row in found)
    assert not [cell for row in found for cell in row if cell.startswith(sign) and cell[1:] != "0.25"]
    written = {text.replace("\r\n", "\n").replace("\r", "\n") for text in texts}
    assert {row[12].removeprefix("'") for row in found if row[0] == "learning" and row[12]} >= written
