"""canonical: a skops archive written again, so that equal models give equal bytes.

skops writes addresses of objects as their ids and as names of files, and the time into the archive. Here ids are
numbered in the order in which they are met, files are named by what they hold, sets are sorted, the padding of structured
arrays is zeroed, and members are stored in one order with one time and no compression (deflate gives other bytes with
other builds of zlib). The result is a skops archive like any other.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, Final

from loopline.errors import Invalid

SCHEMA: Final = "schema.json"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_IMMUTABLE: Final = frozenset({
    "JsonNode",
    "TypeNode",
    "FunctionNode",
    "TupleNode",
    "BytesNode",
    "SliceNode",
    "DTypeNode",
})
"""Whether two places share one such object depends on interning, and cannot matter: their ids are left out."""
_INCIDENTAL: Final = {"sklearn.ensemble._hist_gradient_boosting.binning._BinMapper": ("n_threads",)}
"""Attributes that tell about the machine that fitted, not about the model; None makes each machine decide for itself."""
_KEYS: Final = frozenset({"str", "int", "float", "str_", "int64", "int32", "float64", "float32"})
"""Types of keys that come back from JSON as they were. `bool("False")` is true: skops would change a model silently."""

Node = dict[str, Any]


def rewrite(archive: bytes) -> bytes:
    """Give the canonical form of a skops archive. Raise Invalid kind="model-unfaithful" where skops would change it."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        schema = json.loads(source.read(SCHEMA))
        renamed: dict[str, str] = {}
        files: dict[str, bytes] = {}
        for name in source.namelist():
            if name != SCHEMA:
                data = _plain(name, source.read(name))
                renamed[name] = f"{hashlib.sha256(data).hexdigest()[:32]}.{name.rpartition('.')[2]}"
                files[renamed[name]] = data
    _settle(schema, renamed)
    _number(schema, {})
    text = json.dumps(schema, separators=(",", ":"), ensure_ascii=True).encode()
    return pack({SCHEMA: text, **dict(sorted(files.items()))})


def pack(files: Mapping[str, bytes]) -> bytes:
    """Write a zip in the order given, with nothing in it that depends on when or where."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            target.writestr(info, data)
    return buffer.getvalue()


def children(node: Any) -> list[Node]:
    """List the nodes directly under a node of a skops schema, in the order in which they stand there."""
    found: list[Node] = []
    waiting: list[Any] = list(node.values()) if isinstance(node, dict) else []
    while waiting:
        here = waiting.pop(0)
        if isinstance(here, dict):
            if "__loader__" in here:
                found.append(here)
            else:
                waiting[:0] = here.values()
        elif isinstance(here, list):
            waiting[:0] = here
    return found


def type_name(node: Node) -> str:
    """Name the type that a node stands for."""
    return f"{node['__module__']}.{node['__class__']}"


def _settle(node: Node, renamed: Mapping[str, str]) -> None:
    """Rename files, sort sets, drop ids that mean nothing; refuse what skops would not give back as it was."""
    if isinstance(node.get("file"), str):
        node["file"] = renamed[node["file"]]
    loader = node["__loader__"]
    scalar = loader == "NdArrayNode" and type_name(node) != "numpy.ndarray"
    if loader in _IMMUTABLE or scalar:
        node.pop("__id__", None)
    if loader == "DictNode":
        _check_keys(node)
    for name in _INCIDENTAL.get(type_name(node), ()):
        attribute = node.get("content", {}).get("content", {}).get(name)
        if attribute is not None and attribute["__loader__"] == "JsonNode":
            attribute["content"] = "null"
    for child in children(node):
        _settle(child, renamed)
    if loader == "SetNode":
        node["content"].sort(key=_order)


def _check_keys(node: Node) -> None:
    kinds = [kind["__class__"] for kind in node["key_types"]["content"]]
    odd = sorted(set(kinds) - _KEYS)
    if odd or len(kinds) != len(node["content"]):
        raise Invalid(
            f"the model holds a dict whose keys are {', '.join(odd) or 'equal as text'}: skops cannot give it back unchanged",
            kind="model-unfaithful",
            hint="use str, int or float keys (for example class_weight={0: 1, 1: 5})",
            keys=odd,
        )


def _order(node: Node) -> str:
    return json.dumps({key: value for key, value in node.items() if key != "__id__"}, sort_keys=True)


def _number(node: Node, numbers: dict[int, int]) -> None:
    """Give ids numbers from 1 in the order in which they are met."""
    if "__id__" in node:
        node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
    for child in children(node):
        _number(child, numbers)


def _plain(name: str, data: bytes) -> bytes:
    """Write an array, or an archive of arrays, so that only its values count."""
    if name.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(data)) as source:
            return pack({one: _plain(one, source.read(one)) for one in sorted(source.namelist())})
    if name.endswith(".npy") and b"'descr': [" in data[:4096]:
        return _without_padding(data)
    return data


def _without_padding(data: bytes) -> bytes:
    """Zero the bytes between the fields of a structured array: they hold whatever memory held."""
    import numpy as np

    array = np.load(io.BytesIO(data), allow_pickle=False)
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()
