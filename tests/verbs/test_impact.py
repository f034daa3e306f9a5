from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.datasets.tree import build
from loopline.errors import Invalid, NotFound
from loopline.nouns.artifact import TREE
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.lineage import Impact
from loopline.nouns.name import AssetName, Numbered
from loopline.nouns.run import Link

from .conftest import CHAMPION, CODE, ENVIRONMENT, PROJECT

if TYPE_CHECKING:
    from .conftest import World


def _keys(impact: Impact) -> list[str]:
    return [one.key for one in impact.reached]


def _fan(world: World, count: int) -> str:
    """One run that made many things."""
    run = world.do("start", "fan")
    world.do("log", run.id, outputs=tuple(Link(f"o{n}", digest_of(f"o{n}".encode())) for n in range(count)))
    return str(run.id)


def test_data_reach_the_models_and_what_is_live(world: World) -> None:
    """The refs at the data, the models built from them, the refs at those."""
    world.train(b"one")
    world.do("propose", CHAMPION, to=Numbered(1), why="w", tier="production")
    found = world.do("impact", "data/flights@1")
    assert _keys(found) == ["data/flights@main", "model/delay@1", "model/delay@champion"]
    assert [one.current for one in found.reached] == [True, True, True]
    assert (found.reached[-1].title, found.complete) == ("production", True)


def test_a_bad_file_reaches_every_version_that_holds_it(world: World) -> None:
    """The digest of a file leads to the data versions with it, though nobody published it, and to their models."""
    world.data(a_csv=b"1\n", b_csv=b"bad")
    world.data(a_csv=b"other", b_csv=b"bad")
    world.data(a_csv=b"other")
    world.train(b"good", data=1)
    world.train(b"spoilt", data=3)
    for text in (digest_of(b"bad"), digest_of(b"bad")[:19]):
        found = world.do("impact", text)
        assert _keys(found) == ["data/flights@2", "data/flights@3", "model/delay@2"], text
        assert found.complete


def test_a_leaked_key_in_the_code_reaches_the_runs(world: World) -> None:
    """A file of a published source tree leads to what was made with that code."""
    blobs = world.loop.blobs
    code = build(blobs, [Entry("settings.py", blobs.put(b"KEY = 1"), 7)])
    world.do("put", AssetName(PROJECT, "code", PROJECT), digest=code, media_type=TREE)
    run = world.do("start", "train", code=code)
    world.do("log", run.id, outputs=(Link("o", digest_of(b"o")),))
    for text in (digest_of(b"KEY = 1"), "code/flights@1", code):
        assert digest_of(b"o") in _keys(world.do("impact", text)), text


def test_packages_environments_and_runs_lead_on(world: World) -> None:
    """A vulnerable package, an environment, source as run and a run each reach what was made."""
    version = world.train(b"one")
    for text in (
        "pkg:numpy",
        "pkg:NumPy==2.0",
        ENVIRONMENT,
        CODE,
        version.run,
        str(version.run)[:31] + str(version.run)[31:],
    ):
        assert "model/delay@1" in _keys(world.do("impact", text)), text
    assert world.do("impact", "pkg:numpy==1.0").reached == ()
    assert world.do("impact", "pkg:nothing").complete


def test_the_limit_is_kept_and_told(world: World) -> None:
    """Exactly as many as there are is complete; one fewer is not."""
    run = _fan(world, 5)
    for limit, complete in ((4, False), (5, True), (6, True)):
        found = world.do("impact", run, limit=limit)
        assert (len(found.reached), found.complete) == (min(limit, 5), complete)
    for limit in (0, -1):
        with pytest.raises(Invalid):
            world.do("impact", run, limit=limit)


def test_more_runs_than_the_limit_is_not_complete(world: World) -> None:
    """Runs beyond the limit may have made more."""
    for name in (b"1", b"2", b"3"):
        world.train(name)
    assert not world.do("impact", "pkg:numpy", limit=2).complete


def test_bytes_that_many_runs_read_are_paged(world: World) -> None:
    """Each of more readers than a page holds is followed, once, and no further than asked."""
    hub = digest_of(b"hub")
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        from loopline.nouns.run import Run

        runs = tx.runs.start_all(Run(world.loop.ids.new(), PROJECT, "r") for _ in range(2100))
        made = [Link("o", digest_of(run.id.encode())) for run in runs]
        tx.lineage.record_all([(run.id, PROJECT, [Link("i", hub)], [one]) for run, one in zip(runs, made, strict=True)])
        tx.say("test", "x")
    found = world.do("impact", hub, limit=5000)
    assert set(_keys(found)) == {one.digest for one in made}
    assert (len(found.reached), found.complete) == (2100, True)
    assert len(world.do("impact", hub, limit=700).reached) == 700


def test_a_tree_that_cannot_be_read_makes_the_answer_incomplete(world: World) -> None:
    """What is known is told, and that it may not be all."""
    world.data(a_csv=b"1\n", b_csv=b"bad")
    world.loop.blobs.delete(world.do("show", "data/flights@1").artifact.digest)
    found = world.do("impact", digest_of(b"bad"))
    assert (_keys(found)[0], found.complete) == ("data/flights@2", False)


def test_what_nobody_knows_is_said(world: World) -> None:
    """An unknown digest, run or version is an error; a package without a name, too."""
    for text in (digest_of(b"nobody knows"), "abcd", "model/delay@1"):
        with pytest.raises(NotFound):
            world.do("impact", text)
    with pytest.raises(Invalid):
        world.do("impact", "pkg:")


def test_another_project_is_told_nothing(world: World) -> None:
    """Neither by digest nor by run nor by package; and the walk stays inside the project that was asked."""
    version = world.train(b"one")
    abroad = world.abroad()
    for text in (digest_of(b"one"), digest_of(b"1\n"), CODE, version.run, "data/flights@1"):
        with pytest.raises(NotFound):
            abroad.do("impact", text)
    assert abroad.do("impact", "pkg:numpy").reached == ()
    run = abroad.do("start", "train")
    abroad.do("log", run.id, inputs=(Link("m", digest_of(b"one")),), outputs=(Link("o", digest_of(b"theirs")),))
    assert digest_of(b"theirs") not in _keys(world.do("impact", "data/flights@1"))
