from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid, NotFound, Unavailable
from loopline.nouns.plan import Repeat
from tests.conftest import cannot

from .projects import TINY, TOTAL, states

if TYPE_CHECKING:
    from .projects import Project

NEEDED = {"loopline", "msgspec", "pysqlite3", "xxhash"}
"""What a worker imports."""
CHANCE = "return sum(numbers) + __import__('random').randrange(1 << 60)"


def reproduce(project: Project, what: str, **asked: Any) -> Repeat:
    """Run it again in this process."""
    repeat: Repeat = project.do("reproduce", what, **{"here": True, "executor": "inline", **asked})
    return repeat


def test_a_deterministic_run_comes_out_the_same(project: Project) -> None:
    """Every output is equal byte for byte, nothing came from the cache, and nothing is published."""
    ran = project.trained(params={"plus": "3"})
    project.data(a_txt=b"100\n")
    repeat = reproduce(project, "model/total@1")
    assert repeat.original.id == ran.run.id
    assert repeat.equal == ("measure.result", "read.result", "total.result")
    assert repeat.different == ()
    assert (repeat.again.kind, repeat.again.tags["reproduces"]) == ("reproduce", ran.run.id)
    assert repeat.again.params == ran.run.params
    steps = [step for step in project.runs("step") if step.parent == repeat.again.id]
    assert {step.state for step in steps} == {"finished"}
    assert project.count(TOTAL) == 1


def test_chance_is_found_out_and_does_not_replace_what_is_known(project: Project) -> None:
    """A step with a random output differs, and so does what is behind it; the cache keeps what the first run made."""
    project.write(tiny=TINY.replace("return sum(numbers) + plus", CHANCE))
    first = project.trained()
    repeat = reproduce(project, first.run.id)
    assert (repeat.equal, repeat.different) == (("read.result",), ("measure.result", "total.result"))
    again = project.trained()
    assert set(states(again).values()) == {"cached"}
    assert [str(version) for version in again.published] == ["model/total@1"]


def test_a_repetition_that_fails_differs_in_everything(project: Project) -> None:
    """What does not come out at all is not the same."""
    mark = project.home / "mark"
    fails = f"import pathlib; pathlib.Path({str(mark)!r}).mkdir(); return 1"
    project.write(tiny=TINY.replace("return sum(numbers) + plus", fails))
    ran = project.trained()
    repeat = reproduce(project, ran.run.id)
    assert (repeat.again.state, repeat.equal) == ("failed", ())
    assert len(repeat.different) == 3


def test_what_cannot_be_repeated_says_why(project: Project) -> None:
    """A run that did not finish, a step, a version that no run made, and a run without a lock."""
    project.write(tiny=TINY.replace("return sum(numbers) + plus", "raise ValueError"))
    failed = project.run()
    project.write(tiny=TINY)
    ran = project.trained()
    project.do("put", TOTAL, digest=project.loop.blobs.put(b"by hand"))
    for what, error, kind in (
        (failed.run.id, Invalid, "not-reproducible"),
        (ran.steps[0].id, Invalid, "not-reproducible"),
        ("model/total@2", NotFound, "no-run"),
    ):
        with pytest.raises(error) as caught:
            reproduce(project, what)
        assert caught.value.kind == kind
    with pytest.raises(NotFound) as missing:
        reproduce(project, ran.run.id, here=False)
    assert (missing.value.kind, missing.value.hint[:10]) == ("no-environment", "add --here")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_restored_environment_gives_the_same(project: Project) -> None:
    """The packages are restored from the run's lock into an environment of their own, and every output is equal."""
    from loopline.environments.capture import capture
    from loopline.environments.lock import encode

    lock = capture(project.home)
    needed = tuple(one for one in lock.distributions if one.name in NEEDED)
    assert {one.name for one in needed} == NEEDED
    kept = project.loop.blobs.put(encode(replace(lock, distributions=needed)))
    ran = project.trained(environment=kept, packages={one.name: one.version for one in needed})
    try:
        repeat = reproduce(project, ran.run.id, here=False, executor="local")
    except Unavailable as error:
        if error.kind != "no-network":
            raise
        cannot(error.message)
    assert repeat.different == (), repeat.again.error
    assert len(repeat.equal) == 3
    assert "restored" in repeat.environment
