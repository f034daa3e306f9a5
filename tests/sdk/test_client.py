"""A client asks any verb, by name or function, with names as people write them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.name import AssetName, Numbered, Pointer
from loopline.sdk.client import Local
from loopline.testing.loop import loop as new_loop
from loopline.verbs.get import get
from loopline.verbs.put import put
from loopline.verbs.show import show


@pytest.fixture
def local() -> Iterator[Local]:
    """A client of an empty loop in memory."""
    made = Local(new_loop())
    yield made
    made.close()


def test_typed_and_written_names_are_the_same(local: Local) -> None:
    """A verb given as function takes nouns; given by name it takes nouns or text."""
    digest = local.blobs.put(b"x")
    made = local.do(put, AssetName("flights", "report", "x"), digest=digest)
    assert local.do("put", "report/x", digest=digest).number == 2
    assert local.do(get, Pointer(made.asset, Numbered(1))) == made
    assert local.do("get", "report/x@1") == local.do("show", "report/x@1") == local.do(show, "report/x@1") == made


def test_a_misspelled_verb(local: Local) -> None:
    """A verb that does not exist is told with the nearest one."""
    with pytest.raises(Invalid) as caught:
        local.do("promte")
    assert (caught.value.kind, caught.value.hint) == ("unknown-verb", "did you mean promote?")


@pytest.mark.parametrize(("words", "kind"), [(("get", "nonsense"), "bad-asset"), (("get", "data/x@ref:"), "bad-name")])
def test_words_that_cannot_be_read(local: Local, words: tuple[str, str], kind: str) -> None:
    """What is no name keeps the kind of the rule that it breaks."""
    with pytest.raises(Invalid) as caught:
        local.do(*words)
    assert caught.value.kind == kind


def test_an_error_about_lost_bytes_names_what_it_touches(local: Local) -> None:
    """Whatever verb stumbles over a blob that is gone, and whoever reads blobs beside it, is told the version."""
    digest = local.blobs.put(b"x")
    local.do("put", "report/x", digest=digest)
    local.blobs.delete(digest)
    with pytest.raises(NotFound) as caught:
        local.do("preview", "report/x@1")
    assert caught.value.facts["touches"] == ["report/x@1"]
    with pytest.raises(NotFound) as caught:
        local.blobs.read(digest)
    local.explain(caught.value)
    assert caught.value.facts["touches"] == ["report/x@1"]


def test_within_another_project(local: Local) -> None:
    """The same loop seen from another project finds nothing of this one, and acts under the other actor."""
    run = local.do("start", "train")
    other = local.within("weather", "person:bea")
    assert (other.project, other.do("start", "x").actor) == ("weather", "person:bea")
    with pytest.raises(NotFound):
        other.do("show", run.id)
    assert local.within("flights", "person:ann") is local
