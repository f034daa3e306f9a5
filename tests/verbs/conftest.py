"""A Loop in memory with data, a run and models, as most verbs want it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import build
from loopline.ledger.ledger import Ledger
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.change import Published
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.event import Event
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.policy import Approvals, OverrideRule, Policy
from loopline.nouns.run import Link, Point, Run
from loopline.nouns.version import Version
from loopline.testing.loop import loop
from loopline.verbs import load

if TYPE_CHECKING:
    from .projects import Project

PROJECT, OTHER = "flights", "secret"
DATA = AssetName(PROJECT, "data", "flights")
MODEL = AssetName(PROJECT, "model", "delay")
CHAMPION = RefName(MODEL, "champion")
ANN, BOB, SRE = (Actor("person", name) for name in ("ann", "bob", "sre"))
TRIGGER = Actor("trigger", "nightly")
CODE, ENVIRONMENT = digest_of(b"code"), digest_of(b"environment")


@dataclass
class World:
    """What a test works in."""

    loop: Loop

    def do(self, verb: str, *args: Any, by: Actor = ANN, **asked: Any) -> Any:
        """Call a verb as somebody."""
        return load(verb)(replace(self.loop, actor=by), *args, **asked)

    def tree(self, **files: bytes) -> Digest:
        """Store files; `_` in a name stands for a dot."""
        blobs = self.loop.blobs
        entries = [Entry(name.replace("_", "."), blobs.put(body), len(body)) for name, body in files.items()]
        return build(blobs, sorted(entries))

    def data(self, branch: str = "main", **files: bytes) -> Published:
        """Commit files to a branch."""
        return self.do("add", DATA, tree=self.tree(**files), branch=branch, message="more")  # type: ignore[no-any-return]

    def train(self, body: bytes = b"model", *, data: int = 1, auc: float = 0.7, **metadata: Any) -> Version:
        """Record a training that read a data version and published a model."""
        with self.loop.ledger.read() as tx:
            source = tx.versions.get(DATA, data)
        run: Run = self.do(
            "start", "train", code=CODE, commit="abc", environment=ENVIRONMENT, packages={"numpy": "2.0"}, params={"lr": "0.1"}
        )  # fmt: skip
        digest = self.loop.blobs.put(body)
        self.do(
            "log", run.id, points=(Point("auc", auc),),
            inputs=(Link("data", source.artifact.digest, asset=str(DATA), number=data),), outputs=(Link("model", digest),),
        )  # fmt: skip
        version: Version = self.do("put", MODEL, digest=digest, run=run.id, metadata=metadata)
        self.do("finish", run.id)
        return version

    def policy(self, *policies: Policy) -> None:
        """Put policies into force."""
        self.do("policy", document=dump_document(Document(policies, ())).decode(), why="test")

    def events(self, after: int = 0) -> list[Event]:
        """Read the feed."""
        with self.loop.ledger.read() as tx:
            return list(tx.feed.iter(PROJECT, after=after))

    def abroad(self) -> World:
        """Give another project on the same ledger and blobs."""
        return World(replace(self.loop, project=OTHER))

    def damage(self, digest: Digest) -> None:
        """Let a blob rot: its name stays, its bytes change."""
        path = self.loop.blobs.path(digest)
        if path is None:
            self.loop.blobs.held[digest] += b"!"  # type: ignore[attr-defined]
            return
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b"!")

    def rehearsing(self) -> Self:
        """Give the same world, where nothing is kept."""
        ledger = Ledger(self.loop.ledger.database, clock=self.loop.clock, dry=True)
        found = copy(self)
        found.loop = replace(self.loop, ledger=ledger)
        return found

    def target(self, ref: RefName = CHAMPION) -> int | None:
        """Read where a ref points."""
        with self.loop.ledger.read() as tx:
            here = tx.refs.find(ref)
        return here.target if here else None

    def propose(self, number: int, **asked: Any) -> Any:
        """Propose a champion."""
        return self.do("propose", CHAMPION, to=Numbered(number), why="because", **asked)


APPROVED = Policy(
    "champion", ("model/*@champion",), approvals=Approvals(count=1), override=OverrideRule(by=("team/sre",))
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give data/flights@1 and nothing else."""
    world = World(loop(PROJECT, signals=tmp_path / "signals"))
    world.data(a_csv=b"1\n")
    yield world
    world.loop.ledger.close()


@pytest.fixture
def guarded(world: World) -> World:
    """Give two models and a policy that wants one approval for the champion."""
    world.train(b"one")
    world.train(b"two", auc=0.8)
    world.policy(APPROVED)
    return world


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Give data/flights@1 with the numbers 1, 2 and 3, and a project that adds them up."""
    from .projects import TINY, Project

    project = Project(tmp_path)
    project.data(a_txt=b"1 2 3\n")
    project.write(tiny=TINY)
    yield project
    project.loop.ledger.close()
