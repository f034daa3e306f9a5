"""card: what a model is, on one page."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.artifact import EVALUATION, MODEL, TREE, Artifact
from loopline.nouns.digest import Digest, short
from loopline.nouns.name import Pointer
from loopline.verbs.describing import described, example, files_of
from loopline.verbs.noting import noted
from loopline.verbs.permitting import sees

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.models.flavors import About
    from loopline.nouns.evaluation import Evaluation
    from loopline.nouns.profile import Profile
    from loopline.nouns.run import Run
    from loopline.nouns.version import Version


def card(
    loop: Loop,
    pointer: Annotated[Pointer, "model/delay@champion"],
    *,
    timezone: Annotated[str, "zone in which times are written"] = "UTC",
) -> str:
    """Write the card of a model in Markdown, from what the ledger knows (headings after Mitchell et al. 2019).

    With a token that is kept to some assets it has nothing of the run that made the model.

    Example:
        loopline card model/delay@champion > MODEL_CARD.md
    """
    from loopline.models.card import Facts
    from loopline.models.card import card as write

    with loop.ledger.read() as tx:
        version = noted(tx, tx.versions.resolve(pointer))
        if version.asset.kind != "model":
            raise Invalid(
                f"{version} is no model", kind="not-a-model", hint=f"loopline show {version}", version=str(version)
            )
        project = version.asset.project
        run = tx.runs.find(version.run) if version.run and sees(loop, "card", project) else None
        refs = [str(ref.name) for ref in tx.refs.of(version.asset) if ref.target == version.number]
        here = (version.asset, version.number)
        changes = [
            one
            for one in tx.changes.list(project, limit=1000)
            if any((m.ref.asset, m.new) == here for m in one.moves)
            and all(sees(loop, "card", project, str(m.ref.asset)) for m in one.moves)
        ]
        environment = _environment(tx, run)
    about, profile = _said(loop, version)
    files = files_of(loop, version.artifact)
    data = [f"{link.asset}@{link.number} ({short(link.digest)})" for link in run.inputs if link.asset] if run else []
    evaluation = _evaluation(loop, run)
    return write(
        Facts(
            version, about=about, profile=profile, run=run, evaluation=evaluation, data=data, environment=environment, refs=refs,
            changes=changes, example=example(loop, version.artifact, files), timezone=timezone,
        )
    )  # fmt: skip


def _said(loop: Loop, version: Version) -> tuple[About | None, Profile | None]:
    """Read what a model says of itself, or what its metadata say; of one that others have written without its files."""
    from loopline.datasets.tree import Tree
    from loopline.models.flavors import MODEL_FILE, about
    from loopline.models.profile import read as profile_of
    from loopline.verbs.preparing import values_of

    if version.artifact.media_type not in (MODEL, TREE):
        return None, None
    digest = Digest(version.artifact.digest)
    if version.artifact.media_type == TREE or Tree(loop.blobs, digest).find(MODEL_FILE) is None:
        return _told(loop, version), None
    folder = values_of(loop).folder(Artifact(digest, MODEL))
    return about(folder), profile_of(folder)


def _told(loop: Loop, version: Version) -> About | None:
    from msgspec import ValidationError

    from loopline.datasets.tree import Tree
    from loopline.models.flavors import About
    from loopline.models.signature import parse

    said: Mapping[str, Any] = version.metadata
    with suppress(Invalid):
        said = described(loop, files_of(loop, version.artifact)) or said
    if not isinstance(said.get("flavour"), str):
        return None
    try:
        signature = parse(said["signature"]) if said.get("signature") else None
    except ValidationError:
        signature = None
    versions = said.get("versions")
    return About(
        said["flavour"], "", str(said.get("class", "")), bool(said.get("pickle", True)), Digest(version.artifact.digest),
        Tree(loop.blobs, Digest(version.artifact.digest)).bytes, (), (), versions if isinstance(versions, dict) else {},
        signature,
    )  # fmt: skip


def _evaluation(loop: Loop, run: Run | None) -> Evaluation | None:
    """Read what the training itself measured."""
    from loopline.pipelines.codecs import EvaluationCodec

    for link in run.outputs if run else ():
        if link.media_type == EVALUATION and loop.blobs.size(link.digest) is not None:
            return EvaluationCodec().from_bytes(loop.blobs.read(link.digest))
    return None


def _environment(tx: Tables, run: Run | None) -> str:
    if run is None or run.environment is None:
        return ""
    packages = tx.lineage.packed(run.environment)
    named = ", ".join(f"{name} {packages[name]}" for name in ("scikit-learn", "numpy", "pandas") if name in packages)
    return f"{len(packages)} packages" + (f", among them {named}" if named else "")
