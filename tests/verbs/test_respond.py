from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from loopline.errors import Invalid, Refused
from loopline.nouns.actor import Actor
from loopline.nouns.insight import Perceived
from loopline.verbs.plain import plain

from .conftest import ANN, BOB, TRIGGER

if TYPE_CHECKING:
    from loopline.testing.clock import FakeClock

    from .conftest import World

DAY = 86_400_000_000
TEAM = [Actor("person", f"p{number}") for number in range(6)]


def later(world: World, days: int) -> None:
    """Let days pass."""
    cast("FakeClock", world.loop.clock).advance(microseconds=days * DAY)


def told(world: World, question: str = "delivery") -> list[Perceived]:
    """What insights tells of a question."""
    return [one for one in world.do("insights", days=400).survey if one.question == question]


def test_five_answers_are_told_when_the_period_is_over(world: World) -> None:
    """Until then only how many there were; a repeat replaces; the rate is of those who contribute."""
    for who in TEAM:
        world.do("grant", str(who), "role/contributor")
    world.do("grant", str(BOB), "role/viewer")
    assert not world.do("respond", "delivery", 1, by=TEAM[0]).replaced
    assert world.do("respond", "delivery", 5, by=TEAM[0]).replaced
    for who in TEAM[1:5]:
        world.do("respond", "delivery", 3, by=who)
    (now,) = told(world)
    assert (now.n, now.asked, now.rate, now.mean) == (5, 6, 5 / 6, None)
    assert "still runs" in now.hidden
    later(world, 100)
    (then,) = told(world)
    assert (then.n, then.mean, then.counts, then.hidden) == (5, 3.4, (0, 0, 4, 0, 1), "")


def test_four_answers_are_never_told(world: World) -> None:
    """Not in any period, and not by putting periods together."""
    for _ in range(2):
        for who in TEAM[:4]:
            world.do("respond", "delivery", 3, by=who)
        later(world, 95)
    assert [(one.n, one.mean, one.counts) for one in told(world)] == [(4, None, ())] * 2


def test_nothing_that_is_told_leads_to_who_said_it(world: World) -> None:
    """No event, no name in what comes back, and after a month no key is left of it once anybody has answered again."""
    before = world.events()
    back = world.do("respond", "review-ok", 1, by=BOB)
    assert plain(back) == {"question": "review-ok", "period": "2026-01", "replaced": False}
    assert world.events() == before
    assert "bob" not in str(plain(world.do("insights")))
    assert world.do("search", "review-ok") == ()
    later(world, 40)
    world.do("respond", "review-ok", 1, by=ANN)
    with world.loop.ledger.read() as tx:
        assert tx.rows.all("SELECT period FROM response_keys") == [("2026-02",)]


def test_a_rehearsal_says_nothing(world: World) -> None:
    """With --dry-run nothing is kept."""
    world.rehearsing().do("respond", "delivery", 4)
    assert told(world) == []


@pytest.mark.parametrize(
    ("asked", "by", "kind"),
    [
        (("salary", 3), ANN, "no-question"), (("delivery", 0), ANN, "bad-answer"), (("delivery", 6), ANN, "bad-answer"),
        (("review-ok", 3), ANN, "bad-answer"), (("delivery", 3), TRIGGER, "not-a-person"),
        (("delivery", 3), Actor("assistant", "bot"), "not-a-person"), (("delivery", 3), Actor("token", "ci"), "not-a-person"),
    ],
)  # fmt: skip
def test_spam_is_refused(world: World, asked: tuple[Any, ...], by: Actor, kind: str) -> None:
    """Questions that there are, answers on their scale, people."""
    with pytest.raises((Invalid, Refused)) as caught:
        world.do("respond", *asked, by=by)
    assert caught.value.kind == kind


def test_who_has_no_role_is_not_asked_where_anybody_has_one(world: World) -> None:
    """Made-up names do not fill a survey; a thousand answers of one person are one; who was shut out is not asked."""
    world.do("grant", str(ANN), "role/approver")
    for _ in range(20):
        world.do("respond", "delivery", 1, by=ANN)
    with pytest.raises(Refused) as caught:
        world.do("respond", "delivery", 5, by=Actor("person", "sock-puppet"))
    assert caught.value.kind == "not-asked"
    assert [one.n for one in told(world)] == [1]
    assert world.abroad().do("insights").survey == ()
    other = replace(world.loop, project="secret")
    with world.loop.ledger.read() as tx:
        from loopline.verbs.respond import people

        assert people(tx, other.project) == frozenset()
