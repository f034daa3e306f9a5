"""multipart: objects that come in numbered parts. Each part is a blob; at the end they are joined into one."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.desk import act
from loopline.faces.s3 import checksums
from loopline.faces.s3.addressing import Place, Target
from loopline.faces.s3.errors import Fault
from loopline.faces.s3.objects import store
from loopline.faces.s3.receiving import Taken
from loopline.faces.s3.signing import is_number
from loopline.faces.s3.xml import Element
from loopline.ledger.multiparts import Multipart, Part

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.loop import Loop

MOST: Final = 10_000
_DIGITS: Final = 18
SMALLEST: Final = 5 << 20
"""Bytes of a part that is not the last one."""
_HEX: Final = re.compile(r'"?([0-9a-f]{32})"?\Z')


def begin(
    loop: Loop, target: Target, said: Mapping[str, Any], headers: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """Begin an upload; give its id and the headers of the answer."""
    if not target.path or target.path.endswith("/"):
        raise Fault("InvalidArgument", "A key that ends with / is a folder, and does not come in parts.")
    notes: dict[str, Any] = {"notes": dict(said)}
    told = {}
    if "x-amz-checksum-algorithm" in headers:
        name = checksums.named(headers["x-amz-checksum-algorithm"])
        kind = headers.get("x-amz-checksum-type", checksums.FULL if name == "CRC64NVME" else checksums.COMPOSITE)
        kind = kind.upper()
        wrong = (
            kind == checksums.COMPOSITE if name == "CRC64NVME" else kind == checksums.FULL and name.startswith("SHA")
        )
        if kind not in (checksums.FULL, checksums.COMPOSITE) or wrong:
            raise Fault(
                "InvalidRequest", f"The {kind[:20]} checksum type cannot be used with the {name} checksum algorithm."
            )
        checksums.sum_of(name)
        notes |= {"algorithm": name, "kind": kind}
        told = {"x-amz-checksum-algorithm": name, "x-amz-checksum-type": kind}
    one = Multipart(loop.ids.new(), target.ref.key, target.path, notes, str(loop.actor))
    target.view(loop)  # raises where there is no such branch
    with loop.ledger.telemetry() as tx:
        tx.multiparts.begin(one)
    return one.id, told


def known(loop: Loop, target: Target, name: str, *, ended: bool = False) -> Multipart:
    """Give an upload of a key. Raise Fault NoSuchUpload."""
    with loop.ledger.read() as tx:
        found = tx.multiparts.find(name) if re.fullmatch(r"[0-9a-f]{1,64}", name) else None
    if found is None or (found.owner, found.path) != (target.ref.key, target.path) or (found.done and not ended):
        raise Fault("NoSuchUpload", UploadId=name)
    return found


def number_of(text: str) -> int:
    """Read a part's number."""
    if not is_number(text) or len(text) > _DIGITS or not 1 <= int(text) <= MOST:
        raise Fault("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    return int(text)


def add(loop: Loop, one: Multipart, number: int, taken: Taken) -> None:
    """Keep a part."""
    with loop.ledger.telemetry() as tx:
        here = tx.multiparts.find(one.id)
        if here is None or here.done:
            raise Fault("NoSuchUpload", UploadId=one.id)
        tx.holdings.add(loop.project, [taken.digest])
        tx.multiparts.put(one.id, Part(number, taken.digest, taken.size, taken.md5, taken.sums))


def abort(loop: Loop, one: Multipart) -> None:
    """Forget an upload and its parts."""
    with loop.ledger.telemetry() as tx:
        tx.multiparts.end(one.id)


async def complete(
    request: Request, loop: Loop, where: tuple[Place, Target], one: Multipart, asked: Element
) -> tuple[str, dict[str, str]]:
    """Join the parts that a client names and stage the whole; give its tag and sums. Asked again it answers the same."""
    if one.done:
        return one.done["etag"], one.done["sums"]
    parts = await act(request, _chosen, loop, one, asked)
    algorithm, kind = one.notes.get("algorithm"), one.notes.get("kind")
    whole = [algorithm] if algorithm and kind == checksums.FULL else []
    taken = await joined(request, loop, parts, whole)
    notes = dict(one.notes["notes"])
    md5 = hashlib.md5(b"".join(bytes.fromhex(part.md5) for part in parts), usedforsecurity=False).hexdigest()
    notes |= {"etag": f"{md5}-{len(parts)}", "of": taken.digest[7:23]}
    notes["parts"] = [[size, len(list(same))] for size, same in groupby(part.size for part in parts)]
    sums: dict[str, str] = {}
    if algorithm and kind == checksums.COMPOSITE and all(algorithm in part.sums for part in parts):
        sums = {algorithm: checksums.composed(algorithm, [part.sums[algorithm] for part in parts])}
    elif algorithm and kind == checksums.FULL:
        sums = {algorithm: taken.sums[algorithm]}
    _hold(request.headers, sums, taken.size)
    if sums:
        notes["sums"] = sums

    def end(tx: Any) -> None:
        if tx.multiparts.find(one.id) is None:  # it was aborted while its parts were joined
            raise Fault("NoSuchUpload", UploadId=one.id)
        tx.multiparts.end(one.id, {"etag": f'"{notes["etag"]}"', "sums": sums})

    etag = await act(request, store, loop, *where, taken, notes, headers=request.headers, beside=end)
    return etag, sums


def _hold(headers: Mapping[str, str], sums: Mapping[str, str], size: int) -> None:
    for name, said in headers.items():
        algorithm = name.removeprefix(checksums.PREFIX).upper()
        if name.startswith(checksums.PREFIX) and algorithm in checksums.LENGTHS and sums.get(algorithm, said) != said:
            raise Fault("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    if headers.get("x-amz-mp-object-size", str(size)) != str(size):
        raise Fault("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match what was computed.")


def _chosen(loop: Loop, one: Multipart, asked: Element) -> list[Part]:
    with loop.ledger.read() as tx:
        here = {part.number: part for part in tx.multiparts.parts(one.id)}
    chosen: list[Part] = []
    for row in asked.all("Part"):
        number = number_of(row.get("PartNumber") or "")
        tag = _HEX.match(row.get("ETag") or "")
        part = here.get(number)
        if chosen and number <= chosen[-1].number:
            raise Fault("InvalidPartOrder", UploadId=one.id)
        if part is None or tag is None or tag[1] != part.md5:
            raise Fault("InvalidPart", UploadId=one.id, PartNumber=str(number))
        for name in checksums.LENGTHS:
            said = row.get(f"Checksum{name}")
            if said is not None and part.sums.get(name, said) != said:
                raise Fault("InvalidPart", UploadId=one.id, PartNumber=str(number))
        chosen.append(part)
    if not chosen:
        raise Fault("MalformedXML", "You must specify at least one part")
    small = [part for part in chosen[:-1] if part.size < SMALLEST]
    if small:
        raise Fault("EntityTooSmall", PartNumber=str(small[0].number), ProposedSize=str(small[0].size))
    return chosen


async def joined(request: Request, loop: Loop, parts: list[Part], wanted: list[str]) -> Taken:
    """Join parts, a piece of each at a time, so that no thread is held for long. One part is the whole already."""
    sums = {name: checksums.sum_of(name) for name in wanted}
    if len(parts) == 1 and not wanted:
        return Taken(parts[0].digest, parts[0].size, "")
    pieces = _pieces(loop, parts)
    writer = loop.blobs.writer()
    error: BaseException | None = None
    await act(request, writer.__enter__)
    try:
        piece: bytes | None = await act(request, next, pieces, b"")
        while piece:
            adding = [act(request, one.update, piece) for one in sums.values()]
            _, piece, *_ = await asyncio.gather(
                act(request, writer.write, piece), act(request, next, pieces, b""), *adding
            )
        digest, size = await act(request, writer.commit)
    except BaseException as caught:
        error = caught
        raise
    finally:
        await asyncio.shield(act(request, writer.__exit__, type(error) if error else None, error, None))
    return Taken(digest, size, "", {name: checksums.written(one.digest()) for name, one in sums.items()})


def _pieces(loop: Loop, parts: list[Part]) -> Iterator[bytes]:
    for part in parts:
        yield from (piece for piece in loop.blobs.get(part.digest) if piece)
