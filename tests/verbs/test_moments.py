"""To which moment of its history a ref goes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Invalid, LooplineError, NotFound
from loopline.nouns.change import Moved
from loopline.nouns.name import Numbered
from loopline.verbs.moments import in_force

from .conftest import CHAMPION

if TYPE_CHECKING:
    from .conftest import World


def history(*steps: tuple[int | None, int | None, str]) -> list[Moved]:
    """Make moves of a ref, given oldest first, as the ledger tells them: newest first."""
    made = [Moved(str(at), CHAMPION, old, new, at, "ann", "", kind, at) for at, (old, new, kind) in enumerate(steps)]
    return made[::-1]


@pytest.mark.parametrize(
    ("steps", "stand"),
    [
        ([(None, 1, "p"), (1, 2, "p")], [1, 0]),
        ([(None, 1, "p"), (1, 2, "p"), (2, 1, "rollback")], [0]),
        ([(None, 1, "p"), (1, 2, "p"), (2, 3, "p"), (3, 1, "rollback")], [0]),
        ([(None, 1, "p"), (1, 2, "p"), (2, 1, "rollback"), (1, 2, "p")], [3, 0]),
        ([(None, 1, "p"), (1, 2, "p"), (2, 3, "p"), (3, 2, "rollback"), (2, 1, "rollback")], [0]),
        ([(None, 1, "p"), (1, None, "rollback")], []),
    ],
)
def test_a_rollback_takes_away_what_it_took_back(
    steps: list[tuple[int | None, int | None, str]], stand: list[int]
) -> None:
    """What stands are the moves that no rollback has taken back, and no rollback itself."""
    past = history(*steps)
    assert [past[at].at for at in in_force(past)] == stand


@pytest.fixture
def four(world: World) -> World:
    """Give a champion that has stood at 1, 2, 3 and 4, an hour each."""
    for body in (b"1", b"2", b"3", b"4"):
        world.propose(world.train(body).number)
        world.loop.clock.advance(seconds=3600)  # type: ignore[attr-defined]
    return world


def goes(world: World, **asked: Any) -> int | None:
    """Tell where a rollback would go."""
    to: int | None = world.do("retrace", CHAMPION, **asked).moves[0].move.new
    return to


def test_one_goes_to_a_version_a_time_or_the_last_good_one(four: World) -> None:
    """A number, a digest and a whole name are versions; behind `@` stands a time, or a version again."""
    digest = four.do("history", "model/delay")[2].artifact.digest
    start = four.loop.clock.now() - 4 * 3_600_000_000
    assert goes(four) == 3
    assert goes(four, to="2") == goes(four, to="@2") == goes(four, to="model/delay@2") == goes(four, to=digest) == 2
    assert goes(four, to=f"@{start + 5_000_000}") == 1
    assert goes(four, to=f"@{start + 2 * 3_600_000_000}") == 3


@pytest.mark.parametrize(
    ("asked", "error", "kind"),
    [
        ({"to": "4"}, Invalid, "nothing-to-move"),
        ({"to": "@2999-01-01"}, Invalid, "nothing-to-move"),
        ({"to": "@1999-01-01"}, NotFound, "never-there"),
        ({"to": "@20-13-99"}, Invalid, "bad-value"),
        ({"to": "5"}, NotFound, "never-there"),
        ({"to": "9"}, NotFound, "no-version"),
        ({"to": "@my-branch"}, NotFound, "no-revision"),
        ({"to": "data/flights@1"}, NotFound, "never-there"),
        ({"to": "2", "change": "abcd"}, Invalid, "not-with-change"),
    ],
)
def test_what_makes_no_sense_is_said(four: World, asked: dict[str, str], error: type[LooplineError], kind: str) -> None:
    """Where the ref is already, has never been, or cannot be told goes nobody, and the next step is named."""
    four.train(b"5")
    with pytest.raises(error) as caught:
        goes(four, **asked)
    assert caught.value.kind == kind
    assert caught.value.hint


def test_back_and_back_again_goes_two_steps(four: World) -> None:
    """Each rollback goes one step further, over what is marked, until nothing good is left."""
    for to in (3, 2, 1):
        four.do("rollback", CHAMPION, why="still bad", quarantine=to != 2)
        assert four.target() == to
    four.do("rollback", CHAMPION, why="even that")
    assert four.target() is None
    with pytest.raises(NotFound):
        goes(four)


def test_forward_is_no_way_back(four: World) -> None:
    """To what was taken back leads only taking the rollback back, also where nothing was marked."""
    back = four.do("rollback", CHAMPION, why="x", to="2", quarantine=False)
    hour = four.loop.clock.now() - 1_800_000_000
    for to in ("3", "4", f"@{hour}"):
        with pytest.raises(Conflict) as caught:
            goes(four, to=to)
        assert (caught.value.kind, caught.value.facts["change"]) == ("taken-back", back.id)
    assert goes(four) == 1
    assert goes(four, change=back.id) == 4


def test_only_the_last_rollback_is_taken_back(four: World) -> None:
    """Once the ref has moved on, the rollback below is history."""
    back = four.do("rollback", CHAMPION, why="x")
    four.do("propose", CHAMPION, to=Numbered(1), why="on")
    with pytest.raises(Conflict) as caught:
        goes(four, change=back.id)
    assert caught.value.kind == "ref-moved"


def test_a_version_that_is_marked_or_gone_is_passed_over(four: World) -> None:
    """The default is the last one that was good; what was passed over is told with its reason."""
    with four.loop.ledger.write("flights", four.loop.actor) as tx:
        tx.versions.quarantine(CHAMPION.asset, 3, reason="smells")
        tx.say("test", "x")
    four.do("delete", "model/delay@2")
    way = four.do("retrace", CHAMPION)
    assert way.moves[0].move.new == 1
    assert way.notes == (
        "passed over: model/delay@3 is in quarantine: smells", "passed over: model/delay@2 was deleted",
    )  # fmt: skip
    with pytest.raises(NotFound) as caught:
        goes(four, to="2")
    assert caught.value.kind == "version-deleted"


def test_what_is_passed_over_does_not_end_in_nothing(world: World) -> None:
    """Where all that stood before is bad, the ref stays: nobody who takes one bad model back wants none at all."""
    for body in (b"1", b"2"):
        world.propose(world.train(body).number)
    with world.loop.ledger.write("flights", world.loop.actor) as tx:
        tx.versions.quarantine(CHAMPION.asset, 1, reason="smells")
        tx.say("test", "x")
    with pytest.raises(NotFound) as caught:
        goes(world)
    assert (caught.value.kind, "smells" in caught.value.message) == ("nothing-to-undo", True)


def test_a_time_counts_where_the_ref_stood_then(four: World) -> None:
    """One that stood there then already has nothing to move; one that a rollback has passed goes there all the same."""
    hour, now = 3_600_000_000, four.loop.clock.now()
    four.do("rollback", CHAMPION, why="x", to="2")
    four.propose(four.train(b"5").number)
    assert goes(four, to=f"@{now - 3 * hour + 1}") == goes(four, to="2") == 2
    assert goes(four, to=f"@{now - 4 * hour + 1}") == 1
    four.do("propose", CHAMPION, to=Numbered(1), why="on")
    with pytest.raises(Invalid) as caught:
        goes(four, to=f"@{now - 4 * hour + 1}")
    assert caught.value.kind == "nothing-to-move"


def test_a_time_that_was_taken_back_is_no_way_back(four: World) -> None:
    """Where nothing stands that came since, a version that was there before as well is a matter of that earlier time."""
    hour = 3_600_000_000
    four.do("propose", CHAMPION, to=Numbered(3), why="old one")
    first = four.loop.clock.now()
    for number in (4, 2):
        four.loop.clock.advance(seconds=3600)  # type: ignore[attr-defined]
        four.do("propose", CHAMPION, to=Numbered(number), why="on")
    four.do("rollback", CHAMPION, to=f"@{first + 1}", why="x", quarantine=False)
    with pytest.raises(Conflict) as caught:
        goes(four, to=f"@{first + hour + 1}")
    assert caught.value.kind == "taken-back"
    assert goes(four, to="4") == 4


def test_a_time_needs_no_sign(four: World) -> None:
    """Nobody has to remember the `@` at night."""
    asked = datetime.fromtimestamp((four.loop.clock.now() - 3_600_000_001) / 1e6, UTC).isoformat()
    assert goes(four, to=asked) == goes(four, to=f"@{asked}") == 3
