"""Which packages a task runs with: the worker's own, where they are the same; those of the asker, restored; or none."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopline.environments.capture import capture
from loopline.environments.lock import Distribution, Lock, digest, encode
from loopline.errors import Refused
from loopline.loop import Loop
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.run import Run
from loopline.nouns.task import TaskState
from loopline.server.fitting import Accepts, Lender, fits, lendable, wanted
from loopline.settings import load_settings
from loopline.testing.loop import loop as new_loop
from loopline.verbs import load
from loopline.verbs.asking import ask
from loopline.wiring import open_loop
from tests.conftest import cannot

from .running import project, words_of, worker

NEEDED = {
    "alembic", "anyio", "click", "greenlet", "h11", "httptools", "idna", "jinja2", "loopline", "mako", "markupsafe", "msgspec",
    "pathspec", "pysqlite3", "python-multipart", "sqlalchemy", "starlette", "typing-extensions", "urllib3", "uvicorn", "xxhash",
}  # fmt: skip
WHERE = """
from loopline import pipeline, step
import sys

@step
def where() -> str:
    try:
        import numpy
    except ImportError:
        return sys.prefix
    return "the worker's own"

@pipeline
def train():
    return {"report/where": where()}
"""


def here(**changes: Any) -> Lock:
    """Give the lock of this interpreter, with changes."""
    return replace(capture(), **changes)


def kept(loop: Loop, lock: Lock) -> Any:
    """Keep a lock."""
    return loop.blobs.put(encode(lock))


def test_the_same_packages_fit() -> None:
    """The project, its files and Loopline's own version make no difference; a version, a package, a Python do."""
    loop, own = new_loop(), here()
    mine = Distribution("flights", "0.1", "editable", project=True)
    others = tuple(one for one in own.distributions if one.name != "loopline")
    loopline = Distribution("loopline", "9.9")
    assert fits(loop, kept(loop, own)) == []
    assert fits(loop, kept(loop, here(files={"uv.lock": digest(own)}))) == []
    assert fits(loop, kept(loop, here(distributions=tuple(sorted((*others, mine, loopline)))))) == []
    first = next(one for one in own.distributions if one.source == "registry")
    newer = tuple(replace(one, version="99") if one is first else one for one in own.distributions)
    assert fits(loop, kept(loop, here(distributions=newer))) == [f"{first.name} {first.version} (asked for 99)"]
    less = tuple(one for one in own.distributions if one is not first)
    assert fits(loop, kept(loop, here(distributions=less))) == [f"{first.name} {first.version} (asked for none)"]
    more = tuple(sorted((*own.distributions, Distribution("zzz", "1"))))
    assert fits(loop, kept(loop, here(distributions=more))) == ["zzz is missing (asked for 1)"]
    assert fits(loop, kept(loop, here(python="3.99.1")))[0].endswith("(asked for 3.99.1)")


def test_each_verb_says_what_it_needs() -> None:
    """A run its own environment, a resumed one that of the run, a check that of what made the candidate, others none."""
    loop = new_loop()
    lock = kept(loop, here())
    run = load("start")(loop, "train", environment=lock)
    model = AssetName("flights", "model", "delay")
    load("put")(loop, model, digest=loop.blobs.put(b"m"), run=run.id)
    ref = RefName(model, "champion")
    with loop.ledger.read() as tx:
        assert tx.versions.get(model, 1).run == run.id
    assert wanted(loop, "run", {"environment": lock}) == lock
    assert wanted(loop, "run", {"resume": run.id}) == lock
    assert wanted(loop, "run", {}) is None
    assert wanted(loop, "promote", {"ref": ref, "to": Numbered(1)}) == lock
    assert wanted(loop, "check", {"change": "ffff"}) is None
    assert wanted(loop, "verify", {"deep": True}) is None


def test_nothing_is_recorded_with_packages_that_did_not_run() -> None:
    """A run of another environment than the one that was looked at is refused; a reproduction restores its own."""
    loop = new_loop()
    one, other = kept(loop, here()), kept(loop, here(python="3.99.1"))
    run = Run("1" * 32, "flights", "train", environment=one)
    Accepts("run", one)(run)
    Accepts("verify", None)(replace(run, environment=None))
    Accepts("reproduce", None)(run)
    for accepts in (Accepts("run", other), Accepts("check", None)):
        with pytest.raises(Refused) as caught:
            accepts(run)
        assert caught.value.kind == "environment-missing"


def test_lent_packages_are_found_and_not_listed() -> None:
    """What the store needs can be imported by name alone; no other package comes along, and a listing shows none."""
    lender = Lender(lendable())
    assert lender.find_spec("psycopg") is not None
    assert lender.find_spec("numpy") is None
    assert lender.find_spec("psycopg.pq") is None
    named = importlib.metadata.DistributionFinder.Context(name="psycopg-binary")
    assert [one.metadata["Name"] for one in lender.find_distributions(named)] == ["psycopg-binary"]
    assert list(lender.find_distributions(importlib.metadata.DistributionFinder.Context())) == []
    assert list(lender.find_distributions(importlib.metadata.DistributionFinder.Context(name="numpy"))) == []


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Loop, dict[str, Any]]]:
    """Give a project's loop on each database, and the variables that lead a worker there."""
    project(tmp_path)
    (tmp_path / "pipes.py").write_text(WHERE)
    more = {} if request.param == "sqlite" else {"LOOPLINE_DATABASE": request.getfixturevalue("postgres_database")}
    loop = open_loop(load_settings(tmp_path, environ={"USER": "ann", **more}))
    yield loop, more
    loop.ledger.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_task_runs_with_the_askers_packages(place: tuple[Loop, dict[str, Any]], tmp_path: Path) -> None:
    """Asked with fewer packages than the worker has, it runs in an environment that is restored from the lock, and says so."""
    loop, more = place
    words = words_of(tmp_path)
    lock = here(distributions=tuple(one for one in capture().distributions if one.name in NEEDED))
    words["environment"] = kept(loop, lock)
    words["packages"] = {one.name: one.version for one in lock.distributions}
    task = ask(loop, "run", words)
    with worker(tmp_path, "--once", **more) as process:
        assert process.wait(250) == 0
    with loop.ledger.read() as tx:
        done = tx.tasks.get(task.id)
    if done.error and any(sign in done.error["message"] for sign in ("does not answer", "no-network")):
        cannot(done.error["message"])
    assert (done.state, done.error) == (TaskState.DONE, None), (tmp_path / "worker.err").read_text()
    assert done.attempts == 1
    assert done.result["run"]["environment"] == words["environment"]
    (output,) = done.result["run"]["outputs"]
    assert str(loop.work / "environments") in loop.blobs.read(output["digest"]).decode()


def test_a_task_whose_packages_cannot_be_had_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a package that no index has, the task fails as environment-missing with the next step, and no run is recorded."""
    project(tmp_path)
    loop = open_loop(load_settings(tmp_path, environ={"USER": "ann"}))
    (tmp_path / "index").mkdir()
    words = words_of(tmp_path)
    wished = tuple(sorted((*capture().distributions, Distribution("zzz-nowhere", "1.0"))))
    words["environment"] = kept(loop, here(distributions=wished))
    task = ask(loop, "run", words)
    index = (tmp_path / "index").as_uri()
    with worker(
        tmp_path, "--once", UV_INDEX_URL=index, PIP_INDEX_URL=index, UV_CACHE_DIR=str(tmp_path / "uv")
    ) as process:
        assert process.wait(100) == 0
    with loop.ledger.read() as tx:
        failed = tx.tasks.get(task.id)
        assert not tx.runs.search("r.project = ?", ["flights"], order="r.id", limit=10)
    loop.ledger.close()
    assert failed.state is TaskState.FAILED
    assert failed.error is not None
    assert (failed.error["class"], failed.error["kind"]) == ("Refused", "environment-missing")
    assert failed.error["hint"]
