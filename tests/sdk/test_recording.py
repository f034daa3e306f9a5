"""Training code sees a run that takes what it is given and never gets in the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import loopline
from loopline.errors import NotFound
from loopline.nouns.name import AssetName
from loopline.nouns.run import Run, RunState
from loopline.sdk.client import Local
from loopline.sdk.recording import flat, outcome_of
from loopline.verbs.put import put


def history(client: Local, run: str, key: str) -> list[tuple[int, float]]:
    with client.loop.ledger.read() as tx:
        return [(one.step, one.value) for one in tx.metrics.history(run, key)]


@pytest.mark.parametrize(
    "number", [1, 0.5, True, np.float32(0.25), np.int64(3), np.array(2.0), Fraction(1, 4), math.inf]
)
def test_numbers_of_any_make(client: Local, number: Any) -> None:
    """Whatever is a number is logged as one."""
    with loopline.start("train") as run:
        run.log(x=number)
    assert history(client, run.id, "x") == [(0, float(number))]


class Angry:
    """Raises at every touch."""

    def __float__(self) -> float:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("value", ["0.3", "loss", None, [1], {"a"}, 1j, Angry(), np.zeros(3), b"1", 10**400])
def test_what_is_no_number_is_left_out(client: Local, said: Callable[[], list[str]], value: Any) -> None:
    """It warns once a name, logs what stands beside it, and never raises."""
    with loopline.start("train") as run:
        for step in range(3):
            run.log(bad=value, good=1, step=step)
    assert [one for one in said() if "bad" in one and "no number" in one] == [one for one in said() if "bad" in one][:1]
    assert len(history(client, run.id, "good")) == 3
    assert history(client, run.id, "bad") == []


@pytest.mark.parametrize("step", ["x", 1e400, math.nan, 2**70, object()])
def test_a_step_that_is_none(client: Local, said: Callable[[], list[str]], step: Any) -> None:
    """A step that is no whole number of 64 bits is told and left out; it is not the value that is blamed."""
    with loopline.start("train") as run:
        run.log(loss=1.0, step=step)
        run.log(loss=2.0, step=np.int32(7))
    assert history(client, run.id, "loss") == [(7, 2.0)]
    (warning,) = said()
    assert "step" in warning
    assert "float" not in warning


def test_nested_values(client: Local) -> None:
    """Names of nested values are joined by a slash."""
    with loopline.start("train", params={"model": {"depth": 8}}) as run:
        run.log({"val": {"loss": 0.5, "by": {"UA": 0.25}}})
        run.params(optimiser={"lr": 0.1})
    assert history(client, run.id, "val/by/UA") == [(0, 0.25)]
    assert client.do("show", run.id).params == {"model/depth": "8", "optimiser/lr": "0.1"}


def test_each_series_counts_its_steps(client: Local) -> None:
    """Without a step a series goes on behind its last one."""
    with loopline.start("train") as run:
        run.log(a=1, b=1)
        run.log(a=2)
        run.log(a=3, step=10)
        run.log(a=4, b=2)
    assert [step for step, _ in history(client, run.id, "a")] == [0, 1, 10, 11]
    assert [step for step, _ in history(client, run.id, "b")] == [0, 1]


def test_texts_that_cannot_be_written(
    client: Local, said: Callable[[], list[str]], runs: Callable[[], list[Run]]
) -> None:
    """Params and tags that raise when they are written do not stop the program."""
    with loopline.start("train", params={"x": Angry()}) as run:
        run.params(y=Angry())
        run.tag(z=Angry())
        run.tag(fine=1)
    assert runs()[0].tags == {"fine": "1"}
    assert len(said()) == 3


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (None, RunState.FINISHED, None),
        (ValueError("bad\nworse"), RunState.FAILED, "ValueError: bad"),
        (KeyError(), RunState.FAILED, "KeyError"),
        (KeyboardInterrupt(), RunState.CANCELLED, "interrupted"),
        (SystemExit(0), RunState.FINISHED, None),
        (SystemExit(None), RunState.FINISHED, None),
        (SystemExit(3), RunState.FAILED, "exit 3"),
        (MemoryError(), RunState.FAILED, "MemoryError"),
    ],
)
def test_a_run_ends_as_its_block(
    client: Local, runs: Callable[[], list[Run]], error: BaseException | None, state: RunState, text: str | None
) -> None:
    """An exception makes it failed, Ctrl-C cancelled, and both go on to the caller."""
    assert outcome_of(error) == (state, text)
    caught = None
    try:
        with loopline.start("train"):
            if error is not None:
                raise error
    except BaseException as found:  # noqa: BLE001 (Ctrl-C is one of the cases)
        caught = found
    assert caught is error
    assert [(run.state, run.error) for run in runs()] == [(state, text)]


def test_finish_twice(client: Local, said: Callable[[], list[str]], runs: Callable[[], list[Run]]) -> None:
    """The first end counts; what is logged afterwards is left out with a warning."""
    with loopline.start("train") as run:
        run.finish("failed", error="gave up")
        run.finish()
        run.log(loss=1.0)
    assert [(one.state, one.error) for one in runs()] == [(RunState.FAILED, "gave up")]
    assert ["is over" in one for one in said()] == [True]


def test_put_publishes(client: Local, project: Path, runs: Callable[[], list[Run]]) -> None:
    """Bytes, files and folders become versions that know their run, and outputs of the run."""
    (project / "plot.html").write_text("<p>")
    (project / "out").mkdir()
    (project / "out" / "a.txt").write_text("a")
    with loopline.start("train") as run:
        made = [
            run.put("report/bytes", b"x", message="m"),
            run.put("report/plot", project / "plot.html"),
            run.put("report/out", str(project / "out"), metadata={"rows": 3}),
        ]
    assert [str(one) for one in made] == ["report/bytes@1", "report/plot@1", "report/out@1"]
    assert [one.artifact.media_type for one in made if one][1] == "text/html"
    assert {one.run for one in made if one} == {run.id}
    assert [one.asset for one in runs()[0].outputs] == ["report/bytes", "report/plot", "report/out"]
    assert [one.path for one in loopline.data("report/out").files()] == ["a.txt"]


@pytest.mark.parametrize(("asset", "value"), [("nonsense", b"x"), ("report/x", "no/such/file"), ("report/x", object())])
def test_put_that_cannot_be(client: Local, said: Callable[[], list[str]], asset: str, value: Any) -> None:
    """Publishing is tracking: what cannot be published is told, and the program goes on."""
    with loopline.start("train") as run:
        assert run.put(asset, value) is None
    assert len(said()) == 1


def test_input_that_is_nowhere(client: Local, said: Callable[[], list[str]], runs: Callable[[], list[Run]]) -> None:
    """An input that cannot be found is told, and the program goes on."""
    with loopline.start("train") as run:
        run.input("data/nope@3")
    assert len(said()) == 1
    assert runs()[0].inputs == ()


def test_an_input_of_another_project_keeps_its_project(
    client: Local, said: Callable[[], list[str]], runs: Callable[[], list[Run]]
) -> None:
    """A version that another project has made is read as its own, and `why` leads there."""
    there = replace(client.loop, project="trains")
    put(there, AssetName("trains", "report", "delays"), digest=there.blobs.put(b"late"))
    with loopline.start("train") as run:
        run.input("trains:report/delays@1")
    assert [one.asset for one in runs()[0].inputs] == ["trains:report/delays"]
    assert said() == []


def test_nothing_is_published_in_another_project(
    client: Local, said: Callable[[], list[str]], runs: Callable[[], list[Run]]
) -> None:
    """A run publishes where it is; a name of another project is told to be refused, and no namesake appears here."""
    with loopline.start("train") as run:
        assert run.put("trains:report/delays", b"late") is None
    assert any("trains:report/delays" in one for one in said())
    assert runs()[0].outputs == ()
    with pytest.raises(NotFound):
        client.do("get", "report/delays@1")


def test_log_is_cheap(client: Local) -> None:
    """A call costs the training loop less than 20 µs (median of batches, on whatever machine tests run)."""
    with loopline.start("train") as run:
        run.flush()
        costs = []
        for _ in range(20):
            began = time.perf_counter()
            for step in range(100):
                run.log(loss=0.25, step=step)
            costs.append((time.perf_counter() - began) / 100)
    assert sorted(costs)[10] < 20e-6


def test_flat() -> None:
    """Empty mappings are values; others are taken apart."""
    assert dict(flat({"a": {"b": 1, "c": {}}, "d": None})) == {"a/b": "1", "a/c": "{}", "d": "None"}
