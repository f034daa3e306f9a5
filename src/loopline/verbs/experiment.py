"""experiment: begin one, or say more about one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid, NotFound
from loopline.loop import Loop
from loopline.nouns.experiment import Experiment
from loopline.verbs.start import NOTHING

if TYPE_CHECKING:
    from loopline.ledger.ledger import Writing

LONGEST = 500
"""Characters of a name."""


def experiment(
    loop: Loop,
    name: Annotated[str, "what it is called: delays"],
    *,
    tags: Annotated[Mapping[str, str], "labels that may change later"] = NOTHING,
    untag: Annotated[tuple[str, ...], "labels that go"] = (),
    rename: Annotated[str, "another name for it"] = "",
    new: Annotated[bool, "there must be none of that name, not even a deleted one"] = False,
) -> Experiment:
    """Begin an experiment, or tag or rename one that is there. Runs begin theirs by themselves.

    Example:
        loopline experiment delays --tag team=ops
    """
    _fit(name)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        there = None if new else tx.experiments.find(loop.project, name)
        if there is None:
            tx.projects.ensure(loop.project)
            there = tx.experiments.create(loop.project, name, {})
            tx.say("experiment.created", name)
        return _changed(tx, there, tags=tags, untag=untag, rename=rename)


def alter(
    loop: Loop, number: int, *, tags: Mapping[str, str] = NOTHING, untag: tuple[str, ...] = (), rename: str = ""
) -> Experiment:
    """Tag or rename the experiment of a number, whatever it is called by now. Raise NotFound, Invalid experiment-deleted."""
    with loop.ledger.write(loop.project, loop.actor) as tx:
        there = tx.experiments.by_id(loop.project, number)
        if there is None:
            raise NotFound(
                f"there is no experiment {number}", kind="no-experiment", hint="loopline find experiments", id=number
            )
        if there.deleted_at is not None:
            raise deleted(there)
        return _changed(tx, there, tags=tags, untag=untag, rename=rename)


def deleted(experiment: Experiment) -> Invalid:
    """Say that an experiment takes nothing."""
    return Invalid(
        f"the experiment {experiment.name} is deleted", kind="experiment-deleted", hint="restore it first",
        name=experiment.name,
    )  # fmt: skip


def _changed(
    tx: Writing, there: Experiment, *, tags: Mapping[str, str], untag: tuple[str, ...], rename: str
) -> Experiment:
    if rename:
        _fit(rename)
        tx.experiments.rename(there, rename)
    if tags or untag:
        tx.taggings.drop(there.subject, untag)
        tx.taggings.set(there.subject, tags)
        tx.experiments.touch(there)
    done = tx.experiments.get(there.project, rename or there.name)
    said = {key: value for key, value in {"tags": dict(tags), "untag": list(untag)}.items() if value}
    if done.name != there.name:
        said["was"] = there.name
    if tx.kind != "experiment.created":
        tx.say("experiment.changed" if said else "experiment.unchanged", done.name)
    tx.payload.update(said)
    return done


def _fit(name: str) -> None:
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise Invalid(
            "an experiment needs a name",
            kind="bad-name",
            hint=f"use 1 to {LONGEST} printable characters",
            name=name[:LONGEST],
        )
