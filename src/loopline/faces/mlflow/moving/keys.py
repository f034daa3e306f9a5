"""keys: under what the ledger keeps what another store calls otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow.naming import ADOPTED, name_kept

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.store import Group
    from loopline.ledger.ledger import Tables
    from loopline.nouns.experiment import Experiment

FROM: Final = "loopline.adopted.from"
"""The tag that says which store that was."""
MOST: Final = 10**9
"""Numbers of experiments up to this one are kept where they are free; longer ones are found by their tag."""
RUN: Final = re.compile(r"[0-9a-f]{32}\Z")
_NUL: Final = re.compile(r"[\x00\ud800-\udfff]")


def text(said: str) -> str:
    """Give a text as the ledger can hold it: without NUL and halves of characters."""
    return _NUL.sub("\ufffd", said)


def name_of(group: Group) -> str:
    """Give the name under which the ledger keeps an experiment."""
    return "".join(one if one.isprintable() else "\ufffd" for one in name_kept(text(group.name)))[:500] or "default"


def tags_of(group: Group) -> dict[str, str]:
    """Give the tags of an experiment as the ledger keeps them: without ours, where it was adopted before."""
    return {text(key): text(value) for key, value in group.tags.items() if key not in (ADOPTED, FROM)}


def find_group(tx: Tables, project: str, group: Group, source: str) -> Experiment | None:
    """Look up what an experiment of another store has become: by what it was there, else by its name."""
    for subject in tx.taggings.having(ADOPTED, group.id, "experiment"):
        found = tx.experiments.by_id(project, int(subject.removeprefix("experiment/")))
        if found is not None and found.tags.get(FROM) == source:
            return found
    return tx.experiments.find(project, name_of(group), deleted=True)


def find_runs(tx: Tables, project: str, names: list[str]) -> dict[str, str]:
    """Give the ids that runs of another store have here, where they are here: their own, or another where it was taken."""
    return tx.runs.known(project, names)
