from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.verbs.recorded import signals_of
from tests.verbs.served import served


def test_a_deployment_has_a_folder_where_records_are_kept(tmp_path: Path) -> None:
    """Where none are kept it is said."""
    loop, ref, folder = served(tmp_path)
    assert signals_of(loop, ref) == folder
    with pytest.raises(Unavailable):
        signals_of(dataclasses.replace(loop, signals=None), ref)
