from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound, Unavailable
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Difference, Entry
from loopline.verbs import patching
from loopline.verbs.patching import BYTES, FILES, LINES, patch, patches

if TYPE_CHECKING:
    from loopline.nouns.patch import Patch

    from .conftest import World


def between(world: World, old: bytes | None, new: bytes | None) -> Patch:
    """Compare two texts."""
    put = world.loop.blobs.put
    return patch(world.loop, "a.py", *(None if body is None else put(body) for body in (old, new)))


def test_lines_are_told_with_their_place(world: World) -> None:
    """A unified difference without its file names, counted."""
    found = between(world, b"a\nb\nc\n", b"a\nB\nc\nd\n")
    assert found.text.split("\n") == ["@@ -1,3 +1,4 @@", " a", "-b", "+B", " c", "+d"]
    assert (found.word, found.added, found.removed) == ("changed", 2, 1)
    assert (between(world, None, b"x\n").text, between(world, b"x\n", None).removed) == ("@@ -0,0 +1 @@\n+x", 1)


def test_what_cannot_be_compared_says_why(world: World) -> None:
    """Bytes that are no text, too many lines, too many bytes, source that was swept: each is a note, and no error."""
    assert between(world, b"\xff", b"a").note
    assert between(world, b"a\0", b"a").note
    assert between(world, b"\n" * (LINES + 1), b"a").note
    assert between(world, b"x" * (BYTES + 1), b"a").note
    assert patch(world.loop, "a.py", digest_of(b"nowhere"), None, swept=True).note


def test_what_is_lost_or_damaged_is_no_text(world: World) -> None:
    """A blob that is not there is an error where nothing may have swept it, and a damaged one always is."""
    with pytest.raises(NotFound):
        patch(world.loop, "a.py", digest_of(b"nowhere"), None)
    digest = world.loop.blobs.put(b"1\n")
    world.damage(digest)
    with pytest.raises(Unavailable) as caught:
        patch(world.loop, "a.py", digest, None, swept=True)
    assert caught.value.kind == "blob-corrupt"


def test_an_answer_is_bounded(world: World) -> None:
    """Behind the first files, and for files that are too long, nothing is read."""
    small = Entry("a.py", world.loop.blobs.put(b"1\n"), 2)
    gone = Entry("a.py", digest_of(b"gone"), BYTES + 1)
    found = patches(world.loop, [Difference("a.py", None, small)] * (FILES + 2))
    assert [bool(one.text) for one in found] == [True] * FILES + [False] * 2
    assert "KiB" in patches(world.loop, [Difference("a.py", small, gone)])[0].note
    mode = Entry("a.py", small.digest, 2, 0o755)
    assert patches(world.loop, [Difference("a.py", small, mode)])[0].note == "only its mode differs"


def test_a_tree_that_says_less_than_there_is_does_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a file is the store says: a tree that somebody made tells what they like."""
    monkeypatch.setattr(patching, "BYTES", 10)
    long = world.loop.blobs.put(b"x" * 11)
    (found,) = patches(world.loop, [Difference("a.py", None, Entry("a.py", long, 1))])
    assert (found.text, "longer" in found.note) == ("", True)
