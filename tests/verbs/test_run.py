from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused
from loopline.ledger.ledger import Ledger
from loopline.ledger.schema import prepare
from loopline.nouns.name import AssetName
from loopline.nouns.plan import Outlook
from loopline.nouns.run import RunState
from loopline.store.system import SystemClock
from loopline.testing.clock import FakeClock
from loopline.wiring import open_database

from .conftest import BOB, DATA, PROJECT, TRIGGER
from .projects import TINY, TOTAL, Project, states

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory where there is one: what is timed is our work, not the disk's."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", ignore_cleanup_errors=True) as name:
        yield Path(name)


def test_the_first_run_does_every_step_and_publishes(project: Project) -> None:
    """A run records its steps in the order of the graph, what was measured, and publishes what the pipeline returned."""
    ran = project.trained()
    assert states(ran) == {"read": "finished", "total": "finished", "measure": "finished"}
    assert [str(version) for version in ran.published] == ["model/total@1"]
    assert ran.published[0].run == ran.run.id
    assert project.loop.blobs.read(ran.published[0].artifact.digest) == b"6"
    assert ran.run.metrics == {"number": 6.0, "number[day=mon]": 1.0}
    assert ran.evaluations["measure"].facts == {"rows": "3"}
    assert ran.critical_path == ("read", "total", "measure")


def test_the_second_run_does_nothing(project: Project) -> None:
    """Equal code, parameters and inputs: every step comes from the cache, and nothing new is published."""
    first, second = project.trained(), project.trained()
    assert set(states(second).values()) == {"cached"}
    assert [step.origin for step in second.steps] == [step.id for step in first.steps]
    assert [str(version) for version in second.published] == ["model/total@1"]
    assert second.published[0].run == first.run.id
    assert project.count(TOTAL) == 1
    assert second.run.metrics == first.run.metrics, "what is known was measured, too"


def test_another_executor_gives_the_same(project: Project) -> None:
    """Where steps run changes nothing: the processes' results are what the cache has, byte for byte."""
    ran = project.trained(executor="local", workers=2)
    assert set(states(ran).values()) == {"finished"}
    assert set(states(project.trained()).values()) == {"cached"}


def test_one_parameter_runs_only_what_it_reaches(project: Project) -> None:
    """A step that does not take the changed parameter comes from the cache."""
    project.trained()
    ran = project.trained(params={"plus": "4"})
    assert states(ran) == {"read": "cached", "total": "finished", "measure": "finished"}
    assert ran.run.params == {"data": "data/flights@1", "plus": "4"}
    assert [str(version) for version in ran.published] == ["model/total@2"]


def test_a_step_behind_an_equal_result_is_cached_after_all(project: Project) -> None:
    """New code that gives the old value costs one step: those behind it are known again."""
    project.trained()
    project.write(tiny=TINY.replace("sum(numbers) + plus", "plus + sum(numbers)"))
    assert states(project.trained()) == {"read": "cached", "total": "finished", "measure": "cached"}


def test_explain_names_the_part_that_differs(project: Project) -> None:
    """The parameter, the function and the input are told apart, and nothing runs."""
    project.trained()
    before = len(project.runs())

    def why(**asked: Any) -> dict[str, tuple[str, ...]]:
        outlook: Outlook = project.run(explain=True, **asked)
        return {step.node: step.why for step in outlook.steps if step.standing == "run"}

    assert why(params={"plus": "4"}) == {"total": ("parameter plus 0 → 4",)}
    project.write(tiny=TINY.replace("sum(numbers) + plus", "sum(numbers) + plus + 1"))
    assert why() == {"total": ("code tiny.total changed",)}
    project.write(tiny=TINY)
    project.data(a_txt=b"5\n")
    assert why() == {"read": ("input data changed",)}
    assert len(project.runs()) == before


def test_plan_tells_what_waits(project: Project) -> None:
    """Before anything ran, only the first step is known to run, and the parameters are pinned."""
    outlook: Outlook = project.run(plan=True)
    assert [(step.node, step.standing) for step in outlook.steps] == [
        ("read", "run"), ("total", "waits"), ("measure", "waits"),
    ]  # fmt: skip
    assert outlook.params == {"plus": "0", "data": "data/flights@1"}
    assert project.runs() == []


def test_refresh_runs_what_is_known(project: Project) -> None:
    """Every step runs again, and equal bytes still publish nothing new."""
    project.trained()
    ran = project.trained(refresh=True)
    assert set(states(ran).values()) == {"finished"}
    assert project.count(TOTAL) == 1


def test_code_and_environment_are_published_once(project: Project) -> None:
    """Two runs of one source tree and lock make one version of each; an edit makes the next, with the first as parent."""
    lock = project.loop.blobs.put(b"lock")
    for _ in range(2):
        project.trained(environment=lock, packages={"numpy": "2.0"}, commit="abc")
    code, env = (AssetName(PROJECT, kind, PROJECT) for kind in ("code", "env"))
    assert (project.count(code), project.count(env)) == (1, 1)
    project.write(tiny=TINY + "\n    # an edit\n")
    project.trained(environment=lock)
    with project.loop.ledger.read() as tx:
        assert tx.versions.get(code, 2).parents == (1,)
        assert tx.lineage.packed(lock) == {"numpy": "2.0"}
    assert project.count(env) == 1


def test_lineage_walks_through_runs(project: Project) -> None:
    """From a model back to the data it was made of, and from the data forward to the model."""
    ran = project.trained()
    assert "data/flights@1" in str(project.do("why", "model/total@1"))
    assert ran.run.id in str(project.do("why", "model/total@1"))
    assert "model/total@1" in {one.key for one in project.do("impact", "data/flights@1").reached}


def test_steps_say_what_they_read_and_made(project: Project) -> None:
    """A step's inputs name the asset or the step that they come from, with the digest that this one made."""
    ran = project.trained()
    read, total, _ = ran.steps
    assert [(link.name, link.asset, link.number) for link in read.inputs] == [("data", "data/flights", 1)]
    assert [(link.name, link.digest) for link in total.inputs] == [("read.result", read.outputs[0].digest)]
    assert total.params == {"plus": "0"}
    assert {step.parent for step in ran.steps} == {ran.run.id}
    assert [link.name for link in ran.run.outputs] == ["read.result", "total.result", "measure.result"]
    assert [(link.asset, link.number) for link in ran.run.outputs if link.asset] == [("model/total", 1)]


@pytest.mark.parametrize(
    ("asked", "error", "kind"),
    [
        ({"params": {"plis": "1"}}, Invalid, "unknown-parameter"),
        ({"params": {"plus": "many"}}, Invalid, "wrong-type"),
        ({"params": {"data": "nowhere"}}, Invalid, "bad-asset"),
        ({"params": {"data": "data/nowhere"}}, NotFound, "no-asset"),
        ({"params": {"data": "data/flights@9"}}, NotFound, "no-version"),
        ({"params": {"data": "data/flights@units"}}, NotFound, "no-revision"),
        ({"pipeline": "trian"}, Invalid, "no-pipeline"),
        ({"modules": ("tony",)}, Invalid, "no-module"),
        ({"executor": "ray"}, Invalid, "no-executor"),
        ({"code": None}, Invalid, "no-code"),
        ({"resume": "ffff"}, Invalid, "resume-as-it-was"),
        ({"pipeline": "", "resume": "ffff"}, NotFound, "no-run"),
    ],
)
def test_a_request_that_makes_no_sense_starts_nothing(
    project: Project, asked: dict[str, Any], error: type[LooplineError], kind: str
) -> None:
    """Each is one error with a next step, and no run is written down."""
    with pytest.raises(error) as caught:
        project.run(**asked)
    assert caught.value.kind == kind
    assert caught.value.hint
    assert project.runs() == []


def test_a_syntax_error_has_its_place(project: Project) -> None:
    """A module that cannot be parsed is told with file and line."""
    project.write(tiny="x = 1\ndef broken(:\n    pass\n")
    with pytest.raises(Invalid) as caught:
        project.run()
    assert (caught.value.kind, caught.value.facts["file"], caught.value.facts["line"]) == (
        "broken-module",
        "tiny.py",
        2,
    )


def test_deleted_data_are_not_read(project: Project) -> None:
    """A version that was deleted is not there for a run either."""
    project.data(a_txt=b"5\n")
    project.do("delete", "data/flights@1", why="test")
    with pytest.raises(NotFound) as caught:
        project.run(params={"data": "data/flights@1"})
    assert caught.value.kind == "version-deleted"


def test_data_in_quarantine_are_read_only_by_number(project: Project) -> None:
    """Following a branch does not lead into quarantine; a number does, and `latest` looks past it."""
    bad = project.data(a_txt=b"5\n").version
    with project.loop.ledger.write(PROJECT, BOB) as tx:
        tx.versions.quarantine(DATA, bad.number, reason="seconds, not minutes")
        tx.say("test", "x")
    with pytest.raises(Refused) as caught:
        project.run(by=TRIGGER)
    assert (caught.value.kind, caught.value.facts["version"]) == ("quarantined", "data/flights@2")
    assert "seconds" in caught.value.message
    assert project.trained(params={"data": "data/flights@2"}).run.params["data"] == "data/flights@2"
    assert project.trained(params={"data": "data/flights@latest"}).run.params["data"] == "data/flights@1"


def test_a_failed_run_goes_on_where_it_stopped(project: Project) -> None:
    """Resuming takes the code, parameters and data of the run, also when the branch has moved, and the cached steps."""
    project.write(tiny=TINY.replace("return sum(numbers) + plus", "import os; os.stat('/nowhere/at/all'); return 0"))
    failed = project.run(params={"plus": "2"})
    assert (failed.run.state, states(failed)) == ("failed", {"read": "finished", "total": "failed"})
    assert failed.run.error.startswith("FileNotFoundError")
    assert "FileNotFoundError" in failed.logs["total"]
    assert failed.published == ()
    project.data(a_txt=b"9\n")
    code = project.code
    project.write(tiny=TINY)
    again = project.run("", resume=failed.run.id)
    assert states(again) == {"read": "cached", "total": "failed"}
    assert (again.run.code, again.run.params) == (code, {"data": "data/flights@1", "plus": "2"})
    assert again.run.tags["resumes"] == failed.run.id


def test_what_is_over_is_not_resumed(project: Project) -> None:
    """A run that finished has nothing to go on with; one that goes on elsewhere is left alone; a step is no pipeline."""
    ran = project.trained()
    running = project.do("start", "train", kind="pipeline", code=project.code)
    for name, error, kind in (
        (ran.run.id, Conflict, "nothing-to-resume"),
        (running.id, Conflict, "still-running"),
        (ran.steps[0].id, Invalid, "not-resumable"),
    ):
        with pytest.raises(error) as caught:
            project.run("", resume=name)
        assert caught.value.kind == kind


def test_parameters_are_written_so_that_they_read_back(project: Project) -> None:
    """A text that looks like a number, a list, nothing, and an asset that the body names: a repetition gets the same."""
    project.write(
        tiny="""
        from loopline import Data, pipeline, step

        @step
        def show(name, days: list[int], rate: float | None, data, other) -> str:
            return repr((name, days, rate, data is None, other.files()[0].read_text()))

        @pipeline
        def train(name="7", days: list[int] = [1, 2], rate: float | None = None, data: Data | None = Data("data/flights")):
            return {"report/show": show(name, days, rate, data, Data("data/flights"))}
        """
    )
    first = project.trained(params={"data": "none"})
    assert first.run.params == {"name": '"7"', "days": "[1,2]", "rate": "null", "data": "null"}
    project.data(a_txt=b"other\n")
    repeat = project.do("reproduce", first.run.id, here=True, executor="inline")
    assert (repeat.equal, repeat.different) == (("show.result",), ())


def test_an_output_that_was_lost_is_made_again(project: Project) -> None:
    """The cache does not promise bytes that the store no longer has."""
    ran = project.trained()
    project.loop.blobs.delete(ran.steps[1].outputs[0].digest)
    assert states(project.trained()) == {"read": "cached", "total": "finished", "measure": "cached"}


def test_a_damaged_output_is_told_and_refresh_mends_it(project: Project) -> None:
    """A step that meets damaged bytes fails, naming the blob; running again from the start writes them anew."""
    ran = project.trained()
    damaged = project.loop.blobs.path(ran.steps[1].outputs[0].digest)
    assert damaged is not None
    damaged.chmod(0o644)
    damaged.write_bytes(b"garbage")
    with project.loop.ledger.write(PROJECT, BOB) as tx:
        tx.runs.delete(ran.steps[2].id)
        tx.say("test", "x")
    failed = project.run()
    assert states(failed) == {"read": "cached", "total": "cached", "measure": "failed"}
    assert "is damaged" in (failed.run.error or "")
    assert "--refresh" in (failed.run.error or "")
    assert set(states(project.trained(refresh=True)).values()) == {"finished"}


SHARED = 1.5
"""What a processor that is shared with others may take longer; the budget itself is measured by `make bench`."""


@pytest.mark.long
def test_a_thousand_cached_steps_are_quick(quick_path: Path) -> None:
    """A cached step costs at most 0.3 ms of work, the ledger's included (best of five), however often it was cached before."""
    database = open_database(f"sqlite:///{quick_path / 'ledger.db'}")
    prepare(database)
    project = Project(quick_path, ledger=Ledger(database, clock=SystemClock()), clock=SystemClock())
    project.write(
        tiny="""
        from loopline import pipeline, step

        @step
        def add(number: int, to: int) -> int:
            return number + to

        @pipeline
        def train():
            for number in range(1000):
                add(number, 1)
        """
    )
    project.trained()
    spent = []
    for _ in range(5):
        began = time.process_time()
        ran = project.trained()
        spent.append(time.process_time() - began)
        assert set(states(ran).values()) == {"cached"}
    project.loop.ledger.close()
    assert min(spent) / 1000 <= 0.3e-3 * SHARED


def test_a_run_that_breaks_outside_of_its_steps_does_not_stay_running(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong around the steps, the run is over, says so, and the error names the way on."""
    from loopline.verbs.recording import Recording

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recording, "cached", broken)
    with pytest.raises(OSError, match="No space") as caught:
        project.run()
    (run,) = project.runs()
    assert run.state is RunState.CRASHED
    assert caught.value.__notes__ == [f"loopline run --resume {run.id[:16]}"]


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_clock_that_jumps_breaks_nothing(project: Project, jump: int) -> None:
    """A day back or forth between two runs: the chain holds, the cache knows, and the later run is the newer one."""
    first = project.trained()
    clock = project.loop.clock
    assert isinstance(clock, FakeClock)
    clock.advance(seconds=jump)
    second = project.trained()
    assert set(states(second).values()) == {"cached"}
    assert [run.id for run in project.runs()] == [second.run.id, first.run.id]
    with project.loop.ledger.read() as tx:
        assert tx.feed.verify(PROJECT) is None
