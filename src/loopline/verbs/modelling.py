"""modelling: models that runs log: begun, filled with files, and sealed into an artifact; shared by faces that take them.

Until it is finished a model's files are staged (`verbs/filing.py`). Finishing makes one tree of them, which is an artifact and an
output of the run: from then on it never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.datasets.tree import EMPTY
from loopline.errors import Conflict
from loopline.ledger.logged import sealed
from loopline.nouns.artifact import MODEL, Artifact
from loopline.nouns.logged import LoggedModel, LoggedState, Measure
from loopline.nouns.run import Link
from loopline.verbs.experiment import deleted
from loopline.verbs.filing import NOTHING, busy, folded
from loopline.verbs.reading import link_readers
from loopline.verbs.staging import TRIES, refold

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.experiment import Experiment

_MADE: Final = "outputs/{}"
"""Under this subject are the models of a run, each with its step."""
PREFIX: Final = "m-"
"""What ids of logged models begin with."""


def begin(
    loop: Loop, experiment: Experiment, name: str, *, run: str | None = None, kind: str = "",
    params: Mapping[str, str] = NOTHING, tags: Mapping[str, str] = NOTHING,
) -> LoggedModel:  # fmt: skip
    """Write down that a model comes. Raise Invalid kind="experiment-deleted"."""
    if experiment.deleted_at is not None:
        raise deleted(experiment)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        number = experiment.id or tx.runs.experiment(loop.project, experiment.name)
        made = tx.logged.begin(
            LoggedModel(PREFIX + loop.ids.new(), loop.project, number, name, run, kind, tags=tags, params=params)
        )
        tx.say("model.logged", made.id, name=name, experiment=experiment.name, run=run, params=dict(params))
    return made


def end(loop: Loop, name: str, state: LoggedState) -> LoggedModel:
    """Say how far a model's files have come. With `ready` they are sealed into an artifact; saying so again changes nothing.

    Raise Conflict kind="model-sealed" for any other state of a sealed one, NotFound kind="no-model".
    """
    with loop.ledger.read() as tables:
        model = tables.logged.get(loop.project, name)
    if model.digest is not None and state is LoggedState.READY:
        return model
    for _ in range(TRIES):
        if state is LoggedState.READY:
            refold(loop, model.owner)
        try:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                done = _ended(tx, loop, name, state)
        except Conflict as error:
            if error.kind != "staging-moved" or loop.ledger.dry:
                raise
        else:
            return done
    raise busy(model.owner)


def _ended(tx: Writing, loop: Loop, name: str, state: LoggedState) -> LoggedModel:
    model = tx.logged.get(loop.project, name)
    if model.digest is not None:
        raise sealed(model)
    digest = folded(tx, model.owner) if state is LoggedState.READY else None
    if digest == EMPTY:
        digest = None
    tx.logged.end(model, state, digest)
    if digest is None:
        tx.say(f"model.{state}", model.id, name=model.name, run=model.run)
    else:
        artifact = Artifact(digest, MODEL, loop.blobs.size(digest) or 0)
        tx.assets.describe(artifact)
        if model.run:
            _link(tx, model, artifact)
        link_readers(tx, replace(model, digest=digest))
        tx.say("model.sealed", model.id, name=model.name, run=model.run, digest=digest)
    return tx.logged.get(loop.project, name)


def _link(tx: Writing, model: LoggedModel, artifact: Artifact) -> None:
    """Say that a run made it: under its name, or its id where something else of the run is called so."""
    run = tx.runs.find(model.run or "")
    if run is None or run.project != model.project:
        return
    taken = any(link.name == model.name and link.digest != artifact.digest for link in run.outputs)
    link = Link(model.id if taken else model.name, artifact.digest, artifact.media_type, artifact.size)
    tx.lineage.renew(run.id, link, project=model.project)


def tell(
    loop: Loop, name: str, *, tags: Mapping[str, str] = NOTHING, untag: Iterable[str] = (), params: Mapping[str, str] = NOTHING
) -> None:  # fmt: skip
    """Say more about a model. What it is made of never changes. Raise NotFound kind="no-model", Conflict kind="param-exists"."""
    with loop.ledger.write(loop.project, loop.actor) as tx:
        model = tx.logged.get(loop.project, name)
        tx.taggings.drop(model.subject, untag)
        tx.taggings.set(model.subject, tags)
        tx.logged.annotate(model, params=params)
        tx.logged.touch(model)
        tx.say("annotated", model.id, tags=dict(tags), untag=list(untag), params=dict(params))


def made(loop: Loop, run: str, models: Mapping[str, int]) -> None:
    """Say which models a run has made, and at which step of it. Raise NotFound kind="no-model"."""
    with loop.ledger.write(loop.project, loop.actor) as tx:
        for name in models:
            tx.logged.get(loop.project, name)
        tx.taggings.set(_MADE.format(run), {name: str(step) for name, step in models.items()})
        tx.say("run.logged", run, models=dict(models))


def made_by(tx: Tables, runs: Iterable[str]) -> dict[str, dict[str, int]]:
    """Give the models that runs have made, with their steps; runs without any are left out."""
    subjects = {_MADE.format(run): run for run in runs}
    found = tx.taggings.of_all(subjects)
    return {
        subjects[subject]: {name: int(step) for name, step in several.items()} for subject, several in found.items()
    }


def measured(tx: Tables, project: str, measures: Iterable[Measure]) -> None:
    """Keep what a run has measured of models, within the transaction that keeps its points. Raise NotFound kind="no-model"."""
    said = list(measures)
    if not said:
        return
    known = tx.logged.known(project, (one.model for one in said))
    for one in said:
        if one.model not in known:
            tx.logged.get(project, one.model)  # raises
    tx.logged.measured(said)


def versions_of(tx: Tables, project: str, digest: Digest | None) -> list[tuple[str, int]]:
    """Give the assets under which a sealed model is registered, with their versions, oldest first."""
    found = tx.versions.by_digest(project, digest) if digest else []
    kept = [one for one in found if one.deleted_at is None and one.asset.kind == "model"]
    return sorted((one.asset.name, one.number) for one in kept)


def is_logged(what: str) -> bool:
    """Tell whether a word is the id of a logged model."""
    digits = what.removeprefix(PREFIX)
    return digits != what and len(digits) == 32 and not set(digits) - set("0123456789abcdef")
