"""records: `POST /predict`: rows as JSON objects in, predictions as JSON objects out. For people with curl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from loopline.errors import Invalid
from loopline.faces.inference.wire import values_of
from loopline.nouns.signature import Signature
from loopline.serving.question import Answer, Given, Question

_VALUES: Final = (int, float, str, bool, type(None))


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """A whole request."""

    records: list[dict[str, Any]]
    id: str = ""
    outputs: list[str] = msgspec.field(default_factory=list)
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


_decode = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode


def read(body: bytes, *, new_id: Any) -> Question:
    """Take a request apart. A name that some records lack is a missing value there. Raise Invalid."""
    try:
        asked = _decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise Invalid(
            f"no request for predictions: {error}", kind="bad-request", hint='send {"records": [{"NAME": value, …}, …]}'
        ) from None
    records = asked.records
    if not records:
        raise Invalid("a request without records", kind="bad-request", hint='send {"records": [{"NAME": value, …}]}')
    names = dict.fromkeys(records[0])
    if any(record.keys() != records[0].keys() for record in records[1:]):
        names = dict.fromkeys(name for record in records for name in record)
    columns = []
    for name in names:
        data = [record.get(name) for record in records]
        if any(not isinstance(one, _VALUES) for one in data):
            raise Invalid(f"{name!r} is no single value", kind="bad-type", hint="send a number, a text, true or false")
        columns.append(Given(name, "", 1, data))
    if not columns:
        raise Invalid("the records are empty", kind="bad-request", hint="name the model's inputs: GET /")
    return Question(asked.id or new_id(), len(records), columns, tuple(asked.outputs), parameters=asked.parameters)


def write(answer: Answer, signature: Signature) -> bytes:
    """Give the body of a response."""
    rows: list[dict[str, Any]] = [{"id": f"{answer.id}:{row}"} for row in range(answer.rows)]
    if len(answer.arms) > 1:
        for row, arm in zip(rows, answer.arms, strict=True):
            row["arm"] = arm
    classes = next((column.values for column in signature.outputs if column.name == "predict"), ())
    for made in answer.made:
        values = values_of(made)[1]
        width = len(values) // answer.rows
        names = _names(made.name, made.tail, classes)
        for index, row in enumerate(rows):
            mine = values[index * width : (index + 1) * width]
            row[made.name] = mine[0] if not made.tail else dict(zip(names, mine, strict=True)) if names else mine
    said: dict[str, Any] = {"id": answer.id, "predictions": rows, **answer.stamp}
    if answer.warnings:
        said["warnings"] = list(answer.warnings)
    return _encode(said)


def _names(output: str, tail: Sequence[int], classes: Sequence[str]) -> Sequence[str]:
    """Name the places of a row of probabilities by their classes."""
    return classes if output == "predict_proba" and tuple(tail) == (len(classes),) else ()
