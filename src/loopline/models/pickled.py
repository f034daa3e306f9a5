"""pickled: any Python object that predicts, as a pickle. Reading it can run any code; it is labelled everywhere."""

from __future__ import annotations

import io
import pickle
from typing import Any

from loopline.errors import Invalid, Unavailable
from loopline.models.pickles import names_in


class PickleFlavor:
    """Holds classes by name: whoever reads it needs the code that defines them."""

    name = "pyfunc-pickle"
    file = "model.pkl"
    pickle = True

    def write(self, model: Any) -> bytes:
        """Give the pickle (protocol 5). Equal models give equal bytes only where they hold no sets of text."""
        buffer = io.BytesIO()
        try:
            pickle.Pickler(buffer, protocol=5).dump(model)
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            raise Invalid(
                f"{type(model).__qualname__} cannot be pickled: {error}",
                kind="not-picklable",
                hint="define its class and functions at the top of a module, and leave open files and locks out of it",
            ) from error
        return buffer.getvalue()

    def read(self, data: bytes) -> Any:
        """Unpickle. Raise Unavailable kind="code-missing" where its classes cannot be imported."""
        try:
            return pickle.loads(data)  # noqa: S301 (the caller asked for it by allow_pickle)
        except (ImportError, AttributeError) as error:
            raise Unavailable(
                f"the model's own code is missing: {error}",
                kind="code-missing",
                hint="run inside the project that trained it, so that its modules can be imported",
            ) from error
        except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError) as error:
            raise Invalid(
                f"the pickle is damaged: {error}", kind="model-corrupt", hint="fetch the model again"
            ) from error

    def types(self, data: bytes) -> tuple[str, ...]:
        """Name what the pickle imports, without running it."""
        return names_in(data).names

    def packages(self) -> tuple[str, ...]:
        """Name what its parts most often come from."""
        return ("numpy", "scikit-learn", "scipy")
