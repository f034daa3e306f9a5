"""lazy: a version's files, each fetched when it is needed and not before."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from loopline.datasets.only import Only
from loopline.datasets.path import check_path
from loopline.datasets.tree import Tree
from loopline.errors import Invalid, LooplineError, NotFound, Unavailable
from loopline.loop import silent
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.entry import Entry, Folder
from loopline.nouns.name import KINDS, Pointer
from loopline.nouns.progress import Report
from loopline.nouns.version import Version
from loopline.sdk.client import Client
from loopline.sdk.files import holds_tree, materialise
from loopline.sdk.opened import Opened, Reader
from loopline.sdk.parts import LIMIT, Parts
from loopline.store.blobs import Blobs

if TYPE_CHECKING:
    from collections.abc import Callable


class Files:
    """What `loopline.data` gives: the files of one version, none of which is fetched before somebody needs it.

    `open` reads one, `files / "jan.csv"` gives its path, `fetch("2013/*.csv")` the paths of many, and `path` a folder with all of
    them, for which it also stands itself (`os.listdir(files)`). Fetched files are read-only, and other processes share them.
    What is read was verified before: a damaged file raises Unavailable kind="blob-corrupt", and nothing of it is seen. Threads
    may share it, it survives a fork, and it pickles. An active run writes the version down as its input.
    """

    def __init__(
        self,
        version: Version,
        blobs: Blobs,
        work: Path,
        *,
        name: str = "",
        limit: int = LIMIT,
        report: Report = silent,
        explain: Callable[[LooplineError], None] | None = None,
    ) -> None:
        self.version = version
        self.blobs = blobs
        self.name = name
        """Under which a run writes it down; the asset's where it is empty."""
        self._work = work
        self._limit = limit
        self._report = report
        self._explain = explain
        self._own = threading.local()
        self._all: Path | None = None

    @property
    def path(self) -> Path:
        """All of it as a read-only folder, or as a file where the version is one. Fetches what is not here yet."""
        self.note()
        return self.whole()

    @cached_property
    def is_folder(self) -> bool:
        """Whether the version is a folder of files, and not one file."""
        with self.telling():
            return self.version.artifact.media_type in (TREE, MODEL) or holds_tree(self.blobs, self.version)

    def files(self, prefix: str = "") -> Iterator[Entry]:
        """List its files in the order of their paths, those that start with `prefix`. Costs what is read of the listing."""
        if self.is_folder:
            with self.telling():
                yield from Tree(self.blobs, self.version.artifact.digest).iter(prefix)

    def ls(self, folder: str = "", *, after: str = "", limit: int = 1000) -> list[Entry | Folder]:
        """List one level of a folder: its files and folders, behind `after`, at most `limit`. Costs what is listed."""
        if not self.is_folder:
            return []
        with self.telling():
            return self._tree.list(f"{folder.strip('/')}/" if folder.strip("/") else "", after=after, limit=limit)

    def find(self, path: str) -> Entry | None:
        """Look one file up; None where there is none of this path."""
        with self.telling():
            return self._tree.find(path) if self.is_folder else None

    @overload
    def open(self, path: str = "", mode: Literal["rb"] = "rb") -> Reader: ...
    @overload
    def open(self, path: str, mode: Literal["r", "rt"], **text: Any) -> io.TextIOWrapper: ...

    def open(self, path: str = "", mode: str = "rb", **text: Any) -> Reader | io.TextIOWrapper:
        """Open one file to read; `mode="r"` reads text, as `open` does (UTF-8). Without a path: a version that is one file.

        It can be sought in. A file of up to 8 MiB is read as a whole, of a larger one the parts that are asked for. Raise
        NotFound kind="path-missing".
        """
        if mode not in ("rb", "r", "rt"):
            raise Invalid(
                f"{self} is read-only: it cannot be opened with {mode!r}", kind="read-only",
                hint="write through fsspec to a branch, or loopline add", mode=mode, version=str(self.version),
            )  # fmt: skip
        reader = self.opened(self._entry(path)).buffered()
        if mode == "rb":
            return reader
        return io.TextIOWrapper(reader, **{"encoding": "utf-8", **text})

    def opened(self, entry: Entry) -> Opened:
        """Open a file whose entry is known, without a buffer."""
        self.note()
        return Opened(_Told(self), entry.digest, entry.size, name=f"{self.version}/{entry.path}".rstrip("/"))

    def fetch(self, *patterns: str) -> list[Path]:
        """Give the paths of the files that patterns choose, in order: `"2013/"`, `"*.csv"`, `"/jan.csv"`, as in `.gitignore`.

        What is not here is fetched, many at once; each file is there whole or not at all. Without a pattern: all files. Raise
        NotFound kind="path-missing" where nothing is chosen.
        """
        return self.take(self.chosen(patterns))

    def chosen(self, patterns: Sequence[str]) -> list[Entry]:
        """Give the entries of the files that patterns choose. Raise NotFound where there is none."""
        if not self.is_folder:
            return [self._entry("")]
        if patterns and all(self.find(one) for one in patterns):
            return [self._entry(one) for one in patterns]
        only = Only(patterns)
        found = [entry for entry in self.files(only.prefix) if only(entry.path)]
        if patterns and not found:
            raise NotFound(
                f"{self} has no file like {', '.join(patterns)}", kind="path-missing",
                hint=f"loopline ls {self}; patterns are written as in .gitignore", patterns=list(patterns),
                version=str(self),
            )  # fmt: skip
        return found

    def take(self, entries: Sequence[Entry]) -> list[Path]:
        """Give the paths of files whose entries are known, fetching what is not here."""
        self.note()
        if not self.is_folder:
            return [self.whole() for _ in entries]
        with self.telling():
            if self._all is not None and self._all.is_dir():
                return [self._all / entry.path for entry in entries]
            total = sum(entry.size for entry in entries)
            return list(self._parts.take(entries, report=self._report, total=total))

    def whole(self) -> Path:
        """Give all of it, as `path` does, without writing down that somebody reads it."""
        with self.telling():
            digest = self.version.artifact.digest
            if self._all is None or not self._all.exists():
                if self.is_folder:
                    self._all = materialise(self.blobs, digest, self._work / "trees", report=self._report)
                else:
                    self._all = self._file()
            return self._all

    @property
    def fs(self) -> Any:
        """Its files as a filesystem of fsspec, to read: `files.fs.glob("2013/*.csv")`. Needs the extra `fsspec`."""
        try:
            from loopline.sdk.filesystem import of_version
        except ImportError as error:
            raise Unavailable(
                f"this needs {error.name}", kind="extra-missing", hint="pip install 'loopline[fsspec]'", extra="fsspec"
            ) from error
        return of_version(self)

    def pandas(self, *patterns: str, columns: Sequence[str] | None = None, **options: Any) -> Any:
        """Read CSV, Parquet or JSON Lines files as one DataFrame of pandas; `options` go to its reader. The extra is `pandas`."""
        from loopline.sdk.readers import to_pandas

        return to_pandas(self, patterns, columns, options)

    def polars(self, *patterns: str, columns: Sequence[str] | None = None, **options: Any) -> Any:
        """Scan CSV, Parquet or JSON Lines files as one LazyFrame of Polars; `options` go to its scan. The extra is `polars`."""
        from loopline.sdk.readers import to_polars

        return to_polars(self, patterns, columns, options)

    def duckdb(
        self, *patterns: str, columns: Sequence[str] | None = None, connection: Any = None, **options: Any
    ) -> Any:
        """Give CSV, Parquet or JSON Lines files as one relation of DuckDB, of `connection` or its own. The extra is `tables`."""
        from loopline.sdk.readers import to_duckdb

        return to_duckdb(self, patterns, columns, connection, options)

    def arrow(self, *patterns: str, columns: Sequence[str] | None = None, **options: Any) -> Any:
        """Read CSV, Parquet or JSON Lines files as one table of Arrow. The extra is `tables`."""
        from loopline.sdk.readers import to_arrow

        return to_arrow(self, patterns, columns, options)

    def note(self) -> None:
        """Tell the active run, if there is one, that it reads this version."""
        from loopline.sdk.fluent import reads

        reads(self)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Let an error about lost bytes name what it touches."""
        try:
            yield
        except LooplineError as error:
            if self._explain is not None:
                self._explain(error)
            raise

    @property
    def _tree(self) -> Tree:
        """Give the tree that this thread reads: one is not for several."""
        if not hasattr(self._own, "tree"):
            self._own.tree = Tree(self.blobs, self.version.artifact.digest)
        tree: Tree = self._own.tree
        return tree

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self.blobs, self.version.artifact.digest, self._work, limit=self._limit)

    def _file(self) -> Path:
        """Give a version that is one file: the store's own, after a look whether its bytes are still those, or a copy."""
        digest = self.version.artifact.digest
        here = self.blobs.path(digest)
        if here is None:
            return self._parts.keep(self._entry(""))
        self.blobs.verify(digest)
        return here

    def _entry(self, path: str) -> Entry:
        if not self.is_folder:
            if path:
                raise self._missing(path)
            return Entry("", self.version.artifact.digest, self._size())
        if not path:
            raise Invalid(
                f"{self} is a folder of files", kind="is-a-tree", hint=f"loopline ls {self}, then name one of them",
                version=str(self),
            )  # fmt: skip
        entry = self.find(path)
        if entry is None:
            raise self._missing(path)
        return entry

    def _missing(self, path: str) -> NotFound:
        return NotFound(
            f"{self} has no file {path!r}", kind="path-missing", hint=f"loopline ls {self}", path=path,
            version=str(self),
        )  # fmt: skip

    def _size(self) -> int:
        size = self.blobs.size(self.version.artifact.digest)
        return self.version.artifact.size if size is None else size

    def __fspath__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> Path:
        """Give the path of one file, or of a folder with the files in it, which are fetched. What is not in it is not there."""
        if not self.is_folder:
            return self.path / name
        plain = os.fspath(name).rstrip("/")
        check_path(plain)
        entry = self.find(plain)
        self.take([entry] if entry else list(self.files(f"{plain}/")))
        folder = self._all if self._all is not None else self._parts.folder
        return folder / plain

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Files) and self.version == other.version

    def __hash__(self) -> int:
        return hash((self.version.asset, self.version.number, self.version.artifact.digest))

    def __str__(self) -> str:
        return str(self.version)

    def __repr__(self) -> str:
        return f"<Files {self.version}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.version, self.blobs, self._work, self.name, self._limit)


class _Told:
    """The store of some files, whose errors name what is touched."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, digest: Any) -> bytes:
        with self._files.telling():
            return self._files.blobs.read(digest)

    def range(self, digest: Any, start: int, length: int) -> Iterator[bytes]:
        with self._files.telling():
            yield from self._files.blobs.range(digest, start, length)


def _again(version: Version, blobs: Blobs, work: Path, name: str, limit: int) -> Files:
    return Files(version, blobs, work, name=name, limit=limit)


def fetch(client: Client, pointer: str | Pointer, *, name: str = "") -> Files:
    """Find a version; nothing of it is fetched. Raise NotFound."""
    version: Version = client.do("get", pointer)
    return Files(
        version, client.blobs, client.work, name=name, limit=client.cache_limit, report=client.report,
        explain=client.explain,
    )  # fmt: skip


def pointer_of(text: str) -> str:
    """Complete what names data without its kind: `flights@main` is `data/flights@main`."""
    project, colon, rest = text.partition(":") if ":" in text.partition("@")[0].partition("/")[0] else ("", "", text)
    head = rest.partition("@")[0].partition("/")
    return text if head[1] and head[0] in KINDS else f"{project}{colon}data/{rest}"
