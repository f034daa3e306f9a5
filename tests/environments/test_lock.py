from __future__ import annotations

import json

import pytest

from loopline.environments.lock import Distribution, Lock, difference, digest, encode, normalise, parse, written
from loopline.errors import Invalid

ONE = Lock("3.11.7", "cpython", "linux-x86_64", (Distribution("numpy", "2.0"), Distribution("six", "1.17.0")))


def test_a_lock_comes_back_from_its_bytes() -> None:
    """Parsing what was encoded gives an equal lock with the same digest."""
    assert parse(encode(ONE)) == ONE
    assert digest(parse(encode(ONE))) == digest(ONE)


def test_every_fact_counts_in_the_digest() -> None:
    """Another version, Python or platform is another environment."""
    others = [
        Lock("3.11.8", ONE.implementation, ONE.platform, ONE.distributions),
        Lock(ONE.python, ONE.implementation, "macosx-14.0-arm64", ONE.distributions),
        Lock(ONE.python, ONE.implementation, ONE.platform, ONE.distributions[:1]),
        Lock(
            ONE.python,
            ONE.implementation,
            ONE.platform,
            (ONE.distributions[0], Distribution("six", "1.17.0", "editable")),
        ),
    ]
    assert len({digest(one) for one in [ONE, *others]}) == 5


def test_difference_names_what_was_added_removed_and_changed() -> None:
    """The interpreter comes first, then distributions by name; what is equal is not there."""
    new = Lock("3.12.1", "cpython", "linux-x86_64", (Distribution("numpy", "2.1"), Distribution("attrs", "24.1")))
    assert [(c.name, c.word, c.old, c.new) for c in difference(ONE, new)] == [
        ("python", "changed", "3.11.7", "3.12.1"),
        ("attrs", "added", None, "24.1"),
        ("numpy", "changed", "2.0", "2.1"),
        ("six", "removed", "1.17.0", None),
    ]
    assert difference(ONE, ONE) == ()


def test_where_it_came_from_is_a_difference() -> None:
    """The same version from a commit is not the same package."""
    vcs = Distribution("six", "1.17.0", "vcs", "git+https://example.org/six@9f3c")
    assert written(vcs) == "1.17.0 (git+https://example.org/six@9f3c)"
    assert [
        c.name for c in difference(ONE, Lock("3.11.7", "cpython", "linux-x86_64", (ONE.distributions[0], vcs)))
    ] == ["six"]


def test_names_are_found_however_they_are_written() -> None:
    """PEP 503: case, dots, dashes and underscores do not count."""
    assert normalise("Ruamel.YAML__x") == "ruamel-yaml-x"
    found = ONE.find("NumPy")
    assert found is not None
    assert found.version == "2.0"
    assert ONE.find("pandas") is None


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"format":1}', json.dumps({**json.loads(encode(ONE)), "format": 2}).encode()]
)
def test_other_bytes_are_no_lock(data: bytes) -> None:
    """Damage and a newer format are Invalid."""
    with pytest.raises(Invalid) as caught:
        parse(data)
    assert caught.value.kind == "bad-lock"
