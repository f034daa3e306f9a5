from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loopline.errors import Invalid
from loopline.models import columns
from loopline.models.codec import ModelCodec
from loopline.models.profile import ANSWERED, attached, decode, encode, of_column, profile, read
from loopline.models.signature import sign
from loopline.nouns.profile import ColumnProfile
from tests.models.conftest import frame, logistic, pipeline

ROOT = Path(__file__).parents[2]


def of(values: Any) -> ColumnProfile:
    """Profile one column."""
    return of_column(next(iter(columns.read({"x": values}))))


def test_bins_hold_what_lies_between_their_edges() -> None:
    """Counting by hand gives the counts, none is lost, and no inner bin has many times its share."""
    values = np.random.default_rng(0).lognormal(3, 2, 10_000)
    found = of(values)
    assert len(found.counts) == len(found.edges) + 1 <= 50
    assert list(found.edges) == sorted(set(found.edges))
    ends = [-np.inf, *found.edges, np.inf]
    by_hand = [int(((values > low) & (values <= high)).sum()) for low, high in pairwise(ends)]
    assert list(found.counts) == by_hand
    assert sum(found.counts) == 10_000
    assert max(found.counts) < 2 * 10_000 / 48
    assert (found.counts[0], found.counts[-1]) == (0, 0)
    assert found.mean == pytest.approx(values.mean())
    assert found.std == pytest.approx(values.std())


@pytest.mark.parametrize("values", [[7.0] * 5, [0] * 90 + [1] * 10, [1, 2, 3] * 4])
def test_few_distinct_values_have_a_bin_each(values: list[float]) -> None:
    """Constants and small sets are kept exactly, with empty bins around them for what was never there."""
    found = of(values)
    assert found.edges[1:] == tuple(sorted({float(one) for one in values}))
    assert found.counts == (0, *(values.count(one) for one in sorted(set(values))), 0)


def test_heavy_ties_keep_edges_apart() -> None:
    """A value that fills many quantiles gives one edge, and every row is counted."""
    found = of(np.concatenate([np.zeros(9_000), np.random.default_rng(0).normal(size=1_000)]))
    assert len(set(found.edges)) == len(found.edges)
    assert sum(found.counts) == 10_000


def test_missing_and_infinite_are_apart() -> None:
    """Neither is in a bin, nor in range and mean."""
    found = of([1.0, np.nan, np.inf, 3.0, -np.inf, None])
    assert (found.rows, found.nulls, found.infinite, sum(found.counts)) == (6, 2, 2, 2)
    assert (found.low, found.high, found.mean) == (1.0, 3.0, 2.0)
    assert of([np.inf, np.nan]).counts == ()
    assert of(np.array([], dtype=float)).rows == 0


def test_texts_are_counted_the_most_frequent_first() -> None:
    """Ties go by the alphabet; truth values are texts too."""
    found = of(["UA", "B6", "UA", None, "AA"])
    assert found.values == ("UA", "AA", "B6")  # noqa: PD011 (a noun, not a frame)
    assert (found.frequencies, found.others, found.nulls) == ((2, 1, 1), 0, 1)
    assert of([True, False, True]).values == ("true", "false")  # noqa: PD011 (a noun, not a frame)


def test_rare_and_long_texts_do_not_travel() -> None:
    """Of a column of names nothing is kept but how many there were; nor is a text of a page."""
    assert of([f"passenger {i}" for i in range(1_000)]).values == ()  # noqa: PD011 (a noun, not a frame)
    found = of(["short", "long" * 100])
    assert (found.values, found.others) == (("short",), 1)  # noqa: PD011 (a noun, not a frame)
    many = of([f"tail {i % 150}" for i in range(1_500)])
    assert (len(many.values), many.others) == (100, 500)


def test_tables_of_every_make_give_the_same_profile() -> None:
    """A frame, an Arrow table and a mapping of the same rows agree."""
    import pyarrow as pa

    rows, _ = frame()
    by_frame = profile(None, rows).inputs
    assert by_frame == profile(None, pa.Table.from_pandas(rows)).inputs
    assert by_frame == profile(None, {name: rows[name].to_numpy() for name in rows}).inputs
    assert [one.name for one in profile(logistic(), rows[["distance", "hour"]].to_numpy()).inputs] == [
        "distance", "hour",
    ]  # fmt: skip


def test_answers_are_profiled_over_at_most_20_000_rows() -> None:
    """Both the class and the probability of each class but the first are there, on evenly spaced rows."""
    rows = pd.concat([frame()[0]] * 100, ignore_index=True)
    found = profile(pipeline(), rows)
    assert found.rows == 30_000
    assert [one.name for one in found.outputs] == ["predict", "predict_proba[1]"]
    assert {one.rows for one in found.outputs} == {ANSWERED}
    assert 0 <= (found.outputs[1].low or -1) <= (found.outputs[1].high or 2) <= 1


def test_a_model_that_does_not_answer_is_warned_about() -> None:
    """Rows that the model cannot take are profiled all the same, and somebody is told."""
    with pytest.warns(UserWarning, match="does not answer"):
        found = profile(logistic(), frame()[0])
    assert found.outputs == ()
    assert len(found.inputs) == 3


def test_a_signed_model_carries_its_profile_through_the_codec(tmp_path: Path) -> None:
    """The folder has it as a file, and what is loaded again still has it; an unsigned model has none."""
    rows, _ = frame()
    model = sign(pipeline(), rows)
    ModelCodec().dump(model, tmp_path)
    assert read(tmp_path) == attached(model) == attached(ModelCodec().load(tmp_path)) == profile(model, rows)
    (tmp_path / "bare").mkdir()
    ModelCodec().dump(pipeline(), tmp_path / "bare")
    assert read(tmp_path / "bare") is None


@pytest.mark.long
def test_equal_signed_models_give_equal_bytes_in_any_process(tmp_path: Path) -> None:
    """Two processes with different hash seeds write the same profile and the same model."""
    script = (
        "import sys; from pathlib import Path; from tests.models.conftest import frame, pipeline\n"
        "from loopline.models.codec import ModelCodec; from loopline.models.signature import sign\n"
        "ModelCodec().dump(sign(pipeline(), frame()[0]), Path(sys.argv[1]))\n"
    )
    for seed in ("1", "4242"):
        (tmp_path / seed).mkdir()
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / seed)],
            check=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        )  # fmt: skip
    one, other = ({file.name: file.read_bytes() for file in (tmp_path / seed).iterdir()} for seed in ("1", "4242"))
    assert set(one) == {"model.json", "model.skops", "profile.json"}
    assert one == other


def test_a_profile_survives_its_file_and_others_are_refused() -> None:
    """What is written is read again; anything else is an error with a kind."""
    found = profile(None, {"x": [1.0, np.inf, 1e308, -1e308], "t": ["a", None, "b", "a"]})
    assert decode(encode(found)) == found
    with pytest.raises(Invalid) as caught:
        decode(b'{"rows": "many"}')
    assert caught.value.kind == "bad-profile"
