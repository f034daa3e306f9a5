"""executors: the suite that every Executor must pass.

    class TestLocalExecutor(ProcessExecutorSuite):
        @pytest.fixture
        def executor(self):
            with LocalExecutor(SystemClock(), workers=2, grace=0.5, log_cap=LOG_CAP) as executor: yield executor

`ExecutorSuite` is what any executor must do; `ProcessExecutorSuite` adds what one must survive that runs jobs in other
processes of this machine.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from pathlib import Path
from typing import Any, Final

import pytest

from loopline.errors import Unavailable
from loopline.executors.port import Executor
from loopline.nouns.job import End, Job, Outcome

LOG_CAP: Final = 1 << 20
PATIENCE: Final = 30.0
_numbers = itertools.count()


def job(call: str, payload: bytes = b"", **rest: Any) -> Job:
    """Make a job that calls a function of `loopline.testing.jobs`."""
    return Job(f"job-{next(_numbers)}", call if ":" in call else f"loopline.testing.jobs:{call}", payload, **rest)


def outcomes_of(executor: Executor, *jobs: Job) -> list[Outcome]:
    """Submit jobs and wait for all of them; give their outcomes in the order of the jobs."""
    for each in jobs:
        executor.submit(each)
    known = wait_for(executor, {each.id for each in jobs})
    return [known[each.id] for each in jobs]


def wait_for(executor: Executor, ids: set[str]) -> dict[str, Outcome]:
    """Wait until these are over."""
    known: dict[str, Outcome] = {}
    end = time.monotonic() + PATIENCE
    while ids - set(known):
        assert time.monotonic() < end, f"no outcome of {ids - set(known)} after {PATIENCE} s"
        known |= {outcome.job: outcome for outcome in executor.outcomes(1)}
    return known


def until(holds: Any, what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class ExecutorSuite:
    """Needs a fixture `executor` that gives an open executor with at least two workers and closes it."""

    @pytest.fixture
    def executor(self) -> Executor:
        """Give an open executor."""
        raise NotImplementedError

    def test_a_job_gives_the_bytes_that_its_function_gave(self, executor: Executor) -> None:
        """Payload and value are any bytes, also many and none."""
        for payload in (b"", b"\x00\xff", os.urandom(3_000_000)):
            (outcome,) = outcomes_of(executor, job("echo", payload))
            assert (outcome.end, outcome.value, outcome.error) == (End.RETURNED, payload, "")
            assert 0 < outcome.started_at <= outcome.ended_at

    def test_a_job_that_raises_says_what_and_where(self, executor: Executor) -> None:
        """RAISED carries one line for people and the traceback of the job's own code."""
        (outcome,) = outcomes_of(executor, job("raises", b"bad row\nsecond line"))
        assert (outcome.end, outcome.value, outcome.error) == (End.RAISED, b"", "ValueError: bad row")
        assert "in raises" in outcome.trace
        assert "in perform" not in outcome.trace

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            ("raises_stubborn", "StubbornError"),
            ("raises_deep", "RecursionError"),
            ("leaves", "SystemExit"),
            ("gives_text", "TypeError"),
            ("nothing_here", "AttributeError"),
            ("no.such.module:run", "ModuleNotFoundError"),
        ],
    )
    def test_whatever_is_raised_is_told_in_text(self, executor: Executor, call: str, error: str) -> None:
        """The unpicklable, the endless, sys.exit, a wrong type and a wrong name are all RAISED, and harm nobody."""
        (outcome,) = outcomes_of(executor, job(call))
        assert (outcome.end, outcome.error.partition(":")[0]) == (End.RAISED, error)
        assert outcomes_of(executor, job("echo", b"next"))[0].value == b"next"

    def test_the_same_id_runs_once(self, executor: Executor, tmp_path: Path) -> None:
        """Submitting an id again does nothing, before and after its outcome is known."""
        once = job("prints", b"once", log=str(tmp_path / "log"))
        executor.submit(once)
        assert outcomes_of(executor, once)[0].end is End.RETURNED
        executor.submit(once)
        assert executor.outcomes(0.2) == []
        assert (tmp_path / "log").read_text(encoding="utf-8").count("once") == 1

    def test_nothing_outstanding_gives_nothing_at_once(self, executor: Executor) -> None:
        """Waiting without end for nothing comes back."""
        assert executor.outcomes() == []
        outcomes_of(executor, job("echo"))
        assert executor.outcomes() == []

    def test_each_outcome_is_given_once(self, executor: Executor) -> None:
        """Many jobs give as many outcomes, each of its own job."""
        jobs = [job("echo", str(number).encode()) for number in range(50)]
        for each in jobs:
            executor.submit(each)
        given: list[Outcome] = []
        while found := executor.outcomes(PATIENCE):
            given += found
        assert {outcome.job: outcome.value for outcome in given} == {each.id: each.payload for each in jobs}
        assert len(given) == len(jobs)

    def test_a_job_gets_a_fresh_folder(self, executor: Executor) -> None:
        """Without a folder, each job runs in an empty one of its own, which is gone afterwards."""
        first, second = outcomes_of(executor, job("where"), job("where"))
        for outcome in (first, second):
            count, _, folder = outcome.value.decode().partition(" ")
            assert count == "0"
            assert not Path(folder).exists()

    def test_a_job_runs_in_its_folder(self, executor: Executor, tmp_path: Path) -> None:
        """A folder that was asked for is where the job runs, and stays; one that is not there is RAISED."""
        (outcome,) = outcomes_of(executor, job("where", folder=str(tmp_path)))
        assert outcome.value.decode().partition(" ")[2] == str(tmp_path)
        assert (tmp_path / "left-behind").exists()
        (outcome,) = outcomes_of(executor, job("where", folder=str(tmp_path / "none")))
        assert (outcome.end, outcome.error.partition(":")[0]) == (End.RAISED, "FileNotFoundError")

    def test_variables_last_for_one_call(self, executor: Executor) -> None:
        """A job sees its variables; the next sees neither them nor what the job set itself."""
        same = [job("variable", b"ASKED", variables=(("ASKED", "yes é"),)), job("variable", b"ASKED")]
        values = [outcomes_of(executor, each)[0].value.decode() for each in (*same, job("variable", b"LEAKED"))]
        assert values == ["yes é", "unset", "unset"]
        assert "LEAKED" not in os.environ

    def test_modules_come_from_the_jobs_paths(self, executor: Executor, tmp_path: Path) -> None:
        """Two versions of one module in two folders do not get mixed up, in any order."""
        for name in ("old", "new"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "project.py").write_text(f"def run(_): return b'{name}'\n", encoding="utf-8")
        turns = ["old", "new", "old", "old", "new"]
        jobs = [job("project:run", paths=(str(tmp_path / name),)) for name in turns]
        assert [outcomes_of(executor, each)[0].value.decode() for each in jobs] == turns

    def test_what_is_printed_is_in_the_jobs_log(self, executor: Executor, tmp_path: Path) -> None:
        """Each job has a file of its own, with both streams, complete when the outcome is known."""
        logs = [tmp_path / str(number) for number in range(6)]
        jobs = [job("prints", f"hello {log.name}".encode(), log=str(log)) for log in logs]
        outcomes_of(executor, *jobs)
        assert [log.read_text(encoding="utf-8") for log in logs] == [f"hello {log.name}\nto stderr\n" for log in logs]

    def test_a_job_that_waits_can_be_cancelled(self, executor: Executor) -> None:
        """Of many jobs, one that has not begun ends as CANCELLED, once, and the others are not touched."""
        jobs = [job("echo", b"x") for _ in range(200)]
        for each in jobs:
            executor.submit(each)
        executor.cancel(jobs[-1].id)
        executor.cancel(jobs[-1].id)
        ends = {name: outcome.end for name, outcome in wait_for(executor, {each.id for each in jobs}).items()}
        assert ends == {each.id: End.RETURNED for each in jobs[:-1]} | {jobs[-1].id: End.CANCELLED}

    def test_cancelling_what_is_unknown_or_over_does_nothing(self, executor: Executor) -> None:
        """A late cancel is not an error."""
        done = job("echo", b"done")
        outcomes_of(executor, done)
        executor.cancel(done.id)
        executor.cancel("never heard of")
        assert executor.outcomes(0.2) == []

    def test_closing_cancels_what_is_left(self, executor: Executor) -> None:
        """After close every job has an outcome, and no other is taken; closing again does nothing."""
        jobs = [job("echo") for _ in range(100)]
        for each in jobs:
            executor.submit(each)
        executor.close()
        executor.close()
        assert set(wait_for(executor, {each.id for each in jobs})) == {each.id for each in jobs}
        with pytest.raises(Unavailable) as caught:
            executor.submit(job("echo"))
        assert caught.value.kind == "executor-closed"


class ProcessExecutorSuite(ExecutorSuite):
    """Needs two workers, a grace of half a second and logs capped at LOG_CAP."""

    @pytest.mark.parametrize(
        ("call", "payload", "word"),
        [
            ("kills_itself", str(int(signal.SIGKILL)).encode(), "SIGKILL"),
            ("kills_itself", str(int(signal.SIGABRT)).encode(), "SIGABRT"),
            ("segfaults", b"", "SIGSEGV"),
            ("exits", b"0", "status 0"),
            ("exits", b"3", "status 3"),
        ],
    )
    def test_a_job_that_dies_is_not_one_that_raised(
        self, executor: Executor, tmp_path: Path, call: str, payload: bytes, word: str
    ) -> None:
        """DIED says how, keeps what was printed, and the executor goes on."""
        dead, log = job(call, payload, log=str(tmp_path / "log")), tmp_path / "log"
        others = [job("echo", b"other") for _ in range(4)]
        outcome, *rest = outcomes_of(executor, dead, *others)
        assert outcome.end is End.DIED
        assert word in outcome.error
        assert [each.value for each in rest] == [b"other"] * 4
        if call == "kills_itself":
            assert "last words" in log.read_text(encoding="utf-8")

    def test_a_job_that_forks_has_one_outcome(self, executor: Executor) -> None:
        """The child of a fork that comes back out of the job does not answer for it."""
        assert [each.value for each in outcomes_of(executor, *(job("forks") for _ in range(4)))] == [
            b"parent or child"
        ] * 4
        assert outcomes_of(executor, job("echo", b"sane"))[0].value == b"sane"

    def test_a_flood_is_cut_in_the_middle(self, executor: Executor, tmp_path: Path) -> None:
        """A log keeps beginning and end, says how much is missing, and the job does not notice."""
        log = tmp_path / "log"
        (outcome,) = outcomes_of(executor, job("floods", b"64", log=str(log)))
        text = log.read_bytes()
        assert outcome.value == b"done"
        assert LOG_CAP * 0.9 < len(text) < LOG_CAP + 200
        assert text.startswith(b"the beginning\n")
        assert text.endswith(b"the end\n")
        assert text.count(b"bytes left out here") == 1

    def test_a_flood_without_a_log_goes_nowhere(self, executor: Executor) -> None:
        """What is not wanted does not block the job."""
        assert outcomes_of(executor, job("floods", b"64"))[0].value == b"done"

    def test_everything_below_python_is_in_the_log(self, executor: Executor, tmp_path: Path) -> None:
        """Child processes, the C library and bare descriptors are captured too."""
        outcomes_of(executor, job("prints_below", log=str(tmp_path / "log")))
        lines = set((tmp_path / "log").read_text(encoding="utf-8").splitlines())
        assert lines == {"from a child", "from C", "from a descriptor"}

    def test_a_log_can_be_followed(self, executor: Executor, tmp_path: Path) -> None:
        """What a running job printed is in the file before the job ends."""
        hanging = job("kills_itself", b"0", log=str(tmp_path / "log"))
        executor.submit(hanging)
        until(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_bytes() == b"last words\n", "no log")
        executor.cancel(hanging.id)
        wait_for(executor, {hanging.id})

    def test_a_job_that_closes_its_streams_harms_nobody(self, executor: Executor, tmp_path: Path) -> None:
        """The next job of the same worker prints as usual."""
        outcomes_of(executor, *(job("closes_streams") for _ in range(4)))
        for number in range(3):
            log = tmp_path / str(number)
            outcomes_of(executor, job("prints", b"still here", log=str(log)))
            assert log.read_text(encoding="utf-8") == "still here\nto stderr\n"

    def test_a_running_job_is_asked_to_stop(self, executor: Executor, tmp_path: Path) -> None:
        """Cancelling runs the job's `finally` blocks, and its outcome says CANCELLED, not RAISED."""
        note, log = tmp_path / "note", tmp_path / "log"
        hanging = job("sleeps", str(note).encode(), log=str(log))
        executor.submit(hanging)
        until(note.exists, "it did not begin")
        executor.cancel(hanging.id)
        outcome = wait_for(executor, {hanging.id})[hanging.id]
        assert outcome.end is End.CANCELLED
        assert note.with_suffix(".tidied").exists()
        assert outcomes_of(executor, job("echo", b"next"))[0].value == b"next"

    def test_a_job_that_does_not_listen_is_killed_with_its_children(self, executor: Executor, tmp_path: Path) -> None:
        """After the grace nothing of it is left, also no child that left its session."""
        note = tmp_path / "note"
        deaf = job("ignores_everything", str(note).encode())
        executor.submit(deaf)
        until(lambda: note.exists() and len(note.read_text(encoding="utf-8").split()) == 3, "it did not begin")
        executor.cancel(deaf.id)
        assert wait_for(executor, {deaf.id})[deaf.id].end is End.CANCELLED
        everyone = [int(word) for word in note.read_text(encoding="utf-8").split()]
        until(lambda: not any(map(alive, everyone)), "somebody survived")

    def test_closing_ends_a_job_that_does_not_listen(self, executor: Executor, tmp_path: Path) -> None:
        """close() comes back after the grace, and no process is left."""
        note = tmp_path / "note"
        deaf = job("ignores_everything", str(note).encode())
        executor.submit(deaf)
        until(note.exists, "it did not begin")
        begun = time.monotonic()
        executor.close()
        assert time.monotonic() - begun < PATIENCE / 3
        assert executor.outcomes(0)[0].end is End.CANCELLED
        until(lambda: not any(alive(int(word)) for word in note.read_text(encoding="utf-8").split()), "survivors")

    def test_jobs_run_side_by_side(self, executor: Executor, tmp_path: Path) -> None:
        """Two workers run two jobs at the same time."""
        jobs = [job("meets", f"{tmp_path}|{number}|2".encode()) for number in range(2)]
        assert [outcome.value for outcome in outcomes_of(executor, *jobs)] == [b"met", b"met"]

    def test_a_worker_stays_warm(self, executor: Executor) -> None:
        """One job after the other runs in the same process, and not in this one."""
        pids = {outcomes_of(executor, job("pid"))[0].value for _ in range(5)}
        assert len(pids) == 1
        assert pids != {str(os.getpid()).encode()}
