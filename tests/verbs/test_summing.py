"""What other algorithms call the bytes that are kept."""

from __future__ import annotations

from loopline.nouns.digest import digest_of
from loopline.testing.loop import loop
from loopline.verbs.summing import named, remember, summed


def test_bytes_are_found_by_what_others_call_them() -> None:
    """As far as they are still kept; and each way round."""
    here = loop()
    one = here.blobs.put(b"1")
    gone = digest_of(b"2")
    remember(here, "md5", {"a": one, "b": gone})
    assert named(here, "md5", ["a", "b", "c"]) == {"a": one}
    assert summed(here, "md5", [one, gone, digest_of(b"3")]) == {one: "a", gone: "b"}
    assert named(here, "md5-dos2unix", ["a"]) == {}


def test_it_is_no_event() -> None:
    """Nobody has done anything: the bytes say it themselves."""
    here = loop()
    remember(here, "md5", {"a": here.blobs.put(b"1")})
    with here.ledger.read() as tx:
        assert list(tx.feed.iter("flights")) == []
