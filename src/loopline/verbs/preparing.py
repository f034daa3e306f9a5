"""preparing: a pipeline of a source tree, loaded, filled in and planned; shared by the verbs that run pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.errors import LooplineError, Refused
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.name import Named, parse_pointer
from loopline.nouns.run import Link, Run
from loopline.verbs.permitting import may_read

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.pipelines.graph import Graph
    from loopline.pipelines.perform import Place
    from loopline.pipelines.plan import Known, Plan, Planner
    from loopline.pipelines.step import Pipeline
    from loopline.pipelines.values import Values

FOLDERS = "loopline.datasets.folders:TreeFolders"
PIPELINES = ("pipeline", "check", "reproduce")
"""Kinds of runs that run a pipeline."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is run: a pipeline of a source tree, in an environment."""

    pipeline: str
    code: Digest
    modules: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    environment: Digest | None = None
    experiment: str = "default"
    reads: Mapping[str, str] = field(default_factory=dict)
    """Versions of the assets that the pipeline's body names itself, where they are not what the names mean now."""


@dataclass(frozen=True, slots=True)
class Way:
    """How it is run. None of it changes what comes out."""

    executor: str = "local"
    workers: int = 0
    kind: str = "pipeline"
    tags: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    """Interpreter of another environment."""

    @property
    def known(self) -> bool:
        """Whether later runs may take its results from the cache. A repetition is held against the first, not in its place."""
        return self.kind != "reproduce" and not self.python


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pipeline that was planned."""

    source: Source
    plan: Plan
    planner: Planner
    place: Place
    pinned: Mapping[str, str]
    """Every parameter as text, assets as the version that they mean now: the same again gives the same run."""


def source_of(run: Run) -> Source:
    """Say what a pipeline's run was a run of, so that the same can be run again."""
    return Source(
        run.name, run.code or Digest(""), tuple(run.tags.get("modules", "").split()), run.params, run.commit, run.environment,
        run.experiment, {link.name: f"{link.asset}@{link.number}" for link in run.inputs if link.asset and "/" in link.name},
    )  # fmt: skip


def prepare(loop: Loop, source: Source, *, refresh: bool = False) -> Prepared:
    """Load the pipeline from its source tree, fill in its parameters, find what it reads, and plan.

    Raise Invalid and NotFound for what is wrong with the project, a parameter or a pointer, Refused kind="not-allowed" for an
    asset that the caller may not have read.
    """
    from loopline.pipelines.graph import trace
    from loopline.pipelines.keys import Keys
    from loopline.pipelines.loading import code_at, load, pipeline_named
    from loopline.pipelines.parameters import parsed
    from loopline.pipelines.plan import Planner, plan

    folder = values_of(loop).folder(Artifact(source.code, TREE))
    pipelines = load(folder, source.modules)
    pipeline = pipeline_named(pipelines, source.pipeline)
    with code_at(folder).active():
        graph = trace(pipeline, parsed(pipeline, source.params))
    with loop.ledger.read() as tx:
        assets = _assets(tx, loop, graph, source.reads)
        planner = Planner(Keys(folder), lambda key: _known(tx, loop, key), refresh=refresh)
        planned = plan(graph, assets, planner)
    later = Planner(Keys(folder), lambda key: _looked_up(loop, key), refresh=refresh)
    return Prepared(source, planned, later, _place(loop, folder), _pinned(pipeline, graph, assets))


def values_of(loop: Loop) -> Values:
    """Give what keeps and takes the values of steps."""
    from loopline.datasets.folders import TreeFolders
    from loopline.pipelines.values import Values

    return Values(loop.blobs, TreeFolders(loop.blobs), loop.codecs, loop.work)


def _assets(tx: Tables, loop: Loop, graph: Graph, pinned: Mapping[str, str]) -> dict[str, Link | None]:
    """Find what each asset input means now, where the caller may read it.

    A version in quarantine is read only where its number or digest names it: nobody gets there by following a branch.
    """
    found: dict[str, Link | None] = {}
    for one in graph.assets:
        if not one.pointer:
            found[one.name] = None
            continue
        pointer = parse_pointer(pinned.get(one.name, one.pointer), project=loop.project)
        may_read(loop, pointer.asset)
        version = tx.versions.resolve(pointer)
        if version.quarantined and isinstance(pointer.revision, Named):
            reason = tx.versions.quarantined(version.asset, version.number)
            raise Refused(
                f"{pointer} is {version}, which is in quarantine: {reason}", kind="quarantined",
                hint=f"to read it all the same, write {version}", version=str(version), reason=reason,
            )  # fmt: skip
        artifact = version.artifact
        name = version.asset.within(loop.project)
        found[one.name] = Link(one.name, artifact.digest, artifact.media_type, artifact.size, name, version.number)
    return found


def _pinned(pipeline: Pipeline[..., Any], graph: Graph, assets: Mapping[str, Link | None]) -> dict[str, str]:
    texts = {name: _written(pipeline, name, value) for name, value in graph.params.items()}
    named = {name: link for name, link in assets.items() if "/" not in name}
    return texts | {name: f"{link.asset}@{link.number}" if link else "none" for name, link in named.items()}


def _written(pipeline: Pipeline[..., Any], name: str, value: object) -> str:
    """Write a parameter so that reading it gives the same again: `7` for a number, `"7"` for a text that may be either."""
    import json

    from loopline.pipelines.parameters import parsed

    exact = json.dumps(value, separators=(",", ":"))
    for text in (value, exact):
        if isinstance(text, str):
            with suppress(LooplineError):
                if parsed(pipeline, {name: text})[name] == value:
                    return text
    return exact


def _known(tx: Tables, loop: Loop, key: str) -> Known | None:
    from loopline.pipelines.plan import Known

    run = tx.runs.cached(loop.project, [key]).get(key)
    if run is None or any(loop.blobs.size(link.digest) is None for link in run.outputs):
        return None
    return Known(run.outputs, run.id)


def _looked_up(loop: Loop, key: str) -> Known | None:
    with loop.ledger.read() as tx:
        return _known(tx, loop, key)


def _place(loop: Loop, folder: Path) -> Place:
    from loopline.pipelines.perform import Opening, Place

    return Place(str(folder), str(loop.work), Opening(*loop.store), Opening(FOLDERS), tuple(loop.codecs.items()))
