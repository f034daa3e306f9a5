"""lakefs_import: a repository of lakeFS as versions of a data asset: its commits with all they say, then its branches and tags.

Each commit is a version once all its objects are here, parents first: whoever is cut short goes on behind the last one, and what
was read of the next is remembered in a journal on this machine. Commits that are here already, by the ids that their versions
remember, are not read again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.overlay import Overlay, fold
from loopline.datasets.path import check_path
from loopline.datasets.tree import EMPTY, Tree, file_is_folder
from loopline.errors import Conflict, Invalid, NotFound, Unavailable
from loopline.nouns.artifact import TREE
from loopline.nouns.change import Change, ChangeState
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.imported import Imported
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.nouns.progress import Progress, Report
from loopline.nouns.staged import Staged
from loopline.nouns.version import FIRST_PARENT, ORIGIN, Version
from loopline.sdk.lakefs import named
from loopline.verbs.branch import branch as make_branch
from loopline.verbs.get import get
from loopline.verbs.history import history
from loopline.verbs.propose import propose
from loopline.verbs.put import put
from loopline.verbs.staging import NOTES
from loopline.verbs.tag import tag as make_tag

if TYPE_CHECKING:
    from loopline.sdk.client import Client
    from loopline.sdk.lakefs import Lake
    from loopline.store.blobs import Blobs

THREADS: Final = 8
SMALL: Final = 1 << 20
"""Bytes of an object that is kept together with others."""
GROUP: Final = 256
"""Objects that are read before they are written down together."""
HELD: Final = 64 << 20
"""Bytes of small objects that are in memory at a time."""
FOLDED: Final = 20_000
"""Objects whose rows are in memory at a time."""
WHOLE: Final = 500
"""Differences from which on a commit is listed rather than asked path by path."""
_MD5: Final = re.compile(r"[0-9a-f]{32}\Z")
_TAKEN: Final = (NOTES, ORIGIN, FIRST_PARENT, "key", "files", "bytes")
"""Names that metadata of a version have a meaning for."""
_USUAL: Final = ("application/octet-stream", "binary/octet-stream", "")


@dataclass(slots=True)
class _Told:
    objects: int = 0
    bytes: int = 0
    waiting: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class LakeImport:
    """One repository on its way into one asset."""

    def __init__(
        self,
        client: Client,
        lake: Lake,
        asset: AssetName,
        *,
        leave: Sequence[str] = (),
        report: Report,
        dry: bool = False,
    ) -> None:
        self._client, self._lake, self._asset = client, lake, asset
        self._leave, self._report, self._dry = tuple(leave), report, dry
        self._journal = Journal(client.work, f"{lake.address} {asset.key}")
        self._told = _Told()
        self._left: set[str] = set()
        self._numbers: dict[str, int] = {}
        """Versions by the commits that they are."""
        self._versions: dict[int, Version] = {}

    def run(self) -> Imported:
        """Bring what is not here yet. Raise what the server, a path that no tree can hold, or a verb says."""
        self._lake.get("")  # says at once where there is no such repository
        branches = {row["id"]: row["commit_id"] for row in self._lake.rows("branches")}
        tags = {row["id"]: row["commit_id"] for row in self._lake.rows("tags")}
        commits = self._commits([*branches.values(), *tags.values()])
        self._remember()
        fresh = [one for one in ordered(commits) if one not in self._numbers]
        if not self._dry:
            for at, one in enumerate(fresh):
                self._report(Progress("import commits", at, len(fresh), "commits"))
                self._bring(commits[one])
            self._report(Progress("import commits", len(fresh), len(fresh), "commits"))
            branches = self._moved(branches, fixed=False)
            tags = self._moved(tags, fixed=True)
            self._journal.end()
        self._uncommitted(branches)
        told = self._told
        return Imported(
            self._lake.address, str(self._asset), len(fresh), len(commits) - len(fresh), tuple(sorted(branches)),
            tuple(sorted(tags)), told.objects, told.bytes, tuple(told.waiting),
            (*(f"{path}: left out" for path in sorted(self._left)), *told.left), self._dry,
        )  # fmt: skip

    def _commits(self, heads: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Read every commit that a head comes from."""
        found: dict[str, dict[str, Any]] = {}
        waiting = [one for one in heads if one]
        while waiting:
            head = waiting.pop()
            if head in found:
                continue
            parents: list[str] = []
            for page in self._lake.pages(f"refs/{named(head)}/commits"):
                fresh = {row["id"]: row for row in page if row["id"] not in found}
                found |= fresh
                parents += [one for row in fresh.values() for one in row["parents"]]
                self._report(Progress("read commits", len(found), None, "commits"))
                if not fresh:
                    break  # this line is known; others that were beside it are found by their parents
            waiting += [one for one in parents if one not in found]
        return found

    def _remember(self) -> None:
        """Find what is here already."""
        after: int | None = None
        try:
            while True:
                page = [
                    one
                    for one in self._client.do(history, str(self._asset), after=after, limit=1000)
                    if isinstance(one, Version)
                ]
                if not page:
                    return
                for one in page:
                    self._versions[one.number] = one
                    origin = one.metadata.get(ORIGIN)
                    commit = origin.get("commit") if isinstance(origin, Mapping) else None
                    if isinstance(commit, str):
                        self._numbers[commit] = one.number
                after = page[-1].number
        except NotFound:
            return

    def _bring(self, commit: Mapping[str, Any]) -> None:
        """Make a commit a version."""
        parents = [self._numbers[one] for one in commit["parents"]]
        before = self._versions[parents[0]] if parents else None
        blobs = self._client.blobs
        root = before.artifact.digest if before else None
        notes = before.metadata.get(NOTES) if before else None
        said = Digest(notes) if isinstance(notes, str) else None
        stats, gone = self._changed(commit["id"], commit["parents"][0] if before else "")
        root, said = fold(blobs, root, said, [Staged(path, None) for path in gone])
        rows = (row for group in grouped(stats) for row in self._read(commit["id"], group))
        while some := list(islice(rows, FOLDED)):
            self._fits(Overlay(blobs, root, None, ()), some)
            root, said = fold(blobs, root, said, some)
        tree = Tree(blobs, root)
        metadata: dict[str, Any] = {
            f"lakefs_{name}" if name in _TAKEN else name: str(value) for name, value in (commit.get("metadata") or {}).items()
        }  # fmt: skip
        metadata |= {"files": tree.count, "bytes": tree.bytes, ORIGIN: self._origin(commit)}
        if said != EMPTY:
            metadata[NOTES] = said
        if parents and parents[0] != min(parents):
            metadata[FIRST_PARENT] = parents[0]
        version: Version = self._client.do(
            put, self._asset, digest=root, media_type=TREE, message=str(commit.get("message", "")), metadata=metadata,
            parents=tuple(parents),
        )  # fmt: skip
        self._numbers[commit["id"]], self._versions[version.number] = version.number, version

    def _fits(self, over: Overlay, rows: Iterable[Staged]) -> None:
        """Raise Invalid kind="file-is-folder" for an object below another one: a tree has no place for both."""
        for one in rows:
            clash = over.clash(one.path) if over.find(one.path) is None else None
            if clash:
                raise file_is_folder(clash[0].encode(), clash[1].encode())

    def _origin(self, commit: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "store": self._lake.address, "commit": commit["id"], "author": str(commit.get("committer", "")),
            "recorded_at": int(commit.get("creation_date", 0)) * 1_000_000, "parents": list(commit["parents"]),
        }  # fmt: skip

    def _changed(self, commit: str, parent: str) -> tuple[Iterable[dict[str, Any]], list[str]]:
        """Give what is told of each object that a commit has and its parent has not, and the paths that are gone."""
        where = f"refs/{named(commit)}/objects"
        if not parent:
            return self._kept(self._lake.rows(f"{where}/ls", user_metadata="true")), []
        found = [
            (row["type"], row["path"])
            for row in self._lake.rows(f"refs/{named(parent)}/diff/{named(commit)}", type="two_dot")
            if not self._left_out(row)
        ]
        gone = [path for kind, path in found if kind == "removed"]
        here = {path for kind, path in found if kind != "removed"}
        if len(here) > WHOLE:
            every = self._lake.rows(f"{where}/ls", user_metadata="true")
            return self._kept(row for row in every if row["path"] in here), gone
        with ThreadPoolExecutor(THREADS) as threads:
            ask = partial(self._stat, f"{where}/stat")
            return self._kept(list(threads.map(ask, sorted(here)))), gone

    def _stat(self, where: str, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._lake.get(where, {"path": path, "user_metadata": "true"})
        return found

    def _kept(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        return (row for row in rows if not self._left_out(row))

    def _left_out(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a path was to be left out. Raise Invalid for one that no tree can hold."""
        path = row["path"]
        if any(fnmatchcase(path, one) for one in self._leave):
            self._left.add(path)
            return True
        try:
            check_path(path.removesuffix("/"))
        except Invalid as error:
            raise Invalid(
                f"{path!r} cannot be a path here: {error.message}", kind="bad-path",
                hint=f"rename it there, or leave it out: --leave-out {path!r}", path=path,
            ) from None  # fmt: skip
        if path.endswith("/") and row.get("size_bytes"):
            raise Invalid(
                f"{path!r} holds bytes and is called a folder", kind="bad-path",
                hint=f"rename it there, or leave it out: --leave-out {path!r}", path=path,
            )  # fmt: skip
        return False

    def _read(self, commit: str, group: Sequence[Mapping[str, Any]]) -> Iterator[Staged]:
        """Read objects side by side; give them as rows when they are durable."""
        blobs = self._client.blobs
        held = {at: found for at, row in enumerate(group) if (found := self._journal.find(_key(commit, row), blobs))}
        lacking = [at for at in range(len(group)) if at not in held]
        small: list[tuple[int, bytes]] = []
        with ThreadPoolExecutor(THREADS) as threads:
            for at, got in zip(lacking, threads.map(lambda at: self._one(commit, group[at]), lacking), strict=True):
                if isinstance(got, bytes):
                    small.append((at, got))
                else:
                    held[at] = got
        digests = blobs.put_all(body for _, body in small)
        held |= {at: (digest, len(body)) for (at, body), digest in zip(small, digests, strict=True)}
        self._journal.keep((_key(commit, group[at]), *held[at]) for at in lacking)
        self._told.objects += len(lacking)
        self._told.bytes += sum(held[at][1] for at in lacking)
        self._report(Progress("read objects", self._told.bytes, None, "B"))
        for at, row in enumerate(group):
            digest, size = held[at]
            yield Staged(row["path"], Entry(row["path"], digest, size), _noted(row))

    def _one(self, commit: str, row: Mapping[str, Any]) -> bytes | tuple[Digest, int]:
        """Read one object: a small one as it is, a large one into the store. Raise Unavailable where it is not what was said."""
        md5, size, told = hashlib.md5(usedforsecurity=False), 0, row.get("size_bytes")
        pieces = self._lake.read(commit, row["path"])
        if isinstance(told, int) and told <= SMALL:
            body = b""
            for piece in pieces:
                body += piece
                if len(body) > told:
                    break  # what is more than it said is not held in memory
            md5.update(body)
            self._hold(row, len(body), md5.hexdigest())
            return body
        with self._client.blobs.writer() as writer:
            for piece in pieces:
                md5.update(piece)
                size += len(piece)
                writer.write(piece)
                if isinstance(told, int) and size > told:
                    break
            self._hold(row, size, md5.hexdigest())
            return writer.commit()

    def _hold(self, row: Mapping[str, Any], size: int, md5: str) -> None:
        told, sum_ = row.get("size_bytes"), str(row.get("checksum", "")).strip('"')
        if (isinstance(told, int) and told != size) or (_MD5.match(sum_) and sum_ != md5):
            raise Unavailable(
                f"{row['path']} of {self._lake.address} is not what its size and checksum say", kind="source-changed",
                hint="look at it there; the same command goes on where it was", path=row["path"], server=self._lake.address,
            )  # fmt: skip

    def _moved(self, refs: Mapping[str, str], *, fixed: bool) -> dict[str, str]:
        """Let refs stand where they stand there; give those that do."""
        return {name: commit for name, commit in refs.items() if commit and self._move(name, commit, fixed=fixed)}

    def _move(self, name: str, commit: str, *, fixed: bool) -> bool:
        ref, number = RefName(self._asset, name), self._numbers[commit]
        try:
            here: Version = self._client.do(get, Pointer(self._asset, Named(name)))
        except NotFound:
            here_number = None
        else:
            here_number = here.number
        if here_number == number:
            return True
        if here_number is not None and (fixed or not self._comes_from(number, here_number)):
            self._told.waiting.append(f"{ref}: stands at version {here_number} here, which {number} does not come from")
            return False
        try:
            change = self._changed_ref(name, number, new=here_number is None, fixed=fixed)
        except (Conflict, Invalid) as error:
            self._told.waiting.append(f"{ref}: {error.message}")
            return False
        if change.state is not ChangeState.APPLIED:
            self._told.waiting.append(f"{ref}: change {change.id[:12]} waits for its policy")
            return False
        return True

    def _changed_ref(self, name: str, number: int, *, new: bool, fixed: bool) -> Change:
        to, why = Numbered(number), f"as in {self._lake.address}"
        if fixed:
            return self._client.do(make_tag, name, Pointer(self._asset, to), why=why)
        if new:
            return self._client.do(make_branch, self._asset, name, at=to)
        return self._client.do(propose, RefName(self._asset, name), to=to, why=why)

    def _comes_from(self, number: int, other: int) -> bool:
        """Tell whether one version comes from another."""
        waiting, seen = [number], {number}
        while waiting:
            for parent in self._versions[waiting.pop()].parents:
                if parent == other:
                    return True
                if parent not in seen and parent in self._versions:
                    seen.add(parent)
                    waiting.append(parent)
        return False

    def _uncommitted(self, branches: Iterable[str]) -> None:
        """Say what of branches is not committed there: that stays."""
        for name in branches:
            page = self._lake.get(f"branches/{named(name)}/diff", {"amount": "1"})
            if page.get("results"):
                self._told.left.append(f"{name}: what is uncommitted there")


def ordered(commits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Put commits in an order in which each comes behind its parents, older ones first where that is free."""
    children: dict[str, list[str]] = {}
    left = {name: len({one for one in row["parents"] if one in commits}) for name, row in commits.items()}
    for name, row in commits.items():
        for parent in dict.fromkeys(row["parents"]):
            children.setdefault(parent, []).append(name)
    from heapq import heapify, heappop, heappush

    def key(name: str) -> tuple[int, int, str]:
        said = commits[name]
        return int(said.get("creation_date") or 0), int(said.get("generation") or 0), name

    waiting = [key(name) for name, count in left.items() if not count]
    heapify(waiting)
    found = []
    while waiting:
        name = heappop(waiting)[-1]
        found.append(name)
        for child in children.get(name, ()):
            left[child] -= 1
            if not left[child]:
                heappush(waiting, key(child))
    return found


def grouped(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Put objects together that are read side by side: so many, and of small ones no more than fit in memory."""
    group: list[dict[str, Any]] = []
    held = 0
    for row in rows:
        size = row.get("size_bytes") or 0
        held += size if size <= SMALL else 0
        group.append(row)
        if len(group) == GROUP or held >= HELD:
            yield group
            group, held = [], 0
    if group:
        yield group


def _key(commit: str, row: Mapping[str, Any]) -> str:
    """Name an object's bytes: by where they lie there, else by where they were found."""
    return f"{row.get('physical_address') or commit + '/' + row['path']} {row.get('checksum', '')} {row.get('size_bytes', '')}"


def _noted(row: Mapping[str, Any]) -> str:
    """Write what a tree cannot hold of an object, as the doors of S3 and lakeFS read it."""
    said: dict[str, Any] = {}
    if row.get("content_type") not in (None, *_USUAL):
        said["type"] = row["content_type"]
    if row.get("metadata"):
        said["meta"] = {str(name): str(value) for name, value in row["metadata"].items()}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if said else ""


class Journal:
    """What was read already, on this machine: lines of an object's name, digest and size. Losing it costs reading again."""

    def __init__(self, work: Path, about: str) -> None:
        self._path = work / f"import-{hashlib.sha256(about.encode()).hexdigest()[:16]}.jsonl"
        self._held: dict[str, tuple[Digest, int]] | None = None

    def find(self, key: str, blobs: Blobs) -> tuple[Digest, int] | None:
        """Give what an object's bytes are called here, where they are still here."""
        if self._held is None:
            self._held = dict(self._lines())
        found = self._held.get(key)
        return found if found and blobs.size(found[0]) == found[1] else None

    def keep(self, rows: Iterable[tuple[str, Digest, int]]) -> None:
        """Write down what was read."""
        held = self._held if self._held is not None else {}
        self._held = held
        lines = []
        for key, digest, size in rows:
            held[key] = digest, size
            lines.append(json.dumps([key, digest, size]) + "\n")
        if lines:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(lines)

    def end(self) -> None:
        """Forget it: all that it is about is versions now."""
        self._path.unlink(missing_ok=True)

    def _lines(self) -> Iterator[tuple[str, tuple[Digest, int]]]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return
        for line in text.splitlines():
            try:
                key, digest, size = json.loads(line)
            except ValueError:
                continue  # the last line of a process that was killed
            yield key, (Digest(digest), size)
