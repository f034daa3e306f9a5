from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.experiment import Experiment
from loopline.nouns.trace import Span
from loopline.verbs.tracing import Arrival, receive

if TYPE_CHECKING:
    from .conftest import World

MS = 1_000_000


@pytest.fixture
def told(world: World) -> World:
    """Give a world with five traces; the newest goes on and belongs to a run."""
    run = world.do("start", "train").id
    for at in range(5):
        span = Span("1" * 16, f"ask {at}", (at + 1) * MS, None if at == 4 else (at + 2) * MS)
        arrival = Arrival(f"tr-{at:032x}", (span,), name=span.name, runs=(run,) if at == 4 else ())
        receive(world.loop, Experiment(0, world.loop.project, "default"), [arrival])
    return world


def test_traces_are_found_page_by_page(told: World) -> None:
    """The newest first, and behind the last of a page."""
    first = told.do("find", "traces", limit=3)
    rest = told.do("find", "traces", limit=3, after=first[-1].id)
    assert [one.name for one in (*first, *rest)] == [f"ask {at}" for at in (4, 3, 2, 1, 0)]
    with pytest.raises(Invalid) as caught:
        told.do("find", "traces", after="tr-nowhere")
    assert caught.value.kind == "bad-cursor"


def test_a_run_is_named_by_its_first_digits(told: World) -> None:
    """In a filter of traces as anywhere; one that is not there has none."""
    (run,) = told.do("find", "runs")
    assert [one.name for one in told.do("find", "traces", f"run = '{run.id[:16]}'")] == ["ask 4"]
    assert told.do("find", "traces", "run = 'ffff'") == ()
    assert [one.name for one in told.do("find", "traces", open=True)] == ["ask 4"]


def test_one_is_shown_whole(told: World) -> None:
    """By its whole id: the beginning of one is nobody's."""
    name = f"tr-{4:032x}"
    assert [span.name for span in told.do("show", name).spans] == ["ask 4"]
    with pytest.raises(NotFound):
        told.do("show", name[:20])
    with pytest.raises(Invalid):
        told.do("find", "traces", order="name asc")
