"""meaning: which bytes a version of another store is: a logged model, files of a run, a prompt's text, or a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loopline.datasets.tree import build
from loopline.errors import Invalid, NotFound
from loopline.faces.mlflow.moving.keys import text
from loopline.faces.mlflow.registry import PROMPT_TEXT, is_prompt
from loopline.nouns.artifact import MODEL, TREE, Artifact
from loopline.nouns.entry import Entry
from loopline.nouns.owner import Owner
from loopline.verbs.describing import described, files_of
from loopline.verbs.filing import view

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.adopting_files import Files
    from loopline.faces.mlflow.moving.store import Numbered
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest


@dataclass(frozen=True, slots=True)
class Meant:
    """What a version is here."""

    artifact: Artifact
    metadata: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    """The logged model that it is."""
    output: str = ""
    """What its run calls it."""


class Meaning:
    """Finds the bytes of versions."""

    def __init__(self, loop: Loop, files: Files) -> None:
        self._loop, self._files = loop, files

    def of(self, told: Numbered, run: str | None) -> Meant:
        """Find the bytes of a version; `run` is the run here that made it. Raise NotFound kind="no-file"."""
        if is_prompt(told.tags):
            said = text(told.tags.get(PROMPT_TEXT, ""))
            data = said.encode()
            return Meant(Artifact(self._loop.blobs.put(data), "text/plain", len(data)), {PROMPT_TEXT: said})
        found = self._logged(told.model) or self._of_run(told, run) or self._folder(told)
        if found is None:
            raise NotFound("its files are not here and cannot be read", kind="no-file", hint="name them by --artifacts")
        return found

    def _logged(self, model: str) -> Meant | None:
        with self._loop.ledger.read() as tx:
            found = tx.logged.find(self._loop.project, model, deleted=True) if model else None
        if found is None or found.digest is None:
            return None
        return Meant(self._artifact(found.digest, MODEL), self._facts(found.digest), model=model)

    def _of_run(self, told: Numbered, run: str | None) -> Meant | None:
        """Take a folder of a run's files: of `runs:/RUN/PATH`, or of a location below the run's own."""
        if run is None:
            return None
        for said in (told.source, told.location):
            for mark in (f"runs:/{told.run}/", f"/{told.run}/artifacts/"):
                _, found, path = f"{said.rstrip('/')}/".partition(mark)
                if found and (meant := self._sealed(run, path)):
                    return meant
        return None

    def _sealed(self, run: str, below: str) -> Meant | None:
        files = view(self._loop, Owner(self._loop.project, "run", run))
        return self._built(
            [
                Entry(one.path[len(below) :], one.entry.digest, one.entry.size, one.entry.mode)
                for one in files.iter(below) if not one.path.endswith("/")
            ],
            output=below.rstrip("/") or ".",
        )  # fmt: skip

    def _folder(self, told: Numbered) -> Meant | None:
        """Read a folder that is of no run and no logged model."""
        said = told.location or told.source
        if not said or said.startswith(("models:", "runs:")):
            return None
        folder = self._files.folder(said)
        if folder is None:
            return None
        return self._built([Entry(one.path, one.digest, one.size) for one in self._files.taken(folder)])

    def _built(self, entries: list[Entry], *, output: str = "") -> Meant | None:
        if not entries:
            return None
        root = build(self._loop.blobs, sorted(entries, key=lambda one: one.path.encode()))
        return Meant(self._artifact(root, TREE), self._facts(root), output=output)

    def _artifact(self, root: Digest, media_type: str) -> Artifact:
        return Artifact(root, media_type, self._loop.blobs.size(root) or 0)

    def _facts(self, root: Digest) -> Mapping[str, Any]:
        with suppress(Invalid):  # what cannot be read is kept, and nothing is known of it
            return described(self._loop, files_of(self._loop, Artifact(root, MODEL)))
        return {}
