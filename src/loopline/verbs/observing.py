"""observing: what other programs tell of their own runs and data; shared by the faces that lineage comes in by.

It is told in any order, and more than once: each telling adds what it knows and takes nothing back. The whole of it is kept as
bytes, so that nothing is lost that the ledger has no column for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import LooplineError, NotFound
from loopline.nouns.artifact import DATASET, Artifact
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.event import canonical
from loopline.nouns.name import parse_asset, parse_pointer
from loopline.nouns.run import Link, Run, RunState, number_in

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop

PARENT: Final = "observed.parent"
"""Tag: the foreign id of the run around this one, which may be told of later."""
NEWEST: Final = "observed.at"
"""Tag: the time of the newest telling; an older one replaces no tag."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Data that a run read or made."""

    namespace: str
    name: str
    version: str = ""
    asset: str = ""
    """`kind/name@revision` where it is an asset of this project."""

    @property
    def written(self) -> str:
        """Write it for people, and as the name of the link."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Observed:
    """One telling of one run."""

    run: str
    """The other program's id."""
    name: str
    at: int
    """When it was so, in microseconds since the epoch."""
    told: bytes
    """All of it, canonically."""
    what: str
    """One word: `start`, `complete`, …; its newest telling is named by the tag `observed.<what>`."""
    state: RunState | None = None
    """None: it says nothing of that."""
    began: bool = False
    """Whether `at` is when the run began."""
    kind: str = "run"
    experiment: str = "default"
    parent: str = ""
    error: str | None = None
    commit: str | None = None
    event_time: int | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """One telling that is about no run."""

    kind: str
    """Kind of the event of the feed: `dataset.observed`, `job.observed`."""
    subject: str
    told: bytes
    payload: Mapping[str, Any] = field(default_factory=dict)


def observe(loop: Loop, told: Sequence[Observed | Noted]) -> int:
    """Write down what was told, all of it or none; give how much of it was new.

    Each telling is an event of its own. One that was told before changes nothing.
    """
    kept = [_keep(loop, one) for one in told]
    with loop.ledger.telemetry():
        return sum(
            _observe(loop, one, digests) if isinstance(one, Observed) else _note(loop, one, digests[0])
            for one, digests in zip(told, kept, strict=True)
        )


def descriptors(dataset: Dataset) -> Iterable[bytes]:
    """Give what names a dataset: with its version where that is known, and without."""
    known = {"namespace": dataset.namespace, "name": dataset.name}
    if dataset.version:
        yield canonical(known | {"version": dataset.version})
    yield canonical(known)


def _keep(loop: Loop, one: Observed | Noted) -> list[Digest]:
    """Store the bytes before a row names them."""
    bodies = [one.told]
    if isinstance(one, Observed):
        bodies += [body for dataset in (*one.inputs, *one.outputs) for body in descriptors(dataset)]
    return [loop.blobs.put(body) for body in bodies]


def _observe(loop: Loop, one: Observed, digests: Sequence[Digest]) -> bool:
    raw = digests[0]
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        before = tx.runs.foreign(loop.project, one.run)
        run = before or _begin(tx, loop, one)
        tx.event_time = one.event_time
        if not tx.runs.advance(run.id, f"observed {raw}", 0):
            tx.say("run.unchanged", run.id)
            return False
        tx.holdings.add(loop.project, digests)
        inputs, outputs = _links(tx, run, one)
        if one.began:
            tx.runs.began(run.id, one.at)
        ended = _move(tx, run, one)
        _annotate(tx, run, one, raw)
        tx.runs.capture(run.id, code=None, commit=one.commit, environment=None)
        tx.lineage.record(run.id, project=loop.project, inputs=inputs, outputs=outputs)
        _relate(tx, run, one)
        now = tx.runs.get(run.id)
        kind = "run.finished" if ended else "run.started" if before is None else "run.logged"
        tx.say(
            kind, run.id, name=now.name, state=str(now.state), error=now.error, observed=one.what, told=raw,
            inputs=len(inputs), outputs=len(outputs),
        )  # fmt: skip
    return True


def _note(loop: Loop, one: Noted, raw: Digest) -> bool:
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        if tx.holdings.among(loop.project, [raw]):
            tx.say(one.kind.partition(".")[0] + ".unchanged", one.subject)
            return False
        tx.holdings.add(loop.project, [raw])
        tx.say(one.kind, one.subject, told=raw, **one.payload)
    return True


def _begin(tx: Writing, loop: Loop, one: Observed) -> Run:
    return tx.runs.start(
        Run(
            id=loop.ids.new(), project=loop.project, name=one.name, kind=one.kind, state=RunState.PENDING,
            experiment=one.experiment, actor=str(loop.actor), foreign_id=one.run,
        )
    )  # fmt: skip


def _move(tx: Writing, run: Run, one: Observed) -> bool:
    """Bring the run to the state that was told; True where that ended it. A run that is over stays as it is."""
    if one.state is None or run.state.over:
        return False
    over = one.state.over
    times = [time for time in (run.started_at, None if over else one.at) if time is not None]
    began = min(times, default=None)  # the first sign of life, until its start is told
    moved = tx.runs.move(run.id, one.state, error=one.error, started_at=began, ended_at=one.at if over else None)
    return moved and over


def _annotate(tx: Writing, run: Run, one: Observed, raw: Digest) -> None:
    """Add params that are new (a param is written once), and the tags of the newest telling."""
    newer = one.at >= number_in(run.tags, NEWEST)
    tags = {**one.tags, f"observed.{one.what}": raw, NEWEST: str(one.at)}
    if one.parent:
        tags[PARENT] = one.parent
    other = {f"param.{key}": value for key, value in one.params.items() if run.params.get(key, value) != value}
    tags |= other
    tx.runs.annotate(
        run.id,
        params={key: value for key, value in one.params.items() if key not in run.params},
        tags=tags if newer else {key: value for key, value in tags.items() if key not in run.tags},
    )


def _relate(tx: Writing, run: Run, one: Observed) -> None:
    """Find the run around this one, and the runs that were told of before it and are inside of it."""
    tx.runs.adopt(run.id, tag=PARENT, value=one.run)
    around = tx.runs.foreign(run.project, one.parent) if one.parent else None
    if around is not None:
        tx.runs.adopt(around.id, tag=PARENT, value=one.parent)


def _links(tx: Writing, run: Run, one: Observed) -> tuple[list[Link], list[Link]]:
    """Give the edges that are new. Data without a version is any of its versions; what is made counts as both."""
    found: tuple[list[Link], list[Link]] = ([], [])
    for links, datasets, there in ((found[0], one.inputs, run.inputs), (found[1], one.outputs, run.outputs)):
        known = {(link.name, link.digest) for link in there}
        for dataset in datasets:
            for link in _named(tx, run.project, dataset, made=links is found[1]):
                if (link.name, link.digest) not in known:
                    known.add((link.name, link.digest))
                    links.append(link)
    return found


def _named(tx: Tables, project: str, dataset: Dataset, *, made: bool) -> Iterable[Link]:
    here = _asset(tx, project, dataset)
    if here is not None:
        yield here
        return
    names = (f"{dataset.written}@{dataset.version}", dataset.written) if dataset.version else (dataset.written,)
    for name, body in zip(names, descriptors(dataset), strict=True):
        artifact = Artifact(digest_of(body), DATASET, len(body))
        tx.assets.describe(artifact)
        yield Link(name, artifact.digest, DATASET, artifact.size)
        if not made:
            return


def elsewhere(tx: Tables, loop: Loop, what: str) -> list[Digest]:
    """Find data elsewhere that a run of this project read or made, by `dataset:NAMESPACE/NAME`. Raise NotFound."""
    written = what.removeprefix("dataset:")
    found = [digest for digest in digests_of(written) if tx.lineage.known(loop.project, digest, limit=1)]
    if not found:
        raise NotFound(
            f"no run has read or made {written}",
            kind="no-dataset",
            hint="write NAMESPACE/NAME as in the event",
            name=written,
        )
    return found


def digests_of(written: str) -> list[Digest]:
    """Give the digests that `NAMESPACE/NAME` or `NAMESPACE/NAME@VERSION` may mean: both hold slashes, so there are several."""
    found = []
    head, at, version = written.rpartition("@")
    for text, number in ((written, ""), (head, version)) if at and head and version else ((written, ""),):
        for index, sign in enumerate(text):
            if sign == "/":
                found.append(digest_of(next(iter(descriptors(Dataset(text[:index], text[index + 1 :], number))))))
    return found


def _asset(tx: Tables, project: str, dataset: Dataset) -> Link | None:
    """Give the version that a dataset is, where it is an asset of this project."""
    if not dataset.asset:
        return None
    try:
        pointer = parse_pointer(dataset.asset, project=project)
        if pointer.asset.project != project:
            return None
        version = tx.versions.resolve(pointer)
    except LooplineError:
        return None
    asset = parse_asset(str(version.asset), project=project)
    artifact = version.artifact
    return Link(dataset.written, artifact.digest, artifact.media_type, artifact.size, str(asset), version.number)
