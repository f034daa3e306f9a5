"""pages: what a browser fetches until something is to be seen."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Case, Sample
from benchmarks.peers import environment
from benchmarks.serving import Server, loopline, mlflow

TITLE = "Pages in a browser"
CPU = "Server's CPU"
WALL = "First contentful paint"
SIZE = "Bytes fetched"
FIRST = "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0] || 0"
ROUNDS = 5
RUNS = 20
TRIES = 4
"""How often a page is looked at until the browser says when it has painted."""
PAINT_S = 5.0
ABOUT = f"""
Chromium, headless, with an empty cache each time; {RUNS} runs with ten metrics each. First contentful paint as the
browser reports it; a look for which it reports none is repeated. Bytes are those of all answers as they came over the
wire, until nothing was fetched for a second.
"""


def cases(place: Path) -> list[Case]:
    """The list of runs, and one run, of both."""
    env = environment(place / "home")
    ours, theirs = loopline(place / "ours", env, "--no-worker"), mlflow(place / "mlflow", env, "--workers", "1")
    ours.ready()
    theirs.ready()
    run, other = _our_runs(ours), _their_runs(theirs)

    def look(server: Server, path: str) -> Callable[[], Sample]:
        return lambda: painted(lambda: _look(server, path), about=f"{server.url}{path}")

    return [
        Case("runs", "loopline", look(ours, "/p/bench/runs")),
        Case("runs", "mlflow", look(theirs, "/#/experiments/0/runs")),
        Case("one run", "loopline", look(ours, f"/p/bench/runs/{run}")),
        Case("one run", "mlflow", look(theirs, f"/#/experiments/0/runs/{other}")),
    ]


def painted(look: Callable[[], Sample], *, about: str) -> Sample:
    """Look again where the browser has not said when it painted: no time is no short time. Raise where it never says so."""
    for left in reversed(range(TRIES)):
        sample = look()
        if sample.wall > 0:
            return sample
        if left:
            print(f"  {about}: no first contentful paint, once more", file=sys.stderr)
    msg = f"{about} has painted nothing in {TRIES} looks: there is no time to tell"
    raise RuntimeError(msg)


def _our_runs(server: Server) -> str:
    run = ""
    for number in range(RUNS):
        run = server.ask("POST", "/api/v1/start?project=bench", {"name": f"train {number}", "params": {"depth": "8"}})[
            "result"
        ]["id"]
        points = [{"key": f"m{i}", "value": 1 / (step + 1), "step": step} for i in range(10) for step in range(50)]
        server.ask("POST", "/api/v1/log?project=bench", {"run": run, "points": points})
        server.ask("POST", "/api/v1/finish?project=bench", {"run": run})
    return run


def _their_runs(server: Server) -> str:
    run = ""
    for number in range(RUNS):
        begun = {"experiment_id": "0", "start_time": int(time.time() * 1000), "run_name": f"train {number}"}
        run = server.ask("POST", "/api/2.0/mlflow/runs/create", begun)["run"]["info"]["run_id"]
        metrics = [
            {"key": f"m{i}", "value": 1 / (step + 1), "timestamp": 1, "step": step}
            for i in range(10)
            for step in range(50)
        ]
        server.ask("POST", "/api/2.0/mlflow/runs/log-batch", {"run_id": run, "metrics": metrics})
        server.ask("POST", "/api/2.0/mlflow/runs/update", {"run_id": run, "status": "FINISHED"})
    return run


def _look(server: Server, path: str) -> Sample:
    from playwright.sync_api import sync_playwright

    browser_path = shutil.which("chromium")
    if browser_path is None:
        msg = "there is no chromium (Debian: apt-get install chromium)"
        raise RuntimeError(msg)
    before = server.cpu()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        try:
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            size, last = 0.0, [time.monotonic()]

            def came(event: dict[str, Any]) -> None:
                nonlocal size
                size += event["encodedDataLength"]
                last[0] = time.monotonic()

            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            session.on("Network.loadingFinished", came)
            page.goto(server.url + path, wait_until="load")
            while time.monotonic() - last[0] < 1.0:
                page.wait_for_timeout(100)
            until = time.monotonic() + PAINT_S
            while not (paint := page.evaluate(FIRST)) and time.monotonic() < until:
                page.wait_for_timeout(100)
            return Sample(server.cpu() - before, float(paint or 0.0), size=size)
        finally:
            browser.close()
