"""adopting: a tracking store, written into the ledger.

What is there already is not written again, so whoever is cut short runs it once more; what has come since is added, and nothing
is taken away or overwritten. Runs come with params and tags in one transaction for many, their points in further ones, their
files last: a run that lacks some gets them the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loopline.faces.mlflow.moving.adopting_files import Files
from loopline.faces.mlflow.moving.adopting_inputs import Inputs
from loopline.faces.mlflow.moving.adopting_models import Models
from loopline.faces.mlflow.moving.adopting_runs import Runs
from loopline.faces.mlflow.moving.keys import FROM, MOST, find_group, name_of, tags_of
from loopline.faces.mlflow.moving.left import Left
from loopline.faces.mlflow.naming import ADOPTED
from loopline.nouns.progress import Progress

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.store import Group, Store, Told
    from loopline.loop import Loop
    from loopline.nouns.experiment import Experiment


class Adopting:
    """Adopts one store into one project."""

    def __init__(self, loop: Loop, store: Store) -> None:
        self._loop, self._store = loop, store
        self.left = Left()
        self.files = Files(loop, store, self.left)
        self.runs = Runs(loop, store, self.left)
        self.inputs = Inputs(loop, self.left)
        self.models = Models(loop, store, self.left, self.files)
        self._done = 0
        self._above = 0
        """The highest number of an experiment there: one that is new here gets none of those which others want."""

    def run(self) -> None:
        """Write down all that is there."""
        self._above = max((_number(group) for group in self._store.groups()), default=0)
        for group in self._store.groups():
            here = self._group(group)
            for batch in self._store.runs(group):
                ids = self.runs.write(here, batch)
                self.inputs.data(batch, ids)
                self._files(batch, ids)
                self._done += len(batch)
                self._loop.report(Progress("adopt", self._done, None, "runs"))
            for model in self._store.logged(group):
                self.models.log(here, model, self.runs.ids)
            self._end(group, here)
        self.inputs.models()
        for registered in self._store.registered():
            self.models.register(registered, self.runs.ids)
        self.left.unread(self._store)

    def look(self) -> None:
        """Count files, and say what could not be read; nothing is written."""
        for group in self._store.groups():
            for batch in self._store.runs(group):
                for told in batch:
                    self.files.of_run(told, told.id)
            for model in self._store.logged(group):
                self.models.look(model)
        self.left.unread(self._store)

    def _group(self, group: Group) -> Experiment:
        """Give the experiment here that one there becomes, made where it is missing, with the tags that it lacks."""
        loop, source = self._loop, self._store.name
        name = name_of(group)
        tags = tags_of(group) | {ADOPTED: group.id, FROM: source}
        with loop.ledger.read() as tx:
            here = find_group(tx, loop.project, group, source)
        lacking = tags if here is None else {key: value for key, value in tags.items() if key not in here.tags}
        if here is not None and not lacking:
            return here
        with loop.ledger.write(loop.project, loop.actor) as tx:
            here = find_group(tx, loop.project, group, source)
            if here is None:
                tx.projects.ensure(loop.project)
                here = tx.experiments.create(
                    loop.project, name, tags, number=_number(group) or None, above=self._above,
                    created_at=group.created * 1000 or None,
                )  # fmt: skip
                tx.say("experiment.created", name, adopted=source, tags=tags)
            else:
                tx.taggings.set(here.subject, lacking)
                tx.say("experiment.changed", here.name, adopted=source, tags=lacking)
            return tx.experiments.get(loop.project, here.name, deleted=True)

    def _files(self, batch: Sequence[Told], ids: dict[str, str]) -> None:
        for told in batch:
            if told.id in ids:
                self.files.of_run(told, ids[told.id])

    def _end(self, group: Group, here: Experiment) -> None:
        """Mark an experiment deleted that is deleted there, once all of it is here."""
        loop = self._loop
        if not group.deleted:
            return
        with loop.ledger.read() as tx:
            now = tx.experiments.find(loop.project, here.name)
        if now is not None:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                tx.experiments.delete(now)
                tx.say("deleted", f"experiment/{here.name}", why=f"it is deleted in {self._store.name}")


def _number(group: Group) -> int:
    """Give the number that an experiment should keep; 0 where it is none, or too long."""
    found = int(group.id) if group.id.isascii() and group.id.isdecimal() else 0
    return found if found <= MOST else 0
