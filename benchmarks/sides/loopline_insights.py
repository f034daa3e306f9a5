"""WHAT PLACE: `prepare` two years of a project; then `month`, `quarter` or `all` measure a window of it."""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from loopline.ledger.ledger import Ledger
from loopline.ledger.schema import prepare as prepare_tables
from loopline.store.sqlite import SqliteDatabase
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop as empty_loop
from loopline.verbs.insights import insights

COMMITS, CHANGES, MODELS = 1_000_000, 100_000, 10_000
START, YEARS_US = 1_700_000_000_000_000, 730 * 86_400_000_000
HOUR = 3_600_000_000
PROJECT = "bench"
CODE, MODEL, DATA = 1, 2, 3
DAYS = {"month": 30, "quarter": 90, "all": 731}


def at(share: float) -> int:
    """Give a time of the two years."""
    return START + int(share * YEARS_US)


def commits(dice: random.Random) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Give (number, made, parents): a line of work with branches of a few commits that are merged."""
    side: list[int] = []
    main = 0
    for number in range(1, COMMITS + 1):
        made = at(number / COMMITS)
        if side and dice.random() < 0.3:
            yield number, made, (main, side[-1])
            side, main = [], number
        elif side or dice.random() < 0.1:
            yield number, made, (side[-1] if side else main or 1,) if number > 1 else ()
            side.append(number)
        else:
            yield number, made, (main,) if main else ()
            main = number


def prepare() -> None:
    """Write the rows as a ledger has them after two years."""
    dice = random.Random(7)
    database = SqliteDatabase(place / "ledger.db")
    prepare_tables(database)
    with database.write() as rows:
        rows.do("INSERT INTO projects (name, created_at) VALUES (?, ?)", PROJECT, START)
        for key, kind, name in ((CODE, "code", "app"), (MODEL, "model", "delay"), (DATA, "data", "flights")):
            rows.do(
                "INSERT INTO assets (id, project, kind, name, created_at) VALUES (?, ?, ?, ?, ?)",
                key,
                PROJECT,
                kind,
                name,
                START,
            )
        rows.do("INSERT INTO artifacts (digest, media_type, size, recorded_at) VALUES ('d', 't', 1, 0)")
        published(rows, dice)
        trained(rows)
        moved(rows, dice)
    database.close()
    print("{}")


def published(rows: Any, dice: random.Random) -> None:
    """Write commits of code, a day of data and a model of it for each of the models."""
    parents: list[tuple[int, int, int]] = []
    versions: list[tuple[Any, ...]] = []
    for number, made, some in commits(dice):
        versions.append((CODE, number, f"sha256:{number:064x}", "person:ann", "", None, made + HOUR, made))
        parents += [(CODE, number, parent) for parent in set(some)]
    for number in range(1, MODELS + 1):
        made = at(number / MODELS)
        versions.append((
            DATA,
            number,
            f"sha256:d{number:063x}",
            "trigger:feed",
            "",
            None,
            made - 9 * HOUR,
            made - 30 * HOUR,
        ))
        versions.append((
            MODEL,
            number,
            f"sha256:e{number:063x}",
            "trigger:t",
            "",
            f"{number:032x}",
            made - 5 * HOUR,
            None,
        ))
        parents += [(DATA, number, number - 1)] if number > 1 else []
    rows.many(
        "INSERT INTO versions (asset, number, digest, author, message, metadata, run, recorded_at, event_time)"
        " VALUES (?, ?, ?, ?, ?, '{}', ?, ?, ?)", versions,
    )  # fmt: skip
    rows.many("INSERT INTO parents (asset, number, parent) VALUES (?, ?, ?)", parents)


def trained(rows: Any) -> None:
    """Write a run for each model, with the data that it read, and one for its check."""
    runs, links = [], []
    for number in range(1, MODELS + 1):
        made = at(number / MODELS)
        runs.append((
            f"{number:032x}",
            PROJECT,
            "train",
            "pipeline",
            "trigger:nightly",
            made - 7 * HOUR,
            made - 5 * HOUR,
            made,
        ))
        runs.append((f"c{number:031x}", PROJECT, "eval", "check", "person:ann", made - 4 * HOUR, made - 3 * HOUR, made))
        links.append((f"{number:032x}", "in", "data", f"sha256:d{number:063x}", "t", 1, DATA, number))
        links.append((f"{number:032x}", "out", "model", f"sha256:e{number:063x}", "t", 1, MODEL, number))
    rows.many(
        "INSERT INTO runs (id, project, experiment, name, kind, state, actor, started_at, ended_at, recorded_at)"
        " VALUES (?, ?, 1, ?, ?, 'finished', ?, ?, ?, ?)", runs,
    )  # fmt: skip
    rows.many(
        "INSERT INTO links (run, direction, name, digest, media_type, size, asset, number) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        links,
    )


def moved(rows: Any, dice: random.Random) -> None:
    """Write the changes: the main branch, deployments of code, models and data, some of which fail."""
    places = {"main": 55_000, "live": 25_000, "model": MODELS, "data": MODELS}
    order = sorted((share / count, name, share) for name, count in places.items() for share in range(1, count + 1))
    last: dict[str, int] = {}
    changes, moves, answers, verdicts, blames, incidents = [], [], [], [], [], []
    for seq, (share, name, number) in enumerate(order, 1):
        key, done = f"{seq:032x}", at(share)
        asset, ref = {
            "main": (CODE, "main"),
            "live": (CODE, "live"),
            "model": (MODEL, "champion"),
            "data": (DATA, "main"),
        }[name]
        new = int(share * COMMITS) if asset == CODE else number
        kind = "hotfix" if name == "live" and dice.random() < 0.05 else "planned"
        made = done - (3 * HOUR if name != "model" else int(4.5 * HOUR))
        changes.append((key, PROJECT, "person:ann", "r", kind, "applied", f"h{seq}", made, done, seq, "[]"))
        moves.append((
            key,
            asset,
            ref,
            last.get(name),
            new,
            "production" if name in ("live", "model") and name not in last else None,
        ))
        last[name] = new
        if name in ("live", "model") and dice.random() < 0.5:
            answers.append((key, "person:bob", "approve", f"h{seq}", "e", 1, done - HOUR // 2, ""))
        if name == "model":
            verdicts.append((PROJECT, f"h{seq}", "eval", "pass", f"c{number:031x}", done - 3 * HOUR, "", "[]"))
        if name == "live" and dice.random() < 0.04:
            incidents.append((f"{seq:032x}", PROJECT, "t", "low", "person:ann", done + HOUR, done + 9 * HOUR))
            blames.append((f"{seq:032x}", "caused_by", key, "human", 1.0))
    rows.many(
        "INSERT INTO changes (id, project, author, reason, kind, state, head, created_at, closed_at, closed_seq, lifts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", changes,
    )  # fmt: skip
    rows.many("INSERT INTO moves (change, asset, ref, old, new, tier) VALUES (?, ?, ?, ?, ?, ?)", moves)
    rows.many(
        "INSERT INTO approvals (change, actor, answer, head, evidence, verified, at, comment) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        answers,
    )
    rows.many(
        "INSERT INTO verdicts (project, head, name, result, run, at, summary, estimates) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        verdicts,
    )
    rows.many(
        "INSERT INTO incidents (id, project, title, severity, opened_by, opened_at, resolved_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        incidents,
    )
    rows.many("INSERT INTO blames (incident, relation, change, source, confidence) VALUES (?, ?, ?, ?, ?)", blames)


def measure() -> None:
    """Measure one window, and say how long it took."""
    clock = FakeClock(at(1.0) + 1)
    database = SqliteDatabase(place / "ledger.db")
    here = replace(empty_loop(PROJECT, clock=clock), ledger=Ledger(database, clock=clock))
    before, began = time.process_time(), time.perf_counter()
    found = insights(here, days=DAYS[what])
    wall, cpu = time.perf_counter() - began, time.process_time() - before
    lead = {one.name: one.n for one in found.lanes[0].measures}
    assert lead["change lead time"] > 0, lead
    assert found.streams[0].lead.n > 0
    print(json.dumps({what: [cpu * 1000, wall * 1000, 1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]}))


if __name__ == "__main__":
    what, place = sys.argv[1], Path(sys.argv[2])
    if what == "prepare":
        prepare()
    else:
        measure()
