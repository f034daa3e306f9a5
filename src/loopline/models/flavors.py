"""flavors: the ways in which models are written and read; each is one class of the same form.

A flavour owns one file of the model's folder. It writes equal bytes for equal models where it can, and it says whether
reading that file can run code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from loopline.errors import Invalid, NotFound
from loopline.nouns.digest import Digest, digest_of, parse_digest
from loopline.nouns.event import canonical
from loopline.nouns.signature import Signature

MODEL_FILE: Final = "model.json"
MLMODEL: Final = "MLmodel"
PYFUNC: Final = "pyfunc"
"""Of a folder that MLflow wrote and MLflow has to load (pyfunc.py)."""
FORMAT: Final = 1


class Flavor(Protocol):
    """Writes one kind of model into one file and reads it back."""

    name: str
    """As `model.json` says it."""
    file: str
    pickle: bool
    """Whether reading it unpickles, which can run any code."""

    def write(self, model: Any) -> bytes:
        """Give the file's bytes. Raise Invalid kind="needs-pickle" for what it cannot write safely."""

    def read(self, data: bytes) -> Any:
        """Make the model again. Raise Invalid for bytes that are not what `write` gives."""

    def types(self, data: bytes) -> tuple[str, ...]:
        """Name the types that the bytes hold, sorted, without making any."""

    def packages(self) -> tuple[str, ...]:
        """Name the distributions whose versions decide whether it can be read."""


@dataclass(frozen=True, slots=True)
class About:
    """What `model.json` says: everything that can be known about a model without reading the model."""

    flavour: str
    file: str
    kind: str
    """The model's class, `sklearn.pipeline.Pipeline`."""
    pickle: bool
    """Whether reading it runs a pickle."""
    digest: Digest
    size: int
    types: tuple[str, ...]
    """All types that the file holds."""
    methods: tuple[str, ...]
    """What can be asked of it: predict, predict_proba, decision_function, transform."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Python (major and minor) and the flavour's libraries."""
    signature: Signature | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """Give JSON values for the metadata of a version: what people search by."""
        from loopline.models.signature import plain

        found = {"flavour": self.flavour, "class": self.kind, "pickle": self.pickle, "versions": dict(self.versions)}
        return found | ({"signature": plain(self.signature)} if self.signature else {})


def flavor_named(name: str) -> Flavor:
    """Look a flavour up by the name that `model.json` gives. Raise Invalid kind="unknown-flavour"."""
    for flavor in flavors():
        if flavor.name == name:
            return flavor
    raise Invalid(
        f"no flavour is called {name!r}",
        kind="unknown-flavour",
        hint="upgrade loopline: the model was written by a newer one",
        flavour=name,
        known=[flavor.name for flavor in flavors()],
    )


def flavors() -> tuple[Flavor, ...]:
    """List what is there, the preferred ones first."""
    from loopline.models.pickled import PickleFlavor
    from loopline.models.sklearn import SklearnFlavor

    return (SklearnFlavor(), PickleFlavor())


def is_model(value: Any) -> bool:
    """Tell whether a value is a model: an estimator of scikit-learn, or an object that predicts. Imports nothing."""
    if isinstance(value, type):
        return False
    base = sys.modules.get("sklearn.base")
    return (base is not None and isinstance(value, base.BaseEstimator)) or callable(getattr(value, "predict", None))


def encode(about: About) -> bytes:
    """Write `model.json`: equal facts give equal bytes."""
    import msgspec

    return canonical({"format": FORMAT, **msgspec.to_builtins(about)})


def about(folder: Path) -> About:
    """Read `model.json`, or the `MLmodel` of a folder that MLflow wrote.

    Raise NotFound kind="no-model" without either, Invalid kind="bad-model-file" where it makes no sense.
    """
    import msgspec

    path = Path(folder) / MODEL_FILE
    if not path.is_file() and Path(folder, MLMODEL).is_file():
        return _foreign(Path(folder))
    try:
        value = json.loads(path.read_bytes())
        if value.pop("format") != FORMAT:
            raise Invalid(
                "the model folder has a newer format", kind="unknown-format", hint="upgrade loopline", path=str(path)
            )
        found = msgspec.convert(value, About)
        parse_digest(found.digest)
    except FileNotFoundError:
        raise NotFound(
            f"{folder} holds no model", kind="no-model", hint=f"name a folder that has a {MODEL_FILE}", path=str(folder)
        ) from None
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        if isinstance(error, Invalid) and error.kind == "unknown-format":
            raise
        raise Invalid(
            f"{path} cannot be read: {error}", kind="bad-model-file", hint="fetch the model again", path=str(path)
        ) from error
    if Path(found.file).name != found.file:
        raise Invalid(f"{path} names a file outside the model", kind="bad-model-file", hint="fetch the model again")
    return found


def _foreign(folder: Path) -> About:
    from loopline.models.mlmodel import read

    path = folder / MLMODEL
    told = read(path.read_bytes())
    file = folder / told.file
    names = path if told.flavour == PYFUNC or not file.is_file() else file
    files = file.rglob("*") if file.is_dir() else (file,)
    return About(
        flavour=told.flavour, file=told.file, kind=told.kind, pickle=told.pickle, digest=digest_of(names.read_bytes()),
        size=sum(one.stat().st_size for one in files if one.is_file()), types=(), methods=("predict",),
        versions=told.versions, signature=told.signature,
    )  # fmt: skip
