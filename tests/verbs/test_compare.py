from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.nouns.digest import digest_of
from loopline.nouns.run import Point

if TYPE_CHECKING:
    from .conftest import World


def started(
    world: World,
    *,
    code: str = "",
    packages: dict[str, str] | None = None,
    metrics: dict[str, float] | None = None,
    **params: str,
) -> str:
    """Record a run."""
    tree = world.tree(a_py=code.encode(), b_py=b"same") if code else None
    environment = digest_of(repr(packages).encode()) if packages else None
    run: str = world.do("start", "train", params=params, code=tree, environment=environment, packages=packages or {}).id
    world.do("log", run, points=tuple(Point(key, value) for key, value in (metrics or {}).items()))
    return run


def test_what_differs_comes_first(world: World) -> None:
    """Params, metrics and facts: those that differ before those that do not, absent ones as None."""
    a = started(world, depth="4", seed="1", metrics={"auc": 0.7, "n": 5})
    b = started(world, depth="6", seed="1", extra="x", metrics={"auc": 0.8, "n": 5})
    found = world.do("compare", (a, b))
    assert [run.id for run in found.runs] == [a, b]
    assert [(p.name, p.values, p.differs) for p in found.params] == [
        ("depth", ("4", "6"), True), ("extra", (None, "x"), True), ("seed", ("1", "1"), False),
    ]  # fmt: skip
    assert [(m.name, m.values, m.differs) for m in found.metrics] == [("auc", (0.7, 0.8), True), ("n", (5, 5), False)]


def test_metrics_of_slices_come_behind_whole_ones(world: World) -> None:
    """NaN equals NaN: a metric that could not be computed twice does not differ."""
    nan = float("nan")
    a = started(world, metrics={"z": 1, "auc[c=A]": 1, "odd": nan})
    b = started(world, metrics={"z": 2, "auc[c=A]": 2, "odd": nan})
    assert [m.name for m in world.do("compare", (a, b)).metrics] == ["z", "auc[c=A]", "odd"]


def test_packages_that_differ(world: World) -> None:
    """Of two environments only what differs is listed, and how many packages are alike."""
    a = started(world, packages={"numpy": "1", "scipy": "1", "old": "1"})
    b = started(world, packages={"numpy": "2", "scipy": "1"})
    found = world.do("compare", (a, b))
    assert [(p.name, p.values) for p in found.packages] == [("numpy", ("1", "2")), ("old", ("1", None))]
    assert found.same_packages == 1


def test_code_is_held_against_the_first(world: World) -> None:
    """For each run the files that differ; a tree that is gone costs nobody the rest."""
    a, b, c = started(world, code="one"), started(world, code="two"), started(world, code="one")
    found = world.do("compare", (a, b, c))
    assert [[one.path for one in files] for files in found.code] == [[], ["a.py"], []]
    lost = world.do("start", "lost", code=digest_of(b"gone")).id
    assert world.do("compare", (a, lost)).code == ((), ())


@pytest.mark.parametrize(("count", "kind"), [(0, "too-few-runs"), (1, "too-few-runs"), (11, "too-many-runs")])
def test_two_to_ten_runs(world: World, count: int, kind: str) -> None:
    """One run alone is `show`, and nobody reads eleven columns."""
    with pytest.raises(Invalid) as raised:
        world.do("compare", tuple(str(i) for i in range(count)))
    assert raised.value.kind == kind
    run = started(world)
    with pytest.raises(Invalid):
        world.do("compare", (run, run))
