"""objects: one path of a branch or a version: read, written, copied, and as clients are told of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.lakefs.errors import Fault, missing
from loopline.faces.s3 import notes
from loopline.faces.s3.objects import Object, etag_of, objects
from loopline.verbs.staging import held_sums, stage, written

if TYPE_CHECKING:
    from loopline.datasets.overlay import Found, Overlay
    from loopline.faces.lakefs.addressing import Spot
    from loopline.faces.s3.receiving import Taken
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.name import RefName

DEFAULT: Final = "application/octet-stream"
META: Final = "x-lakefs-meta-"
LARGEST: Final = 8 << 10
"""Bytes of all metadata of an object, and of its type."""
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})\Z")


def find(loop: Loop, spot: Spot, path: str) -> Object:
    """Read what is at a path. Raise Fault 404."""
    view = spot.view(loop, path)
    over = view.overlay(loop)
    found = over.find(path) if path else None
    if found is None:
        raise missing(f"object {path!r}")
    return next(objects(loop, over, [(path, found)], view.at, {}))


def listed(loop: Loop, over: Overlay, found: Iterable[Found], at: int) -> Iterator[Object]:
    """Give many of one branch or version."""
    return objects(loop, over, [(one.path, one) for one in found], at, {})


def stats(one: Object, *, with_metadata: bool = True, address: str = "") -> dict[str, Any]:
    """Give what clients are told of an object."""
    said = {
        "path": one.key, "path_type": "object", "physical_address": address or f"loopline://{one.digest.replace(':', '/')}",
        "checksum": one.etag.strip('"'), "size_bytes": one.size, "mtime": one.modified // 1_000_000,
        "content_type": one.notes.get("type", DEFAULT),
    }  # fmt: skip
    return said | ({"metadata": one.notes.get("meta", {})} if with_metadata else {})


def common(prefix: str) -> dict[str, Any]:
    """Give what clients are told of a prefix that stands for all below it."""
    return {"path": prefix, "path_type": "common_prefix", "physical_address": "", "checksum": "", "mtime": 0}


def noted(kind: str, meta: Mapping[str, str]) -> notes.Notes:
    """Give what is kept of an object beside its bytes. Raise Fault 400 for what no header could say again."""
    size = len(kind.encode()) + sum(len(name.encode()) + len(value.encode()) for name, value in meta.items())
    if size > LARGEST or not all(map(notes.sayable, (kind, *meta, *meta.values()))):
        raise Fault(400, f"types and metadata are printable, and have at most {LARGEST} bytes together")
    said: notes.Notes = {}
    if kind and kind != DEFAULT:
        said["type"] = kind
    if meta:
        said["meta"] = dict(meta)
    return said


def meta_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Read the metadata that headers carry."""
    return {name[len(META) :]: _plain(value) for name, value in headers.items() if name.startswith(META)}


def put(
    loop: Loop, ref: RefName, path: str, taken: Taken, said: notes.Notes, *, headers: Mapping[str, str], beside: Any = None
) -> Object:  # fmt: skip
    """Stage bytes that are in the store. Raise Fault 412 where a header's condition does not hold."""
    if path.endswith("/") and taken.size:
        raise Fault(400, "a path that ends with / is a folder, and holds no bytes here")

    def keep(tx: Tables) -> None:
        held_sums(tx, loop.project, taken.digest, {"md5": taken.md5} if taken.md5 else {})
        if beside:
            beside(tx)

    def condition(tx: Tables, over: Overlay, found: Found | None) -> None:
        _hold(headers, _tag(tx, over, found) if found else None)

    row = written(path, taken.digest, taken.size, notes=notes.written(said))
    kept = stage(loop, ref, row, condition=condition if conditional(headers) else None, beside=keep)
    return Object(
        path, taken.digest, taken.size, kept.recorded_at, etag_of(taken.digest, said, taken.md5 or None), said
    )


def conditional(headers: Mapping[str, str]) -> bool:
    """Tell whether a writer sets conditions. Raise Fault 400 for one that writes do not have."""
    if headers.get("if-none-match", "*").strip() != "*":
        raise Fault(400, "If-None-Match of a write must be *")
    if "if-none-match" in headers and "if-match" in headers:
        raise Fault(400, "send If-None-Match or If-Match, not both")
    return "if-none-match" in headers or "if-match" in headers


def _hold(headers: Mapping[str, str], tag: str | None) -> None:
    if "if-none-match" in headers and tag is not None:
        raise Fault(412, "path already exists")
    match = headers.get("if-match")
    if match is not None and (tag is None or match.strip().strip('"') != tag.strip('"')):
        raise Fault(412, "the object is not the one that If-Match names")


def _tag(tx: Tables, over: Overlay, found: Found) -> str:
    said = notes.about(notes.read(over.notes(found)), found.entry.digest)
    return etag_of(found.entry.digest, said, tx.sums.of(found.entry.digest).get("md5"))


def part(headers: Mapping[str, str], size: int) -> tuple[int, int] | None:
    """Give first byte and length of what is asked for; None for all of it. Raise Fault 416."""
    said = headers.get("range")
    found = _RANGE.match(said.strip()) if said else None
    if found is None or not (found[1] or found[2]) or (found[1] and found[2] and int(found[2]) < int(found[1])):
        return None
    if found[1]:
        first, last = int(found[1]), min(int(found[2]) if found[2] else size - 1, size - 1)
    else:
        first, last = max(0, size - int(found[2])), size - 1
    if first > last or not size:
        raise Fault(416, "the range lies outside of the object", headers={"Content-Range": f"bytes */{size}"})
    return first, last - first + 1


def _plain(value: str) -> str:
    """Give a header's value as text: clients send UTF-8, which a server reads letter by letter."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
