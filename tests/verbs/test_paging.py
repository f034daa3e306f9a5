from __future__ import annotations

import pytest

from loopline.errors import Invalid
from loopline.verbs.paging import at_most


def test_a_limit_is_at_least_one() -> None:
    """What a database reads as no limit is refused; what is allowed comes back."""
    assert at_most(1) == 1
    for limit in (0, -1):
        with pytest.raises(Invalid):
            at_most(limit)
