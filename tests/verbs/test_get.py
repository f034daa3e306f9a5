from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.nouns.name import parse_pointer

from .conftest import PROJECT

if TYPE_CHECKING:
    from .conftest import World


def test_a_pointer_means_a_version(world: World) -> None:
    """A number, a ref, a digest and latest find the same version; data without a revision means main."""
    digest = world.data(b_csv=b"2").version.artifact.digest
    for text in (
        "data/flights",
        "data/flights@main",
        "data/flights@2",
        f"data/flights@{digest[:19]}",
        "data/flights@latest",
    ):
        assert world.do("get", parse_pointer(text, project=PROJECT)).number == 2, text


def test_latest_is_neither_in_quarantine_nor_deleted(guarded: World) -> None:
    """What must not be used is not what somebody gets who names nothing."""
    latest = parse_pointer("model/delay", project=PROJECT)
    with guarded.loop.ledger.write(PROJECT, guarded.loop.actor) as tx:
        tx.versions.quarantine(latest.asset, 2, reason="bad")
        tx.say("test", "x")
    assert guarded.do("get", latest).number == 1
    assert guarded.do("get", parse_pointer("model/delay@2", project=PROJECT)).quarantined
    guarded.do("delete", "model/delay@1")
    for text in (
        "model/delay",
        "model/delay@1",
        "model/delay@9",
        "model/delay@champion",
        "model/none",
        "data/flights@x",
    ):
        with pytest.raises(NotFound):
            guarded.do("get", parse_pointer(text, project=PROJECT))
