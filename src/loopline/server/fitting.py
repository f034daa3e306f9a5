"""fitting: whether this process has the packages that a task wants to run with, and how it gets them.

A run's environment is on its record. What runs here was asked for on another machine, perhaps with other packages: then it
runs in an environment that is restored from the asker's lock, or not at all. Nothing is recorded with packages that did not run.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import LooplineError, Refused
from loopline.nouns.digest import Digest, short

if TYPE_CHECKING:
    from types import ModuleType

    from loopline.environments.lock import Lock
    from loopline.loop import Loop
    from loopline.nouns.progress import Report
    from loopline.nouns.run import Run

LENT: Final = ("psycopg", "psycopg_binary", "obstore", "cronsim")
"""Packages that a server's store and policies need and an asker's environment may lack. Found, and not listed as installed."""
_OURSELVES: Final = "loopline"


def wanted(loop: Loop, verb: str, typed: Mapping[str, Any]) -> Digest | None:
    """Name the lock that a task must run with; None where it does not matter, or where the verb itself says what is wrong."""
    with suppress(LooplineError):
        match verb:
            case "run" if typed.get("resume") and not typed.get("environment"):
                with loop.ledger.read() as tx:
                    return _digest(tx.runs.resolve(loop.project, typed["resume"]).environment)
            case "run":
                return _digest(typed.get("environment"))
            case "check" | "promote":
                return _of_candidate(loop, typed)
    return None


def fits(loop: Loop, digest: Digest) -> list[str]:
    """List what differs between a lock and what is installed here, in words; empty: the same packages."""
    from loopline.environments.capture import capture
    from loopline.environments.lock import difference

    lock = _lock(loop, digest)
    return [
        f"{one.name} {one.new or 'is missing'} (asked for {one.old or 'none'})"
        for one in difference(_essential(lock), _essential(capture(), project=_own(lock)))
    ]


def interpreter(loop: Loop, digest: Digest, *, report: Report) -> Path:
    """Restore the environment of a lock and give its Python. Raise Refused kind="environment-missing"."""
    from loopline.environments.restore import restore

    folder = loop.work / "environments" / digest.removeprefix("sha256:")
    try:
        restored = restore(_lock(loop, digest), folder, report=report)
    except LooplineError as error:
        raise missing(digest, [error.message], hint=error.hint) from error
    if restored.left_out:
        raise missing(
            digest, [f"{name} comes from a folder of the asker's machine" for name in restored.left_out],
            hint="install it from a package index or a repository where you ask, then ask again",
        )  # fmt: skip
    return restored.python


def missing(digest: Digest, differs: Sequence[str], *, hint: str = "") -> Refused:
    """Say that a task cannot run here as it was asked."""
    return Refused(
        f"this worker has not the packages of environment {short(digest)}: {'; '.join(differs[:5])}", kind="environment-missing",
        hint=hint or "pip install 'loopline[reproduce]' at the worker, or start a worker in that environment with --queue",
        environment=digest, differs=list(differs[:20]),
    )  # fmt: skip


class Accepts:
    """Refuses to record a run with packages that did not run here."""

    def __init__(self, verb: str, here: Digest | None) -> None:
        self._free = verb == "reproduce"  # it restores what it records, and runs its steps there
        self._here = here

    def __call__(self, run: Run) -> None:
        """Raise Refused kind="environment-missing" for another environment than the one that was looked at."""
        if run.environment is not None and run.environment != self._here and not self._free:
            raise missing(Digest(run.environment), ["the run was made elsewhere"])


class Lender:
    """Finds a few modules, and what is written about them, in a folder that is not on the path."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._folders = list(folders)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find one of LENT."""
        del path  # they are no packages inside of others
        return PathFinder.find_spec(name, self._folders, target) if name in LENT else None

    def find_distributions(
        self, context: importlib.metadata.DistributionFinder.Context | None = None
    ) -> Iterable[importlib.metadata.Distribution]:
        """Find what is written about one of LENT, when it is asked for by name."""
        name = getattr(context, "name", None)
        if not name or name.replace("-", "_").lower() not in LENT:
            return []
        where = importlib.metadata.DistributionFinder.Context(name=name, path=self._folders)
        return importlib.metadata.MetadataPathFinder.find_distributions(where)


def lend(folders: Sequence[str]) -> None:
    """Make LENT importable from the folders of the worker's own installation, behind everything that is installed here."""
    if folders:
        sys.meta_path.append(Lender(folders))


def lendable() -> list[str]:
    """Name the folders in which LENT are found here."""
    found = []
    for name in LENT:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin:
            found.append(str(Path(spec.origin).parents[1]))
    return list(dict.fromkeys(found))


def _lock(loop: Loop, digest: Digest) -> Lock:
    from loopline.environments.lock import parse

    return parse(loop.blobs.read(digest))


def _own(lock: Lock) -> frozenset[str]:
    """Name the distributions that are the asker's project itself: its code comes with the source tree."""
    return frozenset(one.name for one in lock.distributions if one.project)


def _essential(lock: Lock, *, project: frozenset[str] = frozenset()) -> Lock:
    kept = tuple(
        one for one in lock.distributions if one.name != _OURSELVES and not one.project and one.name not in project
    )
    return replace(lock, distributions=kept, files={})


def _of_candidate(loop: Loop, typed: Mapping[str, Any]) -> Digest | None:
    """Find the environment of the run that made what a change wants to move to: its checks run with those packages."""
    from loopline.nouns.name import Numbered, Pointer
    from loopline.verbs.moving import find_open

    with loop.ledger.read() as tx:
        if "ref" in typed:
            pointers = [Pointer(typed["ref"].asset, typed["to"])]
        else:
            moves = find_open(tx, typed["change"], loop).moves
            pointers = [Pointer(move.ref.asset, Numbered(move.new)) for move in moves if move.new is not None]
        for version in map(tx.versions.resolve, pointers):
            maker = tx.runs.find(version.run) if version.run else None
            if maker is not None and maker.environment is not None:
                return _digest(maker.environment)
    return None


def _digest(text: str | None) -> Digest | None:
    return Digest(text) if text else None
