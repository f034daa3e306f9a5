"""What is in use, as marked from every row."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from loopline.datasets.nodes import MAGIC
from loopline.datasets.tree import Tree, build
from loopline.errors import Refused
from loopline.ledger.roots import BYTELESS, QUERIES
from loopline.nouns.artifact import SERVICE, TREE
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import RefName
from loopline.store.idents import Idents
from loopline.store.local import LocalBlobs
from loopline.store.named import LocalNamed
from loopline.testing.loop import loop
from loopline.verbs.marking import mark
from loopline.verbs.staging import stage, written

from .conftest import DATA, MODEL, World


def marked(world: World, before: int = 0) -> set[Digest]:
    """Mark, and give what is in use."""
    with Idents(world.loop.work) as into:
        mark(world.loop, into, before=before)
        return {Digest("sha256:" + ident.hex()) for ident in into.iter()}


def test_all_that_the_worlds_records_name_is_in_use(guarded: World) -> None:
    """Trees with their files, models, and what runs read and made."""
    blobs = guarded.loop.blobs
    lost = blobs.put(b"nobody named this")
    assert set(blobs.iter()) - marked(guarded) == {lost}


def test_every_column_that_holds_a_digest_was_thought_of(guarded: World) -> None:
    """In a ledger that has been worked with, digests stand in columns that are asked for roots or said to name no bytes."""
    asked = {column for query in QUERIES for column in query.columns} | set(BYTELESS)
    found = set()
    with guarded.loop.ledger.database.read() as rows:
        for (table,) in rows.all("SELECT name FROM sqlite_master WHERE type = 'table'"):
            for column in (row[0] for row in rows.all(f"SELECT name FROM pragma_table_info('{table}')")):
                if any("sha256:" in str(row[0]) for row in rows.all(f'SELECT "{column}" FROM "{table}"')):
                    found.add(f"{table}.{column}")
    assert "versions.digest" in found
    assert found - asked == set()


def test_what_was_deleted_is_in_use_until_its_time_is_over(world: World) -> None:
    """A deleted version keeps its bytes as long as it can be restored; what another version shares with it stays."""
    world.data(a_csv=b"shared", b_csv=b"first")
    world.data(a_csv=b"shared", b_csv=b"second")
    shared, first = (world.loop.blobs.put(one) for one in (b"shared", b"first"))
    world.do("delete", f"{DATA}@2".removeprefix("flights/"))
    assert first in marked(world)
    later = marked(world, before=world.loop.clock.now() + 1)
    assert shared in later
    assert first not in later


def test_a_service_keeps_what_it_names(world: World) -> None:
    """JSON that names digests keeps these in use, and trees below them."""
    tree = world.tree(m_bin=b"weights of a model that has no version")
    service = world.loop.blobs.put(json.dumps({"arms": [{"digest": tree}]}).encode())
    world.do("put", MODEL, digest=service, media_type=SERVICE)
    assert {tree, world.loop.blobs.put(b"weights of a model that has no version")} <= marked(world)


def test_a_tree_that_cannot_be_read_stops_the_mark(world: World) -> None:
    """Nobody knows what a missing or damaged node names, so nothing is said to be dead."""
    root = world.data(a_csv=b"1").version.artifact
    assert root.media_type == TREE
    for damage in (lambda: world.damage(root.digest), lambda: world.loop.blobs.delete(root.digest)):
        damage()
        with pytest.raises(Refused, match=re.escape("data/flights@2")) as caught:
            marked(world)
        assert (caught.value.kind, caught.value.facts["digest"]) == ("gc-unreadable", root.digest)


def test_a_journal_keeps_what_it_names(world: World, tmp_path: Path) -> None:
    """What a program wrote into its journal, and nobody has shipped yet, is in use."""
    digest = world.loop.blobs.put(b"of a program that died")
    journal = tmp_path / "journal" / "0192-ab.journal"
    journal.parent.mkdir()
    journal.write_bytes(b'\x00\xff{"digest":"' + digest.encode() + b'"}\n')
    assert digest not in marked(world)
    assert digest in marked(World(replace(world.loop, work=tmp_path / "cache")))


def test_what_was_deleted_may_be_reclaimed_already(world: World) -> None:
    """Bytes of a deleted version that were reclaimed by somebody who keeps less stop no mark; those that are left are in use."""
    root = world.data(a_csv=b"left").version.artifact.digest
    left = world.loop.blobs.put(b"left")
    world.do("delete", "data/flights@2") if world.target() else None
    with world.loop.ledger.write("flights", world.loop.actor) as tx:
        tx.rows.do("DELETE FROM refs WHERE target = 2")
        tx.versions.delete(DATA, 2)
        tx.say("deleted", "data/flights@2")
    assert {root, left} <= marked(world)
    world.loop.blobs.delete(root)
    assert left not in marked(world)


def test_a_staged_file_that_looks_like_a_tree_stops_no_mark(world: World) -> None:
    """Whoever stages, or publishes as plain bytes, what begins like a node of a tree keeps nobody from reclaiming."""
    world.data(a_csv=b"1")
    ref = RefName(DATA, "main")
    root = build(world.loop.blobs, [Entry("a", digest_of(b"never stored"), 12), *_entries(world, 3000)])
    gone = next(one for one in Tree(world.loop.blobs, root).nodes() if one != root)
    stage(world.loop, ref, written("copy", world.loop.blobs.put(MAGIC + b"junk"), 8))
    stage(world.loop, ref, written("root", root, 1))
    world.do("put", MODEL, digest=world.loop.blobs.put(MAGIC + b"other junk"))
    world.do("put", MODEL, digest=root)
    kept = [one for one in Tree(world.loop.blobs, root).nodes() if one != gone]
    world.loop.blobs.delete(gone)
    assert set(kept) <= marked(world), "and what can be read of it is in use all the same"


def _entries(world: World, count: int) -> list[Entry]:
    body = world.loop.blobs.put(b"x")
    return [Entry(f"b{at:05}", body, 1) for at in range(count)]


def test_what_others_have_pushed_here_is_in_use(tmp_path: Path) -> None:
    """A version that a manifest in the store names keeps its files and notes, though no row does."""
    store = LocalBlobs(tmp_path)
    here = World(loop(blobs=store))
    file, note = store.put(b"pushed"), store.put(b"{}")
    root = build(store, [Entry("a", file, 6)])
    notes = build(store, [Entry("f/a", note, 2)])
    assert {file, note} & marked(here) == set()
    told = json.dumps({"root": root, "metadata": {"notes": notes, "origin": {"parents": []}}}).encode()
    LocalNamed(store).put(f"assets/data/flights/versions/1-{root[7:]}.json", told)
    assert {root, file, notes, note} <= marked(here)
    LocalNamed(store).put(f"assets/data/flights/versions/1-{root[7:]}.json", b"{")
    assert {root, file} <= marked(here)
    LocalNamed(store).put(f"assets/data/flights/versions/2-{'0' * 64}.json", b"{}")
    assert {root, file} <= marked(here), "a manifest whose files are gone stops no mark"
