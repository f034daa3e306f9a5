"""What goes back together, what stays, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.ids import brief
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.service import Monitor
from loopline.verbs import wayback

from .conftest import BOB, CHAMPION, DATA, MODEL, PROJECT
from .rolled import ROLLING
from .test_deploy import DECLARED, DELAY, PROD, champion, deployed, train

if TYPE_CHECKING:
    from loopline.nouns.wayback import WayBack

    from .conftest import World

RULES = RefName(AssetName(PROJECT, "policy", PROJECT), "main")
RELEASED = RefName(DATA, "released")


def seen(world: World, ref: RefName = PROD, **asked: Any) -> WayBack:
    """Ask what a rollback would do."""
    found: WayBack = world.do("retrace", ref, **asked)
    return found


def moves(way: WayBack) -> dict[str, tuple[int | None, int | None]]:
    """Give where each ref goes from, and to."""
    return {str(one.move.ref): (one.move.old, one.move.new) for one in way.moves}


def document(world: World, name: str) -> int:
    """Publish a policy document that puts nothing into force yet, and give its number."""
    made = dump_document(Document((Policy(name, (f"report/{name}@x",)),), ()))
    world.do("policy", document=made.decode(), why="rules")
    with world.loop.ledger.read() as tx:
        return tx.refs.get(RULES).target


def moved(world: World, ref: RefName, to: int, **also: int) -> Any:
    """Move refs in one change."""
    names = {"champion": CHAMPION, "released": RELEASED, "rules": RULES, "prod": PROD}
    return world.do(
        "propose", ref, to=Numbered(to), why="on", also={str(names[key]): str(n) for key, n in also.items()}
    )


def story(world: World) -> tuple[int, int]:
    """Service, model alias, data branch and policy move from 1 to 2 by three changes that share refs; the policies' numbers."""
    for body in (b"1", b"2"):
        train(world, body)
    world.data(b_csv=b"more")
    old = document(world, "mild")
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    moved(world, RELEASED, 1)
    new = document(world, "strict")
    world.do("propose", RULES, to=Numbered(old), why="not yet")
    world.loop.clock.advance(seconds=3600)  # type: ignore[attr-defined]
    moved(world, CHAMPION, 2, released=2)
    moved(world, RELEASED, 1, rules=new)
    moved(world, RELEASED, 2, champion=1)
    world.do("deploy", PROD, model=Pointer(MODEL, Numbered(2)), also=(CHAMPION,), why="the better one")
    return old, new


def test_everything_that_hangs_together_goes_back(world: World) -> None:
    """Service, alias, data branch and policy return together, whichever change moved which, and one change tells of it."""
    old, new = story(world)
    assert moves(seen(world)) == {"service/delay@prod": (2, 1), "model/delay@champion": (2, 1)}
    began = world.loop.clock.now() - 1
    early = world.do("retrace", CHAMPION, to=f"@{began}")
    assert moves(early) == {
        "model/delay@champion": (2, 1), "service/delay@prod": (2, 1), "data/flights@released": (2, 1),
        "policy/flights@main": (new, old),
    }  # fmt: skip
    assert {one.why.partition(" ")[0] for one in early.moves} == {"it", "change"}
    back = world.do("rollback", CHAMPION, to=f"@{began}", why="all of it", expect=early.digest[:22])
    assert {(str(one.ref), one.old, one.new) for one in back.moves} == {
        (ref, *pair) for ref, pair in moves(early).items()
    }
    assert set(early.quarantines) == set(back.quarantines) >= {"service/delay@2", "model/delay@2", "data/flights@2"}
    assert world.events()[-1].subject == back.id


def test_who_promotes_first_and_deploys_then_wants_both_back(world: World) -> None:
    """The champion that a service follows goes back with it though another change moved it; its model is marked with both."""
    deployed(world, b"1", b"2")
    way = seen(world)
    assert moves(way) == {"service/delay@prod": (2, 1), "model/delay@champion": (2, 1)}
    assert way.moves[1].why == "service/delay@prod follows it, and pins 1 again"
    assert way.quarantines == ("model/delay@2", "service/delay@2")
    assert [(one.name, one.old, one.new) for one in way.pinned] == [("model main", "model/delay@2", "model/delay@1")]
    left = seen(world, leave=(CHAMPION,))
    assert (moves(left), left.stays[0].kind) == ({"service/delay@prod": (2, 1)}, "left")
    assert "model/delay@champion stays at model/delay@2, which goes into quarantine" in left.notes


def test_what_something_goes_back_to_is_not_marked(world: World) -> None:
    """An alias that is taken along to the very model that the service leaves is not sent into quarantine."""
    deployed(world, b"1", b"2")
    champion(world, 1)
    way = seen(world, also=(CHAMPION,))
    assert moves(way) == {"service/delay@prod": (2, 1), "model/delay@champion": (1, 2)}
    assert way.quarantines == ("service/delay@2",)


def test_a_followed_ref_that_has_moved_on_stays(world: World) -> None:
    """Who has promoted a third model since keeps it: that is nobody's mistake but theirs."""
    deployed(world, b"1", b"2")
    train(world, b"3")
    champion(world, 3)
    way = seen(world)
    assert moves(way) == {"service/delay@prod": (2, 1)}
    assert any(one.startswith("model/delay@champion, which it follows, stays") for one in way.notes)


def test_configuration_and_monitors_come_back_with_the_specification(world: World) -> None:
    """What a version of a service pins is told line by line; nothing but its ref has to move for it."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    watched = replace(DECLARED, workers=3, monitors=(Monitor("late", "service", bounds={"errors": 0.1}),))
    world.do("deploy", PROD, declared=watched)
    way = seen(world)
    assert [one.name for one in way.pinned] == ["workers", "monitor late"]
    assert way.pinned[1].new == "–"
    assert way.quarantines == ("service/delay@2",)


def test_a_ref_that_moved_on_alone_stays_unless_it_is_named(world: World) -> None:
    """Work that somebody has put on top since is not lost by somebody else's rollback; `also` takes it along."""
    for body in (b"1", b"2", b"3"):
        train(world, body)
    champion(world, 1)
    moved(world, RELEASED, 1)
    world.data(b_csv=b"more")
    world.data(c_csv=b"more")
    moved(world, CHAMPION, 2, released=2)
    alone = moved(world, RELEASED, 3)
    way = seen(world, CHAMPION)
    assert moves(way) == {"model/delay@champion": (2, 1)}
    (stays,) = way.stays
    assert (stays.ref, stays.at, stays.to, stays.kind) == (RELEASED, 3, 1, "moved-on")
    assert alone.id[-4:] in stays.why or alone.id[:8] in stays.why
    assert moves(seen(world, CHAMPION, also=(RELEASED,))) == {
        "model/delay@champion": (2, 1), "data/flights@released": (3, 1),
    }  # fmt: skip
    back = world.do("rollback", CHAMPION, why="bad")
    assert (back.stays[0].partition(":")[0], world.target(RELEASED)) == ("data/flights@released", 3)


def test_what_others_have_moved_on_with_theirs_stays_too(world: World) -> None:
    """Data that another model was promoted with since is the others' work: neither it nor their model goes back or is marked."""
    for body in (b"1", b"2"):
        train(world, body)
    world.data(b_csv=b"more")
    world.data(c_csv=b"more")
    theirs = RefName(MODEL, "theirs")
    champion(world, 1)
    moved(world, RELEASED, 1)
    moved(world, theirs, 1)
    moved(world, CHAMPION, 2, released=2)
    world.do("propose", RELEASED, to=Numbered(3), why="ours", also={str(theirs): "2"})
    way = seen(world, CHAMPION)
    assert moves(way) == {"model/delay@champion": (2, 1)}
    assert [(one.ref, one.kind) for one in way.stays] == [(RELEASED, "moved-on")]
    assert way.quarantines == ("model/delay@2",)
    assert set(moves(seen(world, CHAMPION, also=(RELEASED,)))) == {"model/delay@champion", str(RELEASED), str(theirs)}


def test_a_later_change_of_its_own_stays_below_a_rollback_too(world: World) -> None:
    """What has brought a ref where it stands is told, not the rollback that has bared it."""
    for body in (b"1", b"2"):
        train(world, body)
    for body in (b"3", b"4", b"5"):
        world.data(b_csv=body)
    champion(world, 1)
    moved(world, RELEASED, 1)
    moved(world, CHAMPION, 2, released=2)
    alone = moved(world, RELEASED, 3)
    moved(world, RELEASED, 4)
    world.do("rollback", RELEASED, why="bad")
    (stays,) = seen(world, CHAMPION).stays
    assert (stays.at, stays.kind, brief(alone.id) in stays.why) == (3, "moved-on", True)


def test_no_service_is_taken_away_beside_something_else(world: World) -> None:
    """A service that was first deployed with what goes back goes on answering; it is said which model it serves."""
    for body in (b"1", b"2"):
        train(world, body)
    champion(world, 1)
    world.do("deploy", PROD, model=Pointer(MODEL, Numbered(2)), also=(CHAMPION,), why="first")
    way = seen(world, CHAMPION)
    assert moves(way) == {"model/delay@champion": (2, 1)}
    assert [(one.ref, one.kind) for one in way.stays] == [(PROD, "new")]
    assert any(one.startswith("service/delay@prod goes on serving model/delay@2") for one in way.notes)


@pytest.mark.parametrize("word", ["also", "leave"])
def test_a_name_that_was_mistyped_is_not_passed_over(world: World, word: str) -> None:
    """Who wants a ref to stay and misspells it would find it moved."""
    for number, body in enumerate((b"1", b"2"), start=1):
        train(world, body)
        champion(world, number)
    with pytest.raises(NotFound) as caught:
        seen(world, CHAMPION, **{word: (RefName(MODEL, "champoin"),)})
    assert caught.value.kind == "no-ref"


def test_a_guarded_policy_stays_and_the_rest_goes(world: World) -> None:
    """Who may move a model by a rollback may not loosen the rules with it; alone, the policy is refused."""
    for body in (b"1", b"2"):
        train(world, body)
    old = document(world, "mild")
    champion(world, 1)
    guard = Policy("rules", ("policy/*@main",), approvals=Approvals(count=1))
    change = world.do("policy", document=dump_document(Document((guard,), ())).decode(), why="more")
    assert change.state.over
    moved(world, CHAMPION, 2)
    both = world.do("propose", CHAMPION, to=Numbered(1), why="both", also={str(RULES): str(old)})
    world.do("approve", both.id, by=BOB)
    world.do("apply", both.id)
    again = world.do("propose", CHAMPION, to=Numbered(2), why="both", also={str(RULES): str(change.moves[0].new)})
    assert again.state.over  # no policy guards it while the mild one is in force
    way = seen(world, CHAMPION)
    assert moves(way) == {"model/delay@champion": (2, 1)}
    assert [(one.ref, one.kind) for one in way.stays] == [(RULES, "guarded")]
    with pytest.raises(Refused) as caught:
        seen(world, RULES)
    assert caught.value.kind == "policy"


def test_what_cannot_come_back_stays(world: World) -> None:
    """A version beside the named one that was deleted, marked or has lost its bytes keeps its ref, and that is told."""
    for body in (b"1", b"2"):
        train(world, body)
    champion(world, 1)
    moved(world, RELEASED, 1)
    world.data(b_csv=b"more")
    moved(world, CHAMPION, 2, released=2)
    for spoil, kind in ((quarantine, "quarantined"), (forget, "lost")):
        spoil(world, DATA, 1)
        way = seen(world, CHAMPION)
        assert [(one.ref, one.kind) for one in way.stays] == [(RELEASED, kind)]
        assert moves(way) == {"model/delay@champion": (2, 1)}


def quarantine(world: World, asset: AssetName, number: int) -> None:
    """Mark a version as bad."""
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tx.versions.quarantine(asset, number, reason="bad")
        tx.say("test", "x")


def forget(world: World, asset: AssetName, number: int) -> None:
    """Lift its mark, and lose its bytes."""
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tx.versions.lift(asset, number)
        tx.say("test", "x")
        root = tx.versions.get(asset, number).artifact.digest
    world.loop.blobs.held.pop(root)  # type: ignore[attr-defined]


def test_the_named_ref_cannot_go_where_nothing_is(world: World) -> None:
    """A service whose model has lost its bytes could not answer: one is told before anything moves, and offered another."""
    deployed(world, b"1", b"2", b"3")
    forget(world, MODEL, 2)
    with pytest.raises(NotFound) as caught:
        seen(world, to="2")
    assert caught.value.kind == "blob-missing"
    way = seen(world)
    assert moves(way)["service/delay@prod"] == (3, 1)
    assert any(one.startswith("passed over: bytes of model/delay@2") or "model/delay@2" in one for one in way.notes)
    quarantine(world, MODEL, 1)
    with pytest.raises(Refused) as refused:
        seen(world, to="1")
    assert refused.value.kind == "quarantined"
    with pytest.raises(NotFound) as nothing:
        seen(world)
    assert nothing.value.kind == "nothing-to-undo"


def test_what_rolls_is_ended_only_when_asked(world: World) -> None:
    """A rollout on the ref is named with the command that ends it; with `abort` it ends and the ref goes back, in one change."""
    train(world, b"0")
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    change = rolling_after(world)
    with pytest.raises(Conflict) as caught:
        seen(world)
    assert (caught.value.kind, caught.value.facts["change"]) == ("rolling", change.id)
    way = seen(world, abort=True)
    assert way.aborts == (change.id,)
    world.do("rollback", PROD, why="worse", abort=True, expect=way.digest)
    assert world.do("rollouts")[0].progress.state == "stopped"
    assert world.target(PROD) == way.moves[0].move.new


def rolling_after(world: World) -> Any:
    """A third version begins to roll while the second is current."""
    train(world, b"one more")
    champion(world, 2)
    world.do("deploy", PROD, declared=DECLARED)
    train(world, b"better")
    champion(world, 3)
    return world.do("deploy", PROD, declared=ROLLING)


def test_a_first_deployment_is_not_rolled_back_into_nothing(world: World) -> None:
    """At night nobody wants no service at all: what takes one away has its own name, and says so."""
    train(world)
    champion(world, 1)
    change = world.do("deploy", PROD, declared=DECLARED)
    with pytest.raises(NotFound) as caught:
        seen(world)
    assert "undeploy" in caught.value.message
    world.do("rollback", PROD, change=change.id, why="really")
    assert world.target(PROD) is None


def test_too_much_is_said_with_the_next_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of refs that nobody could look through is refused; nearer, or with refs left out, it goes."""
    for body in (b"1", b"2"):
        train(world, body)
    for number in (1, 2):
        world.do(
            "propose",
            CHAMPION,
            to=Numbered(number),
            why="x",
            also={f"model/delay@r{one}": str(number) for one in range(4)},
        )
    monkeypatch.setattr(wayback, "REFS", 3)
    with pytest.raises(Conflict) as caught:
        seen(world, CHAMPION)
    assert caught.value.kind == "too-far-back"
    left = tuple(RefName(MODEL, f"r{one}") for one in range(2))
    assert len(seen(world, CHAMPION, leave=left).moves) == 3
    with pytest.raises(Invalid):
        seen(world, CHAMPION, leave=(CHAMPION,))


def test_a_service_that_goes_on_serving_is_named(world: World) -> None:
    """A service is pinned: taking its model's alias back changes nothing that is served, and one is told what does."""
    for number, body in enumerate((b"1", b"2"), start=1):
        train(world, body)
        champion(world, number)
    world.do("deploy", PROD, declared=DECLARED)
    assert (
        "service/delay@prod goes on serving model/delay@2: loopline retrace service/delay@prod"
        in seen(world, CHAMPION).notes
    )


def test_a_tier_comes_back_with_its_ref(world: World) -> None:
    """A deployment that was taken away is one of production again when it comes back."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    world.do("undeploy", PROD, why="by mistake")
    world.do("rollback", PROD, why="it was needed")
    with world.loop.ledger.read() as tx:
        assert (tx.refs.get(PROD).target, tx.refs.get(PROD).tier) == (1, "production")
    assert world.do("get", Pointer(DELAY, Named("prod"))).number == 1
