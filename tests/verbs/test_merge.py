from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.nouns.policy import Approvals, Policy

from .conftest import ANN, BOB, DATA, OTHER

if TYPE_CHECKING:
    from loopline.nouns.merge import Merge

    from .conftest import World

MAIN, FIX = RefName(DATA, "main"), RefName(DATA, "fix")
FROM_FIX = Pointer(DATA, Named("fix"))


def files(world: World, number: int) -> dict[str, bytes]:
    """Read the files of a version."""
    with world.loop.ledger.read() as tx:
        version = tx.versions.get(DATA, number)
    blobs = world.loop.blobs
    return {one.path: blobs.read(one.digest) for one in Tree(blobs, version.artifact.digest).iter()}


@pytest.fixture
def forked(world: World) -> World:
    """Give a branch that has changed b and added d, and a main that has changed a and added c."""
    world.data(a=b"1", b=b"1")
    world.do("branch", DATA, "fix")
    world.data("fix", a=b"1", b=b"2", d=b"4")
    world.data(a=b"3", b=b"1", c=b"3")
    return world


@pytest.fixture
def clashing(world: World) -> World:
    """Give two branches that have both changed a and jan.csv, removed and changed b, and that each have more."""
    world.data(a=b"1", b=b"1", jan_csv=b"1")
    world.do("branch", DATA, "fix")
    world.data("fix", a=b"fix", jan_csv=b"fix", d=b"new")
    world.data(a=b"main", b=b"main", jan_csv=b"main")
    return world


def merged(world: World, **asked: Any) -> Merge:
    """Merge fix into main."""
    found: Merge = world.do("merge", FROM_FIX, MAIN, **asked)
    return found


def test_what_each_side_has_changed_is_in_the_merge(forked: World) -> None:
    """A version with both as parents, to which the ref moves by a change, in one event."""
    before = len(forked.events())
    made = merged(forked, message="fix it")
    assert made.version is not None
    assert made.change is not None
    assert (made.state, made.base, made.ours, made.theirs, made.clashes) == ("made", 2, 4, 3, 0)
    assert (made.version.parents, made.version.message, made.change.state) == ((3, 4), "fix it", "applied")
    assert files(forked, 5) == {"a": b"3", "b": b"2", "c": b"3", "d": b"4"}
    assert forked.target(MAIN) == 5
    (event,) = forked.events()[before:]
    assert event.kind == "change.applied"


def test_what_is_in_already_is_not_merged_again(forked: World) -> None:
    """Nothing is written, and that is said; what comes later is merged against what was merged before."""
    merged(forked)
    before = len(forked.events())
    assert merged(forked).state == "nothing"
    assert len(forked.events()) == before
    forked.data("fix", a=b"1", b=b"2", d=b"5")
    again = merged(forked)
    assert (again.state, again.base) == ("made", 3)
    assert files(forked, 7) == {"a": b"3", "b": b"2", "c": b"3", "d": b"5"}


def test_a_ref_without_anything_of_its_own_goes_forward(world: World) -> None:
    """No version is made unless one is asked for."""
    world.do("branch", DATA, "fix")
    world.data("fix", a=b"2")
    assert merged(world, ff=False).version.parents == (1, 2)  # type: ignore[union-attr]
    world.do("branch", DATA, "other", at=Numbered(1))
    forward = world.do("merge", FROM_FIX, RefName(DATA, "other"))
    assert (forward.state, forward.version.number) == ("forward", 2)
    assert world.target(RefName(DATA, "other")) == 2


def test_paths_that_clash_wait_until_somebody_chooses(clashing: World) -> None:
    """The ref stays; what was taken by path and by pattern, the last word counting, is what the version holds."""
    waiting = merged(clashing)
    assert (waiting.state, waiting.clashes, waiting.left, clashing.target(MAIN)) == ("clashing", 3, 3, 4)
    some = clashing.do("merge", into=MAIN, take="ours", paths=("*",))
    assert some.left == 0
    clashing.do("merge", into=MAIN, take="theirs", paths=("*.csv", "b"), by=BOB)
    done = clashing.do("merge", into=MAIN, continue_=True)
    assert (done.state, done.version.parents, done.actor) == ("made", (3, 4), str(ANN))
    assert files(clashing, 5) == {"a": b"main", "jan.csv": b"fix", "d": b"new"}
    assert clashing.target(MAIN) == 5
    with pytest.raises(NotFound) as caught:
        clashing.do("merge", continue_=True)
    assert caught.value.kind == "no-merge"


def test_a_file_of_ones_own_may_be_taken(clashing: World) -> None:
    """It is named by its digest, for one path that clashes."""
    merged(clashing)
    digest = clashing.loop.blobs.put(b"both")
    clashing.do("merge", take="file", paths=("a",), digest=digest)
    clashing.do("merge", take="base", paths=("b", "jan.csv"))
    clashing.do("merge", continue_=True)
    assert files(clashing, 5) == {"a": b"both", "b": b"1", "jan.csv": b"1", "d": b"new"}


def test_a_merge_does_not_go_on_with_something_left(clashing: World) -> None:
    """It says how many paths are left, and nothing moves."""
    merged(clashing)
    clashing.do("merge", take="ours", paths=("a",))
    waiting = clashing.do("merge", continue_=True)
    assert (waiting.state, waiting.left, clashing.target(MAIN)) == ("clashing", 2, 4)


def test_a_merge_that_is_given_up_leaves_nothing(clashing: World) -> None:
    """The ref is where it was, and the same can be merged anew."""
    merged(clashing)
    with pytest.raises(Conflict) as caught:
        merged(clashing)
    assert caught.value.kind == "merge-open"
    assert clashing.do("merge", abandon=True).state == "abandoned"
    assert clashing.target(MAIN) == 4
    assert merged(clashing).left == 3


def test_a_ref_that_moves_meanwhile_is_merged_as_it_stands_then(clashing: World) -> None:
    """What was taken stays; what came to the ref since then is in the version, and clashes where it does."""
    merged(clashing)
    clashing.do("merge", take="theirs", paths=("*",))
    clashing.data(a=b"main", b=b"main", jan_csv=b"main", late=b"5", d=b"mine")
    done = clashing.do("merge", continue_=True)
    assert (done.state, done.ours, done.clashes) == ("made", 5, 4)
    assert files(clashing, 6) == {"a": b"fix", "jan.csv": b"fix", "d": b"new", "late": b"5"}


def test_what_came_by_another_way_is_not_merged_again(clashing: World) -> None:
    """A merge that waits is over without a version where the ref has moved to one that comes from both."""
    merged(clashing)
    clashing.do("branch", DATA, "other", at=Numbered(4))
    clashing.do("merge", FROM_FIX, RefName(DATA, "other"))
    clashing.do("merge", into=RefName(DATA, "other"), take="ours", paths=("*",))
    clashing.do("merge", into=RefName(DATA, "other"), continue_=True)
    clashing.do("propose", MAIN, to=Numbered(5), why="as it is there")
    assert clashing.do("merge", into=MAIN, continue_=True).state == "nothing"
    assert clashing.do("merges") == ()
    assert clashing.target(MAIN) == 5


def test_somebody_who_is_faster_is_merged_with(forked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that comes between looking and moving is in what the merge makes; a ref that never rests is a conflict."""
    from loopline.verbs import merging

    weigh, hurried = merging.weigh, [1]

    def slow(*args: object, **asked: object) -> object:
        found = weigh(*args, **asked)  # type: ignore[arg-type]
        if hurried:
            hurried.append(0) if hurried[0] == 2 else hurried.pop()
            forked.data(a=b"3", b=b"1", c=b"%d" % (len(forked.events()) + 10))
        return found

    monkeypatch.setattr(merging, "weigh", slow)
    made = merged(forked)
    assert (made.ours, made.version.parents) == (5, (3, 5))  # type: ignore[union-attr]
    forked.data("fix", a=b"1", b=b"9")
    hurried.append(2)
    with pytest.raises(Conflict) as caught:
        merged(forked)
    assert caught.value.kind == "ref-busy"


def test_choosing_while_the_ref_moves_is_as_good(clashing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken counts for where the ref stands then; one that never rests is a conflict, and nothing is taken."""
    from loopline.verbs import merging

    merged(clashing)
    weigh, moves = merging.weigh, [1, 1]

    def slow(*args: Any, **asked: Any) -> Any:
        found = weigh(*args, **asked)
        if moves:
            moves.pop()
            clashing.data(a=b"main", b=b"main", jan_csv=b"main", late=b"%d" % len(clashing.events()))
        return found

    clashing.data(a=b"main", b=b"main", jan_csv=b"main", late=b"1")
    monkeypatch.setattr(merging, "weigh", slow)
    told = clashing.do("merge", take="ours", paths=("a",))
    assert (told.ours, told.left) == (7, 2)
    clashing.data(a=b"main", b=b"main", jan_csv=b"main", late=b"2")
    moves += [1] * 10
    with pytest.raises(Conflict) as caught:
        clashing.do("merge", take="ours", paths=("*",))
    assert caught.value.kind == "ref-busy"
    moves.clear()
    assert clashing.do("merges")[0].left == 2


def test_a_policy_holds_a_merge_as_any_other_move(forked: World) -> None:
    """The version is there, the change waits, the same merge is not made twice, and an approval lets it through."""
    forked.policy(Policy("main", ("data/*@main",), approvals=Approvals(count=1, not_author=True)))
    made, again = merged(forked), merged(forked)
    assert made.change is not None
    assert made.version is not None
    assert (made.state, made.change.state, forked.target(MAIN)) == ("made", "proposed", 4)
    assert (again.version, again.change.id) == (made.version, made.change.id)  # type: ignore[union-attr]
    forked.do("approve", made.change.id, by=BOB)
    forked.do("apply", made.change.id)
    assert forked.target(MAIN) == made.version.number


def test_going_forward_waits_for_a_policy_once(world: World) -> None:
    """The same question is one change."""
    world.do("branch", DATA, "fix")
    world.data("fix", a=b"2")
    world.policy(Policy("main", ("data/*@main",), approvals=Approvals(count=1)))
    first, second = merged(world), merged(world)
    assert first.change is not None
    assert second.change is not None
    assert (first.state, first.change.id, world.target(MAIN)) == ("forward", second.change.id, 1)


def test_what_may_not_be_merged_is_refused(forked: World) -> None:
    """Another asset, another project, one blob, a fixed ref and what is in quarantine."""
    forked.train()
    for source, into, kind in (
        (Pointer(AssetName(DATA.project, "model", "delay"), Numbered(1)), MAIN, "other-asset"),
        (Pointer(AssetName(OTHER, "data", "flights"), Numbered(1)), MAIN, "other-asset"),
        (
            Pointer(AssetName(OTHER, "data", "flights"), Numbered(1)),
            RefName(AssetName(OTHER, "data", "flights"), "main"),
            "other-project",
        ),
    ):
        with pytest.raises(Invalid) as caught:
            forked.do("merge", source, into)
        assert caught.value.kind == kind
    with forked.loop.ledger.write(DATA.project, ANN) as tx:
        tx.versions.quarantine(DATA, 3, reason="wrong units")
        tx.say("test", "test")
    with pytest.raises(Refused) as refused:
        merged(forked)
    assert refused.value.kind == "quarantined"
    forked.do("tag", "v1", Pointer(DATA, Numbered(2)))
    with pytest.raises(Refused) as refused:
        forked.do("merge", Pointer(DATA, Numbered(4)), RefName(DATA, "v1"))
    assert refused.value.kind == "ref-fixed"


def test_what_is_quarantined_while_a_merge_waits_does_not_come_in(clashing: World) -> None:
    """It is looked at again when the merge goes on, and can be given up."""
    merged(clashing)
    clashing.do("merge", take="theirs", paths=("*",))
    with clashing.loop.ledger.write(DATA.project, ANN) as tx:
        tx.versions.quarantine(DATA, 3, reason="wrong units")
        tx.say("test", "test")
    with pytest.raises(Refused):
        clashing.do("merge", continue_=True)
    assert clashing.do("merge", abandon=True).state == "abandoned"


def test_words_that_go_nowhere_are_refused(clashing: World) -> None:
    """Nothing to merge, several wishes at once, no paths, paths that do not clash, a file without a path or without bytes."""
    merged(clashing)
    asked: dict[str, Any]
    for asked, kind in (
        ({}, "missing-parameter"),
        ({"continue_": True, "abandon": True}, "one-at-a-time"),
        ({"take": "ours"}, "missing-parameter"),
        ({"take": "file", "paths": ("a",)}, "bad-choice"),
        ({"take": "ours", "paths": ("a",), "digest": digest_of(b"x")}, "bad-choice"),
    ):
        with pytest.raises(Invalid) as caught:
            clashing.do("merge", **asked)
        assert caught.value.kind == kind
    for asked, kind in (
        ({"take": "ours", "paths": ("d",)}, "no-clash"),
        ({"take": "file", "paths": ("a*",), "digest": digest_of(b"x")}, "no-clash"),
        ({"take": "file", "paths": ("a",), "digest": digest_of(b"x")}, "blob-missing"),
        ({"into": FIX, "abandon": True}, "no-merge"),
    ):
        with pytest.raises(NotFound) as missing:
            clashing.do("merge", **asked)
        assert missing.value.kind == kind


def test_with_several_open_merges_one_has_to_be_named(clashing: World) -> None:
    """A ref that is named, or the only one that there is."""
    merged(clashing)
    clashing.do("branch", DATA, "third", at=Numbered(4))
    clashing.do("merge", FROM_FIX, RefName(DATA, "third"))
    with pytest.raises(Invalid):
        clashing.do("merge", abandon=True)
    clashing.do("merge", into=MAIN, abandon=True)
    assert clashing.do("merge", abandon=True).ref.ref == "third"


def test_lines_with_nothing_in_common_are_merged_from_nothing(world: World) -> None:
    """What both have alike is taken, what differs clashes."""
    with world.loop.ledger.write(DATA.project, ANN) as tx:
        tx.versions.publish(
            DATA, replace(tx.versions.get(DATA, 1).artifact, digest=world.tree(b=b"2")), author="person:ann"
        )
        tx.say("test", "test")
    made = world.do("merge", Pointer(DATA, Numbered(2)), MAIN)
    assert (made.state, made.base) == ("made", None)
    assert files(world, 3) == {"a.csv": b"1\n", "b": b"2"}


def test_lines_that_were_merged_crosswise_merge_where_their_bases_agree(world: World) -> None:
    """They have two bases; what both say is taken, and the newest is the one that is told."""
    world.data(x=b"0", y=b"0", z=b"0")
    world.do("branch", DATA, "fix")
    world.data(x=b"1", y=b"0", z=b"0")  # 3
    world.data("fix", x=b"0", y=b"1", z=b"0")  # 4
    world.do("branch", DATA, "other", at=Numbered(4))
    assert world.do("merge", Pointer(DATA, Numbered(3)), FIX).version.number == 5
    assert world.do("merge", Pointer(DATA, Numbered(4)), MAIN).version.number == 6
    world.data("fix", x=b"1", y=b"1", z=b"2")
    made = merged(world)
    assert (made.base, made.state) == (4, "made")
    assert files(world, 8) == {"x": b"1", "y": b"1", "z": b"2"}


def test_what_each_side_chose_against_the_other_is_not_taken_back(world: World) -> None:
    """Two lines merge each other, and each keeps its own file: the newest base alone would let one overwrite the other."""
    world.data(x=b"0", y=b"0")
    world.do("branch", DATA, "fix")
    world.data(x=b"main", y=b"0")  # 3
    world.data("fix", x=b"fix", y=b"0")  # 4
    for number, into in ((3, FIX), (4, MAIN)):
        world.do("merge", Pointer(DATA, Numbered(number)), into)
        world.do("merge", into=into, take="ours", paths=("x",))
        world.do("merge", into=into, continue_=True)
    with world.loop.ledger.read() as tx:
        kept = {str(ref): tx.refs.get(ref).target for ref in (MAIN, FIX)}
    assert [files(world, number)["x"] for number in kept.values()] == [b"main", b"fix"]
    for source, into in ((Pointer(DATA, Named("main")), FIX), (FROM_FIX, MAIN)):
        waiting = world.do("merge", source, into)
        assert (waiting.state, waiting.left) == ("clashing", 1)
        (clash,) = world.do("merges", into)
        assert (clash.path, clash.kind) == ("x", "edit/edit")
        world.do("merge", into=into, abandon=True)


def test_a_rehearsal_of_a_merge_keeps_nothing(forked: World) -> None:
    """It tells what would come of it."""
    before = len(forked.events())
    told = forked.rehearsing().do("merge", FROM_FIX, MAIN)
    assert told.version.number > 4
    assert len(forked.events()) == before


def test_a_path_that_clashes_is_meant_by_its_name(world: World) -> None:
    """Even where it could be read as a pattern: neither a side nor a file reaches another path."""
    one, other = "a[1]", "a1"
    for branch, body in (("main", b"1"), ("fix", b"2"), ("main", b"3")):
        world.data(branch, **{one: body, other: body, "*": body})
        if body == b"1":
            world.do("branch", DATA, "fix")
    merged(world)
    assert world.do("merge", take="theirs", paths=("*",)).left == 2
    digest = world.loop.blobs.put(b"mended")
    assert world.do("merge", take="file", paths=(one,), digest=digest).left == 1
    assert [clash.path for clash in world.do("merges", MAIN, left=True)] == [other]
    assert world.do("merge", take="ours", paths=("a?",)).left == 0
    done = world.do("merge", continue_=True)
    assert files(world, done.version.number) == {one: b"mended", other: b"3", "*": b"2"}


def test_what_somebody_chooses_while_another_finishes_is_not_lost(
    clashing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The merge is made again with what was chosen last, or it is over before it is chosen: never chosen and passed over."""
    from loopline.verbs import merging

    merged(clashing)
    clashing.do("merge", take="ours", paths=("*",))
    weigh = merging.weigh

    def slow(*args: Any, **asked: Any) -> Any:
        found = weigh(*args, **asked)
        monkeypatch.setattr(merging, "weigh", weigh)
        clashing.do("merge", take="theirs", paths=("a",), by=BOB)
        return found

    monkeypatch.setattr(merging, "weigh", slow)
    done = clashing.do("merge", continue_=True)
    assert files(clashing, done.version.number)["a"] == b"fix"


def test_what_was_deleted_does_not_come_back_by_a_merge(clashing: World) -> None:
    """Neither when it is deleted while the merge waits, nor by a revert to it; the merge can still be given up."""
    merged(clashing)
    clashing.do("branch", DATA, "fix", delete=True)
    clashing.do("delete", "data/flights@3")
    for asked in ({"take": "theirs", "paths": ("*",)}, {"continue_": True}):
        with pytest.raises(NotFound) as caught:
            clashing.do("merge", **asked)
        assert caught.value.kind == "version-deleted"
    assert clashing.do("merge", abandon=True).state == "abandoned"
    clashing.do("delete", "data/flights@2")
    with pytest.raises(NotFound):
        clashing.do("revert", Pointer(DATA, Numbered(4)))


def test_nothing_that_was_said_is_passed_over(clashing: World) -> None:
    """What a step has no use for is refused: a message for a merge that has one, paths for which nothing is taken."""
    merged(clashing)
    for asked, kind in (
        ({"continue_": True, "message": "late"}, "one-at-a-time"),
        ({"take": "ours", "paths": ("a",), "ff": False}, "one-at-a-time"),
        ({"paths": ("a",)}, "missing-parameter"),
    ):
        with pytest.raises(Invalid) as caught:
            clashing.do("merge", into=MAIN, **asked)
        assert caught.value.kind == kind


def test_a_merge_whose_ref_moved_while_it_waited_for_approval_is_merged_again(forked: World) -> None:
    """The next step that is named keeps what others have added since: a proposal would drop it."""
    forked.policy(Policy("main", ("data/*@main",), approvals=Approvals(count=1, not_author=True)))
    first, second = merged(forked).change, forked.data(a=b"3", b=b"1", c=b"3", e=b"5").change
    assert first is not None
    assert second is not None
    for one in (first, second):
        forked.do("approve", one.id, by=BOB)
    forked.do("apply", second.id)
    with pytest.raises(Conflict) as caught:
        forked.do("apply", first.id)
    assert (caught.value.kind, caught.value.hint) == ("ref-moved", "loopline merge data/flights@5 data/flights@main")
    again = forked.do("merge", Pointer(DATA, Numbered(5)), MAIN)
    assert files(forked, again.version.number) == {"a": b"3", "b": b"2", "c": b"3", "d": b"4", "e": b"5"}
