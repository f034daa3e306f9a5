"""Write COUNT transactions one after the other: WHAT is `start` (a run begins: rows, event, chain) or `bare` (one INSERT)."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

what, count = sys.argv[1], int(sys.argv[2])


def bare() -> list[float]:
    """The least that SQLite needs to make one row durable: WAL, synchronous=FULL."""
    import pysqlite3

    connection = pysqlite3.connect("bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT)")
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t (text) VALUES (?)", ("x" * 200,))
        connection.execute("COMMIT")
    return [(time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, count]


def start() -> list[float]:
    """The verb as a program calls it."""
    from loopline.settings import load_settings
    from loopline.verbs.start import start as begin
    from loopline.wiring import open_loop

    loop = open_loop(load_settings(Path.cwd()))
    begin(loop, "warm")
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        begin(loop, "bench", params={"depth": "8"})
    return [(time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, count]


print(json.dumps({what: {"bare": bare, "start": start}[what]()}))
