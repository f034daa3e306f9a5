from __future__ import annotations

import pytest
from starlette.routing import Match

from loopline.faces.gateway import Gateway
from loopline.faces.prefixes import Prefixes
from loopline.server.app import routes


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/s3", "s3"), ("/s3/", "s3"), ("/s3/a/b", "s3"), ("/s3a", None), ("//s3", None), ("/x/s3", None), ("/S3", None),
        ("/api/2.0", "two"), ("/api/2.0/x", "two"), ("/api/2.0x", None), ("/api", None), ("/api/", None), ("/", None), ("", None),
    ],
)  # fmt: skip
def test_a_path_lies_below_whole_words(path: str, found: str | None) -> None:
    """A word that only begins so is another word."""
    assert Prefixes({"/s3": "s3", "/api/2.0": "two"}).find(path) == found


@pytest.mark.parametrize("prefix", ["", "/", "s3", "/s3/", "/a/b/c"])
def test_what_is_not_one_word_or_two_is_refused(prefix: str) -> None:
    """Nothing would ever be found there."""
    with pytest.raises(ValueError, match="one word or two"):
        Prefixes({prefix: 1})


def test_every_gateway_is_found_where_it_matches() -> None:
    """The shorter way to it leads to where its route does, and to no other place."""
    gateways = {one.path: one for one in routes() if isinstance(one, Gateway)}
    found = Prefixes(gateways)
    assert len(gateways) > 3
    for prefix, gateway in gateways.items():
        for path in (prefix, f"{prefix}/", f"{prefix}/a/b", f"{prefix}a", f"/x{prefix}", prefix.upper()):
            matches = gateway.matches({"type": "http", "path": path})[0] is Match.FULL
            assert (found.find(path) is gateway) == matches, path
