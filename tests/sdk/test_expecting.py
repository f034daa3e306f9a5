from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from loopline import expectation
from loopline.errors import Invalid
from loopline.nouns.expectation import Observation
from loopline.pipelines.inputs import Data
from loopline.sdk.expecting import Expecting


@expectation
def plausible(flights: pd.DataFrame) -> pd.DataFrame:
    """Nothing takes off before it was planned by more than two hours."""
    return flights[flights["delay"] < -120]


@expectation(files="*.csv", missing=("NA",), frame="duckdb")
def grows(flights: Any, base: Any) -> bool:
    """There are more rows than before."""
    return base is None or flights.shape[0] > base.shape[0]


@expectation
def typed(flights: pd.DataFrame) -> Any:
    """Delays are whole and known."""
    import pandera.pandas as pa

    return pa.DataFrameSchema({"delay": pa.Column(int, pa.Check.ge(0)), "carrier": pa.Column(str)})


@expectation
def asserting(flights: pd.DataFrame) -> None:
    """Carriers have two letters."""
    assert flights["carrier"].str.len().eq(2).all(), "some have not"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give two flights, one of them odd in every way."""
    (tmp_path / "july.csv").write_text("carrier,delay\nUA,3\nUSA,-300\n")
    return tmp_path


def look(asks: Expecting, folder: Path, base: Path | None = None) -> Observation:
    """Run an expectation as its pipeline does."""
    found = asks.function(Data.of(folder), Data.of(base) if base else None)
    (one,) = found.observations
    assert isinstance(one, Observation)
    return one


def test_rows_that_are_given_back_are_wrong(folder: Path) -> None:
    """They are counted and shown; what the function is about is the first line of what is written in it."""
    one = look(plausible, folder)
    assert (one.demand, one.holds) == ("Nothing takes off before it was planned by more than two hours", False)
    assert (one.broken, one.rows) == (1, 2)
    assert [(each.row, each.cells) for each in one.samples] == [(2, {"carrier": "USA", "delay": "-300"})]


def test_a_function_may_ask_for_the_version_before(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It gets None where there is none."""
    base = tmp_path_factory.mktemp("base")
    (base / "june.csv").write_text("carrier,delay\nUA,NA\nUA,2\nUA,2\n")
    assert look(grows, folder).holds
    assert not look(grows, folder, base).holds


def test_a_schema_of_pandera_is_an_expectation(folder: Path) -> None:
    """Every failure counts, not the first alone, and rows are told with what is wrong in them."""
    one = look(typed, folder)
    assert (one.holds, one.broken) == (False, 1)
    assert [(each.row, each.cells) for each in one.samples] == [(2, {"delay": "-300"})]
    (folder / "july.csv").write_text("carrier,delay\nUA,3\n")
    assert look(typed, folder).holds


def test_an_assertion_says_what_was_observed(folder: Path) -> None:
    """Its message is the evidence; without tables nothing holds."""
    one = look(asserting, folder)
    assert (one.holds, one.observed) == (False, "some have not")
    (folder / "july.csv").unlink()
    assert look(asserting, folder).observed == "no file is there"


def test_called_by_itself_it_is_the_function(folder: Path) -> None:
    """A test of a project calls it with a frame."""
    assert len(plausible(pd.read_csv(folder / "july.csv"))) == 1
    with pytest.raises(Invalid) as raised:
        expectation(frame="excel")  # type: ignore[call-overload]
    assert raised.value.kind == "bad-option"
