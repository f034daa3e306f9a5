from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid
from loopline.ledger.ledger import Ledger
from loopline.nouns.name import RefName, parse_pointer
from loopline.nouns.run import Point
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop as new_loop
from loopline.verbs import load
from loopline.verbs.paging import DEFAULTS, HELD, MOST, PAGED, at_most, next_of, numbered
from loopline.wiring import open_database

from .conftest import DATA, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(params=["sqlite", "postgresql"])
def many(request: pytest.FixtureRequest) -> Iterator[World]:
    """Give 23 runs on each database, with metrics and params that some lack and some share."""
    ports: dict[str, Any] = {}
    if request.param == "postgresql":
        database = open_database(request.getfixturevalue("postgres_ledger"))
        ports = {"ledger": Ledger(database, clock=FakeClock(step=1))}
    world = World(new_loop("flights", **ports))
    values = [0.5, 0.1, math.nan, 0.5, math.inf, -3.0, 1e-300]
    for number in range(23):
        run = world.do(
            "start",
            f"r{number % 4}",
            params={"lr": str(number % 3)} if number % 2 else {},
            commit=None if number % 5 else "c",
        )
        if number % 6:
            world.do("log", run.id, points=(Point("auc", values[number % 7]),))
    yield world
    world.loop.ledger.close()


def pages(ask: Callable[..., Any], verb: str, between: Callable[[], object] = lambda: None, **asked: Any) -> list[Any]:
    """Read page after page."""
    found: list[Any] = []
    after: dict[str, Any] = {}
    for _ in range(200):
        result = ask(verb, **asked, **after)
        found += result.reached if verb == "impact" else result
        place = next_of(verb, asked, result)
        if place is None:
            return found
        between()
        after = {"after": int(place) if verb in ("history", "feed") else place}
    msg = "the pages never end"
    raise AssertionError(msg)


ORDERS = [
    "", "id asc", "id desc", "name", "name asc", "metrics.auc", "metrics.auc asc", "params.lr", "params.lr asc", "started",
    "started asc", "commit desc", "commit asc", "state", "metrics.nope", "metrics.`auc` asc",
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_pages_of_runs_join_to_the_whole(many: World, order: str) -> None:
    """Whatever orders the runs, with values that are missing, equal, NaN and infinite, pages give each run once, in order."""
    whole = many.do("find", order=order, limit=1000)
    assert len(whole) == 23
    for limit in (1, 2, 5, 22, 23):
        assert [run.id for run in pages(many.do, "find", order=order, limit=limit)] == [run.id for run in whole]


@pytest.mark.parametrize("order", ["", "metrics.auc", "name asc"])
def test_what_is_added_meanwhile_moves_nothing(many: World, order: str) -> None:
    """Runs that begin between two pages push none of the others out or in twice."""
    whole = [run.id for run in many.do("find", order=order, limit=1000)]

    def add() -> None:
        run = many.do("start", "r1", params={"lr": "1"})
        many.do("log", run.id, points=(Point("auc", 0.3),))

    found = [run.id for run in pages(many.do, "find", between=add, order=order, limit=5)]
    assert len(found) == len(set(found))
    assert [one for one in found if one in whole] == whole


def test_pages_of_everything_else_join(guarded: World) -> None:
    """Changes, incidents, assets, files, versions, moves, events and what a thing touched: page after page is the whole."""
    for number in range(5):
        guarded.data("main", **{f"f{number}_csv": b"%d\n" % number})
        guarded.do("rollback", main(), why="x")
    asked: list[tuple[str, dict[str, Any]]] = [
        ("find", {"what": "changes"}), ("find", {"what": "incidents"}), ("ls", {}), ("ls", {"what": "data/flights@1"}),
        ("history", {"what": "data/flights"}), ("history", {"what": "data/flights@main"}), ("impact", {"what": "data/flights@1"}),
    ]  # fmt: skip
    for verb, words in asked:
        whole = guarded.do(verb, **words, limit=1000)
        whole = list(whole.reached if verb == "impact" else whole)
        assert whole, (verb, words)
        for limit in (1, 2, 3):
            assert pages(guarded.do, verb, **words, limit=limit) == whole, (verb, words, limit)


def main() -> RefName:
    """Name the branch of the data."""
    return RefName(DATA, "main")


def test_the_feed_goes_on_both_ways(guarded: World) -> None:
    """Forwards by `after`, backwards by `before`, the place being the number of the last event."""
    whole = [event.seq for event in guarded.events()]
    forwards = list[int]()
    place: str | None = "0"
    while place is not None:
        page = guarded.do("feed", after=int(place), limit=2)
        forwards += [event.seq for event in page]
        place = next_of("feed", {"limit": 2}, page)
    assert forwards == whole
    first = guarded.do("feed", limit=3)
    place = next_of("feed", {"limit": 3}, first)
    assert place is not None
    rest = guarded.do("feed", before=int(place), limit=1000)
    assert [event.seq for event in (*first, *rest)] == whole[::-1]


@pytest.mark.parametrize("after", ["x", "0.5@", "[1]@id", "true@id", '"a"@id', "@id", "{" * 9999])
def test_a_place_that_is_none_is_refused(many: World, after: str) -> None:
    """What no answer has given as `next` is Invalid, not an empty page."""
    with pytest.raises(Invalid) as caught:
        many.do("find", order="metrics.auc", after=after)
    assert caught.value.kind == "bad-cursor"


def test_a_limit_is_at_least_one_and_no_more_than_memory_holds() -> None:
    """What a database reads as no limit is refused, and so is more than anybody reads; what is allowed comes back."""
    assert at_most(1) == 1
    assert at_most(MOST) == MOST == 10_000
    assert at_most(MOST + 1, most=HELD) == MOST + 1
    for limit in (0, -1, MOST + 1, 10**30):
        with pytest.raises(Invalid) as caught:
            at_most(limit)
        assert (caught.value.kind, caught.value.facts["most"]) == ("bad-limit", MOST)


def test_only_what_goes_on_is_said_to(world: World) -> None:
    """Who asks for too much is told of further pages by verbs that have some, and nobody is who asked for nothing."""
    flights = [parse_pointer(f"data/flights@{at}", project=world.loop.project) for at in ("1", "main")]
    asked: tuple[tuple[str, tuple[Any, ...], int], ...] = (
        ("ls", (), MOST), ("overview", (), MOST), ("diff", tuple(flights), HELD),
    )  # fmt: skip
    for verb, words, most in asked:
        hints = []
        for limit in (0, most + 1):
            with pytest.raises(Invalid) as caught:
                world.do(verb, *words, limit=limit)
            assert caught.value.facts["most"] == most
            hints.append("--after" in caught.value.hint)
        assert hints == [False, verb in PAGED]
    assert world.do("diff", *flights, limit=MOST + 1).files == ()


def test_every_list_keeps_to_it(world: World) -> None:
    """No verb that lists gives more than a page's worth at once, however much is asked for."""
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
        ("find", {}), ("ls", {}), ("history", {"what": "data/flights"}), ("feed", {}), ("search", {"words": "a"}),
        ("impact", {"what": "data/flights@1"}), ("overview", {}),
    )  # fmt: skip
    for verb, words in asked:
        for limit in (0, MOST + 1):
            with pytest.raises(Invalid) as caught:
                world.do(verb, **words, limit=limit)
            assert caught.value.kind == "bad-limit"


def test_a_number_is_a_place() -> None:
    """Digits are one, nothing is none, and the rest is refused."""
    assert (numbered("12"), numbered("")) == (12, None)
    for wrong in ("-1", "1.5", "x", "9" * 30, "\uff11"):
        with pytest.raises(Invalid):
            numbered(wrong)


@pytest.mark.parametrize("verb", sorted(PAGED))
def test_every_verb_that_pages_takes_a_place_and_a_limit(verb: str) -> None:
    """What gives `next` takes `after`, and its limit is the one that paging knows."""
    params = inspect.signature(load(verb)).parameters
    assert "after" in params
    assert params["limit"].default == DEFAULTS[verb]


def test_the_last_page_says_so(world: World) -> None:
    """A page that is not full has no next; what is not paged has none either."""
    world.do("start", "a")
    assert next_of("find", {"limit": 2}, world.do("find", limit=2)) is None
    assert next_of("find", {"limit": 1}, world.do("find", limit=1)) is not None
    assert next_of("get", {}, None) is None
