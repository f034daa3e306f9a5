"""mlmodel: what the file `MLmodel` says of the model beside it, read without a YAML library and without the model.

The file is written by a program: mappings in block style, indented by spaces, texts plain or quoted and folded over lines (MLflow
Model format; YAML 1.1). What is written in another way is not known, and nothing hangs on it: these are metadata to search by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from loopline.models.signature import plain
from loopline.nouns.signature import Column, Signature

FILE: Final = "MLmodel"
LONGEST: Final = 1 << 20
"""Bytes of a file that is read: signatures of thousands of columns fit."""
FLAVOUR: Final = "pyfunc"
_LINE: Final = re.compile(r"( *)([^\s'\"#-][^:]*|'[^']*'|\"[^\"]*\"):(?:\s+(.*))?\Z")
_DEEPEST: Final = 20
_TYPES: Final = {
    "boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64", "string": "BYTES",
    "bool": "BOOL", "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "uint8": "UINT8", "uint16": "UINT16",
    "uint32": "UINT32", "uint64": "UINT64", "float32": "FP32", "float64": "FP64", "str": "BYTES", "object": "BYTES",
}  # fmt: skip
"""Datatypes of the Open Inference Protocol by the names of MLflow's columns and NumPy's types."""
_WIDE: Final = 10_000
_TEXTUAL: Final = {
    "sklearn": ("skops",),
    "xgboost": ("json", "ubj", "xgb"),
    "lightgbm": ("txt", ""),
    "onnx": ("",),
    "catboost": ("cbm",),
}
"""Flavours that are read without a pickle, with the formats of which that is true."""

Said = dict[str, Any]


def facts(data: bytes) -> dict[str, Any]:
    """Give JSON values for the metadata of a version, named as those of a model of our own; nothing of a file that is none."""
    said = read(data[:LONGEST].decode("utf-8", "replace"))
    flavours = said.get("flavors")
    if not isinstance(flavours, Mapping) or not flavours:
        return {}
    general = flavours.get("python_function")
    general = general if isinstance(general, Mapping) else {}
    own = {name: one for name, one in flavours.items() if name != "python_function" and isinstance(one, Mapping)}
    versions = {
        name: one[f"{name}_version"] for name, one in own.items() if isinstance(one.get(f"{name}_version"), str)
    }
    if isinstance(general.get("python_version"), str):
        versions["python"] = ".".join(general["python_version"].split(".")[:2])
    found: dict[str, Any] = {
        "flavour": FLAVOUR if general else next(iter(own), ""),
        "class": str(general.get("loader_module") or ""),
        "pickle": _unpickles(own, general),
        "versions": versions,
    }
    signature = _signature(said.get("signature"))
    return found | ({"signature": plain(signature)} if signature else {})


def _unpickles(own: Mapping[str, Mapping[str, Any]], general: Mapping[str, Any]) -> bool:
    """Tell whether reading it can run any code. Where that is not known, it can."""
    if not own or any(one.get("code") for one in (*own.values(), general)):
        return True
    formats = ("serialization_format", "model_format")
    return not all(
        name in _TEXTUAL and next((str(one[key]) for key in formats if one.get(key)), "") in _TEXTUAL[name]
        for name, one in own.items()
    )


def read(text: str) -> Said:
    """Read mappings of texts: what is `null`, a list or not understood is left out."""
    top: Said = {}
    open_ones: list[tuple[int, Said]] = [(-1, top)]
    lines = iter(text.splitlines())
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        depth, key, value = len(found[1]), found[2].strip("'\""), (found[3] or "").rstrip()
        while open_ones[-1][0] >= depth:
            open_ones.pop()
        here = open_ones[-1][1]
        if not value:
            if len(open_ones) < _DEEPEST:
                here[key] = made = dict[str, Any]()
                open_ones.append((depth, made))
        elif value not in ("null", "~", "|", ">", "|-", ">-", "[]", "{}"):
            scalar = _scalar(value, lines)
            if scalar is not None:
                here[key] = scalar
    return top


def _scalar(value: str, lines: Iterator[str]) -> str | None:
    """Give a text, with the lines over which it is folded."""
    quote = value[0]
    if quote not in "'\"":
        return value
    while not _closed(value):
        more = next(lines, None)
        if more is None or len(value) > LONGEST:
            return None
        more = more.strip()
        value = value[:-1] + more.removeprefix("\\") if quote == '"' and value.endswith("\\") else f"{value} {more}"
    if quote == "'":
        return value[1:-1].replace("''", "'")
    try:
        return str(json.loads(value.replace("\\ ", " ")))
    except ValueError:
        return None


def _closed(value: str) -> bool:
    """Tell whether a quoted text ends where it ends so far: a quote inside stands twice, or behind a backslash."""
    body, quote = value[1:], value[0]
    if not body.endswith(quote):
        return False
    if quote == "'":
        return (len(body) - len(body.rstrip(quote))) % 2 == 1
    return (len(body[:-1]) - len(body[:-1].rstrip("\\"))) % 2 == 0


def _signature(said: Any) -> Signature | None:
    if not isinstance(said, Mapping):
        return None
    found = Signature(_columns(said.get("inputs")), _columns(said.get("outputs")))
    return found if found.inputs or found.outputs else None


def _columns(text: Any) -> tuple[Column, ...]:
    try:
        rows = json.loads(text) if isinstance(text, str) else []
    except (ValueError, RecursionError):
        return ()
    rows = rows if isinstance(rows, list) else []
    return tuple(one for at, row in enumerate(rows[:_WIDE]) if isinstance(row, dict) for one in _column(row, at))


def _column(row: Mapping[str, Any], at: int) -> Iterator[Column]:
    """Give a column, or those of a tensor without a name: as many as it is wide, called as those of an array are."""
    name, spec = row.get("name"), row.get("tensor-spec")
    if not isinstance(spec, Mapping):
        kind = _TYPES.get(row["type"], "") if isinstance(row.get("type"), str) else ""
        yield Column(str(name) if name is not None else f"x{at}", kind, nullable=row.get("required") is False)
        return
    kind = _TYPES.get(str(spec.get("dtype")), "")
    shape = spec.get("shape")
    sizes = tuple(size for size in shape if isinstance(size, int)) if isinstance(shape, list) else (-1,)
    if name is not None or len(sizes) > 2:
        yield Column(str(name) if name is not None else f"x{at}", kind, sizes or (-1,))
        return
    wide = sizes[1] if len(sizes) == 2 and 0 < sizes[1] <= _WIDE else 1
    yield from (Column(f"x{at + number}", kind) for number in range(wide))
