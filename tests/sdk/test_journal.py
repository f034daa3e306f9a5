"""What `append` took is in the file, in this process and in its children."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loopline.sdk.journal import Journal, remove_when_shipped, take
from loopline.sdk.records import Record, read_records
from tests.conftest import cannot

START = {"run": "0" * 32, "name": "train"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    made = Journal(tmp_path / "journal", START, lambda: 7)
    yield made
    made.close()


def read(path: Path) -> list[Record]:
    return list(read_records(path.read_bytes()))


def in_child(work: Callable[[], object]) -> int:
    """Do `work` in a child of a fork and give its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_first_record_tells_the_run(journal: Journal) -> None:
    """A journal is never seen without its start, and no other name is left in its folder."""
    assert [(one.kind, one.body) for one in read(journal.path)] == [("start", START)]
    assert list(journal.folder.iterdir()) == [journal.path]


def test_what_was_appended_is_in_the_file(journal: Journal) -> None:
    """A record can be read by others as soon as `append` returned."""
    assert journal.append("points", [["loss", 0.5, 1]])
    assert read(journal.path)[-1].body == [["loss", 0.5, 1]]


def test_threads_do_not_tear_records(journal: Journal) -> None:
    """Records of eight threads are all there and whole."""

    def work(number: int) -> None:
        for step in range(200):
            journal.append("points", [["x" * 300, number, step]])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    points = {tuple(one.body[0][1:]) for one in read(journal.path) if one.kind == "points"}
    assert points == {(number, step) for number in range(8) for step in range(200)}


def test_a_child_appends_to_the_same_file(journal: Journal) -> None:
    """What a forked worker logs stands beside what its parent logs."""
    assert in_child(lambda: journal.append("points", ["child"])) == 0
    journal.append("points", ["parent"])
    assert [one.body for one in read(journal.path)[1:]] == [["child"], ["parent"]]


def test_a_child_does_not_hold_the_lock(journal: Journal) -> None:
    """When the parent is gone its journal is left over, also while a child lives."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        journal.append("points", ["child"])
        os.write(ready[1], b".")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    assert take(journal.path) is None
    journal.close()
    number = take(journal.path)
    assert number is not None
    os.close(number)
    os.write(done[1], b".")
    os.waitpid(child, 0)


def test_a_child_survives_the_removal_of_the_file(journal: Journal) -> None:
    """A worker that logs after the run was finished begins a journal of its own, marked as attached to that run."""
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        journal.append("points", ["before"])
        os.write(ready[1], b".")
        os.read(go[0], 1)
        code = 0 if journal.append("points", ["after"]) else 1
        os._exit(code)
    os.read(ready[0], 1)
    assert remove_when_shipped(journal.path, journal.number(), journal.path.stat().st_size)
    os.write(go[1], b".")
    assert os.waitpid(child, 0)[1] == 0
    (other,) = journal.folder.iterdir()
    assert [(one.kind, one.body) for one in read(other)] == [
        ("start", {**START, "attached": True}),
        ("points", ["after"]),
    ]


def test_a_journal_with_news_is_not_removed(journal: Journal) -> None:
    """What a child appended after the shipment keeps the file."""
    end = journal.path.stat().st_size
    in_child(lambda: journal.append("points", ["child"]))
    assert not remove_when_shipped(journal.path, journal.number(), end)
    assert journal.path.exists()


def test_a_living_process_keeps_its_journal(journal: Journal) -> None:
    """Nobody takes a journal whose process lives."""
    assert take(journal.path) is None


def test_an_unwritable_folder(tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """Where no journal can be made, records are counted and a single warning is given."""
    (tmp_path / "journal").write_text("in the way")
    journal = Journal(tmp_path / "journal", START, lambda: 7)
    assert [journal.append("points", [step]) for step in range(3)] == [False] * 3
    assert journal.lost == 4
    assert len(said()) == 1


def test_a_read_only_folder(tmp_path: Path) -> None:
    """A program whose folder is read-only goes on."""
    if os.geteuid() != 0:
        cannot("only root may become somebody else")
    text = (
        "import os\nfrom pathlib import Path\nfrom loopline.sdk.journal import Journal\n"
        "os.setgid(65534); os.setuid(65534)\n"
        f"j = Journal(Path({str(tmp_path)!r}) / 'journal', dict(run='0'*32, name='t'), lambda: 7)\n"
        "print(j.append('points', [1]), j.lost)"
    )
    for one in (tmp_path, *tmp_path.parents[:2]):
        one.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "2"]
    assert done.stderr.count("cannot write the run's journal") == 1


def test_a_full_disk(tmp_path: Path) -> None:
    """When a file cannot grow, what fitted is whole, what did not is counted, and nothing is raised."""

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        journal = Journal(tmp_path, START, lambda: 7)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        took = [journal.append("points", [step]) for step in range(100)]
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert journal.append("points", [100])
        assert journal.lost == 100 - sum(took)
        assert 0 < sum(took) < 100
        kept = [one.body[0] for one in read(journal.path)[1:]]
        assert kept == [*range(sum(took)), 100]

    assert in_child(fill) == 0


def test_a_body_that_cannot_be_written(journal: Journal, said: Callable[[], list[str]]) -> None:
    """A value that is no JSON is counted as lost, and the journal goes on."""
    assert not journal.append("tags", {"x": object()})
    assert journal.append("tags", {"x": "y"})
    assert (journal.lost, len(said())) == (1, 1)


def test_a_late_writer_does_not_hit_another_file(journal: Journal, tmp_path: Path) -> None:
    """A thread that was about to write when the journal was closed does not write into a file opened since."""
    number = journal.number()
    journal.close()
    assert not journal.append("points", [1])
    others = [(tmp_path / f"mine{at}").open("wb") for at in range(3)]
    os.write(number, b"late")
    for one in others:
        one.close()
    assert [(tmp_path / f"mine{at}").read_bytes() for at in range(3)] == [b""] * 3
    taken = take(journal.path)
    assert taken is not None
    os.close(taken)


def test_files_do_not_pile_up(tmp_path: Path) -> None:
    """A journal that nobody has any more holds no file open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        Journal(tmp_path, START, lambda: 7).close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
