from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid, NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.run import Point
from loopline.nouns.version import Version
from loopline.store.local import LocalBlobs
from loopline.verbs.comparing import compare, on_disk

from .conftest import DATA, ENVIRONMENT, MODEL, PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import World


def _versions(world: World, asset: AssetName = DATA) -> tuple[Version, Version]:
    with world.loop.ledger.read() as tx:
        return tx.versions.get(asset, 1), tx.versions.get(asset, 2)


def test_without_a_base_everything_is_added(world: World) -> None:
    """The first version is compared with nothing, and has no rows to compare."""
    with world.loop.ledger.read() as tx:
        first = tx.versions.get(DATA, 1)
    found = compare(world.loop, None, first, asked="diff", rows=True)
    assert [one.word for one in found.files] == ["added"]
    assert (found.old, found.rows, found.metrics) == (None, (), ())


def test_rows_are_compared_by_table(world: World) -> None:
    """Each group of files of one form is one table; rows are matched by the key that the data name."""
    old = world.tree(**{"x/a[1]_csv": b"id,v\n1,a\n2,b\n"})
    new = world.tree(**{"x/a[1]_csv": b"id,v\n1,a\n2,c\n3,d\n"})
    versions = [world.do("add", DATA, tree=tree, metadata={"key": "id"}).version for tree in (old, new)]
    found = compare(world.loop, *versions, asked="diff", rows=True)
    (rows,) = found.rows
    assert (rows.table, rows.added, rows.removed, rows.changed) == ("x/*.csv", 1, 0, 1)


def test_packages_that_changed_are_named(world: World) -> None:
    """Of two environments only what differs is listed."""
    runs = []
    for name, numpy in (("a", "1.0"), ("b", "2.0")):
        run = world.do("start", "t", environment=digest_of(name.encode()), packages={"numpy": numpy, "same": "1"})
        world.do("put", MODEL, digest=world.loop.blobs.put(name.encode()), run=run.id)
        runs.append(run)
    old, new = _versions(world, MODEL)
    assert [(one.name, one.old, one.new) for one in compare(world.loop, old, new, asked="diff").environment] == [
        ("numpy", "1.0", "2.0")
    ]


def test_not_a_number_is_no_change(world: World) -> None:
    """A metric that is NaN on both sides does not differ; a missing one does."""
    for body in (b"1", b"2"):
        version = world.train(body)
        world.do("log", version.run, points=(Point("nan", float("nan")),))
    old, new = _versions(world, MODEL)
    world.do("log", new.run, points=(Point("more", 1.0),))
    assert [(one.name, one.old, one.new) for one in compare(world.loop, old, new, asked="diff").metrics] == [
        ("more", None, 1.0)
    ]


def test_a_lost_source_tree_does_not_stop_a_comparison(world: World) -> None:
    """Source trees may have been swept: what is known is told all the same."""
    for name in (b"a", b"b"):
        run = world.do("start", "t", code=digest_of(name), environment=ENVIRONMENT)
        world.do("put", MODEL, digest=world.loop.blobs.put(name), run=run.id)
    assert compare(world.loop, *_versions(world, MODEL), asked="diff").code == ()


def test_texts_are_compared_where_that_is_asked(world: World) -> None:
    """Code and files that people write line by line, and not what is only data; without asking, nothing is read."""
    world.data(a_csv=b"1\n", notes_md=b"one\n")
    world.data(a_csv=b"2\n", notes_md=b"two\n")
    versions = [Pointer(DATA, Numbered(number)) for number in (2, 3)]
    assert world.do("diff", *versions).patches == ()
    (one,) = world.do("diff", *versions, lines=True).patches
    assert (one.path, one.text) == ("notes.md", "@@ -1 +1 @@\n-one\n+two")


def test_a_damaged_file_is_no_text(world: World) -> None:
    """Lines of a version's file that is damaged or gone are an error, and no note beside a comparison that looks whole."""
    world.data(notes_md=b"one\n")
    world.data(notes_md=b"two\n")
    versions = [Pointer(DATA, Numbered(number)) for number in (2, 3)]
    world.damage(digest_of(b"one\n"))
    with pytest.raises(Unavailable) as caught:
        world.do("diff", *versions, lines=True)
    assert caught.value.kind == "blob-corrupt"
    world.loop.blobs.delete(digest_of(b"one\n"))
    with pytest.raises(NotFound):
        world.do("diff", *versions, lines=True)


def test_rows_of_damaged_bytes_are_no_rows(world: World, tmp_path: Path) -> None:
    """Files of the store are verified before a table is made of them: in `diff`, in `review`, and in `preview`."""
    world.loop = replace(world.loop, blobs=LocalBlobs(tmp_path / "store"), work=tmp_path / "work")
    world.data(t_csv=b"id,x\n1,1\n")
    version = world.data(t_csv=b"id,x\n1,2\n").version
    world.damage(digest_of(b"id,x\n1,2\n"))
    versions = [Pointer(DATA, Numbered(version.number - 1)), Pointer(DATA, Numbered(version.number))]
    change = world.do("propose", RefName(DATA, "next"), to=Numbered(version.number - 1), why="x")
    assert change.state == "applied"
    world.policy(Policy("next", ("data/*@next",), approvals=Approvals(1)))
    waiting = world.do("propose", RefName(DATA, "next"), to=Numbered(version.number), why="x")
    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("diff", (*versions,), {"rows": True}),
        ("review", (waiting.id,), {"rows": True}),
        ("preview", (versions[1], "t.csv"), {}),
    ]
    for verb, words, flags in asked:
        with pytest.raises(Unavailable) as caught:
            world.do(verb, *words, **flags)
        assert caught.value.kind == "blob-corrupt", verb
    assert world.do("preview", versions[0], "t.csv").rows == (("1", "1"),)


def test_a_file_is_verified_once(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes under several names are hashed once, however often they are read meanwhile."""
    store = LocalBlobs(tmp_path / "store")
    world.loop = replace(world.loop, blobs=store, work=tmp_path / "work")
    entries = [Entry(name, store.put(b"x\n1\n"), 4) for name in ("a.csv", "b.csv")]
    hashed: list[Digest] = []
    verify = store.verify

    def counting(digest: Digest) -> None:
        hashed.append(digest)
        verify(digest)

    monkeypatch.setattr(store, "verify", counting)
    with on_disk(world.loop, entries) as paths:
        assert [path.read_bytes() for path in paths] == [b"x\n1\n"] * 2
    assert len(hashed) == 1


def test_a_file_that_is_damaged_is_told_before_it_is_read(world: World, tmp_path: Path) -> None:
    """The store looks once whether the bytes are right, and says what is wrong with them itself."""
    store = LocalBlobs(tmp_path / "store")
    world.loop = replace(world.loop, blobs=store, work=tmp_path / "work")
    digest = store.put(b"x\n1\n")
    world.damage(digest)
    with pytest.raises(Unavailable) as caught, on_disk(world.loop, [Entry("a.csv", digest, 4)]):
        raise AssertionError
    assert caught.value.kind == "blob-corrupt"


def test_a_policy_is_compared_line_by_line(guarded: World) -> None:
    """The change of a policy shows which of its lines differ."""
    guarded.policy(Policy("champion", ("model/*@champion",)))
    policy = AssetName(PROJECT, "policy", PROJECT)
    (one,) = guarded.do("diff", Pointer(policy, Numbered(1)), Pointer(policy, Numbered(2)), lines=True).patches
    assert (one.removed > 0, one.note) == (True, "")


def test_columns_that_shifted_are_summarised(world: World) -> None:
    """A column whose values moved is there with both sides; one that stayed as it was is not; rows are shown with their word."""
    world.data(t_csv=b"id,x\n1,1\n2,2\n")
    world.data(t_csv=b"id,x\n1,10\n2,20\n")
    (rows,) = world.do("diff", *(Pointer(DATA, Numbered(number)) for number in (2, 3)), rows=True).rows
    (shift,) = rows.shifts
    assert (shift.name, shift.old.mean, shift.new.mean) == ("x", 1.5, 15.0)
    assert (rows.key, rows.why) == (("id",), "inferred")
    assert [sample.word for sample in rows.samples] == ["changed", "changed"]


def test_a_table_that_is_too_much_leaves_the_rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read is said of that table; the others are compared, and a page of its rows is an error."""
    from loopline.verbs import tabling

    def refuse(_: object, old: list[Entry], *__: object) -> tabling.Told:
        if old[0].path == "a.csv":
            raise Unavailable("too slow", kind="tables-too-slow", hint="elsewhere")
        return real(world.loop, old, *__)  # type: ignore[arg-type]

    real = tabling.difference
    world.data(a_csv=b"id\n1\n", b_jsonl=b'{"id":1,"x":1}\n')
    world.data(a_csv=b"id\n2\n", b_jsonl=b'{"id":1,"x":2}\n')
    monkeypatch.setattr(tabling, "difference", refuse)
    sides = [Pointer(DATA, Numbered(number)) for number in (2, 3)]
    first, second = world.do("diff", *sides, rows=True).rows
    assert (first.table, first.notes, second.changed) == ("*.csv", ("too slow: elsewhere",), 1)
    with pytest.raises(Unavailable):
        world.do("diff", *sides, table="*.csv")


def test_a_file_that_is_no_table_leaves_the_rest(world: World) -> None:
    """A ragged CSV of somebody is said, and hides neither the other tables nor the change that brings it."""
    world.data(a_csv=b"id,x\n1,1\n", b_jsonl=b'{"id":1,"x":1}\n')
    world.data(a_csv=b"id,x\n1\n", b_jsonl=b'{"id":1,"x":2}\n')
    sides = [Pointer(DATA, Numbered(number)) for number in (2, 3)]
    first, second = world.do("diff", *sides, rows=True).rows
    assert ("a.csv, line 2" in first.notes[0], second.changed) == (True, 1)
    with pytest.raises(Invalid):
        world.do("diff", *sides, table="*.csv")
