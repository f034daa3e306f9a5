from __future__ import annotations

import pickle
import threading

import pytest

from loopline.errors import Invalid, Unavailable
from loopline.models.pickled import PickleFlavor


def test_what_cannot_be_pickled_is_invalid() -> None:
    """A lock inside a model is named as the reason."""
    with pytest.raises(Invalid) as caught:
        PickleFlavor().write({"lock": threading.Lock()})
    assert caught.value.kind == "not-picklable"


def test_missing_code_is_unavailable() -> None:
    """A class whose module is not there asks for the project, it is not a damaged file."""
    with pytest.raises(Unavailable) as caught:
        PickleFlavor().read(b"cno_such_module_here\nThing\n.")
    assert caught.value.kind == "code-missing"


def test_a_cut_pickle_is_damaged() -> None:
    """Half a pickle is Invalid."""
    with pytest.raises(Invalid) as caught:
        PickleFlavor().read(pickle.dumps(list(range(1000)))[:50])
    assert caught.value.kind == "model-corrupt"


def test_types_name_what_would_be_imported() -> None:
    """The imports of a pickle are listed without running it."""
    import collections

    assert PickleFlavor().types(pickle.dumps(collections.Counter("ab"), protocol=5)) == ("collections.Counter",)
