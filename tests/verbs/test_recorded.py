"""recorded: what is behind a ref of a service."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.verbs.recorded import service_at, signals_of
from tests.verbs.served import SIGNATURE, served


def test_the_service_is_read_as_it_was_deployed(tmp_path: Path) -> None:
    """The specification behind the ref comes back whole."""
    loop, ref, folder = served(tmp_path)
    assert service_at(loop, ref).arms[0].signature == SIGNATURE
    assert signals_of(loop, ref) == folder
    with pytest.raises(Unavailable):
        signals_of(dataclasses.replace(loop, signals=None), ref)
