from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from loopline.datasets.edit import edit
from loopline.errors import Invalid, NotFound
from loopline.nouns.entry import Entry
from loopline.nouns.name import parse_pointer

from .conftest import DATA, PROJECT

if TYPE_CHECKING:
    from loopline.nouns.comparison import Comparison

    from .conftest import World


def _diff(world: World, old: str, new: str, **asked: Any) -> Comparison:
    pointers = [parse_pointer(text, project=PROJECT) for text in (old, new)]
    found: Comparison = world.do("diff", *pointers, **asked)
    return found


def test_files_that_differ_are_listed(world: World) -> None:
    """Added, removed and changed by path; nothing for what is equal; the rest beyond the limit is counted."""
    world.data(a_csv=b"2", b_csv=b"x", c_csv=b"y")
    found = _diff(world, "data/flights@1", "data/flights@2")
    assert [(one.path, one.word) for one in found.files] == [
        ("a.csv", "changed"),
        ("b.csv", "added"),
        ("c.csv", "added"),
    ]
    back = _diff(world, "data/flights@2", "data/flights@1", limit=1)
    assert ([one.path for one in back.files], back.more_files) == (["a.csv"], 2)
    assert _diff(world, "data/flights@2", "data/flights@main").files == ()


def test_models_differ_in_what_their_runs_had(world: World) -> None:
    """Metrics and data of the two trainings stand side by side; what is equal is left out."""
    world.train(b"one")
    world.data(b_csv=b"2")
    world.train(b"two", data=2, auc=0.8)
    found = _diff(world, "model/delay@1", "model/delay@2")
    assert [(m.name, m.old, m.new) for m in found.metrics] == [("auc", 0.7, 0.8)]
    assert [(one.name, one.old, one.new) for one in found.data] == [("data/flights", "@1", "@2")]
    assert (found.params, found.environment) == ((), ())


def test_only_like_is_compared_with_like(world: World) -> None:
    """Different kinds, unknown versions and a limit below 1 are refused."""
    world.train()
    with pytest.raises(Invalid):
        _diff(world, "data/flights@1", "model/delay@1")
    with pytest.raises(NotFound):
        _diff(world, "data/flights@1", "data/flights@2")
    with pytest.raises(Invalid):
        _diff(world, "data/flights@1", "data/flights@1", limit=-1)


def test_rows_that_differ_are_read_a_page_at_a_time(world: World) -> None:
    """Changed rows come first, then those that came and went, each by key; every one is on just one page, however it is cut."""
    world.data(t_csv=b"id,x\n" + b"".join(b"%d,a\n" % n for n in range(9)))
    world.data(t_csv=b"id,x\n" + b"".join(b"%d,%s\n" % (n, b"ab"[n % 2 : n % 2 + 1]) for n in range(2, 12)))
    seen, after = [], ""
    while True:
        (rows,) = _diff(world, "data/flights@2", "data/flights@3", table="*.csv", after=after, limit=3).rows
        seen += [(one.word, one.key) for one in rows.samples]
        assert len(rows.samples) <= 3
        after = rows.next
        if not after:
            break
    changed, added, removed = ("3", "5", "7"), ("9", "10", "11"), ("0", "1")
    assert seen == [("changed", n) for n in changed] + [("added", n) for n in added] + [("removed", n) for n in removed]
    assert (rows.listed, rows.page) == (8, True)


def test_a_page_names_its_table_and_its_place(world: World) -> None:
    """A table that does not differ, a place without a table, and what is no place are refused, and say what to do."""
    world.data(t_csv=b"id,x\n1,a\n")
    world.data(t_csv=b"id,x\n1,b\n")
    sides = ("data/flights@2", "data/flights@3")
    with pytest.raises(NotFound) as missing:
        _diff(world, *sides, table="x/*.csv")
    assert missing.value.kind == "no-table"
    for asked in ({"after": "3"}, {"after": "x", "table": "*.csv"}, {"limit": 100_000, "table": "*.csv"}):
        with pytest.raises(Invalid):
            _diff(world, *sides, **asked)


def test_compressed_tables_are_compared_row_by_row(world: World) -> None:
    """What `preview` can open, `diff` compares: also tab-separated and compressed files."""
    for x in ("a", "b"):
        tree = world.tree(t_tsv=f"id\tx\n1\t{x}\n".encode(), z_csv=b"")
        body = gzip.compress(f"id,x\n1,{x}\n".encode(), mtime=0)
        changes = {"z.csv": None, "t.csv.gz": Entry("t.csv.gz", world.loop.blobs.put(body), len(body))}
        world.do("add", DATA, tree=edit(world.loop.blobs, tree, changes))
    rows = _diff(world, "data/flights@2", "data/flights@3", rows=True).rows
    assert [(one.table, one.changed) for one in rows] == [("*.csv.gz", 1), ("*.tsv", 1)]
