"""services: what a project file says about what is served."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest

from loopline.errors import Invalid
from loopline.nouns.declaration import Candidate, Declaration
from loopline.nouns.service import Batching, Labels, Limits, Monitor, Objectives, Recording
from loopline.settings.services import services
from loopline.settings.table import Source, Table
from loopline.verbs.plain import plain, restore

WHOLE = """
[services."service/delay"]
model = "model/delay@champion"
unit = ["carrier", "flight"]
event_time = "scheduled"
outputs = ["predict_proba"]
workers = 2
allow_pickle = true
grpc = true
record = { sample = 0.5, redact = ["flight"] }
batch = { rows = 32, wait = "5ms" }
limits = { memory = "1GiB", timeout = "10s", queue = "1s", rows = 1000, body = "1MiB" }
labels = { target = "late", join = ["unit", "event_time"], kind = "binary", positive = "1", slices = ["carrier"] }
objectives = { window = "28d", availability = 0.999, latency = 0.95, within = "100ms" }
[[services."service/delay".monitors]]
name = "drift"
kind = "drift"
window = "7d"
every = "1d"
rows = 500
rise = 3
clear = 1
severity = "high"
columns = ["carrier"]
bounds = { effect = 0.1, q = 0.01 }
"""


def read(text: str) -> tuple[Declaration, ...]:
    """Read a file."""
    table = Table(Source("f.toml", text), (), tomllib.loads(text))
    found = services(table)
    table.done()
    return found


def test_everything_that_can_be_said_is_taken() -> None:
    """Each key of a service reaches its field."""
    monitor = Monitor(
        "drift",
        "drift",
        timedelta(days=7),
        timedelta(days=1),
        500,
        {"effect": 0.1, "q": 0.01},
        ("carrier",),
        3,
        1,
        "high",
    )
    wanted = Declaration(
        "service/delay", (Candidate("main", "model/delay@champion"),), ("carrier", "flight"), "scheduled", ("predict_proba",),
        2, allow_pickle=True, recording=Recording(0.5, ("flight",)), batching=Batching(32, timedelta(milliseconds=5)),
        limits=Limits(1 << 30, timedelta(seconds=10), timedelta(seconds=1), 1000, 1 << 20),
        labels=Labels("late", ("unit", "event_time"), "", "1", "binary", (), ("carrier",)), monitors=(monitor,),
        objectives=Objectives(timedelta(days=28), 0.999, 0.95, timedelta(milliseconds=100)), grpc=True,
    )  # fmt: skip
    assert read(WHOLE) == (wanted,)
    assert restore(Declaration, plain(wanted)) == wanted  # as it travels to a server


def test_nothing_has_to_be_said() -> None:
    """An empty table is a service with what is usual; the model is named later."""
    assert read('[services."service/iris"]') == (Declaration("service/iris"),)


def test_metrics_say_what_a_truth_is() -> None:
    """Whoever names metrics of numbers need not say that labels are numbers; nobody's word leaves it to the model."""
    known = {"mae": "regression", "brier": "binary", "accuracy": ""}  # the last one is of two classes and of more
    lines = [*((f"metrics = ['{name}']", kind) for name, kind in known.items()), ('target = "late"', "")]
    for key, kind in lines:
        (found,) = read(f'[services."service/iris".labels]\n{key}')
        assert found.labels.kind == kind


def test_several_models_are_arms() -> None:
    """Each arm has a name, a model and a share, or listens alone."""
    found = read("""
        [[services."service/a".arms]]
        name = "old"
        model = "model/a@champion"
        weight = 9
        [[services."service/a".arms]]
        name = "new"
        model = "model/a@7"
        shadow = true
    """)
    assert found[0].arms == (Candidate("old", "model/a@champion", 9), Candidate("new", "model/a@7", shadow=True))


@pytest.mark.parametrize(
    ("line", "kind", "key"),
    [
        ("modle = 'model/a'", "unknown-key", "modle"),
        ("model = 'data/a'", "bad-kind", "model"),
        ("model = 'a b'", "bad-asset", "model"),
        ("workers = 0", "bad-value", "workers"),
        ("workers = 'two'", "wrong-type", "workers"),
        ("unit = ['a', 'a']", "bad-column", "unit"),
        ("unit = ['header:x', 'a']", "bad-column", "unit"),
        ("unit = ['']", "bad-column", "unit"),
        ("event_time = 'header:'", "bad-column", "event_time"),
        ("record = { sample = 1.5 }", "bad-value", "sample"),
        ("record = { sample = nan }", "bad-value", "sample"),
        ("record = { sampel = 1.0 }", "unknown-key", "sampel"),
        ("batch = { rows = 0 }", "bad-value", "rows"),
        ("batch = { wait = '1 fortnight' }", "bad-duration", "wait"),
        ("limits = { timeout = '0s' }", "bad-duration", "timeout"),
        ("limits = { memory = 'much' }", "bad-value", "memory"),
        ("limits = { body = '0' }", "bad-value", "body"),
        ("labels = { kind = 'many' }", "bad-value", "kind"),
        ("labels = { metrics = ['auc'] }", "bad-value", "metrics"),
        ("labels = { kind = 'regression', metrics = ['brier'] }", "bad-value", "metrics"),
        ("arms = [{ name = 'a' }]", "missing-key", "arms"),
        ("arms = [{ name = 'A b', model = 'model/a' }]", "bad-arm", "name"),
        ("arms = [{ name = 'a', model = 'model/a' }, { name = 'a', model = 'model/b' }]", "same-name", "name"),
        ("arms = [{ name = 'a', model = 'model/a', shadow = true }]", "no-traffic", "arms"),
        ("model = 'model/a'\narms = [{ name = 'a', model = 'model/a' }]", "two-models", "model"),
        ("objectives = { window = '1d' }", "bad-value", "window"),
        ("objectives = { availability = 1 }", "bad-value", "availability"),
        ("objectives = { availability = 99.9 }", "bad-value", "availability"),
        ("objectives = { latency = 0.5 }", "bad-value", "latency"),
        ("objectives = { latency = 0.99, within = '200ms' }", "bad-value", "within"),
        ("objectives = { latencies = 0.99 }", "unknown-key", "latencies"),
        ("monitors = [{ name = 'a', kind = 'taste' }]", "bad-value", "kind"),
        ("monitors = [{ name = 'a' }]", "missing-key", "monitors"),
        ("monitors = [{ name = 'a', kind = 'drift', bounds = { p99_ms = 1 } }]", "unknown-key", "p99_ms"),
        ("monitors = [{ name = 'a', kind = 'quality', bounds = { acc = 1 } }]", "unknown-key", "acc"),
        ("monitors = [{ name = 'a', kind = 'data', bounds = { nulls = 2 } }]", "bad-value", "nulls"),
        ("monitors = [{ name = 'a', kind = 'drift' }, { name = 'a', kind = 'data' }]", "same-name", "name"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_next_step(line: str, kind: str, key: str) -> None:
    """Unknown keys, wrong kinds and bad columns are refused where they stand."""
    with pytest.raises(Invalid) as caught:
        read(f'[services."service/a"]\n{line}\n')
    assert caught.value.kind == kind
    assert caught.value.facts["file"] == "f.toml"
    assert caught.value.facts["line"] >= 2 or kind == "missing-key"
    assert key in caught.value.facts["key"]
    assert caught.value.hint


def test_only_a_service_is_served() -> None:
    """A table of another kind is refused."""
    with pytest.raises(Invalid) as caught:
        read('[services."model/a"]')
    assert caught.value.kind == "bad-kind"
