"""objects: blobs in an object store (S3, Google Cloud Storage, Azure), one object each, by obstore.

`<prefix>/blobs/sha256/<hex>` holds a blob, as in a folder. An object appears whole or not at all, so nothing temporary is written
beside it: what is being written waits here, in memory or in an unnamed file, until its digest is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Self, TypeVar

from loopline.errors import LooplineError, NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of, parse_digest
from loopline.store.addresses import NOWHERE, nowhere, opened, refusal
from loopline.store.blobs import CHUNK, Writer, absent, corrupt, part_of
from loopline.store.objecttrash import ObjectTrash

if TYPE_CHECKING:
    from obstore.store import ObjectStore

    from loopline.store.uploads import Uploads

T = TypeVar("T")
PIECE: Final = 8 << 20
"""Bytes of one request. A reader may be slow: nothing is open at the store while it thinks."""
_AT_ONCE: Final = 16
_GROUP_BYTES: Final = 64 << 20
_TOGETHER: Final = 64
"""Blobs that are read together, and held until all are there."""
_MOST_PARTS: Final = 9_000
_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")


class _Life:
    """Whether this process may speak to object stores: a fork lacks the threads by which its parent did."""

    def __init__(self) -> None:
        self._used = self._forked = False
        os.register_at_fork(after_in_child=self._after_fork)

    def be_whole(self, url: str) -> None:
        if self._forked:
            raise Unavailable(
                "an object store cannot be used after a fork",
                kind="store-after-fork",
                hint="start processes by spawn or forkserver, or open the store in the child only",
                store=url,
            )
        self._used = True

    def _after_fork(self) -> None:
        self._forked = self._used


_LIFE: Final = _Life()


class ObjectBlobs:
    """Keeps blobs under an address: `s3://bucket/prefix`, `gs://…`, `az://container/prefix`.

    Credentials and endpoint are found where each store's own tools find them: `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`,
    `AWS_SHARED_CREDENTIALS_FILE`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME` … or with the machine.
    A call that fails is tried again for a minute at most. What was acknowledged is as durable as the store promises.

    `journal` is a folder in which uploads in parts are noted, so that another process goes on with one (`uploads.py`).
    `opening` is for who knows better than the environment; `store` is for tests: both in place of opening the address.
    """

    def __init__(
        self,
        url: str,
        *,
        store: ObjectStore | None = None,
        opening: Callable[[str], ObjectStore] | None = None,
        journal: Path | None = None,
    ) -> None:
        try:
            import obstore
        except ImportError:
            raise Unavailable(
                "an object store needs the extra 's3'", kind="extra-missing", hint="pip install 'loopline[s3]'"
            ) from None
        self.url = url
        self._obs = obstore
        self._store: Any = store if store is not None else (opening or opened)(url)
        self._found = False
        self._journal = journal
        self._uploads: Uploads | None = None
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._guard = threading.Lock()
        self.trash = ObjectTrash(self)
        """Where a reclaim moves what nothing names. What is asked for is taken back from there."""

    def put(self, data: bytes) -> Digest:
        """Keep `data`, if it is not there; compare it with what is."""
        digest = digest_of(data)
        self._put_small(digest, data)
        return digest

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each, several at once."""
        digests: list[Digest] = []
        for group in _grouped(items):
            names = [digest_of(data) for data in group]
            fresh = dict(zip(names, group, strict=True))
            self._each(self._put_small, fresh.items())
            digests += names
        return digests

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds: it is hashed while it is copied to where no one can change it."""
        with open(path, "rb", buffering=0) as source, self.writer() as writer:
            while chunk := source.read(CHUNK):
                writer.write(chunk)
            return writer.commit()

    def put_known(self, digest: Digest, path: Path, size: int) -> None:
        """Keep a file of which the caller knows the digest and that nobody changes meanwhile."""
        with open(path, "rb") as source:
            self._put_large(digest, source, size)

    def writer(self) -> Writer:
        """Begin a blob, in memory while it is small."""
        return _ObjectWriter(self)

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob in pieces, one request each, the next one asked for while the last one is given."""
        first, size = self._piece_and_size(digest)
        return self._stream(digest, first, size)

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        first, size = self._piece_and_size(digest)
        data = first if len(first) >= size else first + b"".join(self._rest(digest, len(first), size))
        found = digest_of(data)
        if found != digest:
            raise corrupt(digest, found, len(data))
        return data

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Ask for each, several at once."""
        asked = list(dict.fromkeys(digests))
        for start in range(0, len(asked), _TOGETHER):
            some = asked[start : start + _TOGETHER]
            yield from zip(some, self._each(self.read, ((digest,) for digest in some)), strict=True)

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part, passing over what is in front of it."""
        return part_of(self.get(digest), start, length)

    def size(self, digest: Digest) -> int | None:
        """Ask for the size of its object."""
        try:
            with self._translated("read"):
                found: int = self._obs.head(self._store, _key(digest))["size"]
        except FileNotFoundError:
            self._be_there()
            return self.size(digest) if self.trash.took_back(digest) else None
        return found

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Ask for each, several at once."""
        asked = list(dict.fromkeys(digests))
        sizes = self._each(self.size, ((digest,) for digest in asked))
        return {digest for digest, size in zip(asked, sizes, strict=True) if size is None}

    def path(self, digest: Digest) -> Path | None:  # noqa: ARG002 - the port's signature
        """Give None: there are no files."""
        return None

    def verify(self, digest: Digest) -> None:
        """Read its object."""
        for _ in self.get(digest):
            pass

    def delete(self, digest: Digest) -> bool:
        """Remove its object. Of two that delete it at once, both may be told that it was there."""
        if self.size(digest) is None:
            return False
        with self._translated("write"), contextlib.suppress(FileNotFoundError):
            self._obs.delete(self._store, _key(digest))
        return True

    def iter(self) -> Iterator[Digest]:
        """List the objects whose names are digests, a thousand with each request."""
        with self._translated("read"), contextlib.suppress(FileNotFoundError):
            for page in self._obs.list(self._store, "blobs/sha256/"):
                for meta in page:
                    name = meta["path"].rpartition("/")[2]
                    if _HEX.match(name):
                        yield Digest("sha256:" + name)

    def __reduce__(self) -> tuple[partial[ObjectBlobs], tuple[str]]:
        """Open the same address in another process."""
        return partial(ObjectBlobs, journal=self._journal), (self.url,)

    def send(self, key: str, content: str, source: IO[bytes] | bytes, size: int) -> str:
        """Send what is large under a key, going on with what was sent of the same `content`; give the key that it has got.

        It is noted until `sent`, so that whoever is killed before that finds it again.
        """
        used = self.uploads.put(key, content, source, size) if size > PIECE and self.uploads is not None else None
        if used is None:
            part = max(PIECE, -(-size // _MOST_PARTS))
            with self._writing():
                self._obs.put(self._store, key, source, chunk_size=part, max_concurrency=4)
        return used or key

    def sent(self, content: str) -> None:
        """Forget that something was sent."""
        if self.uploads is not None:
            self.uploads.forget(content)

    def sweep_uploads(self) -> int:
        """Abort uploads that were left a week ago or more; give how many."""
        return 0 if self.uploads is None else self.uploads.sweep()

    @property
    def uploads(self) -> Uploads | None:
        """How uploads are gone on with; None where that is not known of the store, or nothing is noted."""
        if self._uploads is None and self._journal is not None:
            from loopline.store.s3calls import calls_to
            from loopline.store.uploads import Uploads

            calls = calls_to(self.url)
            self._uploads = None if calls is None else Uploads(calls, self._journal)
        return self._uploads

    def _put_small(self, digest: Digest, data: bytes) -> None:
        if len(data) > PIECE:
            self._put_large(digest, data, len(data))
            return
        with self._writing():
            try:
                self._obs.put(self._store, _key(digest), data, mode="create")
            except self._obs.exceptions.AlreadyExistsError:
                if not self._sound(digest):
                    self._obs.put(self._store, _key(digest), data, mode="overwrite")

    def _put_large(self, digest: Digest, source: IO[bytes] | bytes, size: int) -> None:
        if self.size(digest) != size or not self._sound(digest):
            self.send(_key(digest), digest, source, size)
        self.sent(digest)

    def _sound(self, digest: Digest) -> bool:
        """Tell whether what is kept under a name is what the name means."""
        try:
            self.verify(digest)
        except NotFound:
            return False
        except Unavailable as error:
            if error.kind != "blob-corrupt":
                raise
            return False
        return True

    def _piece_and_size(self, digest: Digest) -> tuple[bytes, int]:
        """Read the beginning of a blob, and learn how long it is."""
        key = _key(digest)
        try:
            with self._translated("read"):
                try:
                    found = self._obs.get(self._store, key, options={"range": (0, PIECE)})
                    return bytes(found.bytes()), int(found.meta["size"])
                except self._obs.exceptions.BaseError:
                    with contextlib.suppress(self._obs.exceptions.BaseError):
                        if self._obs.head(self._store, key)["size"] == 0:  # a range of nothing is an error
                            return b"", 0
                    raise
        except FileNotFoundError:
            self._be_there()
            if self.trash.took_back(digest, surely=True):
                return self._piece_and_size(digest)
            raise absent(digest) from None

    def _rest(self, digest: Digest, at: int, size: int) -> Iterator[bytes]:
        """Give the pieces after the first; one request is always under way."""
        ahead: Future[bytes] | None = self._pool("ahead").submit(self._piece, digest, at, size) if at < size else None
        while ahead is not None:
            piece = ahead.result()
            at += len(piece)
            ahead = self._pool("ahead").submit(self._piece, digest, at, size) if piece and at < size else None
            yield piece

    def _piece(self, digest: Digest, at: int, size: int) -> bytes:
        try:
            with self._translated("read"):
                return bytes(self._obs.get_range(self._store, _key(digest), start=at, end=min(at + PIECE, size)))
        except FileNotFoundError:
            raise absent(digest) from None

    def _stream(self, digest: Digest, first: bytes, size: int) -> Iterator[bytes]:
        state, count, behind = hashlib.sha256(), 0, b""
        for piece in _chain(first, self._rest(digest, len(first), size)):
            for start in range(0, len(piece), CHUNK):
                if behind:
                    yield behind
                behind = piece[start : start + CHUNK]
                state.update(behind)
                count += len(behind)
        found = Digest("sha256:" + state.hexdigest())
        if found != digest:
            raise corrupt(digest, found, count)
        if behind:
            yield behind

    def _be_there(self) -> None:
        """Tell a missing object from a missing bucket, once: the answer to HEAD does not."""
        if not self._found:
            with self._translated("read"), contextlib.suppress(FileNotFoundError):
                next(iter(self._obs.list(self._store, "blobs/sha256/", chunk_size=1)), None)
            self._found = True

    def _each(self, work: Callable[..., T], arguments: Iterable[tuple[Any, ...]]) -> list[T]:
        """Do something for each, several at once; raise the first error after all have ended."""
        _LIFE.be_whole(self.url)
        asked = list(arguments)
        if len(asked) < 2:
            return [work(*one) for one in asked]
        futures = [self._pool("many").submit(work, *one) for one in asked]
        wrong = [error for future in futures if (error := future.exception()) is not None]
        if wrong:
            raise wrong[0]
        return [future.result() for future in futures]

    def _pool(self, name: str) -> ThreadPoolExecutor:
        """Give the threads of a purpose: those of "many" wait for those of "ahead", which wait for nobody."""
        with self._guard:
            if name not in self._pools:
                self._pools[name] = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"loopline-{name}")
            return self._pools[name]

    @contextlib.contextmanager
    def asking(self, doing: str) -> Iterator[tuple[Any, Any]]:
        """Give obstore and its store, for requests of others to the same place; errors are turned into ours.

        A missing object raises FileNotFoundError, where there is a bucket.
        """
        try:
            with self._translated(doing):
                yield self._obs, self._store
        except FileNotFoundError:
            self._be_there()
            raise

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._translated("write"):
                yield
        except FileNotFoundError:  # writing finds no object missing, but the bucket
            raise nowhere(self.url) from None

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        """Turn obstore's errors into ours. Its own texts repeat addresses and keys: they are left out."""
        _LIFE.be_whole(self.url)
        try:
            yield
        except (self._obs.exceptions.BaseError, OSError) as caught:
            ours = self._ours(caught, doing)
            if ours is None:
                raise
            raise ours from None

    def _ours(self, caught: Exception, doing: str) -> LooplineError | None:
        text, errors = str(caught), self._obs.exceptions
        status = found[1] if (found := _STATUS.search(text)) else ""
        code = found[1] if (found := _CODE.search(text)) else ""
        if isinstance(caught, FileNotFoundError) and code not in NOWHERE:
            return None
        refused = (errors.PermissionDeniedError, errors.UnauthenticatedError, PermissionError)
        denied = isinstance(caught, refused) or "credential" in text[:300].lower()
        return refusal(self.url, status, code, doing=doing, denied=denied)


class _ObjectWriter:
    """Keeps what is written until its digest is known, then sends it."""

    def __init__(self, blobs: ObjectBlobs) -> None:
        self._blobs = blobs
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=PIECE)  # noqa: SIM115 - closed by commit or exit
        self._state = hashlib.sha256()
        self._size = 0
        self._open = True

    def write(self, chunk: bytes) -> None:
        self._check()
        try:
            self._file.write(chunk)
        except OSError as error:
            raise Unavailable(
                "no room here for an upload",
                kind="disk-full",
                hint=f"free some space in {tempfile.gettempdir()}, then try again",
                errno=error.errno,
            ) from error
        self._state.update(chunk)
        self._size += len(chunk)

    def commit(self) -> tuple[Digest, int]:
        self._check()
        digest = Digest("sha256:" + self._state.hexdigest())
        try:
            self._file.seek(0)
            if self._size <= PIECE:
                self._blobs._put_small(digest, self._file.read())
            else:
                self._blobs._put_large(digest, self._file, self._size)
        finally:
            self._discard()
        return digest, self._size

    def _check(self) -> None:
        if not self._open:
            msg = "this writer was committed or left"
            raise ValueError(msg)

    def _discard(self) -> None:
        if self._open:
            self._open = False
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._discard()


def _key(digest: Digest) -> str:
    return f"blobs/sha256/{parse_digest(digest)[7:]}"


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _grouped(items: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(items)
    while group := list(islice(rest, 1)):
        size = len(group[0])
        for data in islice(rest, 255):
            group.append(data)
            size += len(data)
            if size >= _GROUP_BYTES:
                break
        yield group
