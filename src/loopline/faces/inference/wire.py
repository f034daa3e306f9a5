"""wire: requests and responses of the Open Inference Protocol v2, JSON and binary tensors, to questions and back.

Source: kserve/open-inference-protocol, specification of 2025-05, and Triton's binary tensor extension: behind the JSON, whose
length a header tells, lie the raw little-endian bytes of the tensors in the order in which they are listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from loopline.errors import Invalid
from loopline.nouns.datatype import DATATYPES, FORMATS, SIZES, TEXT, pack, unpack
from loopline.serving.question import Answer, Given, Made, Question

LENGTH: Final = "inference-header-content-length"
_MOST: Final = 1 << 40
_NOT_JSON: Final = ("FP16",)


class Tensor(msgspec.Struct):
    """One input."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: Any = msgspec.UNSET


class Wanted(msgspec.Struct):
    """One output that is asked for."""

    name: str
    parameters: dict[str, Any] | None = None


class Request(msgspec.Struct):
    """A whole request."""

    inputs: list[Tensor]
    id: str = ""
    parameters: dict[str, Any] | None = None
    outputs: list[Wanted] | None = None


_decode = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode


def read(body: bytes, header: str, *, new_id: Any) -> tuple[Question, Request]:
    """Take a request apart. `header` is the length of its JSON, empty where all of it is. Raise Invalid."""
    size = _json_size(body, header)
    try:
        asked = _decode(body if size == len(body) else body[:size])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise Invalid(f"no inference request: {error}", kind="bad-request", hint="see GET /v2/models/NAME") from None
    if not asked.inputs:
        raise Invalid("a request without inputs", kind="bad-request", hint="send at least one tensor")
    at, rows, columns = size, -1, []
    seen: set[str] = set()
    for tensor in asked.inputs:
        if tensor.name in seen:
            raise Invalid(f"input {tensor.name!r} is there twice", kind="bad-request", hint="send it once")
        seen.add(tensor.name)
        given, count, at = _given(tensor, body, at)
        if rows not in (-1, count):
            raise Invalid(
                f"input {tensor.name!r} has {count} rows, others have {rows}", kind="bad-shape",
                hint="send the same number of rows in each", column=tensor.name,
            )  # fmt: skip
        rows = count
        columns.append(given)
    if at != len(body):
        raise Invalid(
            f"{len(body) - at} bytes more than its tensors", kind="bad-tensor", hint="look at binary_data_size"
        )
    outputs = tuple(one.name for one in asked.outputs or ())
    return Question(asked.id or new_id(), rows, columns, outputs, parameters=asked.parameters or {}), asked


def _json_size(body: bytes, header: str) -> int:
    if not header:
        return len(body)
    if not header.isdecimal() or not 0 < int(header[:12]) <= len(body):
        raise Invalid(
            "the header says another length of the JSON than there is", kind="bad-header",
            hint=f"send {LENGTH} as the number of bytes of the JSON",
        )  # fmt: skip
    return int(header)


def _given(tensor: Tensor, body: bytes, at: int) -> tuple[Given, int, int]:
    """Give an input, its rows, and where the next binary one begins."""
    name, kind, shape = tensor.name, tensor.datatype, tensor.shape
    if kind not in DATATYPES:
        raise Invalid(
            f"input {name!r} is of an unknown datatype {kind!r}", kind="bad-type", hint=f"use {', '.join(DATATYPES)}"
        )
    count = 1
    for size in shape:
        count *= size
        if size < 0 or count > _MOST:
            raise Invalid(
                f"input {name!r} has the shape {shape}", kind="bad-shape", hint="send its true shape", column=name
            )
    if not shape or not shape[0]:
        raise Invalid(f"input {name!r} has no rows", kind="bad-shape", hint="send at least one row", column=name)
    width = count // shape[0]
    binary = (tensor.parameters or {}).get("binary_data_size")
    if binary is not None:
        data, at = _binary(tensor, binary, body, at, count)
        return Given(name, kind, width, data), shape[0], at
    if tensor.data is msgspec.UNSET:
        raise Invalid(
            f"input {name!r} has no data", kind="bad-tensor", hint="send data, or binary_data_size", column=name
        )
    if kind in _NOT_JSON:
        raise Invalid(f"{kind} has no form in JSON", kind="bad-type", hint="send it as a binary tensor", column=name)
    data = tensor.data
    if not isinstance(data, list):
        raise Invalid(f"the data of input {name!r} are no list", kind="bad-tensor", hint="send a list", column=name)
    if data and isinstance(data[0], list):
        data = _flat(data, name)
    if len(data) != count:
        raise Invalid(
            f"input {name!r} has {len(data)} values, its shape {shape} says {count}", kind="bad-shape",
            hint="send as many values as the shape says", column=name,
        )  # fmt: skip
    return Given(name, kind, width, data), shape[0], at


def _binary(tensor: Tensor, size: Any, body: bytes, at: int, count: int) -> tuple[Any, int]:
    name, kind = tensor.name, tensor.datatype
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or at + size > len(body):
        raise Invalid(
            f"input {name!r} is cut: it says {size} bytes", kind="bad-tensor", hint="send all of them", column=name
        )
    data: Any = body[at : at + size]
    if kind == TEXT:
        data = unpack(TEXT, data)
        found = len(data)
    else:
        found, rest = divmod(size, SIZES[kind])
        if rest:
            found = -1
    if found != count:
        raise Invalid(
            f"input {name!r} has {size} bytes, its shape {tensor.shape} of {kind} says otherwise", kind="bad-tensor",
            hint="send as many bytes as the shape says", column=name,
        )  # fmt: skip
    return data, at + size


def _flat(data: list[Any], name: str) -> list[Any]:
    """Take nested lists apart, row by row."""
    while data and isinstance(data[0], list):
        flat: list[Any] = []
        for one in data:
            if not isinstance(one, list):
                raise Invalid(
                    f"the lists of input {name!r} are of different depth", kind="bad-shape", hint="send its true shape"
                )
            flat += one
        data = flat
    return data


def write(answer: Answer, asked: Request, model: str) -> tuple[bytes, int]:
    """Give the body of a response, and the length of its JSON where bytes follow (else 0)."""
    wanted = {one.name: one.parameters or {} for one in asked.outputs or ()}
    usual = bool((asked.parameters or {}).get("binary_data_output", False))
    outputs, raw = [], []
    for made in answer.made:
        shape = [answer.rows, *made.tail]
        told: dict[str, Any] = {"name": made.name, "datatype": made.type, "shape": shape}
        if wanted.get(made.name, {}).get("binary_data", usual):
            piece = made.data if isinstance(made.data, bytes) else pack(TEXT, made.data)
            told["parameters"] = {"binary_data_size": len(piece)}
            raw.append(piece)
        else:
            told["datatype"], told["data"] = values_of(made)
        outputs.append(told)
    said = {
        "model_name": model, "model_version": version_of(answer), "id": answer.id, "parameters": parameters_of(answer),
        "outputs": outputs,
    }  # fmt: skip
    head = _encode(said)
    return (b"".join((head, *raw)), len(head)) if raw else (head, 0)


def version_of(answer: Answer) -> str:
    """Give the number of the model's version that answered; several where several did."""
    return ",".join(one.rpartition("@")[2] for one in answer.stamp["version"].split(","))


def parameters_of(answer: Answer) -> dict[str, Any]:
    """Give the stamp, and what the model's inputs were warned about."""
    told = {f"loopline_{key}": value for key, value in answer.stamp.items()}
    if len(answer.arms) > 1:
        told["loopline_arm"] = ",".join(answer.arms)
    if answer.warnings:
        told["loopline_warnings"] = "; ".join(answer.warnings)[:2000]
    return told


def values_of(made: Made) -> tuple[str, list[Any]]:
    """Give an output's datatype and values as JSON has them: what JSON has no form for becomes FP32."""
    if not isinstance(made.data, bytes):
        return made.type, made.data
    return ("FP32" if made.type in _NOT_JSON else made.type), unpack(made.type, made.data)


def metadata(name: str, versions: Sequence[str], signature: Any) -> Mapping[str, Any]:
    """Describe a model: its inputs one by one as the signature lists them."""
    return {
        "name": name, "versions": list(versions), "platform": "loopline", "inputs": [_tensor(c) for c in signature.inputs],
        "outputs": [_tensor(c) for c in signature.outputs],
    }  # fmt: skip


def _tensor(column: Any) -> dict[str, Any]:
    return {
        "name": column.name,
        "datatype": column.type if column.type in FORMATS else TEXT,
        "shape": list(column.shape),
    }
