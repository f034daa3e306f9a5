"""scoring: `POST /invocations`: MLflow's scoring protocol, so that whatever asks a model served by MLflow may ask this one.

A request is JSON with one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`, or CSV with a header; the answer
is `{"predictions": […]}`: what the model's `predict` gives, or an object for each row where its outputs have other names.
Source: "Deploy MLflow model", section "Inference server specification", release 3.17.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import StringIO
from typing import Any, Final

import msgspec

from loopline.errors import Invalid, LooplineError
from loopline.faces.inference import errors
from loopline.faces.inference.wire import values_of
from loopline.nouns.datatype import TEXT
from loopline.nouns.signature import Signature
from loopline.serving.question import Answer, Given, Question

FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
OUTPUT: Final = "predict"
_VALUES: Final = (int, float, str, bool, type(None))
_HINT: Final = 'send {"dataframe_split": {"columns": [NAME, …], "data": [[value, …], …]}}'
_encode = msgspec.json.Encoder().encode


class Frame(msgspec.Struct):
    """Rows as pandas writes them, orient `split`."""

    data: list[list[Any]]
    columns: list[Any] = msgspec.field(default_factory=list)


def read(body: bytes, media: str, signature: Signature, *, new_id: Callable[[], str]) -> Question:
    """Take a request apart. Raise Invalid."""
    kind = media.partition(";")[0].strip().lower() or "application/json"
    if kind == "text/csv":
        rows, columns = _of_csv(body, signature)
    elif kind == "application/json":
        rows, columns = _of_json(body, signature)
    else:
        raise Invalid(
            f"nobody here reads {kind[:60]!r}", kind="wrong-content-type", hint="send application/json or text/csv"
        )
    if not rows or not columns:
        raise _bad("it has no rows")
    named = [column.name for column in signature.outputs]
    return Question(new_id(), rows, columns, (OUTPUT,) if OUTPUT in named else ())


def write(answer: Answer) -> bytes:
    """Give the body of a response."""
    listed = {made.name: _rows(values_of(made)[1], made.tail) for made in answer.made}
    if len(listed) == 1:
        return _encode({"predictions": next(iter(listed.values()))})
    whole = zip(*listed.values(), strict=True)
    return _encode({"predictions": [dict(zip(listed, row, strict=True)) for row in whole]})


def told(error: LooplineError) -> dict[str, str]:
    """Say what went wrong: as everywhere here, and with the words that this protocol's clients look for."""
    status = errors.status(error)
    code = "BAD_REQUEST" if status < 500 and status != 429 else "INTERNAL_ERROR"
    return {**errors.body(error), "error_code": code, "message": error.message}


def _of_json(body: bytes, signature: Signature) -> tuple[int, list[Given]]:
    try:
        said = msgspec.json.decode(body)
        forms = [name for name in FORMS if name in said] if isinstance(said, dict) else []
        if len(forms) != 1:
            raise _bad(f"one of {', '.join(FORMS)} is needed")
        value = said[forms[0]]
        if forms[0] == "dataframe_split":
            return _of_frame(msgspec.convert(value, Frame), signature)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise _bad(str(error)) from None
    if isinstance(value, Mapping) and forms[0] == "inputs":
        return _of_columns({name: one if isinstance(one, list) else [one] for name, one in value.items()})
    if not isinstance(value, list) or not value:
        raise _bad("it has no rows")
    if all(isinstance(one, dict) for one in value):
        names = dict.fromkeys(name for one in value for name in one)
        return _of_columns({name: [one.get(name) for one in value] for name in names})
    if forms[0] == "dataframe_records":
        raise _bad("records are objects")
    return _of_rows(value, signature)


def _of_frame(frame: Frame, signature: Signature) -> tuple[int, list[Given]]:
    width = len(frame.columns) or (len(frame.data[0]) if frame.data else 0)
    if any(len(row) != width for row in frame.data):
        raise _bad(f"a row has not {width} values")
    names = [str(name) for name in frame.columns]
    if not names or all(isinstance(name, int) for name in frame.columns):  # a table without names: by position
        known = [column.name for column in signature.inputs]
        names = known if len(known) == width else names or [f"x{index}" for index in range(width)]
    return _of_columns(dict(zip(names, map(list, zip(*frame.data, strict=True)), strict=False)))


def _of_columns(columns: Mapping[str, Sequence[Any]]) -> tuple[int, list[Given]]:
    rows = {len(values) for values in columns.values()}
    if len(rows) > 1:
        raise _bad("its columns are not equally long")
    for name, values in columns.items():
        if any(not isinstance(one, _VALUES) for one in values):
            raise Invalid(f"{name!r} is no single value", kind="bad-type", hint="send a number, a text, true or false")
    return rows.pop() if rows else 0, [Given(name, "", 1, list(values)) for name, values in columns.items()]


def _of_rows(rows: Sequence[Any], signature: Signature) -> tuple[int, list[Given]]:
    """Take rows without names, each a value, or a list of them however deep."""
    flat = [list(_flat(row, 0)) for row in rows]
    width = len(flat[0])
    if any(len(row) != width for row in flat):
        raise _bad("its rows are not equally long")
    names = [column.name for column in signature.inputs]
    if len(names) == width:
        return _of_columns({name: [row[index] for row in flat] for index, name in enumerate(names)})
    return len(flat), [Given("input", "", width, [value for row in flat for value in row])]


def _flat(value: Any, depth: int) -> Iterable[Any]:
    if isinstance(value, list) and depth < 16:
        for one in value:
            yield from _flat(one, depth + 1)
    elif isinstance(value, _VALUES):
        yield value
    else:
        raise _bad("a row is a value or a list of values")


def _of_csv(body: bytes, signature: Signature) -> tuple[int, list[Given]]:
    try:
        lines = list(csv.reader(StringIO(body.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad(str(error)) from None
    lines = [line for line in lines if line]
    if not lines or any(len(line) != len(lines[0]) for line in lines):
        raise _bad("its lines are not equally long")
    texts = {column.name for column in signature.inputs if column.type == TEXT}
    told = {name: [line[index] for line in lines[1:]] for index, name in enumerate(lines[0])}
    return _of_columns({name: _typed(values, text=name in texts) for name, values in told.items()})


def _typed(values: Sequence[str], *, text: bool) -> list[Any]:
    """Read the cells of a column: numbers where all are, else text; an empty cell is a missing value."""
    if text:
        return [one or None for one in values]
    for kind in (int, float):
        try:
            return [kind(one) if one else None for one in values]
        except ValueError:
            continue
    words = {"true": True, "false": False}
    if all(one.lower() in words for one in values):
        return [words[one.lower()] for one in values]
    return [one or None for one in values]


def _rows(flat: Sequence[Any], tail: Sequence[int]) -> Sequence[Any]:
    """Nest a flat list as its shape says."""
    for size in reversed(tail):
        flat = [flat[at : at + size] for at in range(0, len(flat), size)] if size else []
    return flat


def _bad(why: str) -> Invalid:
    return Invalid(f"no request for predictions: {why}", kind="bad-request", hint=_HINT)
