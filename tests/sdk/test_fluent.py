"""`import loopline` and go: runs begin at once, end as they should, and find what they read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import loopline
from loopline.datasets.folders import TreeFolders
from loopline.errors import Invalid, NotFound
from loopline.nouns.artifact import TREE
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName
from loopline.nouns.run import Run, RunState
from loopline.sdk import fluent
from loopline.sdk.client import Local
from loopline.verbs.add import add

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def flights(client: Local, tmp_path: Path) -> Digest:
    """`data/flights@1`, two files on main."""
    (tmp_path / "in" / "q1").mkdir(parents=True)
    (tmp_path / "in" / "q1" / "jan.csv").write_text("a,b\n1,2\n")
    (tmp_path / "in" / "feb.csv").write_text("a,b\n")
    tree = TreeFolders(client.blobs).store(tmp_path / "in")
    client.do(add, AssetName("flights", "data", "flights"), tree=tree, message="two months")
    return tree


def test_a_run_knows_where_it_came_from(client: Local, project: Path, runs: Callable[[], list[Run]]) -> None:
    """Source tree, commit, environment, params and experiment are captured without a word from the user."""
    (project / "train.py").write_text("x = 1\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    with loopline.start("train", experiment="delay", params={"lr": 0.1}, tags={"by": "hand"}):
        pass
    (run,) = runs()
    assert (run.name, run.experiment, run.params, run.tags) == ("train", "delay", {"lr": "0.1"}, {"by": "hand"})
    assert (run.actor, run.project, run.state) == ("person:ann", "flights", RunState.FINISHED)
    assert run.commit is not None
    assert len(run.commit) == 40
    assert run.code is not None
    assert run.environment is not None
    assert b"msgspec" in client.blobs.read(run.environment)


def test_a_run_inside_a_run(client: Local, runs: Callable[[], list[Run]]) -> None:
    """The inner run is a part of the outer one, and `loopline.log` speaks to the innermost."""
    with loopline.start("outer") as outer:
        loopline.log(a=1)
        with loopline.start("inner") as inner:
            loopline.log(b=1)
        loopline.log(c=1)
    parents = {run.name: (run.parent, sorted(run.metrics)) for run in runs()}
    assert parents == {"outer": (None, ["a", "c"]), "inner": (outer.id, ["b"])}
    assert fluent.current() is None
    assert inner.over


def test_threads_log_into_the_run_that_started_them(client: Local, runs: Callable[[], list[Run]]) -> None:
    """A thread without a run of its own logs into the newest one of the process; one with a run of its own into that."""

    def own() -> None:
        with loopline.start("own"):
            loopline.log(mine=1)

    with loopline.start("main"):
        threads = [threading.Thread(target=loopline.log, kwargs={"theirs": 1}), threading.Thread(target=own)]
        for thread in threads:
            thread.start()
            thread.join()
        loopline.log(main=1)
    assert {run.name: sorted(run.metrics) for run in runs()} == {"main": ["main", "theirs"], "own": ["mine"]}


def test_log_without_a_run(project: Path, said: Callable[[], list[str]]) -> None:
    """It warns once and does nothing."""
    loopline.log(a=1)
    loopline.log(a=2)
    assert len(said()) == 1


def test_data_is_a_folder(client: Local, flights: Digest, runs: Callable[[], list[Run]]) -> None:
    """A version's files are there to read, not to write, and the run knows that it read them."""
    with loopline.start("train"):
        found = loopline.data("data/flights")
        again = loopline.data("data/flights@1")
    assert (str(found), found.path) == ("data/flights@1", again.path)
    assert sorted(one.name for one in Path(found).iterdir()) == ["feb.csv", "q1"]
    assert (found / "q1/jan.csv").read_text() == "a,b\n1,2\n"
    assert [one.path for one in found.files()] == ["feb.csv", "q1/jan.csv"]
    assert all(not one.stat().st_mode & 0o222 for one in [found.path, *found.path.rglob("*")])
    (link,) = runs()[0].inputs
    assert (link.name, link.asset, link.number, link.digest, link.media_type) == (
        "flights",
        "data/flights",
        1,
        flights,
        TREE,
    )


def test_data_is_named_without_its_kind(client: Local, flights: Digest) -> None:
    """`flights@main` is `data/flights@main`, also of another project."""
    assert [str(loopline.data(one)) for one in ("flights", "flights@1", "data/flights@main")] == ["data/flights@1"] * 3
    assert str(loopline.data("flights:flights@main")) == "data/flights@1"


def test_a_run_knows_what_was_only_opened(client: Local, flights: Digest, runs: Callable[[], list[Run]]) -> None:
    """Files that were found before a run are its input when it opens one, and once, however often and however it reads them."""
    found = loopline.data("flights@main", name="months")
    with loopline.start("train"):
        pass
    with loopline.start("train"):
        for _ in range(3):
            found.open("feb.csv").close()
        assert (found / "feb.csv").exists()
        assert found.path.is_dir()
    unread, read = runs()
    assert unread.inputs == ()
    assert [(one.name, one.asset, one.number) for one in read.inputs] == [("months", "data/flights", 1)]


@pytest.mark.parametrize("pointer", ["data/nope", "data/flights@9", "data/flights@other"])
def test_a_question_about_nothing_raises(client: Local, flights: Digest, pointer: str) -> None:
    """Asking for data that are not there is the user's own question, with or without a run."""
    with loopline.start("train"), pytest.raises(NotFound):
        loopline.data(pointer)
    with pytest.raises(NotFound):
        loopline.model(pointer)


def test_a_question_that_makes_no_sense_raises(client: Local) -> None:
    """A name that breaks a rule is told."""
    with pytest.raises(Invalid):
        loopline.data("flights@sha256:12")


def test_a_model_comes_back(client: Local, runs: Callable[[], list[Run]]) -> None:
    """What one run put as a model another loads, and lineage has both edges."""
    from sklearn import linear_model

    from loopline.models.codec import ModelCodec

    assert ModelCodec.name == "model"
    fitted = linear_model.LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with loopline.start("train") as run:
        version = run.put("model/delay", fitted)
    assert version is not None
    with loopline.start("judge"):
        loaded = loopline.model("model/delay")
    assert loaded.predict([[5.0]]).tolist() == [1]
    made, judged = runs()
    assert [(one.asset, one.number) for one in (*made.outputs, *judged.inputs)] == [("model/delay", 1)] * 2


def test_connect_chooses_the_project(client: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `connect` the process works in that project wherever it stands, and verbs are asked by name or function."""
    monkeypatch.chdir(tmp_path)
    other = loopline.connect(tmp_path / "flights", actor="bea")
    assert isinstance(other, Local)
    assert (other.project, str(other.loop.actor)) == ("flights", "person:bea")
    with loopline.start("train") as run:
        pass
    assert other.do("show", run.id).actor == "person:bea"
    assert not (tmp_path / ".loopline").exists()


def test_a_broken_project_file_does_not_stop_a_run(
    project: Path, said: Callable[[], list[str]], program: Program, runs: Callable[[], list[Run]]
) -> None:
    """What is recorded waits in the journal until the file is mended, then belongs to the project."""
    good = (project / "loopline.toml").read_text()
    (project / ".loopline").mkdir()
    (project / "loopline.toml").write_text("[project\n")
    done = program("import loopline\nwith loopline.start('train') as run: run.log(loss=1.0)")
    assert done.returncode == 0
    assert "loopline.toml" in done.stderr
    assert "Traceback" not in done.stderr
    (project / "loopline.toml").write_text(good)
    program("import loopline\nwith loopline.start('next'): pass")
    assert [(run.name, run.project, run.metrics) for run in runs()] == [
        ("train", "flights", {"loss": 1.0}), ("next", "flights", {}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "state", "code"),
    [
        ("", RunState.CRASHED, 0),
        ("raise ValueError('bad')", RunState.FAILED, 1),
        ("run.finish()", RunState.FINISHED, 0),
        ("import sys; sys.exit(3)", RunState.CRASHED, 3),
    ],
)
def test_a_program_that_ends_without_finish(
    program: Program, runs: Callable[[], list[Run]], ending: str, state: RunState, code: int
) -> None:
    """An exception makes it failed; just stopping is no good end either, and the exit code stays."""
    done = program(f"import loopline\nrun = loopline.start('train')\nrun.log(loss=1.0)\n{ending}")
    assert done.returncode == code
    (run,) = runs()
    assert (run.state, run.metrics) == (state, {"loss": 1.0})
    assert (run.error is None) == (state is RunState.FINISHED)


def test_ctrl_c(project: Path, runs: Callable[[], list[Run]]) -> None:
    """SIGINT inside the block ends the run as cancelled, with all that was logged."""
    text = (
        "import loopline, time\nwith loopline.start('train') as run:\n    run.log(loss=1.0)\n"
        "    print('ready', flush=True)\n    time.sleep(30)"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", text], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert [(run.state, run.metrics) for run in runs()] == [(RunState.CANCELLED, {"loss": 1.0})]


def test_forked_workers(program: Program, runs: Callable[[], list[Run]], client: Local) -> None:
    """Workers log into the run of their parent; leaving the block or the program in a worker ends nothing."""
    done = program(
        "import loopline, os, sys\n"
        "with loopline.start('train') as run:\n"
        "    run.flush()\n"
        "    children = []\n"
        "    for worker in range(3):\n"
        "        children.append(os.fork())\n"
        "        if children[-1] == 0:\n"
        "            for step in range(100): loopline.log({f'w{worker}': step}, step=step)\n"
        "            sys.exit(0)\n"
        "    for child in children: os.waitpid(child, 0)\n"
        "    run.log(parent=1)\n"
    )
    assert done.returncode == 0, done.stderr
    (run,) = runs()
    assert (run.state, run.metrics) == (RunState.FINISHED, {"parent": 1.0, "w0": 99.0, "w1": 99.0, "w2": 99.0})
    with client.loop.ledger.read() as tx:
        assert len(tx.metrics.history(run.id, "w1")) == 100


def test_a_run_that_begins_in_a_worker(program: Program, runs: Callable[[], list[Run]]) -> None:
    """A forked worker may have runs of its own, although its parent had the ledger open."""
    done = program(
        "import loopline, os\n"
        "with loopline.start('outer') as run:\n"
        "    run.flush()\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        with loopline.start('own') as mine: mine.log(x=1)\n"
        "        os._exit(0 if mine.over else 1)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {run.name: run.state for run in runs()} == dict.fromkeys(("outer", "own"), RunState.FINISHED)


def test_the_run_of_the_process_above(
    program: Program, client: Local, runs: Callable[[], list[Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is given LOOPLINE_RUN logs into that run and does not end it."""
    run = client.do("start", "step")
    done = program("import loopline\nloopline.log(loss=1.0)", env={**os.environ, "LOOPLINE_RUN": run.id})
    assert done.returncode == 0, done.stderr
    (found,) = runs()
    assert (found.state, found.metrics) == (RunState.RUNNING, {"loss": 1.0})


def test_no_ledger_at_all(program: Program, project: Path, runs: Callable[[], list[Run]]) -> None:
    """While the ledger cannot be opened a run goes on; the next process ships it when it can."""
    (project / ".loopline" / "ledger.db").mkdir(parents=True)
    done = program("import loopline\nwith loopline.start('train') as run: run.log(loss=1.0)")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "the next loopline command ships" in done.stderr
    (project / ".loopline" / "ledger.db").rmdir()
    later = program("import loopline\nwith loopline.start('next'): pass")
    assert (later.returncode, "cannot reach its ledger" in later.stderr) == (0, False), later.stderr
    assert [(run.name, run.state) for run in runs()] == [("train", RunState.FINISHED), ("next", RunState.FINISHED)]


def test_no_threads_left(client: Local, runs: Callable[[], list[Run]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started, a run is shipped when it ends."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        run = loopline.start("train")
    run.log(loss=1.0)
    run.finish()
    assert [(one.state, one.metrics) for one in runs()] == [(RunState.FINISHED, {"loss": 1.0})]


def test_a_folder_that_was_removed(program: Program, tmp_path: Path) -> None:
    """A program whose folder is gone goes on."""
    done = program(
        "import os, loopline\nos.mkdir('x'); os.chdir('x'); os.rmdir('../x')\n"
        "with loopline.start('train') as run: run.log(loss=1.0)\nprint('done')",
        env={**os.environ, "HOME": str(tmp_path / "home")},
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_version_cannot_be_read_as_one() -> None:
    """A folder that stands for data in a test, and a pointer in a pipeline's body, say so."""
    for one in (loopline.Data.of("."), loopline.Data("data/flights")):
        with pytest.raises(Invalid) as caught:
            loopline.data(one)
        assert caught.value.kind == "not-a-version"


def test_two_processes_of_a_step_write_an_input_down_once(client: Local, flights: Digest, program: Program) -> None:
    """Whatever processes a step has, and however they read a version, it is one input of the step's run."""
    run = client.do("start", "fit")
    text = (
        "import fsspec, loopline\n"
        "loopline.data('flights@main').open('feb.csv').read()\n"
        "print(fsspec.open('loopline://flights@1/feb.csv').open().read())\n"
    )
    for _ in range(2):
        done = program(text, env={**os.environ, "LOOPLINE_RUN": run.id})
        assert (done.returncode, done.stdout) == (0, "b'a,b\\n'\n"), done.stderr
    assert [(one.name, one.number) for one in client.do("show", run.id).inputs] == [("flights", 1)]
