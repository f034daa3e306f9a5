from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from loopline.faces.prometheus.tally import ROUTES, STATUSES, Tally, alone, route_of, shared
from loopline.verbs import VERBS

COUNTS = """
import sys
from loopline.faces.prometheus.tally import Tally
tally = Tally(int(sys.argv[1]), int(sys.argv[2]))
for _ in range(100):
    tally.count("read", 200, 0.003)
tally.under_way(3, 1)
"""


def test_whichever_process_is_scraped_tells_of_all() -> None:
    """Processes that share the memory add up; one that is started again goes on, and has nothing under way."""
    handle = shared(3)
    try:
        first = Tally(handle)
        first.count("read", 200, 0.003)
        for number in (1, 2, 2):
            subprocess.run([sys.executable, "-c", COUNTS, str(handle), str(number)], pass_fds=(handle,), check=True)
        read = next(one for one in first.routes() if one.name == "read")
        assert dict(read.statuses)[200] == 301
        assert sum(read.buckets) == 301
        assert read.seconds == pytest.approx(0.903)
        assert first.now() == (6, 2)
        assert first.pids()[0] == os.getpid()
        assert Tally(handle, 2).now() == (3, 1)
    finally:
        os.close(handle)


def test_nothing_that_a_client_writes_makes_a_series() -> None:
    """Statuses, addresses and verbs that nobody knows are counted together."""
    tally = alone()
    for status in range(700):
        tally.count(route_of(f"/api/v1/made-up-{status}"), status, 0.0)
    found = {one.name: dict(one.statuses) for one in tally.routes()}
    assert found["other"][1] == 700 - len(STATUSES) + 1
    assert sum(sum(one.values()) for one in found.values()) == 700
    assert len(found) == len(ROUTES)


def test_what_streams_is_counted_and_not_timed() -> None:
    """A stream lasts for as long as somebody listens: that says nothing of how quick the server is."""
    tally = alone()
    tally.count("stream", 200, 3600.0)
    stream = next(one for one in tally.routes() if one.name == "stream")
    assert (dict(stream.statuses)[200], sum(stream.buckets), stream.seconds) == (1, 0, 0)


def test_threads_lose_no_event() -> None:
    """The relay tells from many threads at once."""
    tally = alone()

    def tell() -> None:
        for _ in range(1000):
            tally.tell("delivered")

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(tell)
    assert tally.told() == {"delivered": 8000, "failed": 0, "dead": 0}


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "page"), ("/p/flights", "page"), ("/metrics", "metrics"), ("/health/ready", "health"), ("/static/x/y", "static"),
        ("/login/callback", "login"), ("/logout", "login"), ("/device", "login"), ("/api/v1/login/device", "login"),
        ("/api/v1/blobs/sha256:00", "blobs"), ("/api/v1/uploads", "uploads"), ("/api/v1/tasks/00", "tasks"),
        ("/api/v1/tasks/00/events", "stream"), ("/api/v1/feed/events", "stream"), ("/api/v1/lineage/batch", "lineage"),
        ("/api/v1/feed", "read"), ("/api/v1/openapi.json", "other"), ("/api/v2/find", "other"), ("", "page"),
    ],
)  # fmt: skip
def test_an_address_has_a_class(path: str, route: str) -> None:
    """Every address belongs to one of a few classes."""
    assert route_of(path) == route


def test_a_verb_is_of_its_class() -> None:
    """What asks a verb is counted with the others of its class."""
    assert {verb.cls for verb in VERBS if route_of(f"/api/v1/{verb.name}") != verb.cls} <= {"local"}
