"""Pools of model processes, without any process."""

from __future__ import annotations

import asyncio

from loopline.nouns.digest import Digest
from loopline.nouns.service import Arm, Service
from loopline.server.arms import Pool, TooBusy, _Process
from loopline.serving.desired import Place


def test_a_process_that_is_being_ended_gets_no_batch() -> None:
    """Between the kill and the loss of the connection a request waits for another process instead of dying with this one."""

    async def play() -> tuple[int, int, bool]:
        arm = Arm("main", "model/delay@1", Digest("sha256:" + "0" * 64))
        pool = Pool(arm, Place(""), Service("service/delay", (arm,)), changed=lambda: None)
        dying, other = _Process(pool), _Process(pool)
        pool._processes += [dying, other]
        for one in (dying, other):
            one.ready = True
        pool.freed(dying, 0, 0.0)
        asked = pool.ask(1, [])
        dying.kill()
        await asyncio.sleep(0)
        held, waiting = dying.rows, pool.waiting
        pool.freed(other, 0, 0.0)
        return held, waiting, other.rows == 1 and not asked.answer.done()

    assert asyncio.run(play()) == (0, 1, True)


def test_what_fits_into_the_next_batch_is_no_overload() -> None:
    """After one batch that took for ever as many requests wait as the next one holds, and further ones are refused."""

    async def play() -> tuple[int, str]:
        arm = Arm("main", "model/delay@1", Digest("sha256:" + "0" * 64))
        pool = Pool(arm, Place(""), Service("service/delay", (arm,)), changed=lambda: None)
        one = _Process(pool)
        pool._processes.append(one)
        one.ready = True
        pool.freed(one, 1, 30.0)
        pool.ask(1, [])
        await asyncio.sleep(0)
        for _ in range(64):
            pool.ask(1, [])
        try:
            pool.ask(1, [])
        except TooBusy as refused:
            return pool.waiting, refused.kind
        return pool.waiting, ""

    assert asyncio.run(play()) == (64, "too-many-requests")
