"""The source tree is stored as it stands, and costs little where nothing changed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.datasets.tree import Tree
from loopline.nouns.digest import Digest
from loopline.nouns.name import parse_asset
from loopline.sdk.client import Local
from loopline.sdk.snapshot import snapshot
from loopline.sdk.workspace import Workspace
from loopline.settings import load_settings
from loopline.store.local import LocalBlobs
from loopline.wiring import open_blobs, open_loop

if TYPE_CHECKING:
    import pytest


def paths(blobs: Any, tree: Any) -> dict[str, bytes]:
    return {one.path: blobs.read(one.digest) for one in Tree(blobs, tree).iter()}


def test_it_holds_the_files(project: Path) -> None:
    """Each file is in the tree with its bytes and mode; declared data and the loop's own folder are not."""
    (project / "loopline.toml").write_text('[project]\nname = "flights"\n[data."data/x"]\nfolder = "rows"\n')
    (project / "a.py").write_text("a")
    (project / "run.sh").write_text("b")
    (project / "run.sh").chmod(0o755)
    (project / "rows").mkdir()
    (project / "rows" / "1.csv").write_text("1")
    settings = load_settings()
    blobs = open_blobs(settings)
    found = snapshot(blobs, settings)
    assert set(paths(blobs, found.tree)) == {"a.py", "loopline.toml", "run.sh"}
    assert Tree(blobs, found.tree).get("run.sh").mode == 0o755


def test_edits_and_removals_show(project: Path) -> None:
    """Two snapshots in one second tell apart what was written between them."""
    settings = load_settings()
    blobs = open_blobs(settings)
    (project / "a.py").write_text("a")
    (project / "b.py").write_text("b")
    first = snapshot(blobs, settings)
    (project / "a.py").write_text("c")
    second = snapshot(blobs, settings)
    (project / "b.py").unlink()
    third = snapshot(blobs, settings)
    assert len({first.tree, second.tree, third.tree}) == 3
    assert paths(blobs, second.tree)["a.py"] == b"c"
    assert "b.py" not in paths(blobs, third.tree)


def test_nothing_is_read_twice(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot without changes stores no file again, and one whose blobs were swept away does."""
    settings = load_settings()
    blobs = open_blobs(settings)
    (project / "a.py").write_text("a")
    time.sleep(0.01)  # so that the first reading is of a file that was written before
    snapshot(blobs, settings)
    kept: list[bytes] = []
    put_groups = LocalBlobs.put_groups

    def noting(self: LocalBlobs, items: Iterable[bytes]) -> Iterator[list[Digest]]:
        noted = list(items)
        kept.extend(noted)
        return put_groups(self, noted)

    monkeypatch.setattr(LocalBlobs, "put_groups", noting)
    first = snapshot(blobs, settings)
    assert b"a" not in kept
    blobs.delete(Tree(blobs, first.tree).get("a.py").digest)
    assert snapshot(blobs, settings) == first
    assert b"a" in kept


def test_data_that_were_added_are_no_source(project: Path) -> None:
    """A folder that was added without being declared stays out of the source tree, too: its versions are its own."""
    (project / "a.py").write_text("a")
    (project / "rows").mkdir()
    (project / "rows" / "1.csv").write_text("1")
    settings = load_settings()
    loop = open_loop(settings)
    Workspace(Local(loop), settings).add(parse_asset("data/rows", project=loop.project), project / "rows")
    found = snapshot(loop.blobs, settings)
    assert "a.py" in paths(loop.blobs, found.tree)
    assert "rows/1.csv" not in paths(loop.blobs, found.tree)
    loop.ledger.close()
