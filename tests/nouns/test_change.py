"""A change, and who stands behind it."""

from __future__ import annotations

import pytest

from loopline.nouns.change import Change, ChangeState


@pytest.mark.parametrize(
    ("author", "asker", "authors"),
    [
        ("person:ann", "", {"person:ann", "assistant:ann"}),
        ("assistant:ann", "", {"person:ann", "assistant:ann"}),
        ("token:ann", "", {"token:ann"}),
        ("trigger:retrain", "person:bo:b", {"trigger:retrain", "person:bo:b", "assistant:bo:b"}),
    ],
)
def test_somebody_and_their_assistant_are_one_author(author: str, asker: str, authors: set[str]) -> None:
    """What an assistant proposes its person has proposed, and the other way round; a token is nobody's assistant."""
    change = Change("1", "flights", author, "why", "planned", ChangeState.PROPOSED, (), 0, asker=asker)
    assert set(change.authors) == authors
