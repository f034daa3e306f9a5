"""What is left of a ledger and a store when the disk fails, or the process dies, at disk calls of the other main writes.

They are hundreds, and each costs about a second: a sample of them is tried each time, spread over the whole write and begun
where a seed says (`LOOPLINE_FAULTS_SEED`, else a new one, which is printed), so that in time all of them are.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import Tree, build
from loopline.loop import Loop
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.policy import Policy
from loopline.nouns.run import RunState
from loopline.sdk.client import Local
from loopline.sdk.leftovers import adopt
from loopline.settings import load_settings
from loopline.verbs import load
from loopline.verbs.staging import look
from loopline.wiring import open_loop

from .stracing import Cut, calls_in, failing, killing, listing, some, strace, traced

__all__ = ["strace"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900), pytest.mark.usefixtures("strace")]

PROJECT = """\
[project]
name = "tiny"
modules = ["tiny"]

[data."data/rows"]
folder = "data"

[data."data/files"]
folder = "files"
"""
TINY = """\
from loopline import Data, pipeline, step

@step
def read(data: Data) -> list[int]:
    return [int(word) for path in data.files() for word in path.read_text().split()]

@step
def total(numbers: list[int]) -> int:
    return sum(numbers)

@pipeline
def train(data: Data = Data("data/rows")):
    return {"model/total": total(read(data))}
"""
DRIVER = """
import errno, sys
from pathlib import Path
import fsspec
import loopline
from loopline.errors import LooplineError
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.nouns.run import Point
from loopline.sdk.client import Local
from loopline.sdk.workspace import Workspace
from loopline.settings import load_settings
from loopline.verbs import load, staging
from loopline.wiring import open_loop

way, run, here = sys.argv[1], sys.argv[2], Path.cwd()
settings = load_settings(here, environ={"USER": "ann"})
best = RefName(AssetName("tiny", "model", "sum"), "best")
rows = RefName(AssetName("tiny", "data", "rows"), "main")

def say(*words):
    print(*words, flush=True)

def do(verb, *args, **asked):
    return load(verb)(loop, *args, **asked)

def pipeline():
    ran = do("run", "train", code=(here / "code").read_text(), modules=("tiny",), executor="inline", refresh=True)
    say("ran", ran.run.id, ran.run.state)

def record():
    do("start", "by-hand", params={"depth": "8"}, run=run)
    say("started")
    do("log", run, points=(Point("loss", 0.5, 1), Point("loss", 0.25, 2)), tags={"stage": "warm"}, source="me", sequence=1)
    say("logged")
    do("finish", run)
    say("finished")

def unless(kinds, verb, *args, **asked):  # of these kinds is what an earlier try has done already
    try:
        return do(verb, *args, **asked)
    except LooplineError as error:
        if error.kind not in kinds:
            raise

def propose():
    unless({"nothing-to-move"}, "propose", best, to=Numbered(1), why="back")
    say("proposed")
    unless({"nothing-to-move"}, "policy", document=(here / "policy").read_text(), why="stricter")
    say("ruled")

def rollback():
    unless({"ref-moved"}, "rollback", best, why="it was wrong", change=(here / "change").read_text())
    say("back")

def checkout():
    for number in (1, 2):
        Workspace(Local(loop), settings).checkout(Pointer(AssetName("tiny", "data", "rows"), Numbered(number)), here / "out")
        say("out", number)

def beside():  # as a checkout of many files: other processes write them
    from loopline.datasets import beside
    from loopline.datasets.copies import Copies
    beside.MANY, beside.GROUP, beside.processors = 1, 1, lambda: 2
    assert Copies(loop.blobs, mtime=1).crosses
    checkout()

def add():
    for turn in (1, 2):
        for name in range(40):
            Path("files", f"{name}.txt").write_text(f"{name} of {turn}")
            if name >= 20 * turn:
                Path("files", f"{name}.txt").unlink()
        Path("files", "large").write_bytes(b"%d" % turn * 40_000)
        say("added", Workspace(Local(loop), settings).add(AssetName("tiny", "data", "files")).version.number)

def merge():
    main = RefName(AssetName("tiny", "data", "rows"), "main")
    unless({"merge-open"}, "merge", Pointer(main.asset, Named("fix")), main)
    say("clashed")
    unless({"no-merge"}, "merge", into=main, take="theirs", paths=("*",))
    say("taken")
    unless({"no-merge"}, "merge", into=main, continue_=True)
    say("merged")

def stage():
    staging.MOST = 2  # so that rows are folded on the way
    for path in ("e", "a", "f"):
        body = path.encode() * 40_000
        staging.stage(loop, rows, staging.written(path, loop.blobs.put(body), len(body), notes='{"type":"x"}'))
        say("staged", path)
    staging.stage(loop, rows, staging.gone("d.py"))
    say("staged", "d.py")
    do("commit", rows, message="staged")
    say("committed")

def lazy():
    files = loopline.data("rows@main")
    files / "a.py"
    say("fetched", "a.py")
    files.fetch()
    say("fetched", "b.py")
    fs = fsspec.filesystem("loopline")
    fs.pipe({f"rows@main/{path}": path.encode() * 40_000 for path in ("e", "f")})
    say("piped")
    fs.commit("rows@main")
    say("committed")

def journal():
    run = loopline.start("train")
    say("began", run.id)
    for step in range(5):
        lost = run._journal.lost
        run.log(loss=0.5, step=step)
        if run._journal.lost == lost:
            say("kept", step)
    run.finish()
    say("shipped")

code, loop = 0, None
for attempt in (1, 2):
    try:
        if loop is None:
            loop = open_loop(settings)
            with loop.ledger.read() as tx:
                tx.feed.head("tiny")
            say("ready")
        globals()[way]()
        break
    except LooplineError as error:
        say("error", error.kind)
        code = 3
    except OSError as error:  # of a folder of the cache: the command line tells it by its number
        say("error", errno.errorcode[error.errno])
        code = 3
say("over")
sys.exit(code)
"""
WAYS = (
    "pipeline",
    "record",
    "propose",
    "rollback",
    "checkout",
    "beside",
    "add",
    "merge",
    "stage",
    "lazy",
    "journal",
)
EITHER = {
    "disk-error",
    "index-unreadable",
    "index-unwritable",
    "broken-module",
    "blob-unreadable",
    "folder-unwritable",
    "ledger-unopenable",
    "file-unreadable",
}
KINDS = {"ENOSPC": EITHER | {"disk-full", "ENOSPC"}, "EIO": EITHER | {"store-broken", "EIO"}}
MORE = {"lazy": {"EIO"}}
"""What a file system of fsspec says beside that: an OSError has no other number for what could not be opened or read."""
RUN = "0" * 31 + "7"
SUM, ROWS, FILES = (
    AssetName("tiny", kind, name) for kind, name in (("model", "sum"), ("data", "rows"), ("data", "files"))
)
BEST = RefName(SUM, "best")


def opened(folder: Path) -> Loop:
    """Open the project."""
    return open_loop(load_settings(folder, environ={"USER": "ann"}))


@functools.cache
def template() -> Path:
    """Make a project with data, code, and a ref that has moved, once."""
    home = Path(tempfile.mkdtemp(prefix="loopline-faults-")) / "tiny"
    home.mkdir()
    atexit.register(shutil.rmtree, home.parent, ignore_errors=True)
    (home / "loopline.toml").write_text(PROJECT)
    loop = opened(home)

    def tree(**files: str) -> Digest:
        bodies = [(name, text.encode()) for name, text in sorted(files.items())]
        return build(loop.blobs, [Entry(f"{name}.py", loop.blobs.put(body), len(body)) for name, body in bodies])

    (home / "files").mkdir()
    (home / "code").write_text(tree(tiny=TINY))
    (home / "policy").write_bytes(dump_document(Document((Policy("best", ("model/*@best",)),), ())))
    for files in ({"a": "1 2 3", "b": "old", "c": "gone"}, {"a": "1 2 3 4", "b": "new", "d": "more"}):
        load("add")(loop, ROWS, tree=tree(**files))
    load("branch")(loop, ROWS, "fix", at=Numbered(1))
    load("add")(loop, ROWS, tree=tree(a="1 2 3 5", b="old", c="gone", e="fix"), branch="fix")
    for number in (1, 2):
        load("put")(loop, SUM, digest=loop.blobs.put(b"%d" % number))
        change = load("propose")(loop, BEST, to=Numbered(number), why="test")
        (home / "change").write_text(change.id)
    loop.ledger.close()
    return home


def run(way: str, folder: Path, *strace: str) -> subprocess.CompletedProcess[str]:
    """Do it in a process of its own, under strace, in a copy of the project."""
    if not folder.exists():
        shutil.copytree(template(), folder)
    return traced(DRIVER, way, RUN, where=folder, strace=strace)


@functools.cache
def disk_calls(way: str) -> tuple[Cut, ...]:
    """List its disk calls."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "calls"
        done = run(way, Path(name) / "tiny", *listing(log))
        assert done.returncode == 0, done.stderr
        assert "error" not in done.stdout
        return calls_in(log, name)


def check(way: str, folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Hold the promises: all is sound, what was acknowledged is there, nothing is half, and doing it again works."""
    said = [line.split() for line in done.stdout.splitlines()]
    loop = opened(folder)
    with loop.ledger.read() as tx:
        assert tx.rows.one("PRAGMA integrity_check") == ("ok",)
        assert tx.feed.verify("tiny") is None
    for digest in loop.blobs.iter():
        loop.blobs.verify(digest)
    CHECKS[way](loop, folder, [words for words in said if words])
    loop.ledger.close()
    again = run(way, folder)
    assert (again.returncode, "error" in again.stdout) == (0, False), (again.stdout, again.stderr)
    loop = opened(folder)
    CHECKS[way](loop, folder, [line.split() for line in again.stdout.splitlines()])
    with loop.ledger.read() as tx:
        left = tx.rows.all("SELECT name FROM runs WHERE state IN ('running', 'pending') AND kind != 'run'")
    assert left == [], "a run that nobody runs is found out by the next"
    loop.ledger.close()


def check_pipeline(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    with loop.ledger.read() as tx:
        for words in said:
            if words[0] == "ran" and words[2] == "finished":
                assert tx.runs.get(words[1]).state is RunState.FINISHED
                (made,) = tx.versions.by_run(words[1])
                assert loop.blobs.read(made.artifact.digest) == b"10"
        for (state,) in tx.rows.all("SELECT state FROM runs WHERE kind = 'pipeline'"):
            assert state in {"running", "finished", "failed", "crashed"}


def check_record(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    with loop.ledger.read() as tx:
        there = tx.runs.find(RUN)
        points = [(one.step, one.value) for one in tx.metrics.history(RUN, "loss", limit=10)] if there else []
    assert there or not said or said[0][0] != "started"
    assert points in ([], [(1, 0.5), (2, 0.25)])
    assert bool(points) == bool(there and there.tags), "points and tags of one call come together"
    if ["logged"] in said:
        assert points
    if ["finished"] in said:
        assert there
        assert there.state is RunState.FINISHED
        assert there.params == {"depth": "8"}


def check_propose(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    with loop.ledger.read() as tx:
        rules = tx.policies.in_force("tiny")
        at = tx.refs.get(BEST)
        (told,) = tx.changes.history(BEST, limit=1)
    assert (at.target, at.change) == (told.new, told.change)
    assert at.target == 1 or ["proposed"] not in said
    assert rules or ["ruled"] not in said
    assert rules is None or rules[1] == (folder / "policy").read_bytes()


def check_rollback(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    with loop.ledger.read() as tx:
        target = tx.refs.get(BEST).target
        marked = tx.versions.quarantined(SUM, 2) is not None
        (incidents,) = tx.rows.one("SELECT COUNT(*) FROM incidents") or (0,)
    assert (target, marked, incidents) in {(2, False, 0), (1, True, 1)}
    assert target == 1 or ["back"] not in said


def check_checkout(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    trees = []
    for number in (1, 2):
        with loop.ledger.read() as tx:
            root = tx.versions.get(ROWS, number).artifact.digest
        trees.append({entry.path: loop.blobs.read(entry.digest) for entry in Tree(loop.blobs, root).iter()})
    out = folder / "out"
    files = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} if out.exists() else {}
    for name, body in files.items():
        assert body in {tree.get(name) for tree in trees}, "each file is the old one or the new one"
    done = [words[1] for words in said if words[0] == "out"]
    if done == ["1", "2"]:
        assert files == trees[1]


def check_add(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    states = [{f"{name}.txt": b"%d of %d" % (name, turn) for name in range(20 * turn)} for turn in (1, 2)]
    for turn, files in enumerate(states, 1):
        files["large"] = b"%d" % turn * 40_000
    with loop.ledger.read() as tx:
        there = tx.refs.find(RefName(FILES, "main"))
        roots = [one.artifact.digest for one in tx.versions.list(FILES)] if there else []
    trees = [{entry.path: loop.blobs.read(entry.digest) for entry in Tree(loop.blobs, root).iter()} for root in roots]
    assert all(tree in states for tree in trees), "all of the folder, or nothing"
    added = [int(words[1]) for words in said if words[0] == "added"]
    assert not added or (there is not None and there.target == len(trees) >= max(added))
    assert len(added) < 2 or trees[0] == states[1]


def check_merge(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    with loop.ledger.read() as tx:
        at, versions = tx.refs.get(RefName(ROWS, "main")).target, tx.versions.list(ROWS)
        waiting = tx.merges.list("tiny")
        taken = [one.choice for merge in waiting for one in tx.merges.taken(merge.id)]
    assert (at, len(versions)) in {(2, 3), (4, 4)}, "the version, the ref and the end of the merge come together, once"
    assert len(waiting) == (at == 2 and (["clashed"] in said or bool(waiting)))
    assert at == 4 or ["merged"] not in said
    if at == 2 and ["taken"] in said:
        assert taken == ["theirs"]
    if at == 4:
        assert versions[0].parents == (2, 3)
        tree = Tree(loop.blobs, versions[0].artifact.digest)
        files = {entry.path: loop.blobs.read(entry.digest) for entry in tree.iter()}
        assert files == {"a.py": b"1 2 3 5", "b.py": b"new", "d.py": b"more", "e.py": b"fix"}


def check_stage(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    """What was acknowledged is on the branch, staged or committed, and the branch stands at a version that is whole."""
    main = RefName(ROWS, "main")
    over = look(loop, main).overlay(loop)
    for words in said:
        if words[0] == "staged":
            found = over.find(words[1])
            assert (found is None) == (words[1] == "d.py")
            assert found is None or loop.blobs.read(found.entry.digest) == words[1].encode() * 40_000
            assert found is None or over.notes(found) == '{"type":"x"}'
    with loop.ledger.read() as tx:
        version = tx.versions.get(ROWS, tx.refs.get(main).target)
    paths = [entry.path for entry in Tree(loop.blobs, version.artifact.digest).iter()]
    assert paths in (["a.py", "b.py", "d.py"], ["a", "a.py", "b.py", "e", "f"]), "all of it, or nothing"
    assert "e" in paths or ["committed"] not in said


def check_lazy(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    """A file of the cache is whole, what was told is there, and files that were written together are a version together."""
    cache = folder / ".loopline" / "cache"
    for path in cache.glob("files/[!.]*"):
        assert digest_of(path.read_bytes()) == f"sha256:{path.name}"
    files = {path.name: path.read_bytes() for path in cache.glob("parts/*/*.py")}
    assert set(files.values()) <= {b"1 2 3 4", b"new", b"more"}
    for words in said:
        if words[0] == "fetched":
            assert words[1] in files
    staged = [one.path for one in look(loop, RefName(ROWS, "main")).overlay(loop).iter()]
    assert staged in (["a.py", "b.py", "d.py"], ["a.py", "b.py", "d.py", "e", "f"])
    assert "e" in staged or not {("piped",), ("committed",)} & {tuple(words) for words in said}


def check_journal(loop: Loop, folder: Path, said: list[list[str]]) -> None:
    adopt(Local(loop), folder / ".loopline" / "journal")
    kept: dict[str, set[int]] = {}
    for words in said:
        if words[0] == "began":
            kept[words[1]] = set()
        elif words[0] == "kept":
            next(reversed(kept.values())).add(int(words[1]))
    with loop.ledger.read() as tx:
        for one, steps in kept.items():
            if not steps:  # its file could not even be begun
                continue
            found = [point.step for point in tx.metrics.history(one, "loss", limit=100)]
            assert len(found) == len(set(found)), "once"
            assert steps <= set(found), "it was acknowledged"
            assert tx.runs.get(one).state.over
    assert list((folder / ".loopline" / "journal").glob("*.journal")) == []


CHECKS = {name.removeprefix("check_"): there for name, there in globals().items() if name.startswith("check_")}
CHECKS["beside"] = check_checkout


def test_the_calls_that_matter_are_among_those_tried() -> None:
    """Every way writes to the ledger's log and syncs it, or renames: otherwise the tests below would try nothing."""
    for way in WAYS:
        names = Counter(name for name, _ in disk_calls(way))
        assert names["pwrite64"] >= 4 or names["rename"] >= 4, (way, names)
        assert names["fsync"] + names["fdatasync"] >= 2, (way, names)


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_a_sample_of_the_calls(way: str, tmp_path: Path) -> None:
    """SIGKILL at three disk calls, spread over all, leaves nothing half and what was acknowledged in place."""
    for turn, cut in enumerate(some(disk_calls(way), 3)):
        folder = tmp_path / str(turn)
        done = run(way, folder, *killing(cut))
        assert done.returncode == -9, (cut, done.stderr)
        check(way, folder, done)
        shutil.rmtree(folder)


@pytest.mark.parametrize("error", sorted(KINDS))
@pytest.mark.parametrize("way", WAYS)
def test_an_error_at_a_sample_of_the_calls(way: str, error: str, tmp_path: Path) -> None:
    """Each of two calls, spread over all, that fails once is told as what it is or does not matter; nothing half is left."""
    for turn, cut in enumerate(some(disk_calls(way), 2)):
        folder = tmp_path / str(turn)
        done = run(way, folder, *failing(cut, error))
        said = done.stdout.splitlines()
        assert done.returncode in {0, 3}, (cut, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, (cut, done.stderr)
        assert said[-1:] == ["over"], (cut, said, done.stderr)
        assert {line.split()[1] for line in said if line.startswith("error")} <= KINDS[error] | MORE.get(way, set()), (
            cut,
            said,
        )
        check(way, folder, done)
        shutil.rmtree(folder)
