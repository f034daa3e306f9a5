from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry

if TYPE_CHECKING:
    from .conftest import Hand


def _entry(path: str, body: bytes = b"x") -> Entry:
    return Entry(path, digest_of(body), len(body))


def test_staging_holds_the_newest_word_on_each_path(hand: Hand) -> None:
    """A later write or removal of a path replaces the earlier one; owners do not see each other."""
    with hand.write() as tx:
        tx.staging.put("run:1", _entry("a", b"old"))
        tx.staging.put("run:1", _entry("a", b"new"))
        tx.staging.put("run:1", _entry("b/c"))
        tx.staging.remove("run:1", "gone")
        tx.staging.put("run:2", _entry("z"))
        listed = tx.staging.list("run:1")
    assert [path for path, _ in listed] == ["a", "b/c", "gone"]
    assert listed[0][1] == _entry("a", b"new")
    assert listed[2][1] is None


def test_listing_pages_and_prefixes(hand: Hand) -> None:
    """A prefix is taken literally, whatever characters it holds."""
    with hand.write() as tx:
        for path in ("a%b", "a_b", "axb", "b"):
            tx.staging.put("o", _entry(path))
        assert [p for p, _ in tx.staging.list("o", prefix="a%")] == ["a%b"]
        assert [p for p, _ in tx.staging.list("o", after="a_b", limit=1)] == ["axb"]


def test_sealing_empties_the_staging(hand: Hand) -> None:
    """What is sealed is taken out in the same transaction: all of it once."""
    with hand.write() as tx:
        tx.staging.put("o", _entry("a"))
        tx.staging.remove("o", "b")
        assert tx.staging.seal("o") == {"a": _entry("a"), "b": None}
        assert tx.staging.seal("o") == {}
