"""trees: the indices inside stored decision trees, checked before anything follows them.

scikit-learn follows the child and feature indices of a tree without looking at bounds: a crafted file could crash the
process that predicts with it, or read beyond its arrays (scikit-learn pull request 34558). skops leaves the decision to
trust such a file to its user; here the indices are checked instead.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Final

from loopline.errors import Invalid
from loopline.models.canonical import Node, children, type_name

TREE: Final = "sklearn.tree._tree.Tree"
PREDICTOR: Final = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
_FAMILIES: Final = ("sklearn.tree.", "sklearn.ensemble.")


def check_trees(schema: Node, archive: zipfile.ZipFile) -> None:
    """Raise Invalid kind="model-corrupt" where a tree points outside itself, backwards, or at a feature that is not."""
    waiting: list[tuple[Node, int | None]] = [(schema, None)]
    while waiting:
        node, features = waiting.pop()
        name = type_name(node)
        if name == TREE:
            own = _plain_int(_first_argument(node))
            _check_tree(_array(node, "nodes", archive), _least(features, own))
        elif name == PREDICTOR:
            _check_predictor(_array(node, "nodes", archive), _array(node, "raw_left_cat_bitsets", archive), features)
        elif node["__loader__"] == "ObjectNode":
            own = _plain_int(_attribute(node, "n_features_in_"))
            # A forest's trees see the forest's columns; what stands behind another step sees that step's.
            features = _least(features, own) if name.startswith(_FAMILIES) else own
        waiting.extend((child, features) for child in children(node))


def _check_tree(nodes: Any, features: int | None) -> None:
    import numpy as np

    inner = nodes["left_child"] != -1
    _check_children(nodes["left_child"][inner], nodes["right_child"][inner], np.flatnonzero(inner), len(nodes))
    _check_features(nodes["feature"][inner], features)


def _check_predictor(nodes: Any, bitsets: Any, features: int | None) -> None:
    import numpy as np

    inner = nodes["is_leaf"] == 0
    left, right = nodes["left"][inner].astype(np.int64), nodes["right"][inner].astype(np.int64)
    _check_children(left, right, np.flatnonzero(inner), len(nodes))
    _check_features(nodes["feature_idx"][inner], features)
    sets = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    if sets.size and int(sets.max()) >= len(bitsets):
        raise _corrupt("a split names a set of categories that is not there")


def _check_children(left: Any, right: Any, parents: Any, count: int) -> None:
    for side in (left, right):
        if side.size and (bool((side <= parents).any()) or int(side.max()) >= count):
            raise _corrupt("a node's child lies outside the tree or before its parent")


def _check_features(used: Any, features: int | None) -> None:
    if used.size and (int(used.min()) < 0 or (features is not None and int(used.max()) >= features)):
        raise _corrupt("a split uses a feature that the model does not have")


def _attribute(node: Node, name: str) -> Node | None:
    content = node.get("content")
    inner = content.get("content") if isinstance(content, dict) else None
    found = inner.get(name) if isinstance(inner, dict) else None
    return found if isinstance(found, dict) else None


def _first_argument(node: Node) -> Node | None:
    arguments = node.get("__reduce__", {}).get("args", {}).get("content", [])
    return arguments[0] if arguments else None


def _plain_int(node: Node | None) -> int | None:
    if node is None or node["__loader__"] != "JsonNode":
        return None
    value = json.loads(node["content"])
    return value if isinstance(value, int) else None


def _least(one: int | None, other: int | None) -> int | None:
    known = [n for n in (one, other) if n is not None]
    return min(known) if known else None


def _array(node: Node, name: str, archive: zipfile.ZipFile) -> Any:
    import numpy as np

    found = _attribute(node, name)
    if found is None or not isinstance(found.get("file"), str):
        raise _corrupt(f"a tree has no {name}")
    return np.load(io.BytesIO(archive.read(found["file"])), allow_pickle=False)


def _corrupt(what: str) -> Invalid:
    return Invalid(
        f"the model file is damaged or was tampered with: {what}", kind="model-corrupt", hint="train it again"
    )
