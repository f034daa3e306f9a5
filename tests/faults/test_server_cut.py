"""Replies that are lost after the commit: the client asks again, and nothing happens twice."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from loopline.nouns.digest import digest_of
from loopline.nouns.run import Point
from loopline.sdk.remote import Remote
from loopline.sdk.wire import Pace
from loopline.settings import load_settings
from loopline.wiring import open_loop
from tests.sdk.cutting import cutting
from tests.server.running import Up, project

pytestmark = pytest.mark.faults
PACE = Pace(tries=30, pause=0.005, patience=60.0)


def work(url: str, me: str, folder: Path, number: int, done: list[str]) -> None:
    """Record runs, versions and moves through a connection that loses answers."""
    remote = Remote(url, project="flights", actor=me, work=folder / me, pace=PACE)
    try:
        for n in range(number):
            run = remote.do("start", f"{me}-{n}")
            remote.do("log", run.id, points=(Point("loss", 1.0, n),), source=me, sequence=n + 1)
            digest = remote.blobs.put(f"{me} {n}".encode())
            version = remote.do("put", f"model/{me}", digest=digest, run=run.id)
            remote.do("propose", f"model/{me}@champion", to=str(version.number), why="because")
            remote.do("finish", run.id)
            done.append(run.id)
    finally:
        remote.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_no_answer_is_needed_twice(tmp_path: Path, share: float) -> None:
    """Four clients lose a fifth, then half of all answers: each run, version and move is there exactly once."""
    folder = project(tmp_path / "flights")
    server = Up(folder, "--no-worker")
    done: list[str] = []
    try:
        with cutting(f"http://127.0.0.1:{server.port}", share=share, seed=4040) as way:
            threads = [
                threading.Thread(target=work, args=(way.url, f"c{number}", tmp_path, 15, done)) for number in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(200)
            assert way.cuts > 50
    finally:
        server.end()
    assert len(done) == 60
    loop = open_loop(load_settings(folder, environ={"USER": "ann"}))
    with loop.ledger.read() as tx:
        names = Counter(row[0] for row in tx.rows.all("SELECT name FROM runs"))
        assert names == Counter(f"c{me}-{n}" for me in range(4) for n in range(15))
        assert {row[0] for row in tx.rows.all("SELECT state FROM runs")} == {"finished"}
        assert tx.rows.one("SELECT COUNT(*), COUNT(DISTINCT s.run) FROM points p JOIN series s ON s.id = p.series") == (
            60,
            60,
        )
        assert tx.rows.one("SELECT COUNT(*), COUNT(DISTINCT digest) FROM versions") == (60, 60)
        assert tx.rows.one("SELECT COUNT(*) FROM changes") == (60,)
        kinds = Counter(row[0] for row in tx.rows.all("SELECT kind FROM events"))
        assert kinds["run.started"] == kinds["run.finished"] == 60
        assert tx.feed.verify("flights") is None
    for me in range(4):
        for n in range(15):
            assert loop.blobs.size(digest_of(f"c{me} {n}".encode())) is not None
    loop.ledger.close()
