"""Log COUNT metrics from a training loop, then wait until all of it is durable."""

from __future__ import annotations

import json
import sys
import time

import loopline

count = int(sys.argv[1])
with loopline.start("bench") as run:
    for number in range(100):  # the first calls open the journal
        run.log(warm=1.0, step=number)
    cpu, wall = time.thread_time(), time.perf_counter()
    for number in range(count):
        run.log(loss=0.5, step=number)
    looped = [(time.thread_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, count]
    cpu, wall = time.process_time(), time.perf_counter()
whole = [(time.process_time() - cpu) * 1000 + looped[0], (time.perf_counter() - wall) * 1000 + looped[1], count]
print(json.dumps({"log": looped, "durable": whole}))
