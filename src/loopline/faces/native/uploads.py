"""uploads: blobs that come in pieces and may be cut anywhere, /api/v1/uploads, after the core protocol of tus 1.0.

What has come is a file in the folder `uploads` of the server's work folder, with a note of what it is to become. Its length is
the offset, whatever happened before: a full disk, a cut, a kill. The last piece is followed by the digest; only then there is a
blob. What nobody goes on with is swept.
"""

from __future__ import annotations

import os
import re
import time
from asyncio import shield
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from fcntl import LOCK_EX, LOCK_NB, flock
from io import FileIO
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import msgspec
from starlette.responses import Response

from loopline.errors import Conflict, Invalid, NotFound, Unavailable
from loopline.faces.desk import act
from loopline.faces.native import wire
from loopline.faces.native.answers import json
from loopline.faces.native.blobs import limit_of, mismatch
from loopline.faces.native.bodies import poured
from loopline.faces.native.door import uploading
from loopline.faces.problem import encoded
from loopline.nouns.digest import Digest, parse_digest
from loopline.verbs.holding import took

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.loop import Loop

P = ParamSpec("P")
T = TypeVar("T")
OFFSET: Final = "application/offset+octet-stream"
ABANDONED_S: Final = 24 * 3600.0
"""Seconds without a byte after which an upload is forgotten."""
_ID: Final = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Upload:
    """A blob on its way."""

    id: str
    project: str
    actor: str
    digest: Digest
    size: int
    folder: Path
    done: bool = False
    """Whether it is a blob already. The note stays for a while, for a client that did not hear it."""

    @property
    def note(self) -> Path:
        """What it is to become."""
        return self.folder / f"{self.id}.json"

    @property
    def spool(self) -> Path:
        """What has come."""
        return self.folder / f"{self.id}.part"

    @property
    def offset(self) -> int:
        """How many bytes have come."""
        return self.size if self.done else self.spool.stat().st_size

    def write_note(self, *, done: bool = False) -> None:
        """Write down what it is to become, or that it is done."""
        said = {"project": self.project, "actor": self.actor, "digest": self.digest, "size": self.size, "done": done}
        self.note.write_bytes(msgspec.json.encode(said))


async def begin(request: Request) -> Response:
    """Make an upload: 201 with its address."""
    pairs = wire.query_of(request)
    wire.only(pairs, "project")
    project = wire.project_of(request, pairs)
    body = await wire.body_of(request)
    return await act(request, _begin, request, project, body)


async def look(request: Request) -> Response:
    """Tell how far an upload has come. One whose end the store could not take before is ended now."""
    upload, loop = await act(request, _known, request)
    async with _alone(request, upload) as hold:
        offset = await act(request, hold.do, _ended, upload, loop)
    return Response(status_code=200, headers=_headers(offset, upload.size))


async def append(request: Request) -> Response:
    """Take the next bytes. With the last of them the digest is compared, and there is a blob."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != OFFSET:
        raise Invalid(
            f"a piece is {OFFSET}", kind="wrong-content-type", hint=f"send Content-Type: {OFFSET}", found=kind[:100]
        )
    upload, loop = await act(request, _known, request)
    async with _alone(request, upload) as hold:
        offset = await act(request, lambda: upload.offset)
        said = request.headers.get("upload-offset", "")
        if not said.isdigit() or int(said[:20]) != offset:
            raise Conflict(
                f"the upload stands at {offset}", kind="offset-moved", hint="ask for Upload-Offset with HEAD, then go on there",
                offset=offset, said=said[:20],
            )  # fmt: skip
        length = request.headers.get("content-length")
        if length is not None and length.isdigit() and offset + int(length[:20]) > upload.size:
            raise _too_long(upload)
        if offset < upload.size:
            await poured(request, hold.write)
        offset = await act(request, hold.do, _ended, upload, loop)
        return Response(status_code=204, headers=_headers(offset, upload.size))


async def drop(request: Request) -> Response:
    """Forget an upload."""
    upload, _ = await act(request, _known, request)
    async with _alone(request, upload) as hold:
        await act(request, hold.do, _forget, upload)
    return Response(status_code=204)


def sweep(work: Path, *, older_than: float = ABANDONED_S) -> int:
    """Forget the uploads that nobody has gone on with for so many seconds, and say how many went."""
    folder = work / "uploads"
    before, count = time.time() - older_than, 0
    for note in folder.glob("*.json") if folder.is_dir() else ():
        spool = note.with_suffix(".part")
        with suppress(OSError):
            newest = max(path.stat().st_mtime for path in (note, spool) if path.exists())
            if newest < before:
                spool.unlink(missing_ok=True)
                note.unlink(missing_ok=True)
                count += 1
    for spool in folder.glob("*.part") if folder.is_dir() else ():
        with suppress(OSError):
            if not spool.with_suffix(".json").exists() and spool.stat().st_mtime < before:
                spool.unlink(missing_ok=True)
    return count


def _begin(request: Request, project: str, body: Any) -> Response:
    loop = uploading(request, project)
    wire.members(body, "digest", "size")
    digest, size = body["digest"], body["size"]
    if not isinstance(digest, str) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Invalid("an upload has a digest and a size", kind="bad-value", hint="send sha256:… and a number of bytes")
    limit = limit_of(request)
    if size > limit:
        raise wire.too_large(limit)
    folder = loop.work / "uploads"
    upload = Upload(token_hex(16), project, str(loop.actor), parse_digest(digest), size, folder)
    with _disk():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        upload.spool.touch(mode=0o600)
        upload.write_note()
    place = f"/api/v1/uploads/{upload.id}"
    headers = {"Location": place, "Upload-Offset": "0", "Upload-Length": str(size)}
    return json(encoded({"upload": upload.id, "location": place, "offset": 0}), 201, headers)


def _known(request: Request) -> tuple[Upload, Loop]:
    """Find an upload of this caller in this project. Raise NotFound, also for somebody else's."""
    pairs = wire.query_of(request)
    wire.only(pairs, "project")
    loop = uploading(request, wire.project_of(request, pairs))
    name = request.path_params["upload"]
    folder = loop.work / "uploads"
    if _ID.match(name):
        with suppress(OSError, msgspec.DecodeError, KeyError):
            note = msgspec.json.decode((folder / f"{name}.json").read_bytes())
            upload = Upload(
                name, note["project"], note["actor"], Digest(note["digest"]), note["size"], folder, note["done"]
            )
            mine = (upload.project, upload.actor) == (loop.project, str(loop.actor))
            if mine and (upload.done or upload.spool.exists()):
                return upload, loop
    raise NotFound("there is no such upload", kind="no-upload", hint="begin another one", upload=name[:100])


def _ended(upload: Upload, loop: Loop) -> int:
    """Give how far it has come; where that is all of it, make a blob of it."""
    offset = upload.offset
    if offset == upload.size and not upload.done:
        _finish(upload, loop)
    return offset


def _finish(upload: Upload, loop: Loop) -> None:
    """Make a blob of what has come, if it is what was promised; else forget it. Where the store is full, it waits."""
    from hashlib import file_digest

    with upload.spool.open("rb") as file:
        found = Digest("sha256:" + file_digest(file, "sha256").hexdigest())
    if found != upload.digest:
        _forget(upload)
        raise mismatch(upload.digest, found, upload.size)
    loop.blobs.put_file(upload.spool)
    took(loop, [upload.digest])
    upload.write_note(done=True)
    upload.spool.unlink(missing_ok=True)


def _forget(upload: Upload) -> None:
    upload.spool.unlink(missing_ok=True)
    upload.note.unlink(missing_ok=True)


def _headers(offset: int, size: int) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Upload-Length": str(size), "Cache-Control": "no-store"}


def _too_long(upload: Upload) -> Invalid:
    return Invalid(
        f"the upload has {upload.size} bytes and no more", kind="body-too-large", hint="send as many bytes as were promised",
        limit=upload.size,
    )  # fmt: skip


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise Unavailable(
                "the server's disk is full",
                kind="disk-full",
                hint="have its admin free some space, then go on",
                path="uploads",
            ) from error
        raise


class _Hold:
    """What one request has of an upload: its file, with the system's lock on it, for all processes; of one that is done nothing.

    Whatever is done to the upload is done within, on threads. The end waits for it: a request that is cut off leaves its thread
    behind, and by then the number of its file could be that of another. The lock ends with whoever holds it, however that ends.
    """

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._guard = Lock()
        self._file: FileIO | None = None
        self._over = False

    def begin(self) -> None:
        """Take hold. Raise Conflict kind="upload-busy" where somebody else has it, or the upload has just ended."""
        self.do(self._take)

    def do(self, function: Callable[P, T], /, *args: P.args, **asked: P.kwargs) -> T:
        """Do something to the upload. Raise Conflict kind="upload-busy" where the request is over."""
        with self._guard:
            if self._over:
                raise _busy(self._upload)
            return function(*args, **asked)

    def write(self, piece: bytes) -> None:
        """Write the next bytes. Raise Invalid for more than were promised."""
        self.do(self._write, piece)

    def end(self) -> None:
        """Let go, once nothing is done to it any more."""
        with self._guard:
            self._over = True
            if self._file:
                self._file.close()

    def _take(self) -> None:
        if not self._upload.done:
            self._file = _locked(self._upload)

    def _write(self, piece: bytes) -> None:
        if self._file is None:
            raise _busy(self._upload)
        number = self._file.fileno()
        if os.fstat(number).st_size + len(piece) > self._upload.size:
            raise _too_long(self._upload)
        view = memoryview(piece)
        with _disk():
            while view:
                view = view[os.write(number, view) :]


@asynccontextmanager
async def _alone(request: Request, upload: Upload) -> AsyncIterator[_Hold]:
    """Let one request at a time work on an upload. However it ends, the hold does, too."""
    hold = _Hold(upload)
    try:
        await act(request, hold.begin)
        yield hold
    finally:
        await shield(act(request, hold.end))


def _locked(upload: Upload) -> FileIO:
    try:
        with _disk():
            file = FileIO(os.open(upload.spool, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC), "a")
    except FileNotFoundError:
        raise _busy(upload) from None
    try:
        flock(file, LOCK_EX | LOCK_NB)
        if os.fstat(file.fileno()).st_nlink == 0:
            raise _busy(upload)
    except BlockingIOError:
        file.close()
        raise _busy(upload) from None
    except BaseException:
        file.close()
        raise
    return file


def _busy(upload: Upload) -> Conflict:
    """Say that somebody else is at it, or has just ended it: who asks again learns which."""
    return Conflict(
        "another request sends this upload", kind="upload-busy", hint="wait for it to end", upload=upload.id
    )
