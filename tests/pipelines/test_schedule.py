"""Which steps may run next."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.nouns.artifact import JSON
from loopline.nouns.digest import digest_of
from loopline.nouns.run import Link
from loopline.pipelines.arguments import Constant, Items, OutputOf
from loopline.pipelines.graph import Graph, Node
from loopline.pipelines.keys import Keys
from loopline.pipelines.packages import Packages
from loopline.pipelines.plan import Known, Planner, plan
from loopline.pipelines.schedule import Schedule, Stage


def link(text: str) -> Link:
    """Make an output."""
    return Link("result", digest_of(text.encode()), JSON)


def graph(**needs: str) -> Graph:
    """Make a graph: `c="ab"` takes outputs of a and b."""
    nodes = []
    for name, before in needs.items():
        items = Items("list", tuple(OutputOf(one, "result") for one in before))
        nodes.append(Node(name, "m:f", (("x", items), ("y", Constant(name))), cache=True))
    publish = (("model/x", OutputOf(nodes[-1].id, "result")),)
    return Graph("g", tuple(nodes), publish=publish)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Read a project of one function."""
    folder = tmp_path_factory.mktemp("m")
    Path(folder, "m.py").write_text("def f(x): return x\n")
    return Keys(folder, packages=Packages([]))


def schedule(keys: Keys, made: Graph, known: dict[str, Known] | None = None, *, lives: int = 1) -> Schedule:
    """Start a run of a graph."""
    planner = Planner(keys, (known or {}).get)
    return Schedule(plan(made, {}, planner), planner, lives=lives)


DIAMOND = {"a": "", "b": "a", "c": "a", "d": "bc"}


def names(found: list[Node]) -> list[str]:
    """Name nodes."""
    return [node.id for node in found]


def test_steps_become_ready_when_their_inputs_are(keys: Keys) -> None:
    """A diamond runs in three rounds, and each node is given once."""
    run = schedule(keys, graph(**DIAMOND))
    assert (names(run.ready()), names(run.ready())) == (["a"], [])
    assert run.finished("a", [link("1")]) == ()
    assert sorted(names(run.ready())) == ["b", "c"]
    run.finished("b", [link("2")])
    assert run.ready() == []
    run.finished("c", [link("3")])
    assert names(run.ready()) == ["d"]
    assert list(run.inputs("d").values()) == [link("2"), link("3")]
    assert not run.over
    run.finished("d", [link("4")])
    assert (run.over, run.good) == (True, True)
    assert run.published() == (("model/x", OutputOf("d", "result"), link("4")),)


def test_a_failure_skips_what_needs_it_and_nothing_else(keys: Keys) -> None:
    """Dependants of a failed step are skipped, the others go on."""
    run = schedule(keys, graph(a="", b="a", c="b", x="", y="x"))
    run.ready()
    assert run.failed("a") == ("b", "c")
    run.finished("x", [link("1")])
    assert names(run.ready()) == ["y"]
    run.finished("y", [link("2")])
    assert (run.over, run.good) == (True, False)
    assert run.stages == {
        "a": Stage.FAILED,
        "b": Stage.SKIPPED,
        "c": Stage.SKIPPED,
        "x": Stage.FINISHED,
        "y": Stage.FINISHED,
    }
    assert run.published()


def test_equal_outputs_find_the_cache_again(keys: Keys) -> None:
    """A step that ran again and gave what it gave before lets those behind it stay cached."""
    known: dict[str, Known] = {}
    first = schedule(keys, graph(**DIAMOND), known)
    for _ in range(4):
        for node in first.ready():
            first.finished(node.id, [link(node.id)])
            known[first.planned(node.id).key] = Known((link(node.id),), "r1")
    assert first.over
    lost = first.planned("a").key
    del known[lost]
    second = schedule(keys, graph(**DIAMOND), known)
    assert names(second.ready()) == ["a"]
    assert sorted(second.finished("a", [link("a")])) == ["b", "c", "d"]
    assert (second.over, second.good, second.stages["d"]) == (True, True, Stage.CACHED)


def test_a_step_whose_process_died_is_started_again_once(keys: Keys) -> None:
    """Dying is not failing: a step has another life, then it has crashed."""
    run = schedule(keys, graph(a="", b="a"))
    assert names(run.ready()) == ["a"]
    assert run.died("a") == ()
    assert names(run.ready()) == ["a"]
    assert run.died("a") == ("b",)
    assert run.stages == {"a": Stage.CRASHED, "b": Stage.SKIPPED}


def test_cancelling_starts_nothing_more(keys: Keys) -> None:
    """What has not begun is cancelled; what runs is the caller's, and may still finish."""
    run = schedule(keys, graph(a="", b="a", c=""))
    assert sorted(names(run.ready())) == ["a", "c"]
    assert run.cancel() == ("b",)
    assert run.cancelled("a") == ()
    assert run.finished("c", [link("c")]) == ()
    assert run.stages == {"a": Stage.CANCELLED, "b": Stage.CANCELLED, "c": Stage.FINISHED}
    assert run.over


def test_an_outcome_that_comes_twice_changes_nothing(keys: Keys) -> None:
    """The first word about a node stands."""
    run = schedule(keys, graph(a="", b="a"))
    run.ready()
    run.finished("a", [link("a")])
    assert (run.failed("a"), run.finished("a", [link("other")]), run.died("a")) == ((), (), ())
    assert run.outputs("a") == (link("a"),)
    assert names(run.ready()) == ["b"]


def test_the_longest_way_goes_first(keys: Keys) -> None:
    """Of what is ready, the step with the most behind it is given first."""
    planner = Planner(keys, lambda _: None)
    made = graph(s="", l="", e="l")
    run = Schedule(plan(made, {}, planner), planner)
    assert names(run.ready()) == ["l", "s"]
    run = Schedule(plan(made, {}, planner), planner, durations={"s": 100})
    assert names(run.ready()) == ["s", "l"]


@given(st.data())
def test_every_run_ends(keys: Keys, data: st.DataObject) -> None:
    """Whatever happens in whatever order, every node is settled, and none runs before its inputs are there."""
    letters = "abcdefgh"[: data.draw(st.integers(1, 8))]
    needs = {
        name: "".join(data.draw(st.sets(st.sampled_from(letters[:at])))) if at else ""
        for at, name in enumerate(letters)
    }
    run = schedule(keys, graph(**needs), lives=data.draw(st.integers(0, 1)))
    running: list[str] = []
    started: list[str] = []
    while not run.over:
        for node in run.ready():
            assert all(run.stages[need].good for need in needs[node.id])
            running.append(node.id)
            started.append(node.id)
        assert running, "nothing runs and it is not over"
        name = running.pop(data.draw(st.integers(0, len(running) - 1)))
        match data.draw(st.sampled_from(["finished", "failed", "died", "cancelled"])):
            case "finished":
                run.finished(name, [link(name)])
            case "failed":
                run.failed(name)
            case "died":
                run.died(name)
            case _:
                run.cancelled(name)
    assert all(started.count(name) <= 2 for name in letters)
    for name, stage in run.stages.items():
        assert (stage is Stage.SKIPPED) == (name not in started)
