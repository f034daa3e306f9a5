"""What nothing names any more, and how it is told."""

from __future__ import annotations

from loopline.verbs.reclaiming import DAY, rehearse

from .conftest import World


def test_a_rehearsal_names_whose_bytes_are_dead(world: World) -> None:
    """Bytes of a deleted version count for it, others for nobody; samples say why; nothing is changed."""
    blobs = world.loop.blobs
    world.data(a_csv=b"shared", b_csv=b"x" * 1000)
    world.data(a_csv=b"shared")
    world.do("delete", "data/flights@2")
    blobs.put(b"stray")
    before = set(blobs.iter())
    assert rehearse(world.loop).objects == 1, "it can still be restored"
    world.loop.clock.advance(seconds=31 * 86400)  # type: ignore[attr-defined]
    found = rehearse(world.loop)
    assert {(one.name, one.objects) for one in found.shares} == {("flights/data/flights@2", 2), ("", 1)}
    assert (found.objects, found.kept) == (3, len(before) - 3)
    assert found.bytes == sum(one.bytes for one in found.shares)
    assert found.samples[0].digest == blobs.put(b"x" * 1000)
    assert "flights/data/flights@2" in found.samples[0].why
    assert "not committed" in found.samples[-1].why
    assert set(blobs.iter()) == before
    assert rehearse(world.loop, keep=400 * DAY).objects == 1
