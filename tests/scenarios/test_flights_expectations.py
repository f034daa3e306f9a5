"""What the example expects of its flights, held against months that are broken in the ways that months are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from loopline.checks.policy import policies_for
from loopline.datasets.expectations import Asked, Shape, observe
from loopline.nouns.expectation import Observation
from loopline.settings import load_settings

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights"
HEAD = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,dest,"
    "air_time,distance,hour,minute,time_hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib"
)
SOME = [
    "2013,7,1,1,2029,212,236,2359,157,B6,915,N653JB,JFK,SFO,315,2586,20,29,2013-07-02T00:00:00Z,71.96,69.98,93.49,180,14.9,NA,0,1017.4,9",
    "2013,7,1,2,2359,3,344,344,0,B6,1503,N805JB,JFK,SJU,200,1598,23,59,2013-07-02T03:00:00Z,71.06,69.08,93.47,180,10.3,NA,0,1018.1,9",
    "2013,7,1,NA,2100,NA,NA,2259,NA,9E,3354,NA,LGA,RDU,NA,431,21,0,2013-07-02T01:00:00Z,NA,NA,NA,NA,NA,NA,NA,NA,NA",
    *(
        f"2013,7,2,5,600,{at},700,705,{at - 5},UA,{at},N1,EWR,IAH,200,1400,6,0,2013-07-02T10:00:00Z,70,60,50,NA,5,NA,0,1012.5,10"
        for at in range(1, 5)
    ),
]


def look(folder: Path, lines: list[str], *, base: int = 7) -> list[Observation]:
    """Hold a month against what the example's file says."""
    (check,) = [one for one in load_settings(EXAMPLE, environ={}).checks if one.name == "flights/rows"]
    file = folder / "2013-07.csv"
    file.write_text("\n".join(lines) + "\n")
    return observe({file.name: file}, check.expect, Asked(missing=check.missing, base=Shape(base, {})))


def as_seconds(line: str) -> str:
    """Take minutes for seconds, and make minutes of them."""
    cells = line.split(",")
    return ",".join([*cells[:8], "NA" if cells[8] == "NA" else f"{float(cells[8]) / 60:.4g}", *cells[9:]])


def in_seconds(line: str) -> str:
    """Write delays in seconds."""
    cells = line.split(",")
    cells[5], cells[8] = ("NA" if one == "NA" else str(int(one) * 60) for one in (cells[5], cells[8]))
    return ",".join(cells)


def without(column: str) -> Callable[[list[str]], list[str]]:
    """Take a column away."""
    at = HEAD.split(",").index(column)
    return lambda lines: [",".join([*(cells := line.split(","))[:at], *cells[at + 1 :]]) for line in lines]


def test_a_sound_month_is_taken(tmp_path: Path) -> None:
    """Also with flights that never left, and without the weather of an hour."""
    assert [one for one in look(tmp_path, [HEAD, *SOME]) if not one.holds] == []


@pytest.mark.parametrize(
    ("broken", "demand"),
    [
        (lambda lines: [lines[0], *map(as_seconds, lines[1:])], "arr_delay is a whole number"),
        (lambda lines: [lines[0], *map(in_seconds, lines[1:])], "arr_delay is from -180 to 1800"),
        (lambda lines: [*lines, lines[1]], "year, month, day, carrier, flight, origin are together unique"),
        (without("arr_delay"), "arr_delay is a whole number"),
        (without("origin"), "origin is one of EWR, JFK, LGA"),
        (lambda lines: lines[:3], "rows change at least -2 % against the base"),
    ],
    ids=["read-as-seconds", "in-seconds", "twice", "no-label", "no-origin", "most-are-gone"],
)
def test_a_broken_month_is_refused(tmp_path: Path, broken: Callable[[list[str]], list[str]], demand: str) -> None:
    """Each way in which a month is broken breaks an expectation that names it."""
    assert demand in {one.demand for one in look(tmp_path, broken([HEAD, *SOME])) if not one.holds}


def test_the_policy_of_the_example_asks_for_it() -> None:
    """No month comes to main unless its check has passed."""
    found = load_settings(EXAMPLE, environ={})
    (policy,) = policies_for(found.policies, "data/flights@main")
    assert policy.checks == ("flights/rows",)
