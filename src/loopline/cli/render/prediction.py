"""prediction: what was asked, what was answered, what came true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.cli.text import aligned, clean, moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.prediction import Prediction


def list_of_prediction(values: Sequence[Prediction], screen: Screen) -> Iterator[str]:
    """Draw two lines a prediction: when, about whom, by which version, the answer and the truth; below it what was asked."""
    rows = aligned([_row(one, screen) for one in values], width=screen.width)
    for one, row in zip(values, rows, strict=True):
        yield row
        asked = _pairs(one.inputs)
        if asked:
            yield f"  {screen.paint('dim', asked)}"


def _row(one: Prediction, screen: Screen) -> list[str]:
    fine = one.status < 400
    return [
        screen.paint("name", clean(one.id)),
        moment(one.event_time, screen.zone),
        clean(one.unit),
        f"{clean(one.arm)} {clean(one.version)}" + (" shadow" if one.shadow else ""),
        span(one.latency_us),
        _pairs(one.outputs) if fine else screen.mark("bad", f"{one.status} {clean(one.error)}"),
        "" if one.label is None else f"true: {_value(one.label)}",
    ]


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{clean(name)} {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else clean(str(value))
