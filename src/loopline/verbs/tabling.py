"""tabling: what tables hold and how two of them differ, computed once for their bytes; shared by comparisons and previews.

The cache of this machine keeps both: a difference by the bytes of both sides and the key, a summary of columns by the bytes of
one. So the columns of any two versions are compared without opening what was opened before. Where somebody asks a server, files
are read in a process of its own (`datasets/apart.py`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Unavailable

if TYPE_CHECKING:
    from loopline.loop import Loop, Reading
    from loopline.nouns.entry import Entry

MOST: Final = 1 << 30
"""Bytes of differences that are kept; those that nobody has asked for longest go first."""
LARGEST: Final = 4 << 30
"""Bytes of both sides that a server compares: it reads them before, on a thread that others wait for."""
_DIFFERENCES: Final = "differences"
_PROFILES: Final = "profiles"
_SHAPES: Final = "shapes"


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the difference of two tables."""

    answer: dict[str, Any]
    """As `datasets/rows.py` gives it."""
    rows: Path
    """The file with all rows that differ, for `datasets/cells.py`."""
    old: dict[str, Any]
    """The summary of the columns of one side."""
    new: dict[str, Any]


def difference(loop: Loop, old: Sequence[Entry], new: Sequence[Entry], key: Sequence[str]) -> Told:
    """Compare two tables, each the files that hold its rows. Raise what `diff_rows` and reading blobs raise."""
    from loopline.datasets.rows import VERSION

    sides = {"old": old, "new": new}
    said = json.dumps([VERSION, [_named(one) for one in sides.values()], list(key)])
    folder = loop.work / _DIFFERENCES
    place = folder / f"{sha256(said.encode()).hexdigest()}.json"
    rows = place.with_suffix(".parquet")
    answer = _read(place) if rows.is_file() else None
    profiles = {side: _read(_profile_place(loop, entries)) for side, entries in sides.items()}
    missing = [side for side, told in profiles.items() if told is None]
    if answer is None:
        answer = _compared(loop, sides, key, rows, missing)
        profiles |= answer.pop("profiles", {})
        for side in missing:
            keep(_profile_place(loop, sides[side]), json.dumps(profiles[side]).encode())
        keep(place, json.dumps(answer).encode())
        _trim(folder, MOST, place)
    else:
        profiles |= {side: summary(loop, sides[side]) for side in missing}
        with suppress(OSError):
            os.utime(place)
    return Told(answer, rows, profiles["old"] or {}, profiles["new"] or {})


def _compared(
    loop: Loop, sides: dict[str, Sequence[Entry]], key: Sequence[str], rows: Path, profiled: Sequence[str]
) -> dict[str, Any]:
    from loopline.datasets.apart import apart
    from loopline.datasets.rows import diff_rows
    from loopline.verbs.comparing import on_disk

    size = sum(loop.blobs.size(one.digest) or 0 for side in sides.values() for one in side) if loop.caller else 0
    if size > LARGEST:
        raise Unavailable(
            f"tables of {size >> 20} MiB are not compared on a server", kind="tables-too-slow",
            hint="check them out and compare them there", size=size, limit=LARGEST,
        )  # fmt: skip
    rows.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=rows.parent, prefix="new-") as folder, on_disk(loop, [*sides["old"]]) as old:
        with on_disk(loop, [*sides["new"]]) as new:
            place = Path(folder) / rows.name
            if loop.caller is None:
                told = diff_rows(old, new, key=key, profiled=profiled, place=place, scratch=loop.work)
            else:
                asked: dict[str, Any] = {"old": list(map(str, old)), "new": list(map(str, new)), "place": str(place)}
                asked |= {"key": list(key), "profiled": list(profiled)}
                told = apart("diff_rows", asked, scratch=loop.work)
        place.replace(rows)
    return told


def summary(loop: Loop, entries: Sequence[Entry]) -> dict[str, Any]:
    """Summarise a table, each column by itself, with its first rows. Raise what `profile` and reading blobs raise."""
    from loopline.datasets.apart import apart
    from loopline.datasets.profile import HEAD, profile
    from loopline.verbs.comparing import on_disk

    place = _profile_place(loop, entries)
    told = _read(place)
    if told is None:
        loop.work.mkdir(parents=True, exist_ok=True)
        with on_disk(loop, list(entries)) as paths:
            if loop.caller is None:
                told = profile(paths, head=HEAD, scratch=loop.work)
            else:
                told = apart("profile", {"paths": list(map(str, paths)), "head": HEAD}, scratch=loop.work)
        keep(place, json.dumps(told).encode())
    return told


def shape(loop: Reading, entries: Sequence[Entry], missing: Sequence[str]) -> dict[str, Any]:
    """Tell rows and columns of a table: {rows, columns: {name: type}}. Raise what `shape` of datasets and reading raise."""
    from loopline.datasets.apart import apart
    from loopline.datasets.expectations import shape as count
    from loopline.datasets.profile import VERSION
    from loopline.verbs.comparing import on_disk

    said = json.dumps([VERSION, _named(entries), list(missing)])
    place = loop.work / _SHAPES / f"{sha256(said.encode()).hexdigest()}.json"
    told = _read(place)
    if told is None:
        with on_disk(loop, list(entries)) as paths:
            if loop.caller is None:
                found = count(paths, missing=missing, scratch=loop.work)
                told = {"rows": found.rows, "columns": dict(found.columns)}
            else:
                told = apart("shape", {"paths": list(map(str, paths)), "missing": list(missing)}, scratch=loop.work)
        keep(place, json.dumps(told).encode())
    return told


def _profile_place(loop: Loop, entries: Sequence[Entry]) -> Path:
    from loopline.datasets.profile import VERSION

    named = _named(entries)
    if len(named) == 1:
        digest, ending = named[0]
        return loop.work / _PROFILES / f"{digest.removeprefix('sha256:')}-{VERSION}{ending}.json"
    return loop.work / _PROFILES / f"{sha256(json.dumps(named).encode()).hexdigest()}-{VERSION}.several.json"


def _named(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Name the bytes of a table, and as what they are read."""
    from loopline.datasets.tables import ending_of

    return [(str(one.digest), ending_of(one.path)) for one in entries]


def _read(place: Path) -> dict[str, Any] | None:
    """Give what is kept; None for what is not there, or damaged."""
    try:
        told = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def keep(place: Path, body: bytes) -> None:
    """Write a file of the cache so that nobody reads half of it. A cache that cannot be written is none."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(body)
        Path(file.name).replace(place)


def forget(loop: Loop) -> None:
    """Take away all that is kept: it holds cells of tables, also of those whose bytes are gone for good."""
    for name in (_DIFFERENCES, _PROFILES):
        shutil.rmtree(loop.work / name, ignore_errors=True)


def _trim(folder: Path, most: int, spared: Path) -> None:
    """Take away differences until what is left is small enough, those first that nobody has asked for longest."""
    by_age: Callable[[Path], float] = lambda one: one.stat().st_mtime  # noqa: E731 - typed, and used once
    with suppress(OSError):  # somebody else may trim as well
        told = sorted(folder.glob("*.json"), key=by_age)
        left = sum(one.stat().st_size for one in folder.iterdir())
        for one in told:
            if left <= most or one == spared:
                break
            rows = one.with_suffix(".parquet")
            left -= one.stat().st_size + (rows.stat().st_size if rows.is_file() else 0)
            one.unlink()
            rows.unlink(missing_ok=True)
