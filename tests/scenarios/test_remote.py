"""The same story, told to a ledger here and to a server in another folder, ends the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.started import Served, serving
from tests.warm import Command, run

TOML = """
[project]
name = "flights"
modules = ["train"]

[data."data/trips"]
folder = "data/trips"

[checks."eval/total"]
refs = ["model/*@guarded"]
pipeline = "judge"

[[policies]]
name = "guarded"
refs = ["model/*@guarded"]
checks = ["eval/total"]
approvals = { count = 1, not_author = true, humans_only = true }
"""
TRAIN = """
from loopline import Data, Evaluation, Model, pipeline, step
from loopline.nouns.evaluation import Estimate


@step
def read(trips: Data) -> list[int]:
    return [int(line) for path in trips.files() for line in path.read_text().split()]


@step
def total(numbers: list[int], plus: int) -> int:
    import loopline

    loopline.log(rows=len(numbers))
    return sum(numbers) + plus


@step
def measure(number: int) -> Evaluation:
    return Evaluation((Estimate("number", float(number)), Estimate("number", 1.0, slice="day", member="mon")), {"rows": "3"})


@step
def small(candidate: Model) -> bool:
    assert candidate.path.exists()
    return True


@pipeline
def train(trips: Data = Data("data/trips"), plus: int = 0):
    number = total(read(trips), plus)
    measure(number)
    return {"model/total": number}


@pipeline
def judge(candidate: Model, base: Model | None = None):
    return {"report/judged": small(candidate)}


@step
def boom(trips: Data) -> int:
    raise RuntimeError("no")


@pipeline
def breaks(trips: Data = Data("data/trips")):
    return {"model/total": boom(trips)}
"""
PROGRAM = """
import json, time
import loopline

client = loopline.connect()
with loopline.start("by hand", params={"depth": 8, "nested": {"a": 1}}, tags={"stage": "warm"}) as run:
    files = loopline.data("data/trips@1")
    print(sorted(one.path for one in files.files()), (files / "a.txt").read_text())
    for step in range(50):
        run.log(loss=1 / (step + 1), step=step)
    run.log(acc=float("nan"))
    with loopline.start("inner"):
        loopline.log(deep=1.0)
    version = run.put("report/hand", {"a": [1, 2]})
    print(version)
    print(loopline.model("model/total@1"))
found = client.do("show", run.id)
print(found.state, dict(found.params), dict(found.tags), found.metrics["loss"])
print([one.name for one in found.inputs], [one.asset for one in found.outputs])
print(found.code is not None, found.environment is not None)
print([(one.name, one.state) for one in client.do("find", "runs", "name = 'inner'", steps=True)])
for _ in range(100):
    logged = [one.metrics["rows"] for one in client.do("find", "runs", "name = 'total' and metrics.rows > 0", steps=True)]
    if len(logged) == 2:
        break
    time.sleep(0.1)
print(logged)
print(json.dumps([one.number for one in client.do("history", "model/total")]))
try:
    client.do("get", "model/none@7")
except loopline.NotFound as error:
    print(error.kind, error.facts)
"""


class Said(NamedTuple):
    """What one command gave."""

    code: int
    out: str
    err: str


class Teller:
    """A project folder, and who keeps its ledger."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("LOOPLINE_")}
        self.environ |= {"LOOPLINE_ACTOR": "ann", "HOME": str(folder.parent), "COLUMNS": "120"}
        if url:
            self.environ["LOOPLINE_URL"] = url
        (folder / "data" / "trips").mkdir(parents=True)
        (folder / "loopline.toml").write_text(TOML)
        (folder / "train.py").write_text(TRAIN)
        for name, text in (("a.txt", "1\n2\n"), ("b.txt", "3\n")):
            (folder / "data" / "trips" / name).write_text(text)

    def __call__(self, *words: str) -> Said:
        done = run(*words, cwd=self.folder, env=self.environ)
        return Said(done.returncode, done.stdout, done.stderr)

    def program(self, text: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=100,
            check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a worker, in a folder that knows nothing of the project's files."""
    with serving(tmp_path_factory.mktemp("server")) as served:
        yield served


@pytest.fixture
def both(tmp_path: Path, server: Served) -> tuple[Teller, Teller]:
    """The same project twice: with a ledger here, and with the server."""
    return Teller(tmp_path / "here" / "flights"), Teller(tmp_path / "there" / "flights", server.url)


TIMES = re.compile(r"_at$|^(at|time|saved|until|hash|previous|payload_digest|inputs_digest|seq|event_time)$")


class Same:
    """Writes what was said without what no two ledgers have in common: ids in the order in which they come, and times."""

    def __init__(self, *folders: Path) -> None:
        self._folders = [str(one) for one in folders]
        self._ids: dict[str, str] = {}

    def value(self, value: Any, key: str = "") -> Any:
        """A JSON value."""
        if TIMES.search(key) and value is not None:
            return "time"
        if key == "tags" and isinstance(value, dict):  # a server's run names the task that it came of
            value = {name: one for name, one in value.items() if name not in ("task", "task.fence")}
        if key == "metrics" and isinstance(value, dict):  # what a step logs itself arrives when it arrives
            value = {name: one for name, one in value.items() if name != "rows"}
        if isinstance(value, dict):
            return {self.text(name): self.value(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [self.value(one) for one in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Words for people."""
        for folder in self._folders:
            text = text.replace(folder, "FOLDER")
        text = re.sub(r"\b[0-9a-f]{32}\b", lambda found: self._ids.setdefault(found[0], f"id{len(self._ids)}"), text)
        text = re.sub(r"\b[0-9a-f]{12,16}\b", "brief", text)
        text = re.sub(r"\b\d+ events", "events", text)  # a server's feed tells of uploads and tasks, too
        text = re.sub(r"\b(just now|\d+ s ago|\d+(\.\d+)? (ms|s|µs)\b|\d+ s\b|took \S+ \S+)", "time", text)
        return re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?", "time", text)

    def said(self, words: list[str], one: Said) -> Any:
        """What one command gave."""
        if "--json" not in words:
            return one.code, self.text(one.out), self.text(one.err)
        out = self.value(json.loads(one.out)) if one.out else None
        lines = one.err.strip().splitlines()
        err = (
            self.value(json.loads(lines[-1]))
            if one.code and lines and lines[-1].startswith("{")
            else self.text(one.err)
        )
        return one.code, out, err


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Give the places where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            yield from differences(one.get(name), other.get(name), f"{path}.{name}")
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        for at, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from differences(first, second, f"{path}[{at}]")
    elif one != other:
        yield f"{path}: {one!r} != {other!r}"


STORY = """
ls
add data/trips -m June
add data/trips -m June
add data/trips -m June --json
status data/trips --exit-code
EDIT
status data/trips --exit-code
status --json
add data/trips -m July --dry-run
add data/trips -m July --json
ls
ls data/trips@1 --json
cat data/trips@1 a.txt
cat data/trips@1 none.txt --json
checkout data/trips@1 old --json
checkout data/trips@1 old --dry-run
get data/trips@2 copy --json
get data/trips@2 copy
put report/x loopline.toml -m notes --json
put report/x loopline.toml --dry-run
run train --plan
run train --json
run train --json
run train -p plus=5 --json
run breaks
find runs --json
find runs "params.plus = '5'" --json
diff model/total@1 model/total@2 --json
promote model/total@champion --to 1 --why first
promote model/total@champion --to 2 --why second --json
propose model/total@champion --to 1 --why back --dry-run
why model/total@champion --json
impact data/trips@2 --json
history model/total@champion --json
retrace model/total@champion
retrace model/total@champion --json
rollback model/total@champion --dry-run
rollback model/total@champion --to 9 --dry-run
rollback model/total@champion --why oops
retrace model/total@champion --to 2
show model/total@champion --json
policy
policy --push --why rules --json
policy --json
promote model/total@guarded --to 2 --why careful
review model/total@guarded --json
approve model/total@guarded
approve model/total@guarded --as bea
approve model/total@guarded --as bea --json
apply model/total@guarded --json
show model/total@guarded
get model/none --json
get nonsense
branch data/trips units --at 1
checkout data/trips@units old --force
add data/trips old --json
find changes --json
verify --json
delete report/x --dry-run
ls --json
"""


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_story_is_the_same(both: tuple[Teller, Teller], server: Served) -> None:
    """Every command of a project's day gives the same result, text, undo line and exit code here and through a server."""
    here, there = both
    one, other = Same(here.folder), Same(there.folder, server.folder)
    for line in STORY.strip().splitlines():
        if line == "EDIT":
            for teller in both:
                (teller.folder / "data" / "trips" / "a.txt").write_text("1\n2\n40\n")
            continue
        import shlex

        words = shlex.split(line)
        first, second = here(*words), there(*words)
        apart = list(differences(one.said(words, first), other.said(words, second)))
        assert apart == [], f"{line}\n{first.err}\n{second.err}"
        assert first.code in (0, 1, 2, 5, 8), f"{line}\n{first}"
    assert here.program(PROGRAM) == there.program(PROGRAM)
    left = [one.name for one in (there.folder / ".loopline").iterdir()]
    assert "ledger.db" not in left, "the client made a ledger of its own"
    assert list((there.folder / ".loopline" / "journal").iterdir()) == []


SLOW = """
from loopline import pipeline, step


@step
def wait(seconds: float) -> float:
    import time

    time.sleep(seconds)
    return seconds


@pipeline
def slow(seconds: float = 60.0):
    return {"report/slow": wait(seconds)}
"""


def running(teller: Teller) -> list[dict[str, Any]]:
    """The steps that run now."""
    found = teller("find", "runs", "kind = step and state = running", "--steps", "--json")
    return list(json.loads(found.out)["result"]) if found.code == 0 else []


def started(teller: Teller, *words: str) -> Command:
    """Begin a command, and give it when its step runs at the server."""
    (teller.folder / "train.py").write_text(SLOW)
    process = Command(
        *words, cwd=teller.folder, env=teller.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 30
    while not running(teller):
        assert time.monotonic() < until, "the step never began"
        assert process.poll() is None, process.communicate()
    return process


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_an_interrupt_stops_the_work_at_the_server(tmp_path: Path, server: Served) -> None:
    """Ctrl-C ends the command with code 130 and the way to go on, the run is cancelled, and the step runs no more."""
    teller = Teller(tmp_path / "flights", server.url)
    teller.environ["LOOPLINE_PROJECT"] = "stopped"
    process = started(teller, "run", "slow")
    its = running(teller)[0]["parent"]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"loopline run --resume {its[:16]}" in said
    until = time.monotonic() + 30
    while json.loads(teller("show", its, "--json").out)["result"]["state"] != "cancelled":
        assert time.monotonic() < until, teller("show", its).out
        time.sleep(0.2)
    assert running(teller) == []


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_command_outlives_a_restart_of_the_server(tmp_path: Path) -> None:
    """A server that is stopped and started again while a pipeline runs costs the waiting command nothing but time."""
    with serving(tmp_path / "server") as first:
        teller = Teller(tmp_path / "there" / "flights", first.url)
        process = started(teller, "run", "slow", "-p", "seconds=4", "--json")
    with serving(tmp_path / "server", port=int(first.url.rpartition(":")[2])):
        out, said = process.communicate(timeout=100)
        assert process.returncode == 0, said
        result = json.loads(out)["result"]
        assert (result["run"]["state"], [one["asset"] for one in result["published"]]) == ("finished", ["report/slow"])
        assert len(json.loads(teller("history", "report/slow", "--json").out)["result"]) == 1
