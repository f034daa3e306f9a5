from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.name import AssetName
from loopline.verbs.preparing import Source, Way, prepare
from loopline.verbs.publishing import publish, publish_source
from loopline.verbs.running import execute

from .conftest import BOB, PROJECT
from .projects import TINY, TOTAL

if TYPE_CHECKING:
    from .projects import Project

CODE = AssetName(PROJECT, "code", PROJECT)


def test_equal_bytes_are_one_version_of_each_asset(project: Project) -> None:
    """Two assets may have the same bytes, and each gets its own version, once."""
    project.write(tiny=TINY.replace('{"model/total": number}', '{"model/total": number, "report/total": number}'))
    for _ in range(2):
        ran = project.trained()
        assert [str(version) for version in ran.published] == ["model/total@1", "report/total@1"]


def test_deleted_bytes_are_published_again(project: Project) -> None:
    """A version that was deleted does not stand in for a new one."""
    project.trained()
    project.do("delete", "model/total@1", why="test")
    assert [str(version) for version in project.trained().published] == ["model/total@2"]


def test_bytes_in_quarantine_stay_in_quarantine(project: Project) -> None:
    """Making the same bytes again does not wash them: the run gets the marked version."""
    project.trained()
    with project.loop.ledger.write(PROJECT, BOB) as tx:
        tx.versions.quarantine(TOTAL, 1, reason="bad")
        tx.say("test", "x")
    (version,) = project.trained().published
    assert (version.number, version.quarantined) == (1, True)


def test_publishing_twice_adds_nothing(project: Project) -> None:
    """A run whose publishing was interrupted is completed by any later one, and repeating is harmless."""
    prepared = prepare(project.loop, Source("train", project.code, ("tiny",)))
    ran = execute(project.loop, prepared, Way("inline"))
    assert project.count(TOTAL) == 0
    first, second = publish(project.loop, prepared, ran), publish(project.loop, prepared, ran)
    assert first.published == second.published
    assert [link.number for link in first.run.outputs if link.asset] == [1]


def test_a_pipeline_that_returns_nothing_publishes_nothing(project: Project) -> None:
    """No version and no event comes of it."""
    project.write(tiny=TINY.replace('return {"model/total": number}', "return None"))
    assert project.trained().published == ()
    assert project.count(TOTAL) == 0


def test_the_source_tree_is_a_version_with_its_commit(project: Project) -> None:
    """Its message is the commit; going back to an old tree publishes nothing."""
    old = project.code
    publish_source(project.loop, Source("train", old, ("tiny",), commit="abc+dirty"))
    publish_source(project.loop, Source("train", project.write(tiny=TINY + "\n"), ("tiny",)))
    publish_source(project.loop, Source("train", old, ("tiny",)))
    with project.loop.ledger.read() as tx:
        versions = [tx.versions.get(CODE, number) for number in (1, 2)]
    assert [(one.message, one.parents) for one in versions] == [("abc+dirty", ()), ("no commit", (1,))]
    assert versions[0].artifact.size == project.loop.blobs.size(old)
    assert project.count(CODE) == 2
