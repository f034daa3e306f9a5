"""Steps done by a worker."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Invalid
from loopline.nouns.artifact import TREE
from loopline.nouns.run import Link
from loopline.pipelines.arguments import AssetInput, Leaf, OutputOf, argument_of
from loopline.pipelines.graph import Node, trace
from loopline.pipelines.loading import code_at, load
from loopline.pipelines.perform import Place, Reply, perform, reply_from, task_for
from loopline.pipelines.plan import inputs_of


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where nothing lies."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path / "scratch")


def node(name: str, outputs: tuple[str, ...] = ("result",), **arguments: object) -> Node:
    """Make a node of the project."""
    written = []
    for key, value in arguments.items():
        leaf = isinstance(value, (AssetInput, OutputOf))
        written.append((key, value if leaf else argument_of(value, step=name, parameter=key)))
    return Node(name, f"flow:{name}", tuple(written), outputs, len(outputs) > 1)  # type: ignore[arg-type]


def done(place: Place, one: Node, inputs: dict[Leaf, Link | None] | None = None) -> Reply:
    """Do a node."""
    return reply_from(perform(task_for(one, inputs or {}, place)))


def test_a_whole_pipeline_runs(place: Place, folders: Any, tmp_path: Path) -> None:
    """Inputs, lists of inputs, several outputs and evaluations go from step to step by digest."""
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "a.txt").write_text("1\n2\n3\n")
    data = Link("data", folders.store(tmp_path / "numbers"), TREE, number=4)
    with code_at(place.code).active():
        graph = trace(load(Path(place.code), ["flow"])["total"], {})
    made: dict[str, dict[str, Link]] = {}
    replies: dict[str, Reply] = {}
    for one in graph.nodes:
        replies[one.id] = done(place, one, inputs_of(one, {"data": data}, made))
        made[one.id] = {link.name: link for link in replies[one.id].outputs}
    assert set(made["split"]) == {"low", "high"}
    evaluation = replies["judge"].evaluations["result"]
    assert (evaluation.estimates[0].metric, evaluation.estimates[0].value) == ("total", 3.5)
    assert set(replies["add"].seconds) == {"load", "fetch", "call", "keep"}
    assert "flow" not in sys.modules


def test_handles_arrive_by_annotation(place: Place, folders: Any, tmp_path: Path) -> None:
    """Data arrives as a handle with digest and number, or as the path that the parameter asks for."""
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "a.txt").write_text("1")
    leaf = AssetInput("data", "data", "data/x")
    link = Link("data", folders.store(tmp_path / "numbers"), TREE, number=4)
    reply = done(place, node("where", data=leaf), {leaf: link})
    assert read(place, reply) == [link.digest, "4", "Data"]
    assert read(place, done(place, node("files", folder=leaf), {leaf: link})) == ["a.txt"]


def read(place: Place, reply: Reply) -> Any:
    """Read the one output of a reply as JSON."""
    import json

    return json.loads((Path(place.blobs.args[0]) / "blobs/sha256" / reply.outputs[0].digest[7:]).read_bytes())


def test_a_model_that_is_not_there_is_none(place: Place) -> None:
    """A pipeline that runs without a base gives its step None; a handle gives the loaded value."""
    leaf = AssetInput("base", "model", "model/x")
    assert done(place, node("none_or", model=leaf), {leaf: None}).outputs[0].size == len("none")
    before = OutputOf("add", "result")
    made = done(place, node("add", numbers=[1]))
    assert done(place, node("none_or", model=before), {before: made.outputs[0]}).outputs[0].size == len("1.0")


def test_a_file_goes_on_by_its_name(place: Place) -> None:
    """A path that a step returns is a path for the next one."""
    before = OutputOf("report", "result")
    reply = done(place, node("read", page=before), {before: done(place, node("report")).outputs[0]})
    assert read(place, reply) == ["report.html", "<p>hello</p>"]


def test_imports_inside_steps_find_the_snapshot(place: Place) -> None:
    """A late import of a project's module is that of the snapshot."""
    assert read(place, done(place, node("lazy_import"))) == 5


@pytest.mark.parametrize(("name", "kind"), [("wrong", "wrong-type"), ("odd", "no-codec"), ("missing", "no-step")])
def test_what_is_wrong_around_a_step_keeps_its_facts(place: Place, name: str, kind: str) -> None:
    """Our own refusals cross the process with kind, hint and facts."""
    with pytest.raises(Invalid) as caught:
        done(place, node(name))
    assert caught.value.kind == kind
    assert caught.value.hint
    assert caught.value.facts.get("step", name) in (name, f"flow:{name}")


def test_too_few_outputs_are_a_wrong_type(place: Place) -> None:
    """A step that promises several outputs must return as many."""
    with pytest.raises(Invalid) as caught:
        done(place, node("split", ("low", "high", "more"), n=3))
    assert (caught.value.kind, caught.value.facts["found"]) == ("wrong-type", "a tuple of 2")


def test_what_a_step_raises_passes_through(place: Place) -> None:
    """The executor sees the user's own exception."""
    with pytest.raises(ValueError, match="broken on purpose"):
        done(place, node("boom"))


def test_retries(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A step is tried again as often as it says, and every failure is in the log."""
    one = node("flaky", path=str(tmp_path / "tries"))
    assert done(place, Node(one.id, one.call, one.arguments, retries=2)).attempts == 3
    assert capsys.readouterr().err.count("\nOSError: not yet\n") == 2
    (tmp_path / "tries").unlink()
    with pytest.raises(OSError, match="not yet"):
        done(place, Node(one.id, one.call, one.arguments, retries=1))


@pytest.mark.parametrize("aside", [False, True])
def test_a_step_that_hangs_is_ended(place: Place, aside: bool) -> None:  # noqa: FBT001 - two cases
    """A timeout ends a step in its time, also through its own except, in the first thread and in others."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            done(place, Node("slow", "flow:slow", (), timeout=0.2))
        except TimeoutError as error:
            caught.append(error)

    began = time.monotonic()
    if aside:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
    assert len(caught) == 1
    assert time.monotonic() - began < 5


def test_a_broken_module_is_told(place: Place, project: Path) -> None:
    """A snapshot that cannot be imported is told with file and line, not as a crash."""
    (project / "flow.py").write_text("x = (\n")
    with pytest.raises(Invalid) as caught:
        done(place, node("count"))
    assert (caught.value.kind, caught.value.facts["file"]) == ("broken-module", "flow.py")
