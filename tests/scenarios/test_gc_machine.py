"""Whatever writers and collectors do, in whatever order and wherever they die: what a version names can be read."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from loopline.datasets.tree import Tree, build
from loopline.errors import Conflict, LooplineError, NotFound
from loopline.ledger.attending import Attendance
from loopline.ledger.ledger import Ledger
from loopline.nouns.actor import Actor
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.nouns.progress import Progress
from loopline.store import far
from loopline.store.blobs import Blobs, absent
from loopline.store.far import FarBlobs
from loopline.store.leased import Leased
from loopline.store.local import LocalBlobs
from loopline.store.objects import ObjectBlobs
from loopline.testing.clock import FakeClock, SequentialIds
from loopline.testing.loop import empty_database, loop
from loopline.verbs import condemning
from loopline.verbs.reclaiming import DAY

FLIGHTS: Final = AssetName("flights", "data", "flights")
ANN: Final = Actor("person", "ann")
BODIES: Final = tuple(f"rows of day {number}\n".encode() * (1 + number % 3) for number in range(12))
FILES: Final = st.sets(st.sampled_from(BODIES), min_size=1, max_size=8)
STEPS: Final = ("rename", "unlink", "fsync", "replace")
SMALL: Final = 600
ACTS: Final = ("store", "store", "store", "commit", "commit", "fate", "fate", "delete", "time", "gc", "gc", "gc")
_MOST: Final = 4


class Died(BaseException):
    """A process that is killed; what it would do at its end is undone nowhere."""


class Looking(LocalBlobs):
    """A store that is only looked at: nothing is taken back from the trash."""

    def _took_back(self, digests: Any) -> bool:
        del digests
        return False


class Process:
    """A process that writes: its own view of the store, its own ledger over the same rows."""

    def __init__(self, machine: Machine, number: int) -> None:
        self.ledger = Ledger(machine.database, clock=machine.clock)
        self.ledger.attendance = Attendance(self.ledger, machine.ids.new, f"here {number}", every=None)
        self.attendance = self.ledger.attendance
        self.blobs = Leased(machine.fresh(), self.attendance.hold)
        self.pending: dict[Digest, dict[Digest, bytes]] = {}
        self.paused = False

    def store(self, bodies: set[bytes]) -> None:
        """Put a tree; files that are said to be there are not sent."""
        ordered = sorted(bodies)
        missing = self.blobs.missing([digest_of(body) for body in ordered])
        self.blobs.put_all([body for body in ordered if digest_of(body) in missing])
        root = build(self.blobs, [Entry(f"{n:02}.csv", digest_of(one), len(one)) for n, one in enumerate(ordered)])
        self.pending[root] = {digest_of(body): body for body in ordered}

    def commit(self, root: Digest) -> int | None:
        """Publish; None where it was refused because everybody took this process for dead."""
        try:
            with self.ledger.write("flights", ANN) as tx:
                version = tx.versions.publish(FLIGHTS, Artifact(root, TREE), author="ann")
                tx.say("version.published", str(version))
        except Conflict as error:
            assert error.kind == "writer-lapsed"
            self.pending.clear()
            return None
        return version.number


class Machine(RuleBasedStateMachine):
    """Writers and a collector on one store."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(
            tempfile.mkdtemp(prefix="gc-machine-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        )
        self.database = empty_database()
        self.clock, self.ids = FakeClock(step=1), SequentialIds()
        self.numbers = itertools.count(1)
        self.processes: list[Process] = []
        self.versions: dict[int, tuple[Digest, dict[Digest, bytes]]] = {}
        self.collector = replace(
            loop(database=self.database, clock=self.clock, blobs=self.fresh(), work=self.folder / "cache"),
            report=self.heard,
        )

    def teardown(self) -> None:
        """Remove the store."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self) -> Blobs:
        """Open the store as a new process does."""
        return LocalBlobs(self.folder, small=SMALL, several=3)

    def looking(self) -> Blobs:
        """Open it for looking only."""
        return Looking(self.folder, small=SMALL, several=3)

    def heard(self, progress: Progress) -> None:
        """While the collector listens, writers that are not paused beat."""
        if progress.label == "listen for writers":
            for one in self.processes:
                if not one.paused:
                    one.attendance.tend()

    @rule(what=st.sampled_from(ACTS), data=st.data())
    def act(self, what: str, data: st.DataObject) -> None:
        """Let something happen, where it can. It is one rule, so that no life is without any of it."""
        getattr(self, what)(data)

    def store(self, data: st.DataObject) -> None:
        """A process stores a tree; it may be a new process."""
        if len(self.processes) < _MOST and data.draw(st.booleans()):
            self.processes.append(Process(self, next(self.numbers)))
        if self.processes:
            data.draw(st.sampled_from(self.processes)).store(data.draw(FILES))

    def commit(self, data: st.DataObject) -> None:
        """A process commits something that it has stored, perhaps long ago."""
        waiting = [one for one in self.processes if one.pending]
        if waiting:
            process = data.draw(st.sampled_from(waiting))
            self.publish(process, data.draw(st.sampled_from(sorted(process.pending))))

    def publish(self, process: Process, root: Digest) -> None:
        """Commit, and note what must be readable from now on."""
        files = process.pending.pop(root)
        number = process.commit(root)
        if number is not None:
            self.versions[number] = (root, files)

    def fate(self, data: st.DataObject) -> None:
        """A process ends, dies, is stopped, or goes on."""
        if not self.processes:
            return
        process = data.draw(st.sampled_from(self.processes))
        how = data.draw(st.sampled_from(["pause", "pause", "go on", "end", "die"]))
        process.paused = how == "pause"
        if how in ("end", "die"):
            self.processes.remove(process)
        if how == "end":
            process.attendance.end()

    def delete(self, data: st.DataObject) -> None:
        """Somebody deletes a version."""
        if not self.versions:
            return
        number = data.draw(st.sampled_from(sorted(self.versions)))
        with self.collector.ledger.write("flights", ANN) as tx:
            tx.versions.delete(FLIGHTS, number)
            tx.say("deleted", str(number))
        del self.versions[number]

    def time(self, data: st.DataObject) -> None:
        """Time goes on, or the clock jumps back."""
        self.clock.advance(seconds=data.draw(st.sampled_from([0.1, 1, 8, -3])) * 86400)

    def gc(self, data: st.DataObject) -> None:
        """A collector works, and at some step of it dies, or somebody writes or commits."""
        what = data.draw(st.sampled_from(["collect", "all", "all", "empty", "restore"]))
        after, trash = data.draw(st.sampled_from([(0, 0), (0, 0), (DAY, 7 * DAY)]))
        then = data.draw(st.sampled_from(["nothing", "nothing", "die", "write", "commit", "go on"]))
        step = data.draw(st.integers(0, 60))
        terms = condemning.Terms(keep=0, after=after, trash=trash, patience=0)
        there = replace(self.collector, blobs=self.fresh())
        with suppress(Died, NotFound), self.stepping(step, lambda: self.meanwhile(then, data)):
            if what == "restore":
                condemning.restore(there, None)
            if what in ("collect", "all"):
                condemning.collect(there, terms)
            if what == "all":
                condemning.collect(there, terms)
            if what in ("empty", "all"):
                condemning.empty(there, terms)

    def meanwhile(self, then: str, data: st.DataObject) -> None:
        """Do what happens in the middle of a collection."""
        awake = [one for one in self.processes if not one.paused]
        waiting = [one for one in self.processes if one.pending]
        if then == "die":
            raise Died
        if then == "go on":
            for one in self.processes:
                one.paused = False
        if then == "write" and awake:
            data.draw(st.sampled_from(awake)).store(data.draw(FILES))
        if then == "commit" and waiting:
            process = data.draw(st.sampled_from(waiting))
            self.publish(process, min(process.pending))

    def stepped(self) -> tuple[Any, tuple[str, ...]]:
        """Give the module that holds the steps of this store, and their names."""
        return os, STEPS

    @contextmanager
    def stepping(self, step: int, do: Callable[[], None]) -> Iterator[None]:
        """Count what goes to the store and to the ledger, and do something in front of one of these steps."""
        module, names = self.stepped()
        left, kept = itertools.count(step, -1), {name: getattr(module, name) for name in names}
        telemetry = Ledger.telemetry

        def here() -> None:
            if next(left) == 0:
                do()

        def counted(name: str) -> Callable[..., Any]:
            def call(*words: Any, **more: Any) -> Any:
                here()
                return kept[name](*words, **more)

            return call

        @contextmanager
        def told(ledger: Ledger) -> Iterator[Any]:
            here()
            with telemetry(ledger) as tables:
                yield tables
            here()

        with pytest.MonkeyPatch.context() as patch:
            for name in names:
                patch.setattr(module, name, counted(name))
            patch.setattr(Ledger, "telemetry", told)
            yield

    @invariant()
    def what_is_named_can_be_read(self) -> None:
        """Every node and every file of every version that was not deleted."""
        looking = self.looking()
        for root, files in self.versions.values():
            try:
                assert {one.digest for one in Tree(looking, root).iter()} == set(files)
                for digest, body in files.items():
                    assert looking.read(digest) == body
            except LooplineError as error:
                raise AssertionError(error) from error


class OneByOne(ObjectBlobs):
    """An object store that is asked by one thread, in which things may happen in between."""

    def _each(self, work: Any, arguments: Any) -> Any:
        return [work(*one) for one in arguments]


class OnlyRead(OneByOne):
    """One that is only looked at: what lies in the trash is read there, and not taken back."""

    def __init__(self, url: str, *, store: Any) -> None:
        super().__init__(url, store=store)
        self.trash.took_back = lambda *_, **__: False  # type: ignore[method-assign]

    def read(self, digest: Digest) -> bytes:
        """Read an object, or what is in the trash."""
        for place in ("blobs/sha256", *(f"trash/{number:08}" for number in self.trash.numbers())):
            with suppress(FileNotFoundError), self.asking("read") as (obs, store):
                return bytes(obs.get(store, f"{place}/{digest[7:]}").bytes())
        raise absent(digest)


class FarMachine(Machine):
    """The same on an object store, in which small blobs lie in packs."""

    def __init__(self) -> None:
        from obstore.store import MemoryStore

        self.memory = MemoryStore()
        super().__init__()

    def fresh(self) -> Blobs:
        """Open the store as a new process does."""
        return FarBlobs(OneByOne("memory://", store=self.memory))

    def looking(self) -> Blobs:
        """Open it for looking only."""
        return FarBlobs(OnlyRead("memory://", store=self.memory))

    def stepped(self) -> tuple[Any, tuple[str, ...]]:
        """Give what asks the store."""
        import obstore

        return obstore, ("put", "copy", "delete")


def run(examples: int, steps: int, machine: type[Machine] = Machine) -> None:
    """Let the machine run."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # a life takes a second, and shrinking one would take hours
        ),
    )


def test_what_a_version_names_can_always_be_read() -> None:
    """A few short lives, each time others."""
    run(12, 25)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_what_a_version_names_can_be_read_in_long_lives() -> None:
    """Many long lives."""
    run(60, 40)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_what_a_version_names_can_be_read_in_an_object_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs that come, lose blobs, are written anew and go; every process knows them as of when it looked."""
    monkeypatch.setattr(far, "SEVERAL", 3)
    monkeypatch.setattr(far, "SMALL", SMALL)
    run(40, 40, FarMachine)
