"""How changes that roll begin, and which do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.name import Numbered, parse_ref
from loopline.nouns.rolling import Judged, Step
from loopline.nouns.service import Recording

from .rolled import PLAN, ROLLING, rolling
from .test_deploy import DECLARED, PROD, champion, train

if TYPE_CHECKING:
    from .conftest import World

BRIER = Judged("brier", "loss", 0.02, labelled=True)
ERRORS = Judged("errors", "events", 0.01)


def test_what_cannot_be_compared_does_not_begin(world: World) -> None:
    """A version that names units otherwise cannot be judged against the old one; the change stays as it was."""
    rolling(world)
    world.do("abort", str(PROD), why="no")
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, declared=replace(ROLLING, unit=()))
    assert caught.value.kind == "not-comparable"
    with world.loop.ledger.read() as tx:
        assert tx.refs.get(PROD).target == 1


@pytest.mark.parametrize(
    ("metrics", "column", "recording", "kind"),
    [
        ((BRIER,), "", Recording(redact=("predict",)), "redacted-column"),
        ((ERRORS,), "", Recording(redact=("predict",)), ""),
        ((ERRORS,), "", Recording(sample=0.0), "not-recorded"),
        ((ERRORS,), "carrier", Recording(redact=("carrier",)), "redacted-column"),
        ((ERRORS,), "carier", Recording(), "unknown-column"),
    ],
)
def test_what_is_judged_has_to_be_written_down(
    world: World, metrics: tuple[Judged, ...], column: str, recording: Recording, kind: str
) -> None:
    """A version that keeps no records, or hides what its rollout is judged by, is refused when it is deployed."""
    train(world)
    champion(world, 1)
    step = Step(0.5, members=("UA",) if column else ())
    plan = replace(PLAN, kind="slice" if column else "canary", metrics=metrics, column=column, steps=(step,))
    declared = replace(ROLLING, recording=recording, rollout=plan)
    if not kind:
        world.do("deploy", PROD, declared=declared)
        return
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, declared=declared)
    assert (caught.value.kind, bool(caught.value.hint)) == (kind, True)


def test_records_of_the_old_version_count_while_it_rolls(world: World) -> None:
    """Until the change is applied both are recorded as the old version says: where that keeps nothing, nothing can be judged."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=replace(DECLARED, recording=Recording(sample=0.0)))
    train(world, b"better")
    champion(world, 2)
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, declared=ROLLING)
    assert caught.value.kind == "not-recorded"


def test_two_deployments_do_not_roll_in_one_change(world: World) -> None:
    """Each is judged by itself, so both in one change are refused, and neither moves at once behind the back of its plan."""
    train(world)
    champion(world, 1)
    other = parse_ref("service/delay@staging", project="flights")
    for ref in (PROD, other):
        world.do("deploy", ref, declared=ROLLING)
    train(world, b"better")
    champion(world, 2)
    world.do("deploy", PROD, declared=ROLLING)
    world.do("abort", str(PROD), why="both at once")
    with pytest.raises(Invalid) as caught:
        world.do("propose", PROD, to=Numbered(2), also={str(other): "2"}, why="both")
    assert caught.value.kind == "two-rollouts"
    with world.loop.ledger.read() as tx:
        assert [tx.refs.get(ref).target for ref in (PROD, other)] == [1, 1]


def test_what_does_not_roll_is_told(world: World) -> None:
    """A change that moved at once has no rollout, and a deployment where nothing rolls says so."""
    train(world)
    champion(world, 1)
    change = world.do("deploy", PROD, declared=ROLLING)
    with pytest.raises(NotFound):
        world.do("abort", change.id, why="x")
    with pytest.raises(Conflict) as caught:
        world.do("abort", str(PROD), why="x")
    assert caught.value.kind == "rollout-over"
    assert world.do("rollouts") == ()
