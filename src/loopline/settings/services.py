"""services: `[services."service/delay"]` of a project's file: which models answer together, and how they are watched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, get_args

from loopline.errors import Invalid
from loopline.nouns.declaration import MAIN, Candidate, Declaration
from loopline.nouns.service import LATENCIES_S, Batching, Labels, Limits, Monitor, MonitorKind, Objectives, Recording
from loopline.nouns.severity import SEVERITIES
from loopline.settings.rollouts import rollout
from loopline.settings.table import Table, near

if TYPE_CHECKING:
    from loopline.nouns.name import AssetName

_ARM: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
_HEADER: Final = re.compile(r"header:[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_BOUNDS: Final = {
    "drift": ("effect", "q"),
    "data": ("nulls", "range", "new"),
    "service": ("p50_ms", "p99_ms", "errors", "saturation"),
}
"""What may be bounded, by kind. A quality monitor bounds metrics."""
_SHARES: Final = frozenset({"q", "nulls", "range", "new", "errors", "saturation", "effect"})

_SHORTEST: Final = timedelta(days=7)
_LONGEST: Final = timedelta(days=90)
"""Of an objective's window: in less there is no hour in which a burning budget could be told from chance."""
_LEAST: Final = 0.9


def services(table: Table) -> tuple[Declaration, ...]:
    """Take `[services."service/delay"]`."""
    found = []
    outer = table.inner("services")
    for name, one in table.named("services"):
        if outer is not None:
            _kind(outer, name, name, "service")
        found.append(_declared(name, one))
        one.done()
    return tuple(found)


def _declared(name: str, table: Table) -> Declaration:
    return Declaration(
        name=name,
        arms=_arms(table),
        unit=_unit(table),
        event_time=_source(table, "event_time", table.text("event_time")),
        outputs=_columns(table, "outputs"),
        workers=table.whole("workers", 1, least=1),
        allow_pickle=table.flag("allow_pickle", default=False),
        recording=_recording(table.inner("record")),
        batching=_batching(table.inner("batch")),
        limits=_limits(table.inner("limits")),
        labels=_labels(table.inner("labels")),
        monitors=_monitors(table),
        objectives=_objectives(table.inner("objectives")),
        grpc=table.flag("grpc", default=False),
        rollout=rollout(table.inner("rollout")),
    )


def _arms(table: Table) -> tuple[Candidate, ...]:
    several = table.many("arms")
    if "model" in table:
        if several:
            table.fail("model", "model and arms say the same twice", kind="two-models", hint="keep one of them")
        return (Candidate(MAIN, _model(table)),)
    table.text("model")  # known, so that a key that is nearly it is told
    found: list[Candidate] = []
    for one in several:
        for key in ("name", "model"):
            one.needed(key)
        name = one.text("name")
        if not _ARM.match(name):
            one.fail("name", f"{name!r} is no name", kind="bad-arm", hint="write small letters and digits", text=name)
        if any(other.name == name for other in found):
            one.fail("name", f"two arms are called {name!r}", kind="same-name", hint="rename one", name=name)
        found.append(Candidate(name, _model(one), one.whole("weight", 1), one.flag("shadow", default=False)))
        one.done()
    if several and not any(one.weight and not one.shadow for one in found):
        table.fail("arms", "no arm answers", kind="no-traffic", hint="give one a weight, and leave out shadow there")
    return tuple(found)


def _model(table: Table) -> str:
    text = table.text("model")
    _kind(table, "model", text, "model")
    return text


def _kind(table: Table, key: str, text: str, kind: Literal["service", "model"]) -> None:
    """Refuse what is no name of this kind."""
    try:
        asset = _asset(text, kind)
    except Invalid as error:
        table.fail(key, str(error), kind=error.kind, hint=error.hint, **error.facts)
    if asset.kind != kind:
        table.fail(key, f"{text!r} is no {kind}", kind="bad-kind", hint=f"write {kind}/{asset.name}", text=text)


def _asset(text: str, kind: str) -> AssetName:
    from loopline.nouns.name import parse_asset, parse_pointer

    if kind == "service":
        return parse_asset(text, project="project")
    return parse_pointer(text, project="project").asset


def _unit(table: Table) -> tuple[str, ...]:
    found = _columns(table, "unit")
    headers = [one for one in found if one.startswith("header:")]
    for one in headers:
        _source(table, "unit", one)
    if headers and len(found) > 1:
        table.fail(
            "unit", "unit is one header or some columns", kind="bad-column", hint=f'write unit = ["{headers[0]}"]'
        )
    return found


def _source(table: Table, key: str, text: str) -> str:
    if text.startswith("header:") and not _HEADER.match(text):
        table.fail(key, f"{text!r} names no header", kind="bad-column", hint="write header:x-user", text=text)
    return text


def _columns(table: Table, key: str) -> tuple[str, ...]:
    """Take names of columns. Whether a model has them is found out when it is deployed."""
    found = table.texts(key)
    for index, name in enumerate(found):
        path = (*table.path, key, index)
        if not name.strip():
            table.source.fail(path, f"{key}[{index}] names no column", kind="bad-column", hint="name one, or remove it")
        if name in found[:index]:
            table.source.fail(path, f"{key} names {name!r} twice", kind="bad-column", hint="remove one", column=name)
    return found


def _recording(table: Table | None) -> Recording:
    if table is None:
        return Recording()
    found = Recording(table.number("sample", 1.0, most=1.0), _columns(table, "redact"))
    table.done()
    return found


def _batching(table: Table | None) -> Batching:
    default = Batching()
    if table is None:
        return default
    found = Batching(table.whole("rows", default.rows, least=1), table.duration("wait", default.wait))
    table.done()
    return found


def _limits(table: Table | None) -> Limits:
    default = Limits()
    if table is None:
        return default
    found = Limits(
        memory=table.size("memory", default.memory),
        timeout=table.positive("timeout", default.timeout),
        queue=table.positive("queue", default.queue),
        rows=table.whole("rows", default.rows, least=1),
        body=table.size("body", default.body),
    )
    if found.body < 1:
        table.fail("body", "no request fits into body = 0", kind="bad-value", hint="write a size: 32MiB")
    table.done()
    return found


def _labels(table: Table | None) -> Labels:
    if table is None:
        return Labels()
    from loopline.checks.names import BINARY, CLASSES, REGRESSION

    metrics = _columns(table, "metrics")
    some = metrics and not set(metrics) <= set(CLASSES)  # those say nothing: two classes have them, and more
    usual = ("regression" if metrics[0] in REGRESSION else "binary") if some else ""
    kind = table.choice("kind", ("binary", "classes", "regression"), usual)
    found = Labels(
        target=table.text("target", Labels().target),
        join=_columns(table, "join"),
        score=table.text("score"),
        positive=table.text("positive"),
        kind=kind,  # type: ignore[arg-type] # one of three words or none, by the line above
        metrics=metrics,
        slices=_columns(table, "slices"),
    )
    _known(table, "metrics", metrics, {"regression": REGRESSION, "classes": CLASSES}.get(kind, BINARY))
    table.done()
    return found


def _objectives(table: Table | None) -> Objectives:
    default = Objectives()
    if table is None:
        return default
    found = Objectives(
        window=table.duration("window", default.window),
        availability=_target(table, "availability"),
        latency=_target(table, "latency"),
        within=table.duration("within", default.within),
    )
    if not _SHORTEST <= found.window <= _LONGEST:
        table.fail("window", "an objective holds over 7 to 90 days", kind="bad-value", hint="write 7d, 28d or 30d")
    if found.within.total_seconds() not in LATENCIES_S:
        known = ", ".join(f"{one * 1000:g}ms" for one in LATENCIES_S)
        table.fail("within", "answers are not counted by that bound", kind="bad-value", hint=f"write one of {known}")
    table.done()
    return found


def _target(table: Table, key: str) -> float:
    found = table.number(key, 0.0, most=1.0)
    if found and not _LEAST <= found < 1:
        hint = "write for example 0.999: 1 cannot be kept, and less than 0.9 is no objective"
        table.fail(key, f"{key} = {found:g} is no share to keep to", kind="bad-value", hint=hint)
    return found


def _known(table: Table, key: str, words: Sequence[str], known: Sequence[str]) -> None:
    for index, word in enumerate(words):
        if word not in known:
            hint = near(word, known) or f"write some of {', '.join(known)}"
            table.source.fail(
                (*table.path, key, index), f"{word!r} is not known", kind="bad-value", hint=hint, text=word
            )


def _monitors(table: Table) -> tuple[Monitor, ...]:
    found: list[Monitor] = []
    for one in table.many("monitors"):
        for key in ("name", "kind"):
            one.needed(key)
        name = one.text("name")
        if not _ARM.match(name):
            one.fail(
                "name", f"{name!r} is no name", kind="bad-monitor", hint="write small letters and digits", text=name
            )
        if any(other.name == name for other in found):
            one.fail("name", f"two monitors are called {name!r}", kind="same-name", hint="rename one", name=name)
        kind = one.choice("kind", get_args(MonitorKind), "drift")
        found.append(
            Monitor(
                name=name,
                kind=kind,
                window=one.positive("window", timedelta(days=1)),
                every=one.positive("every", timedelta(hours=1)),
                rows=one.whole("rows", 500, least=1),
                bounds=_bounds(one.inner("bounds"), kind),
                columns=_columns(one, "columns"),
                rise=one.whole("rise", 2, least=1),
                clear=one.whole("clear", 2, least=1),
                severity=one.choice("severity", SEVERITIES, "medium"),
            )
        )
        one.done()
    return tuple(found)


def _bounds(table: Table | None, kind: str) -> dict[str, float]:
    if table is None:
        return {}
    known = _BOUNDS.get(kind) or _of_metrics()
    found = {}
    for key in sorted(table):
        if key not in known:
            hint = near(key, known) or f"a monitor of {kind} bounds {', '.join(known)}"
            table.fail(key, f"a monitor of {kind} bounds no {key!r}", kind="unknown-key", hint=hint, word=key)
        negative = kind == "quality"  # R² has no least value
        most = 1.0 if key in _SHARES else float("inf")
        found[key] = table.number(key, 0.0, least=float("-inf") if negative else 0.0, most=most)
    return found


def _of_metrics() -> tuple[str, ...]:
    from loopline.checks.names import KNOWN

    return (*KNOWN, *(f"{name}_drop" for name in KNOWN))
