"""Which steps are cached."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from loopline.errors import Invalid
from loopline.nouns.artifact import JSON
from loopline.nouns.digest import digest_of
from loopline.nouns.run import Link
from loopline.pipelines.arguments import Constant, OutputOf
from loopline.pipelines.graph import Graph, Node, trace
from loopline.pipelines.keys import Keys
from loopline.pipelines.loading import code_at, load
from loopline.pipelines.packages import Packages
from loopline.pipelines.plan import Known, Plan, Planner, plan

DATA = Link("data", digest_of(b"data"), JSON, number=1)


def link(name: str, text: str) -> Link:
    """Make an output."""
    return Link(name, digest_of(text.encode()), JSON)


class Memory:
    """Remembers what ran."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.asked = 0

    def __call__(self, key: str) -> Known | None:
        """Look up."""
        self.asked += 1
        return self.known.get(key)


def graph_of(project: Path) -> Graph:
    """Trace the project's pipeline."""
    with code_at(project).active():
        return trace(load(project, ["flow"])["total"], {})


def planned(project: Path, memory: Memory, *, refresh: bool = False, data: Link = DATA) -> Plan:
    """Plan the project's pipeline."""
    planner = Planner(Keys(project, packages=Packages([])), memory, refresh=refresh)
    return plan(graph_of(project), {"data": data}, planner)


def remember(found: Plan, memory: Memory, node: str) -> None:
    """Pretend that a planned node ran."""
    one = next(one for one in found.nodes if one.node == node)
    memory.known[one.key] = Known(tuple(link(name, node + name) for name in found.graph.node(node).outputs), "r1")


def filled(project: Path) -> Memory:
    """Run all of it once."""
    memory = Memory()
    for node in ("count", "split", "add", "judge"):
        remember(planned(project, memory), memory, node)
    return memory


def test_the_first_run_waits_behind_its_first_step(project: Path) -> None:
    """What cannot be known yet is not guessed."""
    assert [one.standing for one in planned(project, Memory()).nodes] == ["run", "waits", "waits", "waits"]


def test_the_second_run_is_cached(project: Path) -> None:
    """When every step is known, nothing runs, and the run that made each is named."""
    found = planned(project, filled(project))
    assert found.cached
    assert all(one.known is not None and one.known.run == "r1" for one in found.nodes)


def test_an_edit_in_the_middle_runs_from_there(project: Path) -> None:
    """Steps before an edited one stay cached, and the reason names the edit."""
    memory = filled(project)
    last = next(one for one in planned(project, memory).nodes if one.node == "split")
    assert last.parts is not None
    parts = last.parts()
    (project / "flow.py").write_text((project / "flow.py").read_text().replace("n // by, n -", "n // by + 0, n -"))
    found = planned(project, memory)
    assert [one.standing for one in found.nodes] == ["cached", "run", "waits", "waits"]
    assert found.nodes[1].explained(parts) == ("code flow.split changed",)
    assert "no earlier run" in found.nodes[1].explained(None)[-1]
    assert found.nodes[0].explained(parts) == ("known",)


def test_other_data_runs_again(project: Path) -> None:
    """Another digest of an input is another key; another number is not."""
    memory = filled(project)
    assert not planned(project, memory, data=link("data", "other")).cached
    assert planned(project, memory, data=Link("data", DATA.digest, JSON, number=7)).cached


def test_refresh_runs_what_is_known(project: Path) -> None:
    """Whoever asks for it has everything run again."""
    assert planned(project, filled(project), refresh=True).nodes[0].standing == "run"


def test_a_step_that_is_never_cached_runs(project: Path) -> None:
    """cache=False runs every time and says so."""
    text = (project / "flow.py").read_text().replace("@step\ndef count", "@step(cache=False)\ndef count")
    other = project.with_name("other")
    other.mkdir()
    (other / "flow.py").write_text(text)
    one = planned(other, filled(project)).nodes[0]
    assert (one.standing, "cache=False" in one.why) == ("run", True)


def test_what_lacks_an_output_does_not_count(project: Path) -> None:
    """A record without one of the outputs is no result."""
    memory = filled(project)
    for key, known in list(memory.known.items()):
        memory.known[key] = Known(known.outputs[1:], known.run)
    assert not planned(project, memory).cached


def test_an_asset_that_was_not_looked_up_is_refused(project: Path) -> None:
    """A plan needs every version that the pipeline reads."""
    with pytest.raises(Invalid) as caught:
        plan(graph_of(project), {}, Planner(Keys(project, packages=Packages([])), Memory()))
    assert caught.value.kind == "missing-asset"


def test_a_thousand_cached_steps_plan_in_time(project: Path) -> None:
    """A cached step costs at most 0.3 ms."""
    nodes = [Node("n0", "flow:add", (("bonus", Constant(0)),))]
    for number in range(1, 1000):
        arguments = (("numbers", OutputOf(f"n{number - 1}", "result")), ("bonus", Constant(number)))
        nodes.append(Node(f"n{number}", "flow:add", arguments))
    graph = Graph("long", tuple(nodes))
    planner = Planner(Keys(project, packages=Packages([])), lambda key: Known((link("result", key),)))
    plan(graph, {}, planner)
    began = time.process_time()
    assert plan(graph, {}, planner).cached
    assert time.process_time() - began < 0.3
