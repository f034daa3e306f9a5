"""commits: versions as commits, with ids that clients take for hashes, and the log.

A tree's digest is no commit id: a revert has one twice. So an id is made of what a version is, and its first twelve digits are
the version's number, scattered: it is found again without a table, by any prefix of at least these twelve.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Final

import msgspec

from loopline.nouns.version import FIRST_PARENT, ORIGIN

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.name import AssetName
    from loopline.nouns.version import Version

SPACE: Final = 1 << 48
_SPREAD: Final = 0x9E3779B97F4B
_BACK: Final = pow(_SPREAD, -1, SPACE)
RESERVED: Final = ("notes", ORIGIN, FIRST_PARENT, "key", "files", "bytes")
"""Names in the metadata of a version that mean something to Loopline."""
APART: Final = "lakefs_"
"""What stands in front of such a name where a client gave it."""
_ID: Final = re.compile(r"[0-9a-f]{12,64}\Z")
_GO_ON: Final = "before:"


def id_of(version: Version) -> str:
    """Give the id of a version's commit: 64 hex digits that stay the same."""
    first = (version.number * _SPREAD + _mask(version.asset)) % SPACE
    said = [
        version.asset.key,
        version.number,
        version.artifact.digest,
        version.author,
        version.message,
        version.recorded_at,
    ]
    return f"{first:012x}{sha256(msgspec.json.encode(said)).hexdigest()[:52]}"


def by_id(tx: Tables, asset: AssetName, text: str) -> Version | None:
    """Find the version of a commit by at least twelve digits of its id, or by the whole id that it was imported with."""
    if not _ID.match(text):
        return None
    number = (int(text[:12], 16) - _mask(asset)) * _BACK % SPACE
    found = tx.versions.find(asset, number) if 0 < number < 1 << 40 else None
    if found is not None and id_of(found).startswith(text):
        return found
    imported = tx.versions.saying(asset, f'"commit":"{text}"') if len(text) == 64 else ()
    return next((one for one in imported if origin_of(one).get("commit") == text), None)


def _mask(asset: AssetName) -> int:
    return int(sha256(f"lakefs {asset.key}".encode()).hexdigest()[:12], 16)


def origin_of(version: Version) -> Mapping[str, Any]:
    """Give what a version was where it comes from; nothing for one that was made here."""
    found = version.metadata.get(ORIGIN)
    return found if isinstance(found, Mapping) else {}


def commit_of(tx: Tables, version: Version) -> dict[str, Any]:
    """Give a version as a commit."""
    origin = origin_of(version)
    author, at = origin.get("author"), origin.get("recorded_at")
    parents = [tx.versions.find(version.asset, number) for number in version.line]
    return {
        "id": id_of(version),
        "parents": [id_of(one) for one in parents if one],
        "committer": author if isinstance(author, str) and author else version.author,
        "message": version.message,
        "creation_date": (at if isinstance(at, int) else version.recorded_at) // 1_000_000,
        "meta_range_id": version.artifact.digest.removeprefix("sha256:"),
        "metadata": _strings(version, origin),
        "generation": version.number,
        "version": 1,
    }


def _strings(version: Version, origin: Mapping[str, Any]) -> dict[str, str]:
    """Give what a version says of itself in words; of one that was imported, also which commit it was."""
    commit = origin.get("commit")
    return own_words(version) | ({"lakefs_commit": commit} if isinstance(commit, str) else {})


def own_words(version: Version) -> dict[str, str]:
    """Give what somebody has said of a version in words, under the names that they gave."""
    said = {name: value for name, value in version.metadata.items() if isinstance(value, str) and name not in RESERVED}
    return {kept_name(name, back=True): value for name, value in said.items()}


def kept_name(name: str, *, back: bool = False) -> str:
    """Give the name under which a word of a client is kept, so that it is none that versions have a meaning for; or back."""
    if back:
        own = name.removeprefix(APART)
        return own if own in RESERVED else name
    return f"{APART}{name}" if name in RESERVED else name


def log(tx: Tables, version: Version, after: str, *, first_parent: bool) -> Iterator[tuple[Version, str]]:
    """Give a version and all that it comes from, newest first, each with what to go on from behind it.

    Parents have lower numbers than what comes from them, so the highest number that waits is the next, and those that wait are
    all that one has to know to go on.
    """
    waiting = _waiting(version, after)
    heapify(waiting)
    floor = SPACE if not after or after.startswith(_GO_ON) else _number(tx, version, after)
    while waiting:
        here = tx.versions.find(version.asset, -heappop(waiting))
        if here is None:
            continue
        for parent in here.line[:1] if first_parent else here.line:
            if -parent not in waiting:
                heappush(waiting, -parent)
        if here.number < floor:
            yield here, _GO_ON + ",".join(str(-one) for one in sorted(waiting, reverse=True))


def _waiting(version: Version, after: str) -> list[int]:
    if not after.startswith(_GO_ON):
        return [-version.number]
    numbers = {int(one) for one in after.removeprefix(_GO_ON).split(",") if re.fullmatch(r"[0-9]{1,15}", one)}
    return [-one for one in numbers if one < version.number]


def _number(tx: Tables, version: Version, after: str) -> int:
    found = by_id(tx, version.asset, after)
    return found.number if found else 0
