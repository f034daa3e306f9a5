"""transfer: the blobs of a server, sent and fetched by digest.

What the server's project holds already is not sent. Small blobs travel in packs, large ones in uploads that go on where they were
cut; several at a time. Nothing is kept here: `store/cached.py` puts a folder of copies in front.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from loopline.loop import silent
from loopline.nouns.digest import Digest, digest_of, parse_digest
from loopline.nouns.progress import Progress, Report
from loopline.sdk.together import Task, together
from loopline.sdk.wire import JSON, Answer, Wire, encoded
from loopline.store.blobs import CHUNK, Writer, absent, corrupt

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from loopline.store.pieces import Sums

TINY: Final = 1024
"""Up to so many bytes, sending costs no more than asking whether to send; and what is sent mends what was damaged."""
SMALL: Final = 256 << 10
"""Blobs up to this size travel in packs."""
LARGE: Final = 8 << 20
"""Blobs from this size on are uploaded so that a cut costs only what was on the way."""
PACK: Final = 8 << 20
"""Bytes of a pack, at most; and blobs that wait to be sent together."""
MANY: Final = 512
"""Blobs of a pack or of a question, at most."""
STREAMS: Final = 4
"""Requests at a time."""
_BYTES: Final = "application/octet-stream"
_OFFSET: Final = "application/offset+octet-stream"
_MOVED: Final = ("offset-moved", "upload-busy")
"""Kinds that say: ask how far it has come, then go on there."""
_TRIES: Final = 8
"""Cuts of one upload or download without a single byte in between."""


class RemoteBlobs:
    """Keeps Blobs' promises, as far as a project holds the bytes. Threads share it; it has no files of its own.

    What no route offers raises Refused kind="not-over-the-wire": listing and deleting.
    """

    def __init__(self, wire: Wire, project: str, *, report: Report = silent) -> None:
        self._wire = wire
        self._project = project
        self._report = report

    def put(self, data: bytes) -> Digest:
        """Send `data`, unless it is there."""
        return self.put_all([data])[0]

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Send what is not there, in packs. When it raises, some may be kept, each whole."""
        digests: list[Digest] = []
        meter = _Meter(self._report, "upload")
        rest = iter(items)
        while group := _some(rest):
            named = [(digest_of(data), data) for data in group]
            digests += [digest for digest, _ in named]
            asked = {digest for digest, data in named if len(data) > TINY}
            missing = self.missing(asked) if asked else set()
            send = {digest: data for digest, data in named if digest not in asked or digest in missing}
            meter.expect(sum(map(len, send.values())))
            self._send(send, meter)
        meter.close()
        return digests

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Send what the file holds. One that somebody writes to meanwhile is read again."""
        for _ in range(3):
            digest, size = _hashed(path)
            try:
                self.put_known(digest, path, size)
            except _Changed:
                continue
            return digest, size
        raise Unavailable(
            f"{path} changes while it is read", kind="file-changing", hint="send a copy of it", path=str(path)
        )

    def put_known(self, digest: Digest, path: Path, size: int) -> None:
        """Send a file of which the caller knows the digest, unless it is there."""
        if size <= SMALL:
            data = Path(path).read_bytes()
            if digest_of(data) != digest:
                raise _Changed(path, digest)
            if size <= TINY or self.missing([digest]):
                self._put_whole(digest, lambda: iter([data]), size)
            return
        if self.missing([digest]):
            meter = _Meter(self._report, "upload", size)
            if size < LARGE:
                self._put_whole(digest, lambda: _read_from(path, 0, size, meter), size)
            else:
                self._upload(digest, path, size, meter)
            meter.close()

    def writer(self) -> Writer:
        """Refuse: a blob whose digest is not known yet needs a folder here."""
        raise _refused("writing piece by piece")

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob, one chunk behind what was hashed; a cut costs only what was on the way."""
        pieces = self._pieces(digest)
        first = next(pieces, b"")  # asks now, so that a missing blob raises here
        return _verified(digest, chain([first], pieces))

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        data = b"".join(self._pieces(digest))
        found = digest_of(data)
        if found != digest:
            raise corrupt(digest, found, len(data))
        return data

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give many small blobs in their order, each verified: hundreds in a request, several requests at a time."""
        asked = list(dict.fromkeys(digests))
        found: dict[int, list[bytes]] = {}

        def fetch(at: int) -> None:
            found[at] = self._fetch(asked[at : at + MANY])

        for first in range(0, len(asked), MANY * STREAMS):
            starts = range(first, min(first + MANY * STREAMS, len(asked)), MANY)
            together([partial(fetch, at) for at in starts], at_once=STREAMS)
            for at in starts:
                yield from zip(asked[at : at + MANY], found.pop(at), strict=True)

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part as it comes: who has the sums of the blob verifies it."""
        size = self.size(digest)
        if size is None:
            raise absent(digest)
        stop = max(start, min(start + length, size))
        return self._pieces(digest, start, stop) if start < stop else iter(())

    def sums(self, digest: Digest) -> Sums | None:
        """Ask for the sums of a large blob's pieces; None where the server has none, or does not know the question."""
        from loopline.store.pieces import decode

        try:
            answer = self._wire.ask("GET", f"{self._path(digest)}/pieces", query=self._query, headers={"Accept": "*/*"})
        except (NotFound, Invalid):
            return None
        return decode(answer.body, bytes.fromhex(digest[7:])) if answer.body else None

    def _fetch(self, digests: Sequence[Digest]) -> list[bytes]:
        answer = self._wire.ask(
            "POST", "/api/v1/blobs/fetch", query=self._query, body=encoded({"digests": list(digests)}),
            headers={"Content-Type": JSON, "Accept": "*/*"},
        )  # fmt: skip
        found, at = [], 0
        for digest in digests:
            size = int.from_bytes(answer.body[at : at + 8], "big")
            data = answer.body[at + 8 : at + 8 + size]
            at += 8 + size
            if digest_of(data) != digest:
                raise corrupt(digest, digest_of(data), len(data))
            found.append(data)
        return found

    def size(self, digest: Digest) -> int | None:
        """Ask how many bytes the project holds under this name."""
        try:
            answer = self._wire.ask("HEAD", self._path(digest), query=self._query, headers={"Accept": "*/*"})
        except NotFound:
            return None
        said = answer.headers.get("content-length", "")
        return int(said) if said.isdigit() else None

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Ask which of these the project does not hold."""
        wanted, missing = iter(dict.fromkeys(map(parse_digest, digests))), set[Digest]()
        while some := list(islice(wanted, 10_000)):
            answer = self._wire.ask(
                "POST", "/api/v1/blobs/missing", query=self._query, body=encoded({"digests": some}),
                headers={"Content-Type": JSON},
            )  # fmt: skip
            said = answer.json
            if not isinstance(said, dict) or not isinstance(said.get("missing"), list):
                raise self._wire.stranger(answer)
            missing |= {Digest(one) for one in said["missing"]}
        return missing

    def path(self, digest: Digest) -> Path | None:  # noqa: ARG002 (none of them has a file here)
        """Give None: no blob has a file here."""
        return None

    def verify(self, digest: Digest) -> None:
        """Fetch a blob and compare it with its name."""
        for _ in self.get(digest):
            pass

    def delete(self, digest: Digest) -> bool:
        """Refuse: what a server holds is forgotten by the server."""
        raise _refused("deleting", digest=digest)

    def iter(self) -> Iterator[Digest]:
        """Refuse: who may read a blob knows its digest from what the ledger says."""
        raise _refused("listing")

    @property
    def _query(self) -> list[tuple[str, str]]:
        return [("project", self._project)]

    def _path(self, digest: Digest) -> str:
        return f"/api/v1/blobs/{parse_digest(digest)}"

    def _send(self, items: dict[Digest, bytes], meter: _Meter) -> None:
        """Send blobs: small ones in packs, others each alone, several at a time."""
        small = [(digest, data) for digest, data in items.items() if len(data) <= SMALL]
        tasks: list[Task] = [partial(self._send_pack, part, meter) for part in _packs(small)]
        tasks += [partial(self._send_one, digest, data, meter) for digest, data in items.items() if len(data) > SMALL]
        together(tasks, at_once=STREAMS)

    def _send_one(self, digest: Digest, data: bytes, meter: _Meter) -> None:
        self._put_whole(digest, lambda: iter([data]), len(data))
        meter.add(len(data))

    def _send_pack(self, part: list[tuple[Digest, bytes]], meter: _Meter) -> None:
        if len(part) == 1:
            self._send_one(*part[0], meter)
            return
        body = b"".join(piece for _, data in part for piece in (len(data).to_bytes(8, "big"), data))
        answer = self._wire.ask(
            "POST", "/api/v1/blobs/pack", query=self._query, body=body, headers={"Content-Type": _BYTES}
        )
        said = answer.json
        kept = said.get("digests") if isinstance(said, dict) else None
        if kept != [digest for digest, _ in part]:
            raise self._wire.stranger(answer)
        meter.add(sum(len(data) for _, data in part))

    def _put_whole(self, digest: Digest, body: Callable[[], Iterator[bytes]], size: int) -> None:
        headers = {"Content-Type": _BYTES, "Content-Length": str(size)}
        answer = self._wire.ask("PUT", self._path(digest), query=self._query, body=body, headers=headers)
        said = answer.json
        if not isinstance(said, dict) or said.get("digest") != digest:
            raise self._wire.stranger(answer)

    def _upload(self, digest: Digest, path: Path, size: int, meter: _Meter) -> None:
        """Send a file so that a cut costs only what was on the way (after tus 1.0, core protocol)."""
        place = self._begin(digest, size)
        offset = cuts = 0
        while offset < size:
            try:
                offset = self._piece(place, path, offset, size, meter)
            except _Cut as cut:
                there = self._offset(place)
                if there is None:  # the server has forgotten it, with what it had
                    place, there = self._begin(digest, size), 0
                cuts = 0 if there > offset else cuts + 1
                offset = there
                meter.at(offset)
                if cuts > _TRIES:
                    raise self._wire.unreachable(cut.error) from cut.error
                self._wire.rest(cuts)

    def _begin(self, digest: Digest, size: int) -> str:
        answer = self._wire.ask(
            "POST", "/api/v1/uploads", query=self._query, body=encoded({"digest": digest, "size": size}),
            headers={"Content-Type": JSON},
        )  # fmt: skip
        where = answer.headers.get("location", "")
        name = where.rpartition("/api/v1/uploads/")[2].partition("?")[0]
        if not name:
            raise self._wire.stranger(answer)
        return f"/api/v1/uploads/{name}"

    def _piece(self, place: str, path: Path, offset: int, size: int, meter: _Meter) -> int:
        """Send the rest of a file once, and give how far it came. Raise _Cut where the connection was lost."""
        from urllib3.exceptions import HTTPError

        headers = {"Content-Type": _OFFSET, "Content-Length": str(size - offset), "Upload-Offset": str(offset)}
        target = self._wire.target(place, self._query)
        try:
            with self._wire.open(
                "PATCH", target, body=lambda: _read_from(path, offset, size, meter), headers=headers
            ) as response:
                answer = _whole(response)
        except HTTPError as error:
            raise _Cut(error) from error
        if answer.status < 300:
            said = answer.headers.get("upload-offset", "")
            return int(said) if said.isdigit() else size
        problem = self._wire.problem_of(answer)
        if answer.status in (409, 502, 503, 504) and (
            problem.kind == "offset-moved" or self._wire.passing(answer, problem)
        ):
            raise _Cut(problem)
        raise problem

    def _offset(self, place: str) -> int | None:
        """Ask how far an upload has come; None where the server has forgotten it."""
        for number in range(1, _TRIES + 1):
            try:
                said = self._wire.ask("HEAD", place, query=self._query).headers.get("upload-offset", "")
            except NotFound:
                return None
            except Conflict as error:  # it is still writing what came before the cut
                if number == _TRIES:
                    raise self._wire.unreachable(error) from error
                self._wire.rest(number)
            else:
                return int(said) if said.isdigit() else None
        raise AssertionError  # the last try has returned or raised

    def _pieces(self, digest: Digest, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Give the bytes from `start` to `stop` as they come; after a cut, ask for the rest."""
        from urllib3.exceptions import HTTPError

        target = self._wire.target(self._path(digest), self._query)
        size, done, cuts = -1 if stop is None else stop - start, 0, 0
        meter: _Meter | None = None
        while done != size:
            before = done
            at = start + done
            asked = f"bytes={at}-{'' if stop is None else stop - 1}"
            headers = {"Accept": "*/*"} | ({"Range": asked} if at or stop is not None else {})
            try:
                with self._wire.open("GET", target, headers=headers) as response:
                    if response.status not in (200, 206):
                        self._refused(digest, _whole(response))
                    if size < 0:
                        size = int(response.headers.get("Content-Length", 0))
                        meter = _Meter(self._report, "download", size) if size >= LARGE else None
                    skip = at if response.status == 200 else 0  # not everybody knows ranges
                    for chunk in response.stream(CHUNK):
                        piece, skip = chunk[skip:][: size - done], max(0, skip - len(chunk))
                        if piece:
                            done += len(piece)
                            yield piece
                            if meter is not None:
                                meter.add(len(piece))
                    if done != size:
                        raise corrupt(digest, Digest(""), done)
            except HTTPError as error:
                cuts = 0 if done > before else cuts + 1
                if cuts > _TRIES:
                    raise self._wire.unreachable(error) from error
                self._wire.rest(max(1, cuts))
        if meter is not None:
            meter.close()

    def _refused(self, digest: Digest, answer: Answer) -> None:
        """Raise what is said instead of a blob, unless it may pass."""
        from urllib3.exceptions import HTTPError

        problem = self._wire.problem_of(answer)
        if "touches" in problem.facts:  # the server knows more of it than that it is missing
            raise problem
        if isinstance(problem, NotFound):
            raise absent(digest) from problem
        if self._wire.passing(answer, problem):
            raise HTTPError(problem.message)
        raise problem


class _Cut(Exception):  # noqa: N818 (no error of anybody: the connection was lost on the way)
    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Changed(Unavailable):
    """A file does not hold any more what it held when it was hashed."""

    def __init__(self, path: Path, digest: Digest) -> None:
        super().__init__(
            f"{path} has changed since it was read", kind="file-changing", hint="send a copy of it", digest=digest
        )


class _Meter:
    """Reports how many bytes have gone, from any thread."""

    def __init__(self, report: Report, label: str, total: int = 0) -> None:
        self._report, self._label, self._total, self._done = report, label, total, 0
        self._guard = threading.Lock()

    def expect(self, more: int) -> None:
        self._total += more

    def add(self, some: int) -> None:
        with self._guard:
            self.at(self._done + some)

    def at(self, done: int) -> None:
        self._done = done
        if done < self._total:  # the end is told once, by `close`
            self._report(Progress(self._label, done, self._total, "B"))

    def close(self) -> None:
        if self._total:
            self._report(Progress(self._label, self._total, self._total, "B"))


def _some(rest: Iterator[bytes]) -> list[bytes]:
    """Take so many items as are sent together."""
    group, size = list[bytes](), 0
    for data in islice(rest, MANY * STREAMS):
        group.append(data)
        size += len(data)
        if size >= PACK * STREAMS:
            break
    return group


def _packs(items: list[tuple[Digest, bytes]]) -> Iterator[list[tuple[Digest, bytes]]]:
    """Share blobs out to as many packs as can be sent at a time, and to more where one would be too large."""
    share = max(1, min(MANY, -(-len(items) // STREAMS)))
    part, size = list[tuple[Digest, bytes]](), 0
    for one in items:
        if part and (len(part) >= share or size + len(one[1]) > PACK):
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one[1])
    if part:
        yield part


def _read_from(path: Path, offset: int, size: int, meter: _Meter) -> Iterator[bytes]:
    with Path(path).open("rb", buffering=0) as file:
        file.seek(offset)
        while offset < size:
            chunk = file.read(min(CHUNK, size - offset))
            if not chunk:
                raise _Changed(path, Digest(""))
            yield chunk
            offset += len(chunk)
            meter.at(offset)


def _hashed(path: Path) -> tuple[Digest, int]:
    state, size = hashlib.sha256(), 0
    with Path(path).open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
            size += len(chunk)
    return Digest("sha256:" + state.hexdigest()), size


def _verified(digest: Digest, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Hold each piece back until the next one is hashed, so that the last comes only when all are right."""
    state, behind, done = hashlib.sha256(), b"", 0
    for piece in pieces:
        if behind:
            yield behind
        state.update(piece)
        done, behind = done + len(piece), piece
    found = Digest("sha256:" + state.hexdigest())
    if found != digest:
        raise corrupt(digest, found, done)
    if behind:
        yield behind


def _whole(response: BaseHTTPResponse) -> Answer:
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, response.read())


def _refused(what: str, **facts: Any) -> Refused:
    return Refused(
        f"{what} is not done over the wire", kind="not-over-the-wire", hint="do it where the server's store is", **facts
    )
