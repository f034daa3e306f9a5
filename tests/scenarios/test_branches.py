"""Branches of a dataset that are written to, merged, reverted and picked from in any order, beside dictionaries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loopline.datasets.tree import Tree, build
from loopline.errors import Conflict, Invalid
from loopline.nouns.entry import Entry
from loopline.nouns.merge import Merge
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName
from loopline.testing.clock import FakeClock
from loopline.testing.loop import empty_database, loop
from loopline.verbs import load
from tests.datasets.making import naive_merge

Content = dict[str, Entry]
DATA = AssetName("flights", "data", "rows")
BRANCHES = st.sampled_from(["main", "a", "b"])
PATHS = st.sampled_from(["a", "a/b", "a/c", "b", "c/d", "e"])
BODIES = st.sampled_from([b"1", b"2", b"3"])
SIDES = st.sampled_from(["ours", "theirs", "base"])


class Branches(RuleBasedStateMachine):
    """Drives the verbs, and keeps each version as a dictionary with its parents."""

    @initialize()
    def begin(self) -> None:
        """Make a dataset with three branches at its first version."""
        self.loop = loop("flights", database=empty_database(), clock=FakeClock(step=1))
        self.versions: dict[int, tuple[Content, tuple[int, ...]]] = {0: ({}, ())}
        self.refs: dict[str, int] = {}
        self.open: dict[str, tuple[Merge, str]] = {}
        self.write("main", {"a": b"1", "b": b"1"})
        for name in ("a", "b"):
            self.do("branch", DATA, name)
            self.refs[name] = 1

    def do(self, verb: str, *args: Any, **asked: Any) -> Any:
        """Call a verb."""
        return load(verb)(self.loop, *args, **asked)

    def entries(self, files: dict[str, bytes]) -> Content:
        """Store files."""
        return {path: Entry(path, self.loop.blobs.put(body), len(body)) for path, body in files.items()}

    def write(self, branch: str, files: dict[str, bytes]) -> None:
        """Make a branch hold files."""
        content = self.entries(files)
        tree = build(self.loop.blobs, [content[path] for path in sorted(content)])
        published = self.do("add", DATA, tree=tree, branch=branch)
        if published.change is not None:
            parents = (self.refs[branch],) if branch in self.refs else ()
            self.made(branch, published.version.number, content, parents)

    def made(self, branch: str, number: int, content: Content, parents: tuple[int, ...]) -> None:
        """Write down a version to which a branch has moved."""
        assert number == len(self.versions)
        self.versions[number] = content, tuple(sorted(set(parents)))
        self.refs[branch] = number

    def above(self, number: int) -> set[int]:
        """Give a version and all that it comes from."""
        return {number}.union(*(self.above(one) for one in self.versions[number][1]))

    def base(self, ours: int, theirs: int) -> int:
        """Find the newest of the best versions that both come from."""
        common = self.above(ours) & self.above(theirs)
        return max(
            (one for one in common if not any(one in self.above(other) - {other} for other in common)), default=0
        )

    @rule(branch=BRANCHES, path=PATHS, body=st.none() | BODIES)
    def edit(self, branch: str, path: str, body: bytes | None) -> None:
        """Write or remove a file; what is a folder by then goes."""
        content = self.versions[self.refs[branch]][0]
        kept = {
            one: self.loop.blobs.read(entry.digest)
            for one, entry in content.items()
            if one != path and not one.startswith(f"{path}/") and not path.startswith(f"{one}/")
        }
        if body is not None:
            kept[path] = body
        self.write(branch, kept)

    def merged(self, done: Merge, branch: str, *, base: int, theirs: int, taken: dict[str, str] | None = None) -> None:
        """Hold what came of three versions against what comes of three dictionaries."""
        ours = self.refs[branch]
        sides = {name: self.versions[one][0] for name, one in (("base", base), ("ours", ours), ("theirs", theirs))}
        clean, clashes = naive_merge(sides["base"], sides["ours"], sides["theirs"])
        if done.state == "clashing":
            assert (done.clashes, done.left) == (len(clashes), len(clashes) - len(taken or {}))
            assert clashes
            return
        for path, kind in clashes.items():
            inside = f"{path}/" if kind == "file/folder" else "\0"
            side = sides[(taken or {})[path]]
            clean = {one: entry for one, entry in clean.items() if one != path and not one.startswith(inside)}
            clean |= {one: entry for one, entry in side.items() if one == path or one.startswith(inside)}
        if done.state == "nothing":
            assert clean == sides["ours"]
            return
        assert done.state == "made"
        assert done.version is not None
        parents = (ours, theirs) if done.kind == "merge" else (ours,)
        self.made(branch, done.version.number, clean, parents)

    @rule(source=BRANCHES, branch=BRANCHES, ff=st.booleans())
    def merge(self, source: str, branch: str, ff: bool) -> None:  # noqa: FBT001 (hypothesis gives it by name)
        """Merge one branch into another."""
        ours, theirs = self.refs[branch], self.refs[source]
        if branch in self.open:
            try:
                self.do("merge", Pointer(DATA, Numbered(theirs)), RefName(DATA, branch))
            except Conflict as error:
                assert error.kind == "merge-open"
            return
        done: Merge = self.do("merge", Pointer(DATA, Numbered(theirs)), RefName(DATA, branch), ff=ff)
        base = self.base(ours, theirs)
        if base == theirs:
            assert done.state == "nothing"
        elif base == ours and ff:
            assert done.state == "forward"
            self.refs[branch] = theirs
        else:
            self.merged(done, branch, base=base, theirs=theirs)
            if done.state == "clashing":
                self.open[branch] = done, "merge"

    @rule(data=st.data(), branch=BRANCHES, verb=st.sampled_from(["revert", "cherry_pick"]))
    def undo_or_pick(self, data: st.DataObject, branch: str, verb: str) -> None:
        """Undo a version on a branch, or bring its changes there."""
        if branch in self.open:
            return
        number = data.draw(st.integers(1, len(self.versions) - 1))
        parents = self.versions[number][1]
        pointer, ref = Pointer(DATA, Numbered(number)), RefName(DATA, branch)
        if len(parents) > 1:
            try:
                self.do(verb, pointer, ref)
            except Invalid as error:
                assert error.kind == "several-parents"
        parent = data.draw(st.sampled_from(parents)) if parents else 0
        done: Merge = self.do(verb, pointer, ref, parent=parent or None)
        base, theirs = (number, parent) if verb == "revert" else (parent, number)
        self.merged(done, branch, base=base, theirs=theirs)
        if done.state == "clashing":
            self.open[branch] = done, verb

    @precondition(lambda self: self.open)
    @rule(data=st.data(), first=SIDES, second=SIDES)
    def choose(self, data: st.DataObject, first: str, second: str) -> None:
        """Take one side for everything, another for one path, and go on, wherever the branch stands by now."""
        branch = data.draw(st.sampled_from(sorted(self.open)))
        merge, verb = self.open[branch]
        ref, ours, theirs = RefName(DATA, branch), self.refs[branch], merge.theirs or 0
        base = self.base(ours, theirs) if verb == "merge" else merge.base or 0
        _, clashes = naive_merge(*(self.versions[one][0] for one in (base, ours, theirs)))
        taken = dict.fromkeys(clashes, first)
        if clashes:
            told = self.do("merge", into=ref, take=first, paths=("*",))
            path = data.draw(st.sampled_from(sorted(clashes)))
            told = self.do("merge", into=ref, take=second, paths=(path,))
            taken[path] = second
            assert (told.clashes, told.left) == (len(clashes), 0)
        done = self.do("merge", into=ref, continue_=True)
        del self.open[branch]
        self.merged(done, branch, base=base, theirs=theirs, taken=taken)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        """Give a merge up."""
        branch = data.draw(st.sampled_from(sorted(self.open)))
        assert self.do("merge", into=RefName(DATA, branch), abandon=True).state == "abandoned"
        del self.open[branch]

    @invariant()
    def refs_stand_where_they_should(self) -> None:
        """Every branch points at its version, which holds its files and has its parents."""
        for branch, number in self.refs.items():
            content, parents = self.versions[number]
            with self.loop.ledger.read() as tx:
                assert tx.refs.get(RefName(DATA, branch)).target == number
                version = tx.versions.get(DATA, number)
            assert version.parents == parents
            tree = version.artifact.digest
            assert {one.path: one for one in Tree(self.loop.blobs, tree).iter()} == content
        assert {one.ref.ref for one in self.do("merges")} == set(self.open)

    def teardown(self) -> None:
        """Close the ledger."""
        self.loop.ledger.close()


@pytest.mark.parametrize("histories", [8, pytest.param(40, marks=pytest.mark.long)])
def test_branches_are_as_dictionaries_would_be(histories: int) -> None:
    """In any order of edits, merges, reverts and picks each branch has the files, each version the parents, that it should."""
    run_state_machine_as_test(
        Branches,
        settings=settings(
            max_examples=histories, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
