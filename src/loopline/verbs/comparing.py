"""comparing: two versions side by side, for `diff` and for the review of a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from loopline.errors import LooplineError
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, POLICY, TREE
from loopline.nouns.comparison import Comparison, Delta, Rows, Sample, Shift, Shifted
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Difference
from loopline.nouns.patch import Patch
from loopline.nouns.run import Run
from loopline.nouns.version import Version
from loopline.verbs.permitting import sees
from loopline.verbs.together import sources

FILES = 100
"""How many differing files a comparison lists by default."""


def compare(
    loop: Loop,
    old: Version | None,
    new: Version,
    *,
    asked: str,
    rows: bool = False,
    lines: bool = False,
    limit: int = FILES,
) -> Comparison:
    """Compare two versions of an asset: files, rows of tables, and what the runs that made them were given and measured.

    `asked` is the verb that somebody asked. Of runs that they may not see with it, nothing is told: see `unseen`.
    """
    with loop.ledger.read() as tx:
        before, after = (None if one is None or unseen(loop, one, asked) else _run_of(tx, one) for one in (old, new))
        data = _sources(tx, loop, old if before else None, new if after else None)
        environment = _packages(tx, before, after)
    files, more = _files(loop, old, new, limit)
    code = _code(loop, before, after, limit)
    return Comparison(
        old=old,
        new=new,
        files=files,
        more_files=more,
        rows=_rows(loop, old, new) if rows and new.asset.kind == "data" else (),
        params=_deltas(before.params if before else {}, after.params if after else {}),
        metrics=_shifts(before.metrics if before else {}, after.metrics if after else {}),
        data=data,
        code=code,
        environment=environment,
        patches=_patches(loop, old, new, code, files) if lines else (),
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
    """Compare code line by line, files that people write, and a document that is a version by itself: a policy."""
    from loopline.verbs.patching import patch, patches

    if new.artifact.media_type == POLICY:
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


def _rows(loop: Loop, old: Version | None, new: Version) -> tuple[Rows, ...]:
    """Compare tables row by row, over the files that differ."""
    if old is None:
        return ()
    from loopline.datasets.rows import diff_rows

    listed, _ = _files(loop, old, new, 10_000)
    named = new.metadata.get("key", ())
    key = (named,) if isinstance(named, str) else tuple(named)
    groups: dict[str, list[Difference]] = {}
    for one in listed:
        suffix = one.path.rpartition(".")[2].lower()
        if suffix in ("csv", "parquet", "jsonl"):
            groups.setdefault("".join((*one.path.rpartition("/")[:2], f"*.{suffix}")), []).append(one)
    found = []
    for name, differences in groups.items():
        with on_disk(loop, [d.old for d in differences]) as left, on_disk(loop, [d.new for d in differences]) as right:
            told = _as_noun(name, diff_rows(left, right, key=key))
            found.append(replace(told, shifts=_shifted(left, right), files=len(differences)))
    return tuple(found)


def _as_noun(table: str, told: Mapping[str, Any]) -> Rows:
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
        schema=(
            *(Delta(one["name"], None, one["type"]) for one in schema["added"]),
            *(Delta(one["name"], one["type"], None) for one in schema["removed"]),
            *(Delta(one["name"], one["old"], one["new"]) for one in schema["changed"]),
        ),
        columns=told["columns"],
        samples=tuple(_samples(told)),
        notes=tuple(told["notes"]),
    )


def _samples(told: Mapping[str, Any]) -> Iterator[Sample]:
    for one in told["samples"]["changed"]:
        cells = tuple(Delta(column, _cell(a), _cell(b)) for column, (a, b) in one["cells"].items())
        yield Sample(" ".join(map(str, one["key"].values())), cells)
    for row in told["samples"]["added"]:
        key = " ".join(str(row[column]) for column in told["key"])
        yield Sample(key, tuple(Delta(column, None, _cell(value)) for column, value in row.items()), "added")
    for row in told["samples"]["removed"]:
        key = " ".join(str(row[column]) for column in told["key"])
        yield Sample(key, tuple(Delta(column, _cell(value), None) for column, value in row.items()), "removed")


def _cell(value: Any) -> str | None:
    return None if value is None else str(value)


def _shifted(old: list[Path], new: list[Path]) -> tuple[Shifted, ...]:
    """Summarise each column on both sides, and give those that are not the same."""
    from loopline.datasets.profile import profile
    from loopline.verbs.profiling import column_of

    sides = [{one["name"]: column_of(one) for one in profile(paths)["columns"]} for paths in (old, new)]
    pairs = (Shifted(name, sides[0].get(name), sides[1].get(name)) for name in {**sides[0], **sides[1]})
    return tuple(one for one in pairs if one.old != one.new)


@contextmanager
def on_disk(loop: Loop, entries: list[Any]) -> Iterator[list[Path]]:
    """Give files with their suffixes for blobs, as links or copies in a scratch folder, each verified once for the block.

    An error about one of them is told with its path in the version. Raise what reading a blob raises.
    """
    import shutil
    import tempfile

    loop.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=loop.work) as folder:
        paths: dict[Path, str] = {}
        sound: dict[Digest, Path | None] = {}
        for index, entry in enumerate(entry for entry in entries if entry is not None):
            path = (
                Path(folder) / f"{index}.{entry.path.rpartition('.')[2].lower()}"
            )  # no sign that a reader takes for a pattern
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


def _sound(loop: Loop, digest: Digest) -> Path | None:
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
