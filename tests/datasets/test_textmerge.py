from __future__ import annotations

import csv
import gzip
import io

import pytest

from loopline.datasets.tablemerge import Merged, RowConflict, merge_tables

HEAD = "id,x,y"


def merge(base: str | None, ours: str, theirs: str, *, path: str = "t.csv") -> Merged:
    """Merge three texts by `id`."""
    return merge_tables(path, None if base is None else base.encode(), ours.encode(), theirs.encode(), ("id",))


def lines(*rows: str, head: str = HEAD, end: str = "\n") -> str:
    """Write a CSV."""
    return end.join((head, *rows, ""))


def test_rows_that_nobody_put_together_keep_their_bytes() -> None:
    """Needless quotes, line ends within cells, a mark at the beginning, an end without a line end: all stay as written."""
    base = "\ufeff" + lines('1,"a",b', '2,"x\r\ny",b', "3,a,b", end="\r\n")
    ours = base.replace('1,"a",b', '1,"a","B"')[:-2]
    theirs = base.replace("3,a,b", '3,"it ""is""",b')
    assert merge(base, ours, theirs).body == ours.replace("3,a,b", '3,"it ""is""",b').encode()


def test_json_lines_keep_their_lines_and_their_style() -> None:
    """Lines of one side stay as they are; one that both have touched is written like ours, without losing a digit."""
    base = '{"id":1,"x":"ä","y":0.1}\n{"id":2,"z":null}\n'
    ours = base.replace('"ä"', '"Ä"')
    theirs = base.replace("0.1", "0.25").replace('{"id":2,"z":null}', '{ "id": 2 }') + '{"id":3}'
    wanted = '{"id":1,"x":"Ä","y":0.25}\n{ "id": 2 }\n{"id":3}\n'
    assert merge(base, ours, theirs, path="t.jsonl").body == wanted.encode()
    long = theirs.replace("0.25", "0.1234567890123456789012")
    assert merge(base, ours, long, path="t.jsonl").why
    clash = merge(base, ours, theirs.replace('"ä"', "true"), path="t.jsonl")
    assert clash.conflicts == (RowConflict((1,), "x", base="ä", ours="Ä", theirs=True),)


def test_compressed_tables_are_merged_and_bombs_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same three files give the same bytes; a file that unpacks to too much is left alone."""
    base, ours, theirs = (gzip.compress(one.encode()) for one in (lines("1,a,b"), lines("1,o,b"), lines("1,a,t")))
    body = merge_tables("t.csv.gz", base, ours, theirs, ("id",)).body
    assert body == merge_tables("t.csv.gz", base, ours, theirs, ("id",)).body
    assert gzip.decompress(body or b"").decode() == lines("1,o,t")
    monkeypatch.setattr("loopline.datasets.textmerge.MOST", 10)
    assert merge_tables("t.csv.gz", base, ours, theirs, ("id",)).why


@pytest.mark.parametrize("cell", ["p\nq", "p\r", 'a "word"', "a,b", "\n"])
def test_a_row_that_is_written_anew_is_read_as_it_was_meant(cell: str) -> None:
    """Cells with line ends, quotes and commas are quoted, however the rest of the file ends its lines."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["id", "x", "y"], ["1", "3", cell]])
    ours = text.getvalue().encode()
    merged = merge_tables("t.csv", b"id,x,y\r\n1,3,\r\n", ours, b"id,x,y\r\n1,4,\r\n", ("id",))
    rows = list(csv.reader(io.StringIO((merged.body or b"").decode(), newline="")))
    assert rows == [["id", "x", "y"], ["1", "4", cell]]
