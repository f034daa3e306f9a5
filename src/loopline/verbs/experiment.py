"""experiment: begin one, or say more about one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid
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
        if rename:
            _fit(rename)
            tx.experiments.rename(there, rename)
        if tags or untag:
            tx.taggings.drop(there.subject, untag)
            tx.taggings.set(there.subject, tags)
            tx.experiments.touch(there)
        done = tx.experiments.get(loop.project, rename or name)
        _say(tx, done, tags=dict(tags), untag=list(untag), name=name)
    return done


def _say(tx: Writing, done: Experiment, *, tags: Mapping[str, str], untag: list[str], name: str) -> None:
    said = {key: value for key, value in {"tags": tags, "untag": untag}.items() if value}
    if done.name != name:
        said["was"] = name
    if tx.kind != "experiment.created":
        tx.say("experiment.changed" if said else "experiment.unchanged", done.name)
    tx.payload.update(said)


def _fit(name: str) -> None:
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise Invalid(
            "an experiment needs a name",
            kind="bad-name",
            hint=f"use 1 to {LONGEST} printable characters",
            name=name[:LONGEST],
        )
