"""reading: what a run has read, as clients tell it: data that they describe, and models; shared by faces that take it.

Data become an input of the run: an artifact that holds the description, so that `why` and `impact` walk over it. Where their
source names a version of an asset (`loopline://data/flights@3`, or an address at which this server serves it to others' clients),
that version is an input, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError
from loopline.ledger.datasets import Datasets
from loopline.nouns.artifact import DATASET, MODEL, Artifact
from loopline.nouns.name import AssetName, Named, Pointer, parse_pointer, parse_revision
from loopline.nouns.run import Link

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.dataset import Reading
    from loopline.nouns.logged import LoggedModel
    from loopline.nouns.run import Run

_READ: Final = "inputs/{}"
"""Under this subject are the models that a run has read."""
_ADDRESS: Final = re.compile(r"(loopline|s3a?|lakefs)://([^/?#]+)/?([^?#]*)")
_KEYS: Final = ("uri", "url", "path")
"""Where clients write the address of a source."""


def read(loop: Loop, run: Run, readings: Sequence[Reading], models: Iterable[str] = ()) -> None:
    """Write down what a run has read. Data that it has read already, by name and digest, are left as they are.

    Raise NotFound kind="no-model".
    """
    digests = loop.blobs.put_all(one.dataset.written for one in readings)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        here = Datasets(tx.rows, tx.taggings)
        known = {(one.dataset.name, one.dataset.sum) for one in here.read_by([run.id]).get(run.id, ())}
        links = list[Link]()
        for digest, one in zip(digests, readings, strict=True):
            named = (one.dataset.name, one.dataset.sum)
            if named in known:
                continue
            known.add(named)
            artifact = Artifact(digest, DATASET, len(one.dataset.written))
            tx.assets.describe(artifact)
            here.describe(digest, one.dataset)
            here.tag(run.id, digest, one)
            links += [Link(one.dataset.name, digest, DATASET, artifact.size), *one.versions]
        tx.holdings.add(loop.project, [link.digest for link in links if link.media_type == DATASET])
        wanted = list(dict.fromkeys(models))
        logged = [tx.logged.get(loop.project, name) for name in wanted]
        tx.taggings.set(_READ.format(run.id), dict.fromkeys(wanted, ""))
        links += [_made(one) for one in logged if one.digest is not None]
        fresh = tx.lineage.unread(run.id, links, project=loop.project)
        tx.lineage.record(run.id, project=loop.project, inputs=fresh)
        kind = "run.logged" if fresh or wanted else "run.unchanged"
        tx.say(kind, run.id, inputs=len(fresh), **({"models": wanted} if wanted else {}))


def models_read(tx: Tables, runs: Iterable[str]) -> dict[str, list[str]]:
    """Give the models that runs have read; runs without any are left out."""
    subjects = {_READ.format(run): run for run in runs}
    return {subjects[subject]: list(several) for subject, several in tx.taggings.of_all(subjects).items()}


def link_readers(tx: Writing, model: LoggedModel) -> None:
    """Say that a model which has become an artifact is an input of the runs that had read it before."""
    head = _READ.format("")
    for subject in tx.taggings.having(model.id, "", head.removesuffix("/")):
        run = tx.runs.find(subject.removeprefix(head))
        if run is not None and run.project == model.project:
            fresh = tx.lineage.unread(run.id, [_made(model)], project=model.project)
            tx.lineage.record(run.id, project=model.project, inputs=fresh)


def versions_at(tx: Tables, project: str, name: str, source: str) -> Iterator[Link]:
    """Give the versions of the project's assets that a source is, as links of that name. What is none is passed over."""
    for text in _addresses(source):
        found = _ADDRESS.match(text)
        if found is None or not text.isprintable():  # JSON may hide NUL, or half of a surrogate pair
            continue
        for pointer in _pointers(tx, project, *found.groups()):
            try:
                version = tx.versions.resolve(pointer)
            except LooplineError:
                continue
            artifact = version.artifact
            yield Link(name, artifact.digest, artifact.media_type, artifact.size, str(version.asset), version.number)
            break


def _addresses(source: str) -> list[str]:
    """Give what may be an address: the whole of it, or a field of the object that it is."""
    try:
        said = json.loads(source)
    except (ValueError, RecursionError):
        return [source]
    if isinstance(said, str):
        return [said]
    return [str(said[key]) for key in _KEYS if said.get(key)] if isinstance(said, dict) else []


def _pointers(tx: Tables, project: str, scheme: str, head: str, rest: str) -> Iterator[Pointer]:
    """Give what an address may mean, the likeliest first."""
    try:
        if scheme == "loopline":
            parts = f"{head}/{rest}".rstrip("/")
            pointer = parse_pointer(parts, project=project)
            if pointer.asset.project == project:
                yield pointer
            return
        bucket = tx.buckets.find(head)
        if bucket is not None and bucket.ref.asset.project == project:
            yield Pointer(bucket.ref.asset, Named(bucket.ref.ref))
        name, dot, revision = head.rpartition(".")
        if dot and scheme != "lakefs":
            yield Pointer(AssetName(project, "data", name), parse_revision(revision))
        if rest:
            yield Pointer(AssetName(project, "data", head), parse_revision(rest.partition("/")[0]))
    except LooplineError:
        return


def _made(model: LoggedModel) -> Link:
    assert model.digest is not None  # noqa: S101 (only sealed models come here)
    return Link(model.name, model.digest, MODEL)
