from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.lineage import Reason
from loopline.nouns.run import Link

from .conftest import ANN, BOB, CHAMPION, CODE, ENVIRONMENT

if TYPE_CHECKING:
    from .conftest import World


def _all(reason: Reason) -> list[Reason]:
    return [reason, *(below for one in reason.because for below in _all(one))]


def _step(world: World, read: str, made: str) -> str:
    run = world.do("start", "step")
    links = [(Link("x", digest_of(name.encode())),) for name in (read, made)]
    world.do("log", run.id, inputs=links[0], outputs=links[1])
    return str(run.id)


def test_a_ref_is_told_back_to_the_data(guarded: World) -> None:
    """Ref, change with its approval, version, run, data, code, environment: the whole way."""
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    guarded.do("apply", change.id)
    reason = guarded.do("why", str(CHAMPION))
    told = {(one.kind, one.key) for one in _all(reason)}
    assert {("change", change.id), ("version", "model/delay@1"), ("version", "data/flights@1")} <= told
    assert {("code", CODE), ("environment", ENVIRONMENT)} <= told
    assert reason.because[0].facts["approved by"] == "person:bob (unverified)"


def test_a_rollback_does_not_hide_the_evidence(guarded: World) -> None:
    """Below the rollback stands the change that had moved the ref there before, with its approvals and checks."""
    changes = []
    for number in (1, 2):
        change = guarded.propose(number)
        guarded.do("approve", change.id, by=ANN)
        guarded.do("approve", change.id, by=BOB)
        changes.append(guarded.do("apply", change.id))
    back = guarded.do("rollback", CHAMPION, why="wrong")
    first, _ = guarded.do("why", str(CHAMPION)).because
    (before,) = first.because
    assert (first.key, before.key) == (back.id, changes[0].id)
    assert before.facts["approved by"] == "person:ann (unverified, not counted: is the author), person:bob (unverified)"


def test_a_change_is_told_by_its_id(guarded: World) -> None:
    """What it moved follows, back to the data."""
    change = guarded.propose(2)
    reason = guarded.do("why", change.id)
    assert (reason.kind, reason.key, reason.title) == ("change", change.id, "because")
    told = {(one.kind, one.key) for one in _all(reason)}
    assert {("version", "model/delay@2"), ("version", "data/flights@1"), ("code", CODE)} <= told


def test_a_circle_is_told_once(world: World) -> None:
    """Runs that read what they made end the walk instead of going round."""
    _step(world, "a", "b")
    last = _step(world, "b", "a")
    told = _all(world.do("why", last))
    assert len([one for one in told if one.kind == "run" and one.facts]) == 2


def test_depth_counts_runs_and_says_where_to_go_on(world: World) -> None:
    """Through versions and plain bytes alike a depth of 2 tells of two runs, then of the question that goes on."""
    for read, made in (("0", "1"), ("1", "2"), ("2", "3"), ("3", "4")):
        _step(world, read, made)
    top = digest_of(b"4")
    for depth in (0, 1, 2, 4):
        told = _all(world.do("why", top, depth=depth))
        assert len([one for one in told if one.kind == "run"]) == depth
        more = [one.facts["more"] for one in told if "more" in one.facts]
        assert more == ([] if depth == 4 else [f"loopline why {digest_of(str(4 - depth).encode())}"])
    for depth in (-1, 101, 10**9):
        with pytest.raises(Invalid):
            world.do("why", top, depth=depth)


def test_a_long_chain_is_answered(world: World) -> None:
    """The greatest depth fits on the stack."""
    for number in range(150):
        _step(world, str(number), str(number + 1))
    told = _all(world.do("why", digest_of(b"150"), depth=100))
    assert len([one for one in told if one.kind == "run"]) == 100


def test_the_beginning_of_a_digest_is_enough(guarded: World) -> None:
    """Twelve digits name bytes, be they a version or what a run made."""
    _step(guarded, "in", "out")
    assert guarded.do("why", digest_of(b"out")[:19]).key == digest_of(b"out")
    assert guarded.do("why", digest_of(b"two")[:30]).key == "model/delay@2"
    with pytest.raises(NotFound):
        guarded.do("why", digest_of(b"nobody knows"))


def test_a_beginning_that_several_have_is_ambiguous(world: World) -> None:
    """Of two digests that begin alike none is guessed."""
    run = world.do("start", "step")
    twins = [Digest("sha256:" + "ab" * 8 + end * 48) for end in "01"]
    world.do("log", run.id, outputs=tuple(Link(f"o{n}", twin) for n, twin in enumerate(twins)))
    with pytest.raises(Conflict):
        world.do("why", twins[0][:23])
    assert world.do("why", twins[0]).key == twins[0]


def test_another_project_is_told_nothing(guarded: World) -> None:
    """Not by digest, by run or by name; and equal bytes do not lead into another project."""
    run = guarded.do("find")[0]
    abroad = guarded.abroad()
    for text in (digest_of(b"one"), run.id, run.id[:20], "model/delay@1"):
        with pytest.raises(NotFound):
            abroad.do("why", text)
    own = _step(abroad, "one", "theirs")
    assert {one.key for one in _all(abroad.do("why", digest_of(b"theirs")))} == {
        own,
        digest_of(b"one"),
        digest_of(b"theirs"),
    }
