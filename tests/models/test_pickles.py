from __future__ import annotations

import collections
import pickle
from fractions import Fraction

import pytest

from loopline.models.pickles import names_in


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_gives_up_its_names(protocol: int) -> None:
    """Names are found in text and binary protocols, also where they come out of the memo."""
    value = [collections.Counter("ab"), Fraction(1, 2), Fraction(1, 3), collections.Counter("c")]
    assert {"collections.Counter", "fractions.Fraction"} <= set(names_in(pickle.dumps(value, protocol)).names)


def test_an_attack_is_named_and_not_run(tmp_path: object) -> None:
    """`os.system` is named; nothing happens."""
    found = names_in(b"cos\nsystem\n(S'exit 1'\ntR.")
    assert found.names == ("os.system",)
    assert found.calls


def test_names_behind_raw_bytes_and_first_streams_are_found() -> None:
    """What stands before damage is kept, and a second pickle in one file is looked at."""
    assert names_in(pickle.dumps(Fraction(1, 2))[:-1] + b"\xff\xfe raw").names == ("fractions.Fraction",)
    assert names_in(pickle.dumps(1) + pickle.dumps(Fraction(1, 2))).names == ("fractions.Fraction",)


@pytest.mark.parametrize("data", [b"", b".", b"hello world.", b"a,b,c\n1,2,3\n", bytes(100), b"# title\n"])
def test_text_is_not_a_pickle(data: bytes) -> None:
    """What happens to parse as opcodes but would do nothing is no pickle."""
    assert not names_in(data).pickle
