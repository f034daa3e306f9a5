from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.token import Granted

from .conftest import BOB

if TYPE_CHECKING:
    from .conftest import World


def test_members_are_granted_and_revoked(world: World) -> None:
    """The answer is all teams as they are now."""
    assert world.do("grant", str(BOB), "team/ml") == Granted({"team/ml": ("person:bob",)}, changed=True)
    assert world.do("grant", str(BOB), "team/ml") == Granted({"team/ml": ("person:bob",)}, changed=False)
    assert world.do("grant", str(BOB), "team/ml", revoke=True) == Granted({}, changed=True)
    with pytest.raises(NotFound):
        world.do("grant", str(BOB), "team/ml", revoke=True)
    with pytest.raises(Invalid):
        world.do("grant", "bob", "ml")
