from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName

from .conftest import MODEL, OTHER, PROJECT

if TYPE_CHECKING:
    from .conftest import World


def test_a_version_is_published_and_nothing_moves(world: World) -> None:
    """Numbers count up from 1, one event a version, no ref."""
    digest = world.loop.blobs.put(b"m")
    before = len(world.events())
    versions = [world.do("put", MODEL, digest=digest, message="same bytes") for _ in range(2)]
    assert [v.number for v in versions] == [1, 2]
    assert [(e.kind, e.subject) for e in world.events(before)] == [
        ("version.published", "model/delay@1"), ("version.published", "model/delay@2"),
    ]  # fmt: skip
    assert world.target() is None


def test_a_name_may_hold_anything(world: World) -> None:
    """Blanks, signs and letters of any script come back as they were written."""
    asset = AssetName(PROJECT, "report", "a b@x/ü:%#\u2603")
    version = world.do("put", asset, digest=world.loop.blobs.put(b"r"))
    assert str(version) == "report/a%20b%40x/%C3%BC%3A%25%23%E2%98%83@1"
    assert world.do("show", str(version)).asset == asset


@pytest.mark.parametrize("name", ["", "\x00", "x" * 501])
def test_a_name_that_cannot_be_written_is_refused(world: World, name: str) -> None:
    """Nobody could ask for it again."""
    with pytest.raises(Invalid):
        world.do("put", AssetName(PROJECT, "report", name), digest=world.loop.blobs.put(b"r"))


def test_bytes_must_be_there_and_as_long_as_said(world: World) -> None:
    """A digest that is not in the store, or has another size, is not published."""
    with pytest.raises(NotFound) as caught:
        world.do("put", MODEL, digest=digest_of(b"nowhere"))
    assert caught.value.kind == "blob-missing"
    digest = world.loop.blobs.put(b"four")
    with pytest.raises(Invalid) as wrong:
        world.do("put", MODEL, digest=digest, size=5)
    assert wrong.value.facts["found"] == 4
    assert world.do("put", MODEL, digest=digest, size=4).artifact.size == 4


def test_another_project_is_not_written_to(world: World) -> None:
    """A version goes into the project whose feed and policy are asked, and nowhere else."""
    with pytest.raises(Invalid) as caught:
        world.do("put", AssetName(OTHER, "model", "m"), digest=world.loop.blobs.put(b"m"))
    assert caught.value.kind == "other-project"
    run = world.abroad().do("start", "train")
    with pytest.raises(NotFound):
        world.do("put", MODEL, digest=world.loop.blobs.put(b"m"), run=run.id)


def test_what_is_no_json_is_refused(world: World) -> None:
    """Metadata that no other program could read are an error of the caller."""
    digest = world.loop.blobs.put(b"m")
    for value in (float("nan"), object()):
        with pytest.raises(Invalid) as caught:
            world.do("put", MODEL, digest=digest, metadata={"x": value})
        assert caught.value.kind == "bad-metadata"
    with pytest.raises(NotFound):
        world.do("put", MODEL, digest=digest, parents=(7,))
    assert world.do("put", MODEL, digest=digest).number == 1


def test_a_rehearsal_leaves_the_number_free(world: World) -> None:
    """With --dry-run the answer has the number that the next real one gets."""
    digest = world.loop.blobs.put(b"m")
    assert world.rehearsing().do("put", MODEL, digest=digest).number == 1
    assert world.do("put", MODEL, digest=digest).number == 1
