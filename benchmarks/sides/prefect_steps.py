"""Run COUNT no-op tasks in one flow; the time is that of the flow's body, the server has started before."""

from __future__ import annotations

import json
import sys
import time

from prefect import flow, task
from prefect.cache_policies import INPUTS, NO_CACHE

count, salt, cached = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "cached"


@task(cache_policy=INPUTS if cached else NO_CACHE, persist_result=cached)
def noop(number: int) -> int:
    return number


spent: list[float] = []


@flow
def many() -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    futures = [noop.submit(salt + number) for number in range(count)]
    for future in futures:
        future.result()
    spent[:] = [(time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, count]


many()
print(json.dumps({"steps": spent}))
