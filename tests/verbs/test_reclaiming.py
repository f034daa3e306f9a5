"""What nothing names any more, and how it is told."""

from __future__ import annotations

from loopline.nouns.artifact import Artifact
from loopline.verbs.filing import keep, of_run
from loopline.verbs.reclaiming import DAY, rehearse

from .conftest import World
from .test_delete import filed


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


def test_files_of_a_run_are_kept_until_it_was_deleted_long_ago(world: World) -> None:
    """Staged, sealed, and of a model that it logged: all are in use before; then it is told whose they were."""
    run, model = filed(world)
    keep(world.loop, of_run(world.do("start", "train")), "staged", Artifact(world.loop.blobs.put(b"staged"), size=6))
    for what in (run.id, model.id):
        world.do("delete", what)
    assert rehearse(world.loop).objects == 0
    world.loop.clock.advance(seconds=31 * 86400)  # type: ignore[attr-defined]
    found = rehearse(world.loop)
    shares = {one.name: one.objects for one in found.shares}
    assert shares[f"run {run.id}"] == 4, "the file and the tree of each, of which the model is an output, too"
    assert found.objects == sum(shares.values())
    assert "" not in shares
