"""sklearn: fitted scikit-learn estimators as skops archives: data, not code (https://skops.readthedocs.io)."""

from __future__ import annotations

import io
import json
import sys
import threading
import zipfile
from types import ModuleType
from typing import Any, Final

from loopline.errors import Invalid, Unavailable
from loopline.models.canonical import SCHEMA, Node, rewrite
from loopline.models.trees import check_trees
from loopline.models.trust import sort_types, type_names

FILE: Final = "model.skops"
_PICKLE_HINT: Final = "make it from scikit-learn's own parts, or allow a pickle with allow_pickle=True"


class SklearnFlavor:
    """Writes equal bytes for equal estimators, in any process. Plain `skops.io.load` reads them."""

    name = "sklearn-skops"
    file = FILE
    pickle = False

    def write(self, model: Any) -> bytes:
        """Give the archive, after reading it once: what is written can be read."""
        skops = _skops()
        try:
            data = rewrite(skops.dumps(model))
        except Invalid as error:
            raise _needs_pickle(model, error.message, error.facts) from error
        except (TypeError, ValueError, AttributeError, RecursionError, KeyError) as error:
            raise _needs_pickle(model, str(error), {}) from error
        try:
            self.read(data)
        except Invalid as error:
            raise _needs_pickle(model, error.message, error.facts) from error
        except Exception as error:
            raise _needs_pickle(model, f"skops cannot read back what it wrote: {error}", {}) from error
        return data

    def read(self, data: bytes) -> Any:
        """Make the estimator. Raise Invalid kind="untrusted-types" or "model-corrupt" before anything is made."""
        trusted, unknown = self._sorted(data)
        if unknown:
            raise Invalid(
                f"the model holds types that are not trusted: {', '.join(unknown)}",
                kind="untrusted-types",
                hint="ask whoever made it where these come from; loopline does not load them",
                types=unknown,
            )
        return _skops().loads(data, trusted=trusted)

    def types(self, data: bytes) -> tuple[str, ...]:
        """Name the types that the archive's schema holds."""
        return tuple(type_names(_schema(data)[0]))

    def packages(self) -> tuple[str, ...]:
        """Name what reads an archive."""
        return ("numpy", "scikit-learn", "scipy", "skops")

    def _sorted(self, data: bytes) -> tuple[list[str], list[str]]:
        schema, archive = _schema(data)
        with archive:
            check_trees(schema, archive)
        try:
            asked = _skops().get_untrusted_types(data=data)
        except (TypeError, ValueError, KeyError) as error:
            raise _damaged(error) from error
        return sort_types(schema, asked)


def _schema(data: bytes) -> tuple[Node, zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        schema: Node = json.loads(archive.read(SCHEMA))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise _damaged(error) from error
    return schema, archive


def _damaged(error: Exception) -> Invalid:
    return Invalid(f"the model file is no skops archive: {error}", kind="model-corrupt", hint="fetch the model again")


def _needs_pickle(model: Any, why: str, facts: dict[str, Any]) -> Invalid:
    kind = type(model)
    return Invalid(
        f"{kind.__module__}.{kind.__qualname__} cannot be saved without pickle: {why}",
        kind="needs-pickle",
        hint=_PICKLE_HINT,
        **facts,
    )


def _skops() -> Any:
    """Give `skops.io`, without the lists of names that it makes when it is imported.

    To trust their names skops imports every estimator of scikit-learn and looks for the home of every function of numpy and
    scipy, which takes longer than reading a model. The rule of trust.py decides about every name anyway, so our skops gets empty
    lists: it then asks about these as about all others. The copy is ours: whoever imports skops in this process gets a whole one.
    """
    with _guard:
        if not _copy:
            try:
                _copy.append(_without_lists())
            except ImportError as error:
                raise Unavailable(
                    f"scikit-learn models need {error.name}",
                    kind="extra-missing",
                    hint="pip install 'loopline[sklearn]'",
                    extra="sklearn",
                ) from error
        return _copy[0]


_guard: Final = threading.Lock()
_copy: Final[list[Any]] = []


def _without_lists() -> Any:
    theirs = _taken_out()
    sys.modules[_LISTS] = _Empty(_LISTS)
    try:
        import skops.io

        return skops.io
    finally:
        _taken_out()
        sys.modules.update(theirs)


_LISTS: Final = "skops.io._trusted_types"


def _taken_out() -> dict[str, ModuleType]:
    """Take skops out of the modules that this process knows."""
    return {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] == "skops"}


class _Empty(ModuleType):
    """Whatever list somebody looks for here, it is empty."""

    def __getattr__(self, name: str) -> list[str]:
        if name.startswith("_"):
            raise AttributeError(name)
        return []
