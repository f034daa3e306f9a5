"""uploads: blobs that come in pieces and may be cut anywhere, /api/v1/uploads, after the core protocol of tus 1.0.

What has come is a file in the folder `uploads` of the server's work folder, with a note of what it is to become. Its length is
the offset, whatever happened before: a full disk, a cut, a kill. The last piece is followed by the digest; only then there is a
blob. What nobody goes on with is swept.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from fcntl import LOCK_EX, LOCK_NB, flock
from io import FileIO
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

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
    with _alone(upload):
        offset = await act(request, _ended, upload, loop)
    return Response(status_code=200, headers=_headers(offset, upload.size))


async def append(request: Request) -> Response:
    """Take the next bytes. With the last of them the digest is compared, and there is a blob."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != OFFSET:
        raise Invalid(
            f"a piece is {OFFSET}", kind="wrong-content-type", hint=f"send Content-Type: {OFFSET}", found=kind[:100]
        )
    upload, loop = await act(request, _known, request)
    with _alone(upload) as file:
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
        if file and offset < upload.size:
            await poured(request, lambda piece: _write(upload, file, piece))
        offset = await act(request, _ended, upload, loop)
        return Response(status_code=204, headers=_headers(offset, upload.size))


async def drop(request: Request) -> Response:
    """Forget an upload."""
    upload, _ = await act(request, _known, request)
    with _alone(upload):
        await act(request, _forget, upload)
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


def _write(upload: Upload, file: FileIO, piece: bytes) -> None:
    if os.fstat(file.fileno()).st_size + len(piece) > upload.size:
        raise _too_long(upload)
    view = memoryview(piece)
    with _disk():
        while view:
            view = view[os.write(file.fileno(), view) :]  # once the request is over, the file has no number


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


@contextmanager
def _alone(upload: Upload) -> Iterator[FileIO | None]:
    """Let one request at a time write to an upload, in whichever process, and give its file; None of one that is done.

    The lock is the system's, on the file that grows: it ends with whoever holds it, however that ends. It is taken and let go of
    here and not on a thread, so that a request that is cut off while it waits for one leaves no lock behind.
    """
    if upload.done:
        yield None
        return
    with _opened(upload) as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise _busy(upload) from None
        if os.fstat(file.fileno()).st_nlink == 0:
            raise _busy(upload)
        yield file


def _opened(upload: Upload) -> FileIO:
    try:
        return FileIO(os.open(upload.spool, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC), "a")
    except FileNotFoundError:
        raise _busy(upload) from None


def _busy(upload: Upload) -> Conflict:
    """Say that somebody else is at it, or has just ended it: who asks again learns which."""
    return Conflict(
        "another request sends this upload", kind="upload-busy", hint="wait for it to end", upload=upload.id
    )
