"""mlmodel: what the file `MLmodel` of a model folder that MLflow wrote says, read without MLflow and without making anything.

Such a folder is served in one of two ways. Where its one file is a skops archive of scikit-learn and it brings no code, our own
reader makes the estimator (sklearn.py): nothing but data is read. Anything else is MLflow's to load, by the module that the file
names (pyfunc.py). That is said to be as good as a pickle unless it is a format that holds data alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from loopline.errors import Invalid, Unavailable
from loopline.models.mltypes import Field, fields_of, signature_of
from loopline.nouns.signature import Signature

_OURS: Final = "sklearn-skops"
_THEIRS: Final = "pyfunc"
_NAME: Final = "MLmodel"
LARGEST: Final = 256 << 10
"""Bytes of a document that are read; what MLflow writes has a few thousand."""
_VALUES: Final = 20_000
_PLAIN: Final = {
    "mlflow.xgboost": ("xgboost.core.", "xgboost.sklearn."),  # all of them have a format of their own
    "mlflow.lightgbm": (
        "lightgbm.basic.Booster",
    ),  # anything else of LightGBM is pickled, or names types to be trusted
}
"""Loaders, and the classes that they read from data alone."""
_KNOWN: Final = ("sklearn.", "scipy.", "numpy.")
"""Beginnings of names that an archive may ask to be trusted: our reader looks itself at each, and at what it is used for."""
_LIBRARIES: Final = {
    "sklearn_version": "scikit-learn", "xgb_version": "xgboost", "lgb_version": "lightgbm", "pytorch_version": "torch",
    "onnx_version": "onnx", "cloudpickle_version": "cloudpickle", "keras_version": "keras", "catboost_version": "catboost",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What the document says."""

    flavour: str
    """`sklearn-skops` where our own reader takes it, else `pyfunc`."""
    file: str
    """The file, or folder, that holds the model itself; `MLmodel` where none is named."""
    kind: str
    """The model's class where it is named, else the module that loads it."""
    pickle: bool
    """Whether loading it unpickles, or may run code in another way."""
    loader: str
    """Module that loads it, `mlflow.sklearn`."""
    versions: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Field, ...] = ()
    outputs: tuple[Field, ...] = ()
    example: str = ""
    """File with an example of its input; empty: none was kept."""

    @property
    def signature(self) -> Signature | None:
        """What goes in and comes out; None where nobody said."""
        return signature_of(self.inputs, self.outputs)

    @property
    def metadata(self) -> dict[str, Any]:
        """Give JSON values for the metadata of a version: what people search by."""
        from loopline.models.signature import plain

        found = {"flavour": self.flavour, "class": self.kind, "pickle": self.pickle, "versions": dict(self.versions)}
        return found | ({"signature": plain(self.signature)} if self.signature else {})


def read(data: bytes) -> Told:
    """Read the document. Raise Invalid kind="bad-model-file" for what MLflow does not write."""
    said = _document(data)
    flavours = _map(said.get("flavors"))
    function = _map(flavours.get("python_function"))
    loader = str(function.get("loader_module") or "")
    own = _map(
        flavours.get(loader.removeprefix("mlflow."))
    )  # the part that this loader reads, whatever else stands there
    file = _inside(
        own.get("pickled_model") or own.get("data") or function.get("model_path") or function.get("data") or ""
    )
    for one in (function.get("code"), own.get("code"), function.get("data"), function.get("model_path")):
        _inside(one or "")
    plain = _is_plain(own, function, loader)
    ours = plain and loader == "mlflow.sklearn" and "/" not in file
    inputs, outputs = (_fields(said, name) for name in ("inputs", "outputs"))
    return Told(
        flavour=_OURS if ours else _THEIRS, file=file or _NAME, kind=str(own.get("model_class") or loader or "unknown"),
        pickle=not plain, loader=loader, versions=_versions(said, function, own), inputs=inputs, outputs=outputs,
        example=_inside(_map(said.get("saved_input_example_info")).get("artifact_path") or ""),
    )  # fmt: skip


def _is_plain(own: Mapping[str, Any], function: Mapping[str, Any], loader: str) -> bool:
    """Tell whether loading reads data alone: a format without code, and no code beside it."""
    if own.get("code") or function.get("code"):
        return False
    if loader == "mlflow.sklearn":
        asked = own.get("skops_trusted_types") or []
        known = isinstance(asked, list) and all(str(name).startswith(_KNOWN) for name in asked)
        return own.get("serialization_format") == "skops" and known
    return str(own.get("model_class")).startswith(_PLAIN.get(loader, ("\0",)))


def _versions(said: Mapping[str, Any], function: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "mlflow": said.get("mlflow_version"),
        "python": ".".join(str(function.get("python_version") or "").split(".")[:2]),
    }
    found |= {name: {**function, **own}.get(key) for key, name in _LIBRARIES.items()}
    return {name: str(value)[:60] for name, value in found.items() if value}


def _fields(said: Mapping[str, Any], name: str) -> tuple[Field, ...]:
    text = _map(said.get("signature")).get(name)
    if not text:
        return ()
    try:
        return fields_of(json.loads(str(text)))
    except (ValueError, TypeError, RecursionError) as error:
        raise _bad(f"its signature's {name}: {error}") from error


def _inside(path: object) -> str:
    """Give a path that stays in the folder. Raise Invalid for any other: MLflow would follow it."""
    text = str(path)
    if text.startswith("/") or "\\" in text or "\0" in text or ".." in PurePosixPath(text).parts:
        raise _bad(f"it names {text[:100]!r}, which is outside of the model")
    return text


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _document(data: bytes) -> Mapping[str, Any]:
    """Read YAML as plain values. Its nodes are counted: references may make little text into very many."""
    try:
        import yaml
    except ImportError as error:
        raise Unavailable(
            "reading an MLmodel file needs PyYAML", kind="extra-missing", hint="pip install pyyaml", extra="pyyaml"
        ) from error
    if len(data) > LARGEST:
        raise _bad(f"it has {len(data)} bytes, {LARGEST} are read")
    try:
        root = yaml.compose(data.decode(), Loader=yaml.SafeLoader)
        said = _Plain(yaml).of(root) if root is not None else {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _bad(" ".join(str(error).split())[:200]) from error
    if not isinstance(said, Mapping) or not isinstance(said.get("flavors"), Mapping):
        raise _bad("it names no flavors")
    return said


class _Plain:
    """Makes values of YAML's nodes, up to so many."""

    def __init__(self, yaml: Any) -> None:
        self._yaml, self._left = yaml, _VALUES
        self._scalars = yaml.constructor.SafeConstructor()

    def of(self, node: Any) -> Any:
        """Give a node's value."""
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"more than {_VALUES} values")
        if isinstance(node, self._yaml.MappingNode):
            return {str(self.of(key)): self.of(value) for key, value in node.value}
        if isinstance(node, self._yaml.SequenceNode):
            return [self.of(one) for one in node.value]
        return self._scalars.construct_object(node)


def _bad(why: str) -> Invalid:
    return Invalid(f"this is no {_NAME} file: {why}", kind="bad-model-file", hint="log the model again")
