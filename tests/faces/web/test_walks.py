from __future__ import annotations

from loopline.faces.web.walks import DRAWN, backwards, forwards
from loopline.nouns.lineage import Impact, Reached, Reason

DATA = Reason("version", "data/f@1", "May")
RUN = Reason("run", "0" * 32, "train", {"state": "finished"}, (DATA, Reason("package", "", "numpy")))
MODEL = Reason("version", "model/m@1", "first", {}, (RUN,))


def test_reasons_become_a_graph() -> None:
    """Each thing once, an edge from each cause to what it caused, a link to go on from where one can."""
    top = Reason("ref", "model/m@prod", "points", {}, (Reason("change", "1" * 32, "why"), MODEL, MODEL))
    nodes, edges, more = backwards(top, lambda key: f"?{key}")
    assert [node.name for node in nodes] == ["m@prod", "why", "m@1", "train", "f@1", nodes[-1].name]
    assert ("version model/m@1", "ref model/m@prod") in edges
    assert len(edges) == len(set(edges)) == 5
    assert (nodes[0].hot, nodes[1].href, nodes[2].href, more) == (True, "", "?model/m@1", 0)


def test_a_picture_stays_a_picture() -> None:
    """Of many causes the first are drawn and the others counted."""
    many = Reason("run", "0" * 32, "r", {}, tuple(Reason("version", f"data/d@{n}", "") for n in range(100)))
    nodes, _, more = backwards(many, str)
    assert (len(nodes), more) == (DRAWN, 101 - DRAWN)


def test_what_was_built_hangs_on_what_it_was_built_through() -> None:
    """A ref hangs on its version; bytes without a name are left to the list, unless there is nothing else."""
    found = Impact("data/f@1", (
        Reached("version", "model/m@1", "", 1, "run"), Reached("ref", "model/m@prod", "", 1, "model/m@1", current=True),
        Reached("artifact", "sha256:" + "0" * 64, "", 2, "run"),
    ), complete=True)  # fmt: skip
    nodes, edges, more = forwards(found, str)
    assert edges == [("start", "version model/m@1"), ("version model/m@1", "ref model/m@prod")]
    assert (len(nodes), more) == (3, 1)
    assert len(forwards(Impact("x", found.reached[2:], complete=True), str)[0]) == 2
