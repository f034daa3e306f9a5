"""exporting: a version of data as DVC would have it: its objects in DVC's cache, and the `.dvc` file that names them."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.dvcobjects import MD5
from loopline.datasets.dvcyaml import OURS, text_of, yaml_of
from loopline.datasets.path import check_path
from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid, Unavailable
from loopline.nouns.adoption import Exported
from loopline.nouns.artifact import TREE
from loopline.nouns.digest import Digest
from loopline.nouns.name import Numbered, Pointer
from loopline.nouns.progress import Progress, Report
from loopline.nouns.version import Version
from loopline.sdk.adopting import DVC
from loopline.sdk.client import Local
from loopline.sdk.dvccache import Cache
from loopline.verbs.get import get
from loopline.verbs.history import history
from loopline.verbs.summing import remember, summed

if TYPE_CHECKING:
    from loopline.nouns.entry import Entry
    from loopline.sdk.client import Client
    from loopline.sdk.dvcrepo import Repository

BEFORE: Final = 256
"""Versions before one that are looked through for what it is called in DVC."""
_NAMES: Final = ("md5", "size", "nfiles", "isexec", "hash", "path")
"""Keys of an out in the order in which DVC writes them: they say what it is. What else is said of it comes behind."""
_OTHER: Final = ("meta", "cache", "files", "cloud", "etag", "checksum")


class Exporting:
    """Writes versions of one project into one repository of DVC."""

    def __init__(self, client: Client, repository: Repository, *, report: Report, dry: bool = False) -> None:
        self._client, self._repository, self._report, self._dry = client, repository, report, dry
        self._loop = client.loop if isinstance(client, Local) else None
        self._cache = Cache(repository.config.cache, dry=dry)

    def run(self, pointer: Pointer, path: str = "") -> Exported:
        """Write a version's objects, then the `.dvc` file of a path below the repository's root, by default where it came from.

        What is there already is not written again, and no bytes are hashed twice. The folder itself stays as it is: DVC's own
        checkout brings the files. Raise Invalid kind="not-a-tree" or "bad-path", Conflict kind="dvc-owned" for another's path.
        """
        version: Version = self._client.do(get, pointer)
        if version.artifact.media_type != TREE:
            raise Invalid(
                f"{version} is no folder of files",
                kind="not-a-tree",
                hint="export versions of data",
                version=str(version),
            )
        said = self._said(version)
        path = path or said.get("path") or f"{version.asset.kind}/{version.asset.name}"
        check_path(path)
        before = self._mine(path)
        tree = Tree(self._client.blobs, version.artifact.digest)
        entries = list(tree.iter())
        single = _single(entries, path, said)
        sums = self._filled(entries)
        files = {one.path: sums.get(one.digest, "") for one in entries}
        whole = all(files.values())  # a rehearsal hashes nothing
        value = "" if not whole else files[entries[0].path] if single else self._cache.list(files)
        if not self._dry:
            self._cache.close()
            self._write(path, before, _out(version, entries, value, single=single, path=path))
        return Exported(
            str(version), tree.root, path + ".dvc", value, tree.count, tree.bytes, self._cache.objects, self._cache.bytes,
            dry=self._dry,
        )  # fmt: skip

    def _said(self, version: Version) -> Mapping[str, Any]:
        """Say what a version was in DVC, or the nearest one before it that was there."""
        pointer = str(Pointer(version.asset, Numbered(version.number)))
        for one in self._client.do(history, pointer, limit=BEFORE):
            said: Any = one.metadata.get(DVC) if isinstance(one, Version) else None
            if isinstance(said, dict):
                return said
        return {}

    def _mine(self, path: str) -> dict[str, Any]:
        """Read the `.dvc` file of a path, if there is one. Refuse a path that is a stage's, an import's, or in another's."""
        outs, file = self._repository.outs(), path + ".dvc"
        other = next(
            (one for one in outs.values() if path.startswith(one.path + "/") or one.path.startswith(path + "/")), None
        )
        other = other or next((one for one in outs.values() if (one.path == path) != (one.file == file)), None)
        text = self._repository.read(file)
        document = yaml_of(text, file) if text is not None else {}
        if other or document.get("deps"):
            owner = f"{other.file}{f', stage {other.stage}' if other.stage else ''}" if other else file
            raise Conflict(
                f"{other.path if other else path} is DVC's by {owner}: it was made or imported there, or is another",
                kind="dvc-owned", hint="name another path", path=path, file=other.file if other else file,
            )  # fmt: skip
        return document

    def _filled(self, entries: Sequence[Entry]) -> dict[Digest, str]:
        """Have every object in the cache, and give the md5 of each blob; of a rehearsal, of those that are known."""
        sizes = {one.digest: one.size for one in entries}
        known = (
            {Digest(one): value for one, value in summed(self._loop, MD5, sizes).items()}
            if self._loop is not None
            else {}
        )
        wanted = {one: size for one, size in sizes.items() if one not in known or not self._cache.has(known[one], size)}
        if self._dry:
            self._cache.objects, self._cache.bytes = len(wanted), sum(wanted.values())
            return known
        done, total = 0, sum(wanted.values())
        for fresh in self._cache.fill(self._client.blobs, wanted):
            known |= {digest: value for value, digest in fresh.items()}
            if self._loop is not None:
                remember(self._loop, MD5, fresh)
            done += sum(sizes[one] for one in fresh.values())
            self._report(Progress("export", done, total, "B"))
        return known

    def _write(self, path: str, before: Mapping[str, Any], out: Mapping[str, Any]) -> None:
        """Write the `.dvc` file, keeping what else was said there, and have Git leave the data alone as DVC does."""
        file = self._repository.root / (path + ".dvc")
        old: dict[str, Any] = next(iter(before.get("outs") or []), {})
        said = old.get("meta")
        if _says(old, out):
            return
        meta = {**(said if isinstance(said, dict) else {}), **out["meta"]}
        rest = {key: one for key, one in old.items() if key not in (*_NAMES, *_OTHER)}
        made = {**{key: out[key] for key in _NAMES if key in out}, **rest, "meta": meta}
        document = {**{key: one for key, one in before.items() if key not in ("outs", "md5", "wdir")}, "outs": [made]}
        text = text_of(document).encode()
        if text != self._repository.read(path + ".dvc"):
            _replace(file, text)
        ignore, line = posixpath.join(posixpath.dirname(path), ".gitignore"), f"/{_literal(posixpath.basename(path))}"
        lines = (self._repository.read(ignore) or b"").decode(errors="surrogateescape")
        if self._repository.in_git and line not in lines.splitlines():
            gap = "" if not lines or lines.endswith("\n") else "\n"
            _replace(self._repository.root / ignore, os.fsencode(f"{lines}{gap}{line}\n"))


def _single(entries: Sequence[Entry], path: str, said: Mapping[str, Any]) -> bool:
    """Whether the version is one file for DVC, and no folder: it was one there, or the path has that file's name."""
    if len(entries) != 1 or entries[0].path != posixpath.basename(path):
        return False
    return not (said.get("path") == path and said.get("folder"))


def _out(version: Version, entries: Sequence[Entry], value: str, *, single: bool, path: str) -> dict[str, Any]:
    """Say an out as DVC does. What DVC has no words for, is in `meta`: which files of a folder may be executed."""
    runs = [one.path for one in entries if one.mode == 0o755]
    out: dict[str, Any] = {"md5": value, "size": sum(one.size for one in entries)}
    ours: dict[str, Any] = {"version": str(version)}
    if not single:
        out["nfiles"] = len(entries)
        ours["executable"] = runs
    elif runs:
        out["isexec"] = True
    return {**out, "hash": MD5, "path": posixpath.basename(path), "meta": {OURS: ours}}


def _says(old: Mapping[str, Any], out: Mapping[str, Any]) -> bool:
    """Whether an out says already what it would: the same bytes, and which of them may be executed."""
    said = old.get("meta")
    ours = said.get(OURS) if isinstance(said, dict) else None
    same = all(old.get(key) == out.get(key) for key in ("md5", "hash", "isexec"))
    runs = out["meta"][OURS].get("executable") or []
    return same and runs == ((ours.get("executable") if isinstance(ours, dict) else None) or [])


def _literal(name: str) -> str:
    """Write a name as a pattern that means it alone. No line can hold a line break: one character of any kind stands for it."""
    return re.sub(r"[\\*?\[\]!#]| +\Z", lambda found: "".join(f"\\{one}" for one in found[0]), name).replace("\n", "?")


def _replace(file: Path, data: bytes) -> None:
    """Write a file of the repository, whole or not at all."""
    beside = file.with_name(f".{file.name}.loopline")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Unavailable(
            f"cannot write {file}: {error.strerror}", kind="folder-unwritable",
            hint="check the folder's permissions, then repeat", path=str(file), errno=error.errno,
        ) from error  # fmt: skip
