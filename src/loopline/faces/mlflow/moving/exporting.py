"""exporting: a project's records, written into a folder that MLflow opens, and counted on both sides at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.faces.mlflow.moving.folder import FolderStore
from loopline.faces.mlflow.moving.left import Left
from loopline.faces.mlflow.moving.ours import OurStore
from loopline.faces.mlflow.moving.places import Places
from loopline.faces.mlflow.moving.summing import differences, summed
from loopline.faces.mlflow.moving.sums import KINDS
from loopline.faces.mlflow.moving.writing import MARK, Writing, must_be_new, sweep
from loopline.faces.mlflow.moving.writing_models import write_logged, write_registered
from loopline.nouns.adoption import Handover, Tally
from loopline.nouns.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopline.faces.mlflow.moving.store import Group, Told, Value
    from loopline.loop import Loop


class Exporting:
    """Writes one project into one folder."""

    def __init__(self, loop: Loop, root: Path) -> None:
        self._loop, self._root, self._store = loop, root, OurStore(loop)
        self._left = Left()
        self._done = 0
        self._homes: dict[str, str] = {}

    def run(self, *, dry: bool = False) -> Handover:
        """Write all of it, unless it is only told. Raise Invalid kind="target-not-empty"."""
        must_be_new(self._root)
        if dry:
            here = summed(self._store)
            tallies = tuple(Tally(kind, 0, here.counts[kind], same=False) for kind in KINDS)
            return Handover(str(self._root), "planned", tallies)
        self._root.mkdir(parents=True, exist_ok=True)
        (self._root / MARK).touch()
        sweep(self._root)
        writing = Writing(self._root, self._left)
        writing.models()
        for group in self._store.groups():
            self._group(writing, group)
        for registered in self._store.registered():
            write_registered(writing.models(), registered, self._store, self._homes, self._left)
        return self._checked()

    def _group(self, writing: Writing, group: Group) -> None:
        at = writing.group(group)
        home = self._root / at.name
        for model in self._store.logged(group):
            write_logged(at, home, model, self._store.folder(model.location), self._left)
            self._homes[model.id] = str(home / "models" / model.id / "artifacts")
        for batch in self._store.runs(group):
            for told in batch:
                writing.run(at, told, self._store.folder(told.location), self._values([told]))
            self._done += len(batch)
            self._loop.report(Progress("export", self._done, None, "runs"))

    def _values(self, runs: Sequence[Told]) -> Iterator[Value]:
        for _, part in self._store.points(runs):
            yield from part

    def _checked(self) -> Handover:
        """Read what was written, and hold it against the ledger."""
        there = FolderStore(self._root, Places([str(self._root)]))
        ours, theirs = summed(self._store), summed(there)
        tallies = tuple(
            Tally(kind, theirs.counts[kind], ours.counts[kind], ours.digest(kind) == theirs.digest(kind))
            for kind in KINDS
        )
        left = self._left.all()
        same = all(one.same for one in tallies) and not left
        differing = () if same else tuple(differences(self._store, there))
        (self._root / MARK).unlink()
        return Handover(str(self._root), "exported" if same else "differs", tallies, left, differing)
