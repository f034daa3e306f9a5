from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.datasets.tree import build
from loopline.errors import Invalid, NotFound
from loopline.nouns.entry import Entry
from loopline.nouns.name import Numbered, Pointer
from loopline.nouns.preview import Frequent, Preview

from .conftest import DATA, MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import World

CSV = b"id,name,x\n" + b"".join(b"%d,%s,%d.5\n" % (n, b"ab"[n % 2 : n % 2 + 1], n) for n in range(40))


@pytest.fixture
def here(world: World, tmp_path: Path) -> World:
    """Give a world whose cache is this test's own."""
    world.loop = replace(world.loop, work=tmp_path / "work")
    return world


def look(world: World, body: bytes, name: str, **asked: Any) -> Preview:
    """Store one file and look at it."""
    files: dict[str, Any] = {name.replace(".", "_"): body}
    number = world.data(**files).version.number
    return world.do("preview", Pointer(DATA, Numbered(number)), name, **asked)  # type: ignore[no-any-return]


def test_a_table_shows_rows_and_columns(here: World) -> None:
    """The first rows, all columns with what is in them, and how many rows there are."""
    seen = look(here, CSV, "t.csv", rows=2)
    assert (seen.form, seen.header, seen.count, seen.cut) == ("table", ("id", "name", "x"), 40, True)
    assert seen.rows == (("0", "a", "0.5"), ("1", "b", "1.5"))
    ids, names, x = seen.columns
    assert (ids.min, ids.max, ids.nulls, ids.mean) == ("0", "39", 0, 19.5)
    assert sum(one.count for one in ids.histogram) == 40
    assert (ids.histogram[0].low, ids.histogram[-1].high) == (0, 39)
    assert names.top == (Frequent("a", 20), Frequent("b", 20))
    assert (names.histogram, x.quantiles["0.5"]) == ((), 20.0)


def test_a_profile_is_computed_once_for_its_bytes(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look opens no table; a damaged cache is made again."""
    first = look(here, CSV, "t.csv")
    again = Pointer(DATA, Numbered(2))
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert here.do("preview", again, "t.csv") == first
    monkeypatch.undo()
    (kept,) = (here.loop.work / "profiles").iterdir()
    kept.write_bytes(b"{")
    assert here.do("preview", again, "t.csv") == first


def test_without_the_library_a_table_is_text(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing and how to get it is said, beside the text."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    seen = look(here, CSV, "t.csv")
    assert (seen.form, seen.text.startswith("id,name")) == ("text", True)
    assert "loopline[tables]" in seen.notes[0]


def test_a_broken_table_is_text_with_the_reason(here: World) -> None:
    """Ragged rows are shown as they are, with the line that does not fit."""
    seen = look(here, b"a,b\n1,2\n3\n", "t.csv")
    assert (seen.form, seen.text) == ("text", "a,b\n1,2\n3\n")
    assert "line 3" in seen.notes[0]


def test_a_file_is_what_its_bytes_say(here: World) -> None:
    """Images by their first bytes, text by being text; a drawing with script in it is text and never an image."""
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    assert (look(here, png, "x.txt").form, look(here, png, "x.txt").media_type) == ("image", "image/png")
    assert look(here, b"RIFF0000WEBPVP8 ", "x.webp").media_type == "image/webp"
    assert look(here, b"<svg onload='alert(1)'/>", "x.svg").form == "text"
    assert look(here, b"<script>alert(1)</script>", "x.html").form == "text"
    assert (look(here, b"# T", "x.md").form, look(here, b"{}", "x.json").form) == ("markdown", "json")
    assert look(here, b"\xff\xfe\x00", "x.txt").form == "binary"
    assert look(here, b"a\0b", "x.txt").form == "binary"


def test_large_text_is_cut_between_characters(here: World) -> None:
    """The beginning of a large text is shown, whole characters only, and it says that there is more."""
    seen = look(here, "ä".encode() * 200_000, "x.txt")
    assert seen.cut
    assert len(seen.text) == 131072
    assert set(seen.text) == {"ä"}


def test_a_version_of_one_blob_has_no_path(here: World) -> None:
    """A blob is looked at without a path, a tree with one, and a path must be there."""
    here.train(b"model text")
    assert here.do("preview", Pointer(MODEL, Numbered(1))).text == "model text"
    for pointer, path, kind in (
        (Pointer(MODEL, Numbered(1)), "a", "not-a-tree"), (Pointer(DATA, Numbered(1)), "", "no-path"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as caught:
            here.do("preview", pointer, path)
        assert caught.value.kind == kind
    for path in ("b.csv", "../a.csv", "/etc/passwd", "a.csv/"):
        with pytest.raises(NotFound):
            here.do("preview", Pointer(DATA, Numbered(1)), path)
    with pytest.raises(Invalid):
        here.do("preview", Pointer(DATA, Numbered(1)), "a.csv", rows=101)


def test_a_compressed_table_is_a_table(here: World) -> None:
    """`.csv.gz` is opened as what it holds."""
    body = gzip.compress(CSV, mtime=0)
    entry = Entry("t.csv.gz", here.loop.blobs.put(body), len(body))
    number = here.do("add", DATA, tree=build(here.loop.blobs, [entry])).version.number
    assert here.do("preview", Pointer(DATA, Numbered(number)), "t.csv.gz").count == 40
