"""Workers that are killed and paused while they work: every task is done, once, and nobody writes who has lost it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from loopline.nouns.task import TaskState
from loopline.server.sweeping import bury_dead_runs, requeue_lost_tasks
from loopline.settings import load_settings
from loopline.verbs.asking import ask
from loopline.wiring import open_loop
from tests.server.running import descendants, project, with_pid, words_of, worker

pytestmark = pytest.mark.faults


@pytest.mark.timeout(300)
def test_workers_come_and_go_and_every_task_is_done_once(tmp_path: Path) -> None:
    """Twelve pipelines, three workers, one of which is killed or paused past its lease every two seconds."""
    folder, chance = project(tmp_path / "flights"), random.Random()
    loop = open_loop(load_settings(folder, environ={"USER": "ann"}))
    words = words_of(folder)
    tasks = [
        ask(loop, "run", {**words, "params": {"seconds": "0.8", "note": str(tmp_path / f"n{n}")}}).id for n in range(12)
    ]
    counted = Counter[str]()
    with ExitStack() as stack:

        def hire() -> int:
            return stack.enter_context(worker(folder, "--lease", "3s")).pid

        workers = [hire() for _ in range(3)]
        until = time.monotonic() + 200
        while time.monotonic() < until:
            time.sleep(chance.uniform(1.5, 2.5))
            requeue_lost_tasks(loop)
            with loop.ledger.read() as tx:
                if all(tx.tasks.get(one).state.over for one in tasks):
                    break
            if sum(counted.values()) < 6:
                victim = workers.pop(chance.randrange(len(workers)))
                way = chance.choice(["kill", "pause"])
                counted[way] += 1
                for pid in [victim, *descendants(victim)] if way == "pause" else [victim]:
                    with_pid(pid, signal.SIGKILL if way == "kill" else signal.SIGSTOP)
                workers.append(hire())
        for pid in descendants(os.getpid()):
            with_pid(pid, signal.SIGCONT)  # the paused wake up, and find out
        time.sleep(5)
        bury_dead_runs(loop)
    with loop.ledger.read() as tx:
        found = [tx.tasks.get(one) for one in tasks]
        assert {one.state for one in found} == {TaskState.DONE}
        assert tx.feed.verify("flights") is None
        ended = Counter(row[0] for row in tx.rows.all("SELECT subject FROM events WHERE kind = 'task.ended'"))
        assert ended == Counter(tasks)
        pipelines = tx.rows.all(
            "SELECT r.state, t.value FROM runs r JOIN tags t ON t.run = r.id WHERE r.kind = 'pipeline' AND t.key = 'task'"
        )
        finished = Counter(task for state, task in pipelines if state == "finished")
        assert set(finished) == set(tasks)
        assert not [state for state, _ in pipelines if state in ("running", "pending")]
        assert tx.rows.all("SELECT asset FROM versions GROUP BY asset HAVING COUNT(*) <> MAX(number)") == []
    loop.ledger.close()
    assert sum(counted.values()) >= 3
