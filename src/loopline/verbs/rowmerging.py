"""rowmerging: a file that both sides of a merge have changed, as a table of rows; shared by what merges versions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopline.datasets.tablemerge import Merged
    from loopline.loop import Loop
    from loopline.nouns.entry import Entry
    from loopline.nouns.version import Version


def merge_rows(loop: Loop, base: Entry | None, ours: Entry, theirs: Entry, *, key: Sequence[str]) -> Merged:
    """Merge a file row by row: its bytes, or the cells that clash, or why it is no table that can be merged by this key.

    On a server that is done in a process of its own, as all reading of tables. Raise what reading a blob raises.
    """
    from loopline.datasets.apart import apart
    from loopline.datasets.tablemerge import MOST, Merged, RowConflict, merge_tables
    from loopline.datasets.tables import ending_of
    from loopline.verbs.comparing import on_disk

    if not key or not ending_of(ours.path):
        return Merged(None, why=f"{ours.path} is no table" if key else "no key is declared")
    sides = [one for one in (base, ours, theirs) if one is not None]
    if any((loop.blobs.size(one.digest) or 0) > MOST for one in sides):  # whoever made the tree may have written less
        return Merged(None, why=f"a table of more than {MOST >> 20} MiB is not merged row by row")
    with on_disk(loop, sides) as paths, TemporaryDirectory(dir=loop.work) as folder:
        if loop.caller is None:
            bodies = [path.read_bytes() for path in paths]
            return merge_tables(ours.path, None if base is None else bodies[0], bodies[-2], bodies[-1], key)
        target = Path(folder) / "merged"
        told = {"path": ours.path, "files": [str(path) for path in paths], "key": list(key), "target": str(target)}
        answer = apart("merge_tables", told, scratch=loop.work)
        conflicts = tuple(RowConflict(tuple(one["key"]), *one["cells"]) for one in answer["conflicts"])
        return Merged(target.read_bytes() if answer["merged"] else None, conflicts, answer["count"], answer["why"])


def key_of(version: Version) -> tuple[str, ...]:
    """Give the columns by which a version's tables are matched, as its metadata declare them."""
    named = version.metadata.get("key", ())
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        return ()  # the word is not ours alone: somebody says something else by it
    return tuple(names)
