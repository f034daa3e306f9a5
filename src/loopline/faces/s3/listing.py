"""listing: keys of a bucket in order, page by page, with what has a delimiter behind the prefix rolled up."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from loopline.faces.s3 import notes
from loopline.faces.s3.conditions import stamp
from loopline.faces.s3.errors import Fault
from loopline.faces.s3.objects import Object, objects
from loopline.faces.s3.signing import encoded, is_number
from loopline.nouns.name import Named, Pointer, RefName
from loopline.verbs.staging import look, version_view

if TYPE_CHECKING:
    from loopline.datasets.overlay import Found, Overlay
    from loopline.faces.s3.addressing import Place
    from loopline.loop import Loop

MOST = 1000
"""Lines of a page."""


class Keys(Protocol):
    """What keys are listed of."""

    def iter(self, prefix: str, start: str) -> Iterator[tuple[str, Any]]:
        """Give keys below a prefix from `start` on, in order, each with what is there."""


@dataclass(slots=True)
class Page:
    """Lines of a listing."""

    objects: list[Any] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""
    """The last line, to go on from."""


def page(keys: Keys, *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """Give at most `limit` lines that come after `after`. What lies under a common prefix is passed over, however much it is."""
    found = Page()
    start = _start(prefix, delimiter, after)
    while start is not None:
        again: str | None = None
        for key, one in keys.iter(prefix, start):
            if len(found.objects) + len(found.prefixes) == limit:
                found.truncated = limit > 0
                return found
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            if at >= 0:
                common = key[: at + len(delimiter)]
                found.prefixes.append(common)
                found.last, again = common, beyond(common)
                break
            found.objects.append(one)
            found.last = key
        else:
            return found
        start = again
    return found


def _start(prefix: str, delimiter: str, after: str) -> str | None:
    if not after:
        return prefix
    at = after.find(delimiter, len(prefix)) if delimiter and after.startswith(prefix) else -1
    if at >= 0 and after[: at + len(delimiter)] == after:
        return beyond(after)
    return max(prefix, f"{after}\0")


def beyond(prefix: str) -> str | None:
    """Give the smallest text above all that begin with a prefix, as far as UTF-8 can write it; None where there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last + 1 == 0xD800 else last + 1)
        prefix = prefix[:-1]
    return None


class Bucket:
    """The keys of a bucket: of its branch, or of every branch of its asset."""

    def __init__(self, loop: Loop, place: Place) -> None:
        self._loop, self._place = loop, place
        self._over: dict[str, tuple[Overlay, int]] = {}
        self._notes: dict[str, notes.Notes] = {}
        self._names = [""]
        if place.revision is None:
            with loop.ledger.read() as tx:
                self._names = sorted(f"{ref.name.ref}/" for ref in tx.refs.of(place.asset)) or ["main/"]

    def iter(self, prefix: str, start: str) -> Iterator[tuple[str, tuple[str, Found]]]:
        """Give keys with the branch that they are of, in order. No branch is opened before its turn: there may be thousands."""
        names = [name for name in self._names if self._may_have(name, prefix, start)]
        return chain.from_iterable(
            merge(*(self._of(name, prefix, start) for name in several), key=itemgetter(0)) for several in _nested(names)
        )

    def objects(self, found: list[tuple[str, str, Found]]) -> Iterator[Object]:
        """Give what is told of lines of a page: key, branch, path."""
        at = 0
        while at < len(found):
            name, end = found[at][1], at
            while end < len(found) and found[end][1] == name:
                end += 1
            over, when = self._opened(name)
            yield from objects(self._loop, over, [(key, one) for key, _, one in found[at:end]], when, self._notes)
            at = end

    def _may_have(self, name: str, prefix: str, start: str) -> bool:
        if not (name.startswith(prefix) or prefix.startswith(name)):
            return False
        return start <= name or start.startswith(name)

    def _of(self, name: str, prefix: str, start: str) -> Iterator[tuple[str, Any]]:
        over, _ = self._opened(name)
        below = prefix[len(name) :] if prefix.startswith(name) else ""
        first = start[len(name) :] if start.startswith(name) else ""
        for found in over.iter(below, first):
            yield f"{name}{found.path}", (f"{name}{found.path}", name, found)

    def _opened(self, name: str) -> tuple[Overlay, int]:
        if name not in self._over:
            revision = self._place.revision or Named(name[:-1])
            if isinstance(revision, Named):
                view = look(self._loop, RefName(self._place.asset, revision.ref))
            else:
                view = version_view(self._loop, Pointer(self._place.asset, revision))
            self._over[name] = (view.overlay(self._loop), view.at)
        return self._over[name]


def _nested(names: Iterable[str]) -> Iterator[list[str]]:
    """Put names together whose keys may stand between each other: `a/` and `a/b/`. They come sorted."""
    several: list[str] = []
    for name in names:
        if several and not name.startswith(several[0]):
            yield several
            several = []
        several.append(name)
    if several:
        yield several


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listing asks for."""

    version: int
    """Of the operation: 1, 2, or 0 for versions of objects."""
    prefix: str
    delimiter: str
    after: str
    limit: int
    url: bool
    """Whether keys are to be percent-encoded."""
    owner: bool
    query: dict[str, str]


def wanted(query: dict[str, str], version: int) -> Wanted:
    """Read a listing's question. Raise Fault InvalidArgument."""
    said = query.get("max-keys", str(MOST)) or str(MOST)
    if not is_number(said):
        raise Fault("InvalidArgument", "max-keys is no number.", ArgumentName="max-keys", ArgumentValue=said[:100])
    if query.get("encoding-type", "url").lower() != "url":
        raise Fault("InvalidArgument", "Invalid Encoding Method specified in Request")
    after = query.get("marker" if version == 1 else "key-marker" if version == 0 else "start-after", "")
    if version == 2 and "continuation-token" in query:
        after = _opened(query["continuation-token"])
    limit = min(int(said[:18]), MOST)
    owner = version != 2 or query.get("fetch-owner") == "true"
    return Wanted(
        version,
        query.get("prefix", ""),
        query.get("delimiter", ""),
        after,
        limit,
        "encoding-type" in query,
        owner,
        query,
    )


def listed(loop: Loop, place: Place, want: Wanted) -> tuple[str, list[tuple[str, Any]]]:
    """List: give the document's name and its rows."""
    bucket = Bucket(loop, place)
    found = page(bucket, prefix=want.prefix, delimiter=want.delimiter, after=want.after, limit=want.limit)
    lines = list(bucket.objects(found.objects))

    def key(text: str) -> str:
        return encoded(text.encode(), safe="/") if want.url else text

    rows: list[tuple[str, Any]] = [
        ("Name", place.name), ("Prefix", key(want.prefix)), ("Delimiter", key(want.delimiter) if want.delimiter else None),
        ("MaxKeys", want.limit), ("EncodingType", "url" if want.url else None), ("IsTruncated", found.truncated),
    ]  # fmt: skip
    rows += _paged(want, found, key)
    rows += [("Version" if want.version == 0 else "Contents", _line(one, want, key)) for one in lines]
    rows += [("CommonPrefixes", [("Prefix", key(one))]) for one in found.prefixes]
    return ("ListVersionsResult" if want.version == 0 else "ListBucketResult"), rows


def _paged(want: Wanted, found: Page, key: Any) -> list[tuple[str, Any]]:
    if want.version == 1:
        return [("Marker", key(want.after)), ("NextMarker", key(found.last) if found.truncated else None)]
    if want.version == 0:
        last = key(found.last) if found.truncated else None
        return [
            ("KeyMarker", key(want.after)), ("VersionIdMarker", ""), ("NextKeyMarker", last),
            ("NextVersionIdMarker", "null" if last is not None else None),
        ]  # fmt: skip
    token = urlsafe_b64encode(found.last.encode()).decode() if found.truncated else None
    return [
        ("KeyCount", len(found.objects) + len(found.prefixes)), ("ContinuationToken", want.query.get("continuation-token")),
        ("NextContinuationToken", token),
        ("StartAfter", key(want.query["start-after"]) if want.query.get("start-after") else None),
    ]  # fmt: skip


def _line(one: Object, want: Wanted, key: Any) -> list[tuple[str, Any]]:
    latest = [("VersionId", "null"), ("IsLatest", True)] if want.version == 0 else []
    kinds = one.checksums if want.version else {}
    return [
        ("Key", key(one.key)), *latest, ("LastModified", stamp(one.modified)), ("ETag", one.etag),
        *(("ChecksumAlgorithm", name) for name in kinds), ("Size", one.size), ("StorageClass", "STANDARD"),
        ("Owner", OWNER if want.owner else None),
    ]  # fmt: skip


OWNER = [("ID", "loopline"), ("DisplayName", "loopline")]
"""Everything belongs to the project; who may do what is said by roles and scopes, not by S3."""


def _opened(token: str) -> str:
    try:
        return b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (Error, ValueError):
        raise Fault("InvalidArgument", "The continuation token provided is incorrect") from None
