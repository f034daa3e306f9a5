from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.nouns.digest import digest_of
from loopline.nouns.name import RefName
from loopline.verbs.staging import gone, refold, stage, written

from .conftest import DATA

if TYPE_CHECKING:
    from .conftest import World

MAIN = RefName(DATA, "main")


@pytest.mark.parametrize("folded", [False, True])
def test_it_tells_what_a_commit_would_change(world: World, *, folded: bool) -> None:
    """Added, changed, removed and noted paths are listed by path, in pages, folded or not; what is as it was is not."""
    world.data(a_csv=b"1\n", b_csv=b"2", c_csv=b"3", d_csv=b"4", old_csv=b"5")
    for path, body, notes in (("b.csv", b"9", ""), ("c.csv", b"3", "{}"), ("d.csv", b"4", ""), ("new.csv", b"", "")):
        stage(world.loop, MAIN, written(path, digest_of(body), len(body), notes=notes))
    stage(world.loop, MAIN, gone("ol", whole=True))
    stage(world.loop, MAIN, gone("never.csv"))
    if folded:
        refold(world.loop, MAIN)
    told = world.do("staged", MAIN)
    assert [(one.path, one.word) for one in told] == [
        ("b.csv", "changed"), ("c.csv", "changed"), ("new.csv", "added"), ("old.csv", "removed"),
    ]  # fmt: skip
    assert told[1].old == told[1].new
    assert world.do("staged", MAIN, after="b.csv", limit=2) == told[1:3]
    assert world.do("staged", MAIN, prefix="n") == told[2:3]
