"""dvcrepo: a folder under DVC: what it keeps, now and at each commit of Git, and where its objects lie."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from loopline.datasets.dvcconfig import Config, read_config
from loopline.datasets.dvcyaml import Out, bare, locked_outs, named_by, outs_of
from loopline.errors import Invalid, NotFound, Unavailable
from loopline.store.files import read_file

_LOCK: Final = "dvc.lock"
_PIPELINE: Final = "dvc.yaml"
_IGNORE: Final = ".dvcignore"
_FIELDS: Final = "%H%x00%an <%ae>%x00%at%x00%B%x00"

Reads = Callable[[str], bytes | None]
"""Gives the bytes of a file by its path from the root of the repository."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of Git."""

    id: str
    author: str
    at: int
    """Seconds since the epoch."""
    message: str


class Repository:
    """A repository of DVC."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._at: dict[tuple[str, ...], list[Out]] = {}
        self.broken: dict[str, str] = {}
        """What could not be read at some commit, by file and why: it counts as if it had not been there."""

    @classmethod
    def around(cls, path: Path) -> Repository:
        """Find the one that a path is in. Raise NotFound kind="no-dvc-repository"."""
        start = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they were written
        for folder in (start, *start.parents):
            if (folder / ".dvc").is_dir():
                return cls(folder)
        raise NotFound(
            f"{path} is in no repository of DVC", kind="no-dvc-repository", hint="name its folder, the one with .dvc/ in it",
            path=str(path),
        )  # fmt: skip

    @cached_property
    def config(self) -> Config:
        """Where objects are. Raise Invalid kind="bad-dvc-file"."""
        own = self.root / ".dvc"
        home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
        folders = (
            os.environ.get("DVC_SYSTEM_CONFIG_DIR") or "/etc/xdg/dvc",
            os.environ.get("DVC_GLOBAL_CONFIG_DIR") or home / "dvc",
        )
        files = [*(Path(folder) / "config" for folder in folders), own / "config", own / "config.local"]
        texts = [
            (text.decode(errors="replace"), str(file.parent)) for file in files if (text := _bytes(file)) is not None
        ]
        return read_config(texts, str(own))

    @cached_property
    def address(self) -> str:
        """Where Git knows the repository from; empty where nowhere."""
        return bare((self._git("remote", "get-url", "origin") or b"").decode(errors="replace").strip())

    @property
    def in_git(self) -> bool:
        """Whether it lies in a repository of Git."""
        return self._git("rev-parse", "--git-dir") is not None

    def outs(self) -> dict[str, Out]:
        """Give what is kept now, by path. Raise Invalid kind="bad-dvc-file"."""
        tracked = self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        paths = _names(tracked) if tracked is not None else list(_walk(self.root))
        return self._outs(paths, self.read)

    def read(self, path: str) -> bytes | None:
        """Read a file as it is now."""
        return _bytes(self.root / path)

    def commits(self) -> Sequence[Commit]:
        """Give those that touched what DVC's files say, oldest first, along the first parents. Raise Invalid kind="no-git"."""
        found = self._git(
            "log", "--first-parent", "--reverse", f"--format={_FIELDS}", "--",
            ":(glob)**/*.dvc", f":(glob)**/{_LOCK}", f":(glob)**/{_PIPELINE}",
        )  # fmt: skip
        if found is None:
            raise Invalid(
                f"{self.root} has no history of Git", kind="no-git", hint="leave --history out", path=str(self.root)
            )
        fields = found.decode(errors="replace").split("\0")
        return [
            Commit(one.strip(), author, int(at), message.strip())
            for one, author, at, message in zip(*(fields[start::4] for start in range(4)), strict=False)
        ]

    def outs_at(self, commit: str) -> dict[str, Out]:
        """Give what is kept at a commit, by path. What is wrong in it is noted in `broken`: a history cannot be mended."""
        listed = self._git("ls-tree", "-r", "-z", commit) or b""
        blobs: dict[str, str] = {}
        for line in listed.split(b"\0"):
            head, tab, name = line.partition(b"\t")
            if tab and head.startswith(b"100"):
                blobs[os.fsdecode(name)] = head.split()[2].decode()
        return self._outs(blobs, lambda path: self._blob(blobs.get(path)), blobs)

    def last(self, out: Out) -> str:
        """Give the commit that last touched the file of an out, where it is as it was committed; else nothing."""
        if self._git("diff", "--quiet", "HEAD", "--", out.file) is None:
            return ""
        return (self._git("log", "-1", "--first-parent", "--format=%H", "--", out.file) or b"").decode().strip()

    def _outs(self, paths: Iterable[str], read: Reads, ids: Mapping[str, str] | None = None) -> dict[str, Out]:
        """Read DVC's files, each once while its id is the same. Of repositories inside of this one nothing is taken."""
        paths = list(paths)
        inner = {one.partition("/.dvc/config")[0] + "/" for one in paths if one.endswith("/.dvc/config")}
        ignored = _Ignored({})
        with self._noting("", past=ids is not None):
            ignored = _Ignored({one: read(one) or b"" for one in paths if posixpath.basename(one) == _IGNORE})
        outs: list[Out] = []
        for path in sorted(paths):
            name = posixpath.basename(path)
            if not (name == _LOCK or (name.endswith(".dvc") and name != ".dvc")):
                continue
            if any(path.startswith(one) for one in inner) or ignored(path):
                continue
            beside = posixpath.join(posixpath.dirname(path), _PIPELINE)
            key = (path, ids[path], ids.get(beside, "")) if ids else ()
            if not key or key not in self._at:
                text = read(path)
                if text is None:
                    continue
                with self._noting(path, past=ids is not None):
                    self._at[key] = []
                    self._at[key] = outs_of(text, path) if name != _LOCK else locked_outs(text, read(beside), path)
            outs += self._at[key]
        found: dict[str, Out] = {}
        with self._noting("", past=ids is not None):
            found = named_by(outs)
        return {path: one for path, one in found.items() if not _inside(one.file, found)}

    @contextlib.contextmanager
    def _noting(self, path: str, *, past: bool) -> Iterator[None]:
        try:
            yield
        except Invalid as error:
            if not past:
                raise
            self.broken[path or str(error.facts.get("path"))] = error.message

    def _blob(self, one: str | None) -> bytes | None:
        return self._git("cat-file", "blob", one) if one else None

    def _git(self, *words: str) -> bytes | None:
        """Ask git; None where there is no git, no repository, or it says no."""
        try:
            asked = subprocess.run(
                ["git", "--no-optional-locks", "-C", str(self.root), *words], capture_output=True, check=False
            )
        except OSError:
            return None
        return asked.stdout if asked.returncode == 0 else None


class _Ignored:
    """What files called `.dvcignore` leave out, each below its folder."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._specs = []
        if files:
            from pathspec import GitIgnoreSpec

            for path, text in files.items():
                folder = posixpath.dirname(path)
                lines = text.decode(errors="replace").splitlines()
                try:
                    spec = GitIgnoreSpec.from_lines(lines)
                except (ValueError, re.error) as error:
                    raise Invalid(
                        f"{path} has a line that is no pattern", kind="bad-dvc-file", hint="write it as in .gitignore",
                        path=path, why=str(error),
                    ) from None  # fmt: skip
                self._specs.append((folder + "/" if folder else "", spec))

    def __call__(self, path: str) -> bool:
        return any(path.startswith(top) and spec.match_file(path[len(top) :]) for top, spec in self._specs)


def _inside(file: str, outs: Mapping[str, Out]) -> bool:
    """Tell whether a file is part of the data."""
    folder = posixpath.dirname(file)
    while folder:
        if folder in outs:
            return True
        folder = posixpath.dirname(folder)
    return False


def _walk(root: Path) -> Iterator[str]:
    """Give the files of a folder without Git, but for those in dot folders."""
    for top, folders, files in os.walk(root):
        folders[:] = [one for one in folders if not one.startswith(".")]
        base = Path(top).relative_to(root).as_posix()
        if base != "." and (Path(top) / ".dvc" / "config").is_file():
            folders.clear()
            continue
        yield from (name if base == "." else f"{base}/{name}" for name in files)


def _names(listed: bytes) -> list[str]:
    return [os.fsdecode(one) for one in listed.split(b"\0") if one]


def _bytes(file: Path) -> bytes | None:
    try:
        return read_file(str(file))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise Unavailable(
            f"{file} cannot be read: {error.strerror}",
            kind="file-unreadable",
            hint="look at its rights",
            path=str(file),
        ) from error
