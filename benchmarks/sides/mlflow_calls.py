"""Log COUNT metrics from a training loop, with the blocking call and with the one that does not wait."""

from __future__ import annotations

import json
import sys
import time

import mlflow

count, wait = int(sys.argv[1]), sys.argv[2] == "sync"
with mlflow.start_run():
    for number in range(20):
        mlflow.log_metric("warm", 1.0, step=number, synchronous=wait)
    cpu, wall = time.thread_time(), time.perf_counter()
    for number in range(count):
        mlflow.log_metric("loss", 0.5, step=number, synchronous=wait)
    looped = [(time.thread_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, count]
    cpu, wall = time.process_time(), time.perf_counter()
    if not wait:
        mlflow.flush_async_logging()
whole = [(time.process_time() - cpu) * 1000 + looped[0], (time.perf_counter() - wall) * 1000 + looped[1], count]
print(json.dumps({"log": looped, "durable": whole}))
