"""What a token may be used for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.scopes import covers, narrower, parse_scope, write_scope
from loopline.errors import Invalid
from loopline.nouns.token import Scope
from loopline.verbs import BY_NAME, VERBS, Verb

CLASSES = [(verb.name, verb.cls) for verb in VERBS]
NAMES = st.sampled_from([*BY_NAME, "read", "write", "work", "*"])
SCOPES = st.builds(
    Scope,
    st.lists(NAMES, min_size=1, max_size=3, unique=True).map(sorted).map(tuple),
    st.sampled_from(["*", "flights", "other"]),
    st.sampled_from(["*", "model/*", "data/flights"]),
)


@given(SCOPES)
def test_what_is_written_is_read(scope: Scope) -> None:
    """A scope survives being written."""
    assert parse_scope(write_scope(scope)) == scope


@pytest.mark.parametrize("text", ["READ", "read:no/project", "1:flights", "read:flights:a b", "read:flights:\n"])
def test_what_is_no_scope_is_said_so(text: str) -> None:
    """A word that no verb can be, or a project or glob that none can be, is refused."""
    with pytest.raises(Invalid):
        parse_scope(text)


@pytest.mark.parametrize(
    ("scope", "verb", "project", "assets", "answer"),
    [
        ("", "promote", "flights", ["model/delay"], True),
        ("read", "why", "flights", [], True),
        ("read", "log", "flights", [], False),
        ("log", "log", "flights", [], True),
        ("log:flights", "log", "other", [], False),
        ("promote:flights:model/*", "promote", "flights", ["model/delay"], True),
        ("promote:flights:model/*", "promote", "flights", ["model/delay", "data/flights"], False),
        ("promote:flights:model/*", "promote", "flights", [], False),
        ("read,log", "ls", "flights", [], True),
    ],
)
def test_a_scope_covers_what_it_says(scope: str, verb: str, project: str, assets: list[str], *, answer: bool) -> None:
    """Verb, project and every asset must fit; a scope for some assets lets nothing through that names none."""
    assert covers(parse_scope(scope), BY_NAME[verb], project=project, assets=assets) is answer


@given(SCOPES, SCOPES, st.sampled_from(VERBS), st.sampled_from(["flights", "other"]))
def test_a_narrower_scope_lets_nothing_more_through(mine: Scope, theirs: Scope, verb: Verb, project: str) -> None:
    """Where `narrower` says yes, whatever the one covers the other covers as well."""
    for assets in ([], ["model/delay"], ["data/flights"], ["model/delay", "data/flights"]):
        if narrower(theirs, mine, classes=CLASSES) and covers(theirs, verb, project=project, assets=assets):
            assert covers(mine, verb, project=project, assets=assets)
