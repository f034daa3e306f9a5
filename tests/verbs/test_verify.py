from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid
from loopline.nouns.artifact import BYTES
from loopline.nouns.digest import digest_of, short
from loopline.nouns.finding import Finding
from loopline.nouns.name import AssetName, RefName
from loopline.store.memory import MemoryBlobs
from loopline.verbs.staging import refold, stage, written

from .conftest import DATA, MODEL, OTHER, PROJECT

if TYPE_CHECKING:
    from .conftest import World


def _held(world: World) -> dict[str, bytes]:
    blobs = world.loop.blobs
    assert isinstance(blobs, MemoryBlobs)
    return blobs.held  # type: ignore[return-value]


def _bad(world: World, **asked: Any) -> list[Finding]:
    return [one for one in world.do("verify", **asked) if one.state == "fail"]


def test_what_is_whole_is_said_to_be(guarded: World) -> None:
    """The chain and every blob are there, and unchanged."""
    for deep in (False, True):
        assert [(one.name, one.state) for one in guarded.do("verify", deep=deep)] == [("feed", "ok"), ("blobs", "ok")]


def test_a_missing_file_is_named_with_everything_that_it_touches(world: World) -> None:
    """Every version that holds it and every ref at one of them, once."""
    world.do("branch", DATA, "old")
    world.data(a_csv=b"1\n", b_csv=b"2")
    del _held(world)[digest_of(b"1\n")]
    (found,) = _bad(world)
    assert found.name == short(digest_of(b"1\n"))
    assert "a.csv" in found.text
    assert set(found.touches) == {"data/flights@1", "data/flights@2", "data/flights@old", "data/flights@main"}


def test_a_changed_byte_is_found_by_reading(guarded: World) -> None:
    """Only --deep reads the bytes of a blob; what it finds names the version and the ref."""
    _held(guarded)[digest_of(b"one")] = b"two!"
    assert _bad(guarded) == []
    (found,) = _bad(guarded, deep=True)
    assert (found.name, found.touches) == (short(digest_of(b"one")), ("model/delay@1",))


def test_a_tree_that_is_gone_or_broken_is_one_finding(world: World) -> None:
    """The node is named, whether it is missing or changed, without --deep."""
    root = world.do("show", "data/flights@1").artifact.digest
    kept = _held(world)[root]
    for damage in (None, b"no tree", kept[:-1]):
        if damage is None:
            del _held(world)[root]
        else:
            _held(world)[root] = damage
        (found,) = _bad(world)
        assert (found.name, found.touches) == (short(root), ("data/flights@1", "data/flights@main"))


def test_data_that_are_one_blob_are_no_broken_tree(world: World) -> None:
    """What kind of bytes a version is, its media type says, not its name."""
    world.do("put", AssetName(PROJECT, "data", "blob"), digest=world.loop.blobs.put(b"x"), media_type=BYTES)
    assert _bad(world) == []


def test_a_changed_event_is_found(world: World) -> None:
    """Rewriting history breaks the chain at that place."""
    with world.loop.ledger.database.write() as rows:
        rows.do("UPDATE events SET actor = 'person:eve' WHERE seq = 1")
    (found,) = _bad(world)
    assert (found.name, "event 1" in found.text) == ("feed", True)


def test_only_the_own_project_is_looked_at(world: World) -> None:
    """Damage elsewhere is nobody's business here, and no name of it is told."""
    abroad = world.abroad()
    digest = world.loop.blobs.put(b"theirs")
    abroad.do("put", AssetName(OTHER, "model", "m"), digest=digest)
    del _held(world)[digest]
    assert _bad(world) == []
    assert [one.touches for one in _bad(abroad)] == [("model/m@1",)]
    assert MODEL.project == PROJECT


def test_levels_go_from_the_roots_to_the_bytes(world: World) -> None:
    """Each level finds what the one before it does not look at."""
    root = world.data(a_csv=b"1\n", b_csv=b"22\n").version.artifact.digest
    held = _held(world)
    held[digest_of(b"1\n")] = b"2\n"
    assert [len(_bad(world, level=level)) for level in range(4)] == [0, 0, 0, 1]
    held[digest_of(b"22\n")] = b"2\n"
    assert [len(_bad(world, level=level)) for level in range(4)] == [0, 0, 1, 2]
    assert "wrong-size" in _bad(world)[0].text
    kept = held[root]
    held[root] = kept[:-1]
    assert len(_bad(world, level=0)) == 0
    assert len(_bad(world, level=1)) == 1
    del held[root]
    assert len(_bad(world, level=0)) == 1


def test_parts_together_read_everything_once(world: World) -> None:
    """Each damaged blob is found in one of the parts; a sample of everything finds all."""
    bodies = [b"%d\n" % number for number in range(20)]
    world.data("main", **{f"f{number:02}_csv": body for number, body in enumerate(bodies)})
    for body in bodies:
        _held(world)[digest_of(body)] = body[:-1] + b"!"
    found = [one.name for number in range(1, 5) for one in _bad(world, part=f"{number}/4")]
    assert sorted(found) == sorted(short(digest_of(body)) for body in bodies)
    assert len(_bad(world, sample="100%")) == 20
    assert 0 < len(_bad(world, sample="50%")) < 20


@pytest.mark.parametrize(
    "asked", [{"sample": "2"}, {"sample": "0%"}, {"part": "0/3"}, {"part": "4/3"}, {"sample": "1%", "part": "1/2"}]
)
def test_what_is_no_share_is_refused(world: World, asked: dict[str, str]) -> None:
    """A share has a sign, a part is one of those that there are."""
    with pytest.raises(Invalid) as caught:
        _bad(world, **asked)
    assert caught.value.kind == "bad-value"


def test_what_is_staged_is_looked_at(world: World) -> None:
    """A file that no version has yet is named with its branch when it is lost, before it was folded and after."""
    main = RefName(DATA, "main")
    stage(world.loop, main, written("b.csv", world.loop.blobs.put(b"staged"), 6, notes='{"type":"text/csv"}'))
    assert not _bad(world)
    lost = _held(world).pop(digest_of(b"staged"))
    assert [(one.name, one.touches) for one in _bad(world)] == [(short(digest_of(b"staged")), (str(main),))]
    _held(world)[digest_of(b"staged")] = lost
    working = refold(world.loop, main)
    for digest in (working.root, working.notes, digest_of(b"staged"), digest_of(b'{"type":"text/csv"}')):
        assert digest is not None
        lost = _held(world).pop(digest)
        assert [(one.name, one.touches) for one in _bad(world)] == [(short(digest), (str(main),))]
        _held(world)[digest] = lost
    assert world.do("verify")[-1].state == "ok"
