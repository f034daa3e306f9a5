"""entering: what becomes a version of a registered model: the tree that its source means now, or the text of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.tree import build
from loopline.errors import Invalid, Refused
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.faces.mlflow.limits import value_fits
from loopline.faces.mlflow.naming import find_run
from loopline.faces.mlflow.registry import (
    KIND,
    PROMPT_TEXT,
    REFS,
    find_alias,
    find_model,
    find_version,
    is_prompt,
    stage_said,
    tags_of,
)
from loopline.faces.mlflow.sources import (
    PLACEHOLDERS,
    Kept,
    Logged,
    OfAlias,
    OfRun,
    OfVersion,
    no_source,
    source_of,
)
from loopline.nouns.artifact import MODEL, TEXT, TREE, Artifact
from loopline.nouns.entry import Entry as File
from loopline.nouns.name import Numbered, Pointer, RefName
from loopline.store.leased import hold_on
from loopline.verbs.carrying import in_quarantine
from loopline.verbs.describing import described, files_of
from loopline.verbs.filing import of_run, view
from loopline.verbs.registry import LINK, LOGGED, SOURCE, Entry

if TYPE_CHECKING:
    from loopline.faces.mlflow.asking import Ask
    from loopline.faces.mlflow.wire_registry import CreateVersion
    from loopline.ledger.ledger import Tables
    from loopline.ledger.registry import Entered
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.logged import LoggedModel


@dataclass(frozen=True, slots=True)
class Meant:
    """What a source means now."""

    artifact: Artifact
    metadata: Mapping[str, Any]
    run: str | None = None
    model: str | None = None
    """The logged model that it was."""
    output: str = ""
    """What its run calls it."""


LONGEST_TEXT: Final = 5_000
"""Characters of a description."""


def entry_of(ask: Ask, loop: Loop, said: CreateVersion) -> Entry:
    """Make what becomes a version of what a client asks for. Raise Fault 400 for no source, and for one that is not there."""
    value_fits(said.description, LONGEST_TEXT, "description")
    value_fits(said.run_link, LONGEST_TEXT, "run_link")
    tags, text = tags_of(said.tags), said.source or ""
    hold_on(loop.blobs)
    if is_prompt(tags):
        return _prompt(loop, text, tags, said.description)
    source = source_of(text)
    if isinstance(source, Logged):
        found = _logged(ask.loop("show"), source.id, text)
    elif isinstance(source, OfRun):
        found = _of_run(ask, source, text)
    else:
        found = _again(ask, source, text)
    for name, own, other in (("run_id", said.run_id, found.run), ("model_id", said.model_id, found.model)):
        if own and own != (other or ""):
            raise no_source(text, f"The {name} request parameter must identify the resource that contains the source")
    _refuse_bad(loop, found.artifact)
    metadata: dict[str, Any] = {**found.metadata, SOURCE: text}
    metadata |= {key: value for key, value in ((LOGGED, found.model), (LINK, said.run_link)) if value}
    return Entry(
        found.artifact, message=said.description or f"registered from {text}", run=found.run, output=found.output, tags=tags,
        text=said.description, metadata=metadata,
    )  # fmt: skip


def _refuse_bad(loop: Loop, artifact: Artifact) -> None:
    """Refuse bytes that are a version in quarantine, however they are named: under another number nobody would know.

    Whose version that is stays unsaid, for whoever asks need not see it.
    """
    with loop.ledger.read() as tx:
        bad = any(one.quarantined for one in tx.versions.by_digest(loop.project, artifact.digest))
    if bad:
        raise Refused(
            f"{artifact.digest[7:19]} is a version in quarantine", kind="quarantined",
            hint="register other files, or have a change with --lift take the mark away", digest=artifact.digest,
        )  # fmt: skip


def _prompt(loop: Loop, source: str, tags: dict[str, str], description: str) -> Entry:
    if source not in PLACEHOLDERS:
        raise invalid(f"Invalid prompt source: '{source[:250]}'. It is one of {', '.join(PLACEHOLDERS)}.")
    if not tags.get(PROMPT_TEXT):
        raise invalid(f"A version of a prompt needs its text: give it the tag {PROMPT_TEXT}.")
    data = tags[PROMPT_TEXT].encode()
    made = Artifact(loop.blobs.put(data), TEXT, len(data))
    said = {SOURCE: source, PROMPT_TEXT: tags[PROMPT_TEXT]}
    return Entry(made, message=description, tags=tags, text=description, metadata=said)


def _logged(loop: Loop, name: str, text: str) -> Meant:
    with loop.ledger.read() as tx:
        model = tx.logged.find(loop.project, name)
    if model is None:
        raise no_source(text, f"There is no logged model {name}")
    return _sealed(loop, model, text)


def _sealed(loop: Loop, model: LoggedModel, text: str) -> Meant:
    if model.digest is None:
        raise no_source(text, f"The logged model {model.id} is not finished: it has no files, or they may change still")
    artifact = Artifact(model.digest, MODEL, loop.blobs.size(model.digest) or 0)
    return Meant(artifact, _facts(loop, model.digest), model.run, model.id)


def _of_run(ask: Ask, source: OfRun, text: str) -> Meant:
    """Seal a folder of a run's files as they are now; where it has none, the model that the run has logged under that name."""
    loop = ask.loop("show")
    with loop.ledger.read() as tx:
        run = find_run(tx, loop.project, source.run)
        models = [one for one in tx.logged.of_run(run.id) if one.name == source.path]
    files = view(loop, of_run(run))
    below = f"{source.path}/" if source.path else ""
    entries = [
        File(one.path[len(below) :], one.entry.digest, one.entry.size, one.entry.mode)
        for one in files.iter(below) if not one.path.endswith("/")
    ]  # fmt: skip
    if not entries and models:
        return _sealed(loop, models[-1], text)
    if not entries:
        raise no_source(text, f"The run {run.id} has no files there")
    root = build(loop.blobs, entries)
    artifact = Artifact(root, TREE, loop.blobs.size(root) or 0)
    return Meant(artifact, _facts(loop, root), run.id, output=source.path or ".")


def _again(ask: Ask, source: OfVersion | OfAlias | Kept, text: str) -> Meant:
    """Take what another version is, with what it says of itself."""
    with ask.loop("find").ledger.read() as tx:
        found = _meant(tx, ask.project, source, text)
    loop = ask.loop("get", str(found.name))
    with loop.ledger.read() as tx:
        if is_prompt(tx.taggings.of(found.subject)):
            raise no_source(text, "A version of a prompt is no source of a model")
        version = tx.versions.resolve(Pointer(found.name, Numbered(found.number)))
        reason = tx.versions.quarantined(found.name, found.number)
    if reason is not None:  # who may read it may read why
        raise in_quarantine(found.name, found.number, reason)
    said = {key: value for key, value in version.metadata.items() if key not in (SOURCE, LOGGED, LINK)}
    return Meant(version.artifact, said, version.run, version.metadata.get(LOGGED))


def _meant(tx: Tables, project: str, source: OfVersion | OfAlias | Kept, text: str) -> Entered:
    if isinstance(source, Kept):
        found = tx.registry.version(source.asset, source.number)
        if found is None or (found.name.project, found.name.kind) != (project, KIND):
            raise no_source(text, "There is no such version")
        return found
    if isinstance(source, OfAlias):
        return find_alias(tx, project, source.name, source.alias)
    if source.what.isascii() and source.what.isdigit():
        return find_version(tx, project, source.name, source.what)
    if source.what.lower() == "latest":
        return find_alias(tx, project, source.name, "latest")
    model, stage = find_model(tx, project, source.name), stage_said(source.what)
    here = tx.refs.find(RefName(model.name, REFS[stage])) if stage in REFS else None
    if here is not None:
        return find_version(tx, project, source.name, str(here.target))
    raise Fault("RESOURCE_DOES_NOT_EXIST", f"No versions of model with name '{source.name}' and stage '{stage}' found")


def _facts(loop: Loop, root: Digest) -> dict[str, Any]:
    """Let a model say what it is, where it does. What cannot be read is registered, and nothing is known of it."""
    with suppress(Invalid):
        return described(loop, files_of(loop, Artifact(root, MODEL)))
    return {}
