"""predictions: what was answered is found, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import NotFound
from loopline.nouns.name import parse_ref
from loopline.verbs.paging import next_of
from loopline.verbs.predictions import predictions
from tests.signals.recorded import entry, write
from tests.verbs.served import served


def test_pages_are_asked_for_with_the_place_of_the_last(tmp_path: Path) -> None:
    """What `next` says leads behind the page, to its end."""
    loop, ref, folder = served(tmp_path)
    write(folder, [entry(n) for n in range(5)])
    first = predictions(loop, ref, limit=3)
    after = next_of("predictions", {"limit": 3}, first)
    assert after
    rest = predictions(loop, ref, limit=3, after=after)
    assert [one.latency_us for one in (*first, *rest)] == [904, 903, 902, 901, 900]
    assert rest[0].service == "service/delay@prod"
    assert next_of("predictions", {"limit": 3}, rest) is None


def test_a_deployment_that_never_was_is_not_found(tmp_path: Path) -> None:
    """No records are no error where the ref is there; another name is."""
    loop, ref, _ = served(tmp_path)
    assert predictions(loop, ref) == ()
    with pytest.raises(NotFound):
        predictions(loop, parse_ref("service/delay@nowhere", project="flights"))
