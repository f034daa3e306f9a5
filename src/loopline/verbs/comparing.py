"""comparing: two versions side by side, for `diff` and for the review of a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.errors import Invalid, LooplineError, NotFound, Unavailable
from loopline.ledger.ledger import Tables
from loopline.loop import Loop, Reading
from loopline.nouns.artifact import MODEL, POLICY, TEXT, TREE
from loopline.nouns.comparison import Comparison, Delta, Rows, Sample, Shift, Shifted
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Difference
from loopline.nouns.patch import Patch
from loopline.nouns.run import Run
from loopline.nouns.version import Version
from loopline.verbs.permitting import sees
from loopline.verbs.profiling import cell_of, column_of
from loopline.verbs.rowmerging import key_of
from loopline.verbs.together import sources

if TYPE_CHECKING:
    from loopline.verbs.tabling import Told

FILES = 100
"""How many differing files a comparison lists by default."""
TOO_MUCH = ("out-of-memory", "tables-too-slow", "tables-died")
NO_TABLE = ("bad-table", "ragged-rows", "not-a-table")
"""Kinds of errors about one table that leave the rest of a comparison as it is."""
TABLES = 10_000
"""How many differing files are looked at for tables."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of one table are wanted."""

    table: str
    after: int = 0
    limit: int = FILES


def compare(
    loop: Loop,
    old: Version | None,
    new: Version,
    *,
    asked: str,
    rows: bool = False,
    lines: bool = False,
    limit: int = FILES,
    page: Page | None = None,
) -> Comparison:
    """Compare two versions of an asset: files, rows of tables, and what the runs that made them were given and measured.

    Of one that was deleted nobody is shown what it holds, and it may be gone from the store: nothing is told of files then.

    `asked` is the verb that somebody asked. Of runs that they may not see with it, nothing is told: see `unseen`.
    """
    with loop.ledger.read() as tx:
        before, after = (None if one is None or unseen(loop, one, asked) else _run_of(tx, one) for one in (old, new))
        data = _sources(tx, loop, old if before else None, new if after else None)
        environment = _packages(tx, before, after)
    gone = any(one is not None and one.deleted_at is not None for one in (old, new))
    files, more = ((), 0) if gone else _files(loop, old, new, limit)
    code = _code(loop, before, after, limit)
    return Comparison(
        old=old,
        new=new,
        files=files,
        more_files=more,
        rows=_rows(loop, old, new, page) if (rows or page) and new.asset.kind == "data" and not gone else (),
        params=_deltas(before.params if before else {}, after.params if after else {}),
        metrics=_shifts(before.metrics if before else {}, after.metrics if after else {}),
        data=data,
        code=code,
        environment=environment,
        patches=_patches(loop, old, new, code, files) if lines and not gone else (),
    )


def unseen(loop: Loop, version: Version, asked: str) -> bool:
    """Tell whether a version was made by a run that the caller may not see with the verb that they asked."""
    return bool(version.run) and not sees(loop, asked, version.asset.project)


def _run_of(tx: Tables, version: Version) -> Run | None:
    return tx.runs.find(version.run) if version.run else None


_WRITTEN = (".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".cfg", ".ini", ".sql", ".sh")
"""Suffixes of what people write, so that line by line is how it is read."""


def _patches(
    loop: Loop, old: Version | None, new: Version, code: Iterable[Difference], files: Iterable[Difference]
) -> tuple[Patch, ...]:
    """Compare code line by line, files that people write, and a document that is a version by itself: a policy, a prompt."""
    from loopline.verbs.patching import patch, patches

    if new.artifact.media_type in (POLICY, TEXT):
        return (patch(loop, new.asset.name, old.artifact.digest if old else None, new.artifact.digest),)
    # A run's source tree may have been swept; a version's files may not.
    sources = patches(loop, filter(_by_hand, code), swept=True)
    return (*sources, *patches(loop, filter(_by_hand, files)))


def _by_hand(one: Difference) -> bool:
    return one.path.lower().endswith(_WRITTEN)


def _files(loop: Loop, old: Version | None, new: Version, limit: int) -> tuple[tuple[Difference, ...], int]:
    trees = (TREE, MODEL)
    if new.artifact.media_type not in trees or (old and old.artifact.media_type not in trees):
        return (), 0
    return tree_difference(loop, str(old.artifact.digest) if old else None, str(new.artifact.digest), limit)


def tree_difference(loop: Loop, old: str | None, new: str, limit: int) -> tuple[tuple[Difference, ...], int]:
    """Give the first files that differ between two trees, and how many further ones do."""
    from loopline.datasets.diff import diff
    from loopline.datasets.tree import build

    base = Digest(old) if old else build(loop.blobs, ())
    found = diff(loop.blobs, base, Digest(new))
    listed = tuple(islice(found, limit))
    return listed, sum(1 for _ in found)


def _code(loop: Loop, before: Run | None, after: Run | None, limit: int) -> tuple[Difference, ...]:
    if not (before and after and before.code and after.code) or before.code == after.code:
        return ()
    try:
        return tree_difference(loop, before.code, after.code, limit)[0]
    except LooplineError:  # a source tree may have been swept; the digests still tell that they differ
        return ()


def _sources(tx: Tables, loop: Loop, old: Version | None, new: Version | None) -> tuple[Delta, ...]:
    """Give the data and models that differ; those of another project are written with it."""
    before, after = (
        {
            str(v.asset) if v.asset.project == loop.project else v.asset.key: f"@{v.number}"
            for v in (sources(tx, one) if one else ())
            if v.asset.kind not in ("env", "code")
        }
        for one in (old, new)
    )
    return _deltas(before, after)


def _packages(tx: Tables, before: Run | None, after: Run | None) -> tuple[Delta, ...]:
    if not (before and after and before.environment and after.environment) or before.environment == after.environment:
        return ()
    return _deltas(tx.lineage.packed(before.environment), tx.lineage.packed(after.environment))


def _deltas(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Delta, ...]:
    names = sorted({*before, *after})
    return tuple(
        Delta(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _shifts(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[Shift, ...]:
    names = sorted({*before, *after})
    return tuple(
        Shift(name, before.get(name), after.get(name))
        for name in names
        if repr(before.get(name)) != repr(after.get(name))
    )  # by what is written: not a number is the same as not a number


def _rows(loop: Loop, old: Version | None, new: Version, page: Page | None) -> tuple[Rows, ...]:
    """Compare tables row by row, over the files that differ; of the table of a page give that page."""
    if old is None:
        return ()
    from loopline.verbs.tabling import difference

    listed, more = _files(loop, old, new, TABLES)
    key = key_of(new)
    groups = _groups(listed)
    if page is not None and page.table not in groups:
        raise NotFound(
            f"no table {page.table} differs between {old} and {new}", kind="no-table",
            hint=f"those that do: {', '.join(list(groups)[:5])}" if groups else "no table differs", table=page.table,
        )  # fmt: skip
    found = []
    for name, differences in groups.items():
        if page is not None and page.table != name:
            continue
        before, after = (
            [one for one in side if one] for side in zip(*((d.old, d.new) for d in differences), strict=True)
        )
        try:
            told = difference(loop, before, after, key)
        except (Invalid, Unavailable) as error:
            if page is not None or error.kind not in TOO_MUCH + NO_TABLE:
                raise
            found.append(Rows(name, 0, 0, notes=(f"{error.message}: {error.hint}",), files=len(differences)))
            continue
        notes = (f"{more} further files differ and were not compared",) if more else ()
        rows = replace(_as_noun(name, told.answer, notes), shifts=_shifted(told), files=len(differences))
        found.append(replace(rows, **_paged(told, page)) if page is not None else rows)
    return tuple(found)


def _groups(listed: Iterable[Difference]) -> dict[str, list[Difference]]:
    """Group files that differ by folder and form: each group is one table."""
    from loopline.datasets.tables import ending_of

    groups: dict[str, list[Difference]] = {}
    for one in listed:
        if suffix := ending_of(one.path):
            groups.setdefault("".join((*one.path.rpartition("/")[:2], f"*{suffix}")), []).append(one)
    return groups


def _paged(told: Told, page: Page) -> dict[str, Any]:
    """Give the rows of one page, and where the next one begins."""
    from loopline.datasets.cells import read

    rows = read(told.rows, told.answer, after=page.after, limit=page.limit + 1)
    here = rows[: page.limit]
    samples = tuple(Sample(_written(one["key"]), _deltas_of(one["cells"]), one["word"]) for one in here)
    return {"page": True, "samples": samples, "next": str(here[-1]["seq"]) if len(rows) > len(here) else ""}


def _as_noun(table: str, told: Mapping[str, Any], notes: tuple[str, ...]) -> Rows:
    """Take over what `datasets/rows.py` answers."""
    schema = told["schema"]
    return Rows(
        table,
        told["rows"]["old"],
        told["rows"]["new"],
        told["added"],
        told["removed"],
        told["changed"],
        told["same"],
        key=tuple(told["key"]),
        why=told["why"],
        schema=(
            *(Delta(one["name"], None, one["type"]) for one in schema["added"]),
            *(Delta(one["name"], one["type"], None) for one in schema["removed"]),
            *(Delta(one["name"], one["old"], one["new"]) for one in schema["changed"]),
        ),
        renamed=tuple(Delta(one["new"], one["old"], one["new"]) for one in schema["renamed"]),
        columns=told["columns"],
        samples=tuple(_samples(told)),
        notes=(*told["notes"], *notes),
        listed=sum(told["kept"].values()),
    )


def _samples(told: Mapping[str, Any]) -> Iterator[Sample]:
    for one in told["samples"]["changed"]:
        yield Sample(_written(one["key"]), _deltas_of(one["cells"]))
    for row in told["samples"]["added"]:
        cells = {column: (None, value) for column, value in row.items()}
        yield Sample(_written({column: row[column] for column in told["key"]}), _deltas_of(cells), "added")
    for row in told["samples"]["removed"]:
        cells = {column: (value, None) for column, value in row.items()}
        yield Sample(_written({column: row[column] for column in told["key"]}), _deltas_of(cells), "removed")


def _deltas_of(cells: Mapping[str, Sequence[Any]]) -> tuple[Delta, ...]:
    return tuple(Delta(column, cell_of(old), cell_of(new)) for column, (old, new) in cells.items())


def _written(key: Mapping[str, Any]) -> str:
    return " ".join(map(str, key.values()))


def _shifted(told: Told) -> tuple[Shifted, ...]:
    """Give the columns that are not summarised the same on both sides."""
    sides = [{one["name"]: column_of(one) for one in side.get("columns", ())} for side in (told.old, told.new)]
    before = {one["new"]: one["old"] for one in told.answer["schema"]["renamed"]}
    pairs = [
        (name, sides[0].get(before.get(name, name)), sides[1].get(name))
        for name in {**sides[0], **sides[1]}
        if name not in before.values() or name in before
    ]
    return tuple(
        Shifted(name, old, new)
        for name, old, new in pairs
        if old is None or new is None or replace(old, name=name) != new
    )


@contextmanager
def on_disk(loop: Reading, entries: list[Any]) -> Iterator[list[Path]]:
    """Give files with their suffixes for blobs, as links or copies in a scratch folder, each verified once for the block.

    An error about one of them is told with its path in the version. Raise what reading a blob raises.
    """
    import shutil
    import tempfile

    from loopline.datasets.tables import ending_of

    loop.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=loop.work) as folder:
        paths: dict[Path, str] = {}
        sound: dict[Digest, Path | None] = {}
        for index, entry in enumerate(entry for entry in entries if entry is not None):
            suffix = ending_of(entry.path) or f".{entry.path.rpartition('.')[2].lower()}"
            path = Path(folder) / f"{index}{suffix}"  # no sign that a reader takes for a pattern
            if entry.digest not in sound:
                sound[entry.digest] = _sound(loop, entry.digest)
            source = sound[entry.digest]
            if source is not None:
                path.symlink_to(source)
            else:
                with path.open("wb") as file:
                    shutil.copyfileobj(_Chunks(loop.blobs.get(entry.digest)), file)
            paths[path] = entry.path
        try:
            yield list(paths)
        except LooplineError as error:
            known = next((path for path in paths if str(path) == error.facts.get("path")), None)
            if known is None:
                raise
            message, facts = error.message.replace(str(known), paths[known]), error.facts | {"path": paths[known]}
            raise type(error)(message, kind=error.kind, hint=error.hint, **facts) from None


def _sound(loop: Reading, digest: Digest) -> Path | None:
    """Give the file of a blob whose bytes were just seen to be right; None where it has none. Raise what reading raises."""
    path = loop.blobs.path(digest)
    if path is not None:
        loop.blobs.verify(digest)
    return path


class _Chunks:
    """Bytes that come in pieces, as something to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int = -1) -> bytes:
        """Give the next piece; empty at the end."""
        return next(self._pieces, b"")
