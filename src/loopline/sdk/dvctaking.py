"""dvctaking: bytes by DVC's hashes, out of its cache, its workspace or a remote, into our store.

Each file is read once: while it is taken it is hashed, and what is not what its hash says is taken from the next place. What was
taken is known by its hash from then on, so whoever was interrupted reads nothing again.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from loopline.datasets.dvcconfig import Remote
from loopline.datasets.dvcobjects import LEGACY, MD5, Summing, listed, listing, place_of, sums_of
from loopline.datasets.dvcyaml import Out
from loopline.datasets.path import check_path
from loopline.datasets.scan import open_root
from loopline.errors import Invalid, NotFound
from loopline.nouns.digest import Digest
from loopline.nouns.progress import Progress, Report
from loopline.store.blobs import put_groups
from loopline.store.foreign import register
from loopline.store.keyed import Keyed, LocalKeyed
from loopline.store.sidecars import Foreign
from loopline.store.sources import Changed, source_at
from loopline.verbs.summing import named, remember

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.sdk.dvcrepo import Repository
    from loopline.store.blobs import Blobs

T = TypeVar("T")
R = TypeVar("R")
SMALL: Final = 1 << 18
"""Files up to this size are kept many behind one durability barrier."""
_GROUP: Final = 32
_THREADS: Final = 8
_AHEAD: Final = 12
_PATHS: Final = 4
"""Files of the workspace that are looked at for the same bytes."""
_SCHEMES: Final = {"": "", "s3": "s3", "gs": "gs", "azure": "az"}
"""What remotes can be read: DVC's scheme, and ours."""
_OPTIONS: Final = {
    "endpointurl": "endpoint", "region": "region", "access_key_id": "access_key_id", "secret_access_key": "secret_access_key",
    "session_token": "session_token", "credentialpath": "file", "profile": "profile",
}  # fmt: skip


class Got(NamedTuple):
    """Bytes that are kept."""

    digest: Digest
    size: int


class Place(NamedTuple):
    """One place where bytes may lie."""

    where: Keyed
    key: str
    kind: str
    """`cache`, `workspace` or `remote`."""


class Wish(NamedTuple):
    """Bytes that are wanted: their hash, and files of the workspace that should have them."""

    value: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of a wish: small bytes themselves, large ones kept already; or nothing."""

    value: str
    md5: str = ""
    data: bytes | None = None
    got: Got | None = None
    lies: Foreign | None = None
    """Where it lies, if it is to be left there."""


class Taking:
    """Takes objects of one repository. Its results are remembered in `loop`, where the ledger is at hand."""

    def __init__(
        self, blobs: Blobs, repository: Repository, *, loop: Loop | None, opening: Callable[[str, Mapping[str, str]], Keyed],
        remote: str = "", in_place: bool = False, report: Report,
    ) -> None:  # fmt: skip
        self._blobs, self._repository, self._loop, self._opening = blobs, repository, loop, opening
        self._remote, self._in_place, self._report = remote, in_place, report
        self._got: dict[tuple[str, str], Got] = {}
        self._opened: dict[str, Keyed | None] = {}
        self._cache = LocalKeyed(repository.config.cache)
        self._work = LocalKeyed(str(repository.root))
        self.damaged: list[str] = []
        """Files of the cache that are not what their names say."""
        self.unread: dict[str, str] = {}
        """Remotes that cannot be read from here, and why."""

    def files(self, out: Out) -> dict[str, str] | None:
        """Give the hashes of an out's files by path: one of its own name, or those of the folder. None: the list is nowhere."""
        if out.files is not None:
            for one in out.files:
                check_path(one.path)
            return {one.path: one.value for one in out.files}
        if not out.folder:
            return {out.name: out.value}
        for place in self._places(out, out.value):
            if opened := place.where.open(place.key):
                data = b"".join(opened[1])
                if sums_of(data).is_(out.value):
                    return listed(data, out.value)
        return self._relisted(out)

    def known(self, out: Out, values: Iterable[str]) -> dict[str, Got]:
        """Give what is kept already, by hash."""
        algorithm = out.algorithm
        asked = [value for value in dict.fromkeys(values) if (algorithm, value) not in self._got]
        if self._loop is not None and asked:
            found = named(self._loop, algorithm, asked)
            for sizes in _ahead(lambda group: [(one, self._blobs.size(found[one])) for one in group], found):
                self._got |= {(algorithm, one): Got(found[one], size) for one, size in sizes if size is not None}
        return {value: self._got[algorithm, value] for value in values if (algorithm, value) in self._got}

    def wishes(self, out: Out, files: Mapping[str, str], known: Mapping[str, Got]) -> list[Wish]:
        """Say what of an out's files is to be taken, each hash once."""
        wanted: dict[str, list[str]] = {}
        for path, value in sorted(files.items()):
            if value not in known:
                wanted.setdefault(value, []).append(f"{out.path}/{path}" if out.folder else out.path)
        return [Wish(value, tuple(paths[:_PATHS])) for value, paths in wanted.items()]

    def look(self, out: Out, wishes: Iterable[Wish]) -> dict[str, tuple[str, int]]:
        """Say of each hash where its bytes would come from and how many they are, and read none."""
        found: dict[str, tuple[str, int]] = {}

        def one(wish: Wish) -> tuple[str, str, int] | None:
            for place in self._places(out, wish.value, wish.paths):
                if (size := place.where.size(place.key)) is not None:
                    return wish.value, place.kind, size
            return None

        for answers in _ahead(lambda group: [one(wish) for wish in group], wishes):
            found.update((answer[0], answer[1:]) for answer in answers if answer)
        return found

    def take(self, out: Out, wishes: Sequence[Wish]) -> dict[str, Got]:
        """Keep the bytes of each hash, as far as they are somewhere; give them by hash. What was taken is kept whatever comes."""
        algorithm, taken = out.algorithm, dict[str, Got]()
        waiting = deque[_Found]()
        done = 0

        def small() -> Iterator[bytes]:
            nonlocal done
            for found in _ahead(lambda group: [self._fetch(out, wish) for wish in group], wishes):
                done += len(found)
                self._report(Progress(f"adopt {out.path}", min(done, len(wishes) - 1), len(wishes), "files"))
                self._keep(algorithm, [one for one in found if one.got], taken)
                for one in found:
                    if one.data is not None:
                        waiting.append(one)
                        yield one.data

        if wishes:
            for digests in put_groups(self._blobs, small()):
                some = [(waiting.popleft(), digest) for digest in digests]
                self._keep(
                    algorithm,
                    [_Found(one.value, one.md5, got=Got(digest, len(one.data or b""))) for one, digest in some],
                    taken,
                )
            self._report(Progress(f"adopt {out.path}", len(wishes), len(wishes), "files"))
        return taken

    def _keep(self, algorithm: str, found: Sequence[_Found], taken: dict[str, Got]) -> None:
        if lying := [one.lies for one in found if one.lies]:
            register(self._blobs, lying)
        got = {one.value: one.got for one in found if one.got}
        taken.update(got)
        self._got.update({(algorithm, value): one for value, one in got.items()})
        if self._loop is not None and found:
            remember(self._loop, MD5, {one.md5: one.got.digest for one in found if one.got})
            if algorithm == LEGACY:
                remember(self._loop, LEGACY, {value: one.digest for value, one in got.items()})

    def _fetch(self, out: Out, wish: Wish) -> _Found:
        """Read the first place that has the right bytes."""
        algorithm = out.algorithm
        for place in self._places(out, wish.value, wish.paths):
            if self._in_place and place.where.source and place.kind != "workspace":
                if there := _lying(wish.value, algorithm, place):
                    return there
                continue
            opened = place.where.open(place.key)
            if opened is None:
                continue
            size, chunks = opened
            found = (
                self._small(wish.value, algorithm, chunks)
                if size <= SMALL
                else self._large(wish.value, algorithm, chunks)
            )
            if found is not None:
                return found
            if place.kind != "workspace":
                self.damaged.append(place.key)
        return _Found(wish.value)

    @staticmethod
    def _small(value: str, algorithm: str, chunks: Iterator[bytes]) -> _Found | None:
        data = b"".join(chunks)
        summing = sums_of(data, algorithm)
        return _Found(value, summing.md5, data) if summing.is_(value) else None

    def _large(self, value: str, algorithm: str, chunks: Iterator[bytes]) -> _Found | None:
        """Keep what is read and hash it meanwhile; what turns out to be something else leaves nothing behind."""
        summing = Summing(algorithm)
        with self._blobs.writer() as writer, ThreadPoolExecutor(1, "loopline-md5") as beside:
            for chunk in chunks:
                summed = beside.submit(summing.update, chunk)
                writer.write(chunk)
                summed.result()
            if not summing.is_(value):
                return None
            return _Found(value, summing.md5, got=Got(*writer.commit()))

    def _places(self, out: Out, value: str, paths: Sequence[str] = ()) -> tuple[Place, ...]:
        key = place_of(value, out.algorithm)
        work = [Place(self._work, path, "workspace") for path in paths]
        if not out.cached:
            return tuple(work)
        remote = self._remote_of(out)
        return (Place(self._cache, key, "cache"), *work, *([Place(remote, key, "remote")] if remote else []))

    def _remote_of(self, out: Out) -> Keyed | None:
        name = self._remote or out.remote
        if name not in self._opened:
            found = self._named(name)
            self._opened[name] = self._open(found) if found else None
        return self._opened[name]

    def _named(self, name: str) -> Remote | None:
        """Look a remote up. Raise NotFound where somebody has asked for one that is not there; a file may name one that was."""
        try:
            return self._repository.config.remote(name)
        except NotFound:
            if self._remote:
                raise
            self.unread[name] = "not configured"
            return None

    def _open(self, remote: Remote) -> Keyed | None:
        """Open a remote. None where it is of a kind that DVC alone can read."""
        if remote.scheme not in _SCHEMES or remote.by_path:
            self.unread[remote.name] = "by versions of files" if remote.by_path else f"{remote.scheme}://"
            return None
        if not remote.scheme:
            return self._opening(remote.url, {})
        said = {ours: remote.options[theirs] for theirs, ours in _OPTIONS.items() if remote.options.get(theirs)}
        if remote.options.get("allow_anonymous_login", "").lower() == "true":
            said["skip_signature"] = "true"
        return self._opening(f"{_SCHEMES[remote.scheme]}://{remote.url.partition('://')[2]}", said)

    def _relisted(self, out: Out) -> dict[str, str] | None:
        """List the folder in the workspace, where that gives the same hash."""
        top = self._repository.root / out.path
        try:
            root = open_root(top)
        except (NotFound, Invalid):
            return None
        files: dict[str, str] = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = f"{folder}/{name}"
                opened = self._work.open(path)
                if opened is None:
                    return None
                summing = Summing(out.algorithm)
                for chunk in opened[1]:
                    summing.update(chunk)
                files[os.path.relpath(path, root)] = summing.value
        return files if sums_of(listing(files)).is_(out.value) else None


def _lying(value: str, algorithm: str, place: Place) -> _Found | None:
    """Read what is to stay where it lies, and give it with the stamp that it had meanwhile."""
    source = source_at(place.where.source)
    stamp = source.look(place.key)
    if stamp is None:
        return None
    summing, state = Summing(algorithm), hashlib.sha256()
    try:
        for chunk in source.read(place.key, stamp, 0, stamp.size):
            summing.update(chunk)
            state.update(chunk)
    except Changed:
        return None
    if not summing.is_(value):
        return None
    digest = Digest("sha256:" + state.hexdigest())
    return _Found(value, summing.md5, got=Got(digest, stamp.size), lies=Foreign(digest, source.name, place.key, stamp))


def _ahead(work: Callable[[list[T]], R], items: Iterable[T]) -> Iterator[R]:
    """Do work on groups in threads, some groups ahead; give the answers in order."""
    rest = iter(items)
    running = deque[Future[R]]()
    with ThreadPoolExecutor(_THREADS, "loopline-adopt") as pool:
        try:
            while group := list(islice(rest, _GROUP)):
                running.append(pool.submit(work, group))
                if len(running) >= _AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
