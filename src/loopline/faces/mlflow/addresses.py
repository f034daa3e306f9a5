"""addresses: where files lie: `EXP/RUN/artifacts/…`, `EXP/models/m-…/artifacts/…`, `EXP/traces/tr-…/artifacts/…`.

Clients make them of what stands behind `mlflow-artifacts:/`. A path is taken apart into names, each of which is looked up;
nothing is ever joined to a folder of the server. What could be a way out of a folder in any spelling, here or where it is
downloaded to, names no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from loopline.datasets.path import MOST_BYTES, check_path
from loopline.errors import Invalid
from loopline.faces.mlflow.errors import Fault, invalid, missing, no_run
from loopline.faces.mlflow.naming import experiment_id, find_experiment, find_run
from loopline.faces.mlflow.translate import SCHEME
from loopline.nouns.owner import Owner
from loopline.verbs.modelling import is_logged

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.experiment import Experiment
    from loopline.nouns.logged import LoggedModel

FILES: Final = "artifacts"
MODELS: Final = "models"
TRACES: Final = "traces"
LONGEST: Final = 255
"""Bytes of one part of a path: what a disk takes to which it is downloaded."""
_TRACE: Final = re.compile(r"(?:tr-)?[0-9a-f]{32}\Z")  # clients of 2.x take ids without tr-
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SCHEME: Final = re.compile(r"(?:[A-Za-z]:|file:|[A-Za-z][A-Za-z0-9+.\-]*:\Z)", re.IGNORECASE)
"""How a part begins that is a drive or a scheme: some systems take a path from there."""
_TIMES: Final = 10
"""How often what looks encoded is decoded to see what it hides."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or a folder of an owner."""

    owner: Owner
    path: str
    """From the owner's root on; empty for the root."""


def place_of(tx: Tables, project: str, text: str, *, folder: bool = False) -> Place:
    """Find what an address means, decoded once. Raise Fault 400 for no address, 404 for no such run, model or experiment."""
    parts = fitting(text, folder=folder).split("/")
    experiment = find_experiment(tx, project, parts[0])
    match parts[1:]:
        case [kind, name, "artifacts", *rest] if kind in (MODELS, TRACES):
            return Place(_other(tx, project, experiment, kind, name), "/".join(rest))
        case [name, "artifacts", *rest]:
            run = find_run(tx, project, name)
            if run.experiment != experiment.name:
                raise no_run(name)
            return Place(Owner(project, "run", run.id), "/".join(rest))
        case _:
            raise invalid(f"Invalid path: no run, model or trace has its files at {text[:500]!r}")


def _other(tx: Tables, project: str, experiment: Experiment, kind: str, name: str) -> Owner:
    if kind == TRACES:
        if not _TRACE.match(name):
            raise invalid(f"Invalid path: {name[:100]!r} is the id of no trace")
        return Owner(project, "trace", name)
    model = find_model(tx, project, name, deleted=True)
    if model.experiment != experiment.id:
        raise missing(f"Logged model with ID '{name}' not found.")
    return model.owner


def find_model(tx: Tables, project: str, name: str, *, deleted: bool = False) -> LoggedModel:
    """Give a logged model by its id. Raise Fault 404."""
    found = tx.logged.find(project, name, deleted=deleted) if is_logged(name) else None
    if found is None:
        raise missing(f"Logged model with ID '{name[:100]}' not found.")
    return found


def fitting(path: str, *, folder: bool = False) -> str:
    """Give a path back that may name a file. Raise Fault 400 for all others; a `folder` may end with a slash."""
    path = path.removesuffix("/") if folder else path
    seen = path
    for _ in range(_TIMES):
        _harmless(seen)
        decoded = unquote(seen)
        if decoded == seen:
            break
        seen = decoded
    else:
        raise _bad(path, "it is encoded too often")
    try:
        check_path(path)
    except Invalid as error:
        raise _bad(path, error.message.rpartition(": it ")[2]) from None
    if any(len(part.encode()) > LONGEST for part in path.split("/")):
        raise _bad(path, f"a part of it has more than {LONGEST} bytes")
    return path


def _harmless(text: str) -> None:
    """Raise Fault 400 where a path leads elsewhere, or means something else, on some system or in some address."""
    if any(one in text for one in "\\#?") or _CONTROL.search(text):
        raise _bad(text, "it holds \\, #, ? or a control character")
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise _bad(text, f"it is longer than {MOST_BYTES} bytes")
    for part in text.split("/"):
        plain = part.partition(";")[0].strip()
        if not plain or set(plain) == {"."}:
            raise _bad(text, "it has an empty part, or one of dots alone")
        if _SCHEME.match(part):
            raise _bad(text, "a part of it begins like a drive or a scheme")


def _bad(path: str, why: str) -> Fault:
    return invalid(f"Invalid path {path[:200]!r}: {why}")


def location(group: Experiment, owner: Owner) -> str:
    """Give the address that clients are told for the root of an owner's files."""
    number = experiment_id(group)
    match owner.kind:
        case "run":
            return f"{SCHEME}/{number}/{owner.id}/{FILES}"
        case "model":
            return f"{SCHEME}/{number}/{MODELS}/{owner.id}/{FILES}"
        case "trace":
            return f"{SCHEME}/{number}/{TRACES}/{owner.id}/{FILES}"
