"""codec: a fitted model as a folder, and back."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from loopline.errors import Invalid
from loopline.models import profile
from loopline.models.flavors import MODEL_FILE, About, Flavor, encode, flavors, is_model
from loopline.models.loading import load
from loopline.models.signature import describe
from loopline.nouns.artifact import MODEL
from loopline.nouns.digest import digest_of

_METHODS = ("predict", "predict_proba", "decision_function", "transform")


class ModelCodec:
    """Writes `model.json`, the flavour's file and a signed model's `profile.json`: equal estimators give equal bytes."""

    name = "model"
    media_type = MODEL

    def __init__(self, *, allow_pickle: bool = False) -> None:
        self.allow_pickle = allow_pickle
        """Whether a model that cannot do without may be pickled, and a pickled one read."""

    def matches(self, value: Any) -> bool:
        """Tell whether this is an estimator or another object that predicts."""
        return is_model(value)

    def dump(self, value: Any, folder: Path) -> None:
        """Write into an empty folder. Raise Invalid kind="needs-pickle" where only a pickle would do and none is allowed."""
        flavor, data = self._written(value)
        about = About(
            flavour=flavor.name,
            file=flavor.file,
            kind=f"{type(value).__module__}.{type(value).__qualname__}",
            pickle=flavor.pickle,
            digest=digest_of(data),
            size=len(data),
            types=flavor.types(data),
            methods=tuple(name for name in _METHODS if hasattr(value, name)),
            versions=_versions(flavor),
            signature=describe(value),
        )
        Path(folder, flavor.file).write_bytes(data)
        Path(folder, MODEL_FILE).write_bytes(encode(about))
        reference = profile.attached(value)
        if reference is not None:
            Path(folder, profile.PROFILE_FILE).write_bytes(profile.encode(reference))

    def load(self, folder: Path) -> Any:
        """Make the model. Raise Refused kind="pickle-refused" for a pickled one unless that is allowed."""
        return load(folder, allow_pickle=self.allow_pickle)

    def _written(self, value: Any) -> tuple[Flavor, bytes]:
        safe, pickled = flavors()
        try:
            return safe, safe.write(value)
        except Invalid as error:
            if error.kind != "needs-pickle" or not self.allow_pickle:
                raise
        return pickled, pickled.write(value)


def _versions(flavor: Flavor) -> dict[str, str]:
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in flavor.packages():
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
