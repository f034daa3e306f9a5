"""sources: where an import finds its files: in this server's own repositories and buckets, or in storage that it may read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from loopline.datasets.path import check_path
from loopline.errors import Refused
from loopline.faces.lakefs.addressing import LIST, READ, REGISTER, find_repository, find_spot
from loopline.faces.lakefs.errors import Fault, missing
from loopline.faces.s3.addressing import find_place, target_of
from loopline.faces.s3.errors import Fault as S3Fault
from loopline.nouns.entry import Entry
from loopline.nouns.staged import Staged
from loopline.verbs.registering import Reading, allowed

if TYPE_CHECKING:
    from loopline.faces.lakefs.asking import Ask
    from loopline.faces.lakefs.wire import ImportLocation
    from loopline.loop import Loop
    from loopline.verbs.staging import View

_AWAY: Final = ("s3", "gs", "az", "local")
"""Schemes of what other storage is called; a folder of the server is `local:///…`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Files that were found: of a place, those of one path or below a prefix, and where they go."""

    view: View
    path: str
    whole: bool
    into: str

    def rows(self, loop: Loop) -> Iterator[Staged]:
        """Give them as they shall be on the branch. Raise Fault 404 for one that is not there, Invalid for no path."""
        over = self.view.overlay(loop)
        there = over.iter(self.path) if self.whole else (one for one in [over.find(self.path)] if one is not None)
        first = next(there, None)
        if first is None:  # a prefix that was mistyped must not empty where it goes
            raise missing(f"object {self.path!r}")
        for one in chain([first], there):
            path = self.into + one.path[len(self.path) :] if self.whole else self.into
            check_path(path.removesuffix("/"))
            yield Staged(path, replace(one.entry, path=path), over.notes(one))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Files of other storage: of a place, all of them or one."""

    place: str
    only: str
    into: str

    @property
    def whole(self) -> bool:
        """Whether it is all that is there."""
        return not self.only

    def rows(self, loop: Loop) -> Iterator[Staged]:
        """Read what is not known for its digest, and give all as they shall be on the branch. Raise what `Reading` raises."""
        reading = Reading(loop, self.place)
        reading.look(self.only)
        reading.read()
        above = below(self.into)
        for at, one in enumerate(reading.seen):
            path = above + one.key if self.whole else self.into
            check_path(path)
            yield Staged(path, Entry(path, reading.digest(at), one.stamp.size, reading.mode(at)))


def source_of(ask: Ask, one: ImportLocation) -> Source | Elsewhere:
    """Find files for somebody who may read them. Raise Refused for storage that this server is not to read."""
    scheme, _, rest = one.path.partition("://")
    name, _, path = rest.partition("/")
    whole = one.type == "common_prefix"
    if scheme == "lakefs":
        ref, _, path = path.partition("/")
        loop, repository = find_repository(ask.request, name, READ, LIST)
        return Source(find_spot(loop, repository, ref).view(loop), path, whole, one.destination)
    if scheme == "s3":
        try:
            loop, place = find_place(ask.request, name, READ, LIST)
            target = target_of(loop, place, path)
        except S3Fault as error:
            if error.code == "NoSuchBucket":
                return _elsewhere(ask, one)
            raise
        except Refused as error:  # whether or not there is such a bucket here: it may be one of S3
            with suppress(Refused):
                return _elsewhere(ask, one)
            raise error from None
        return Source(target.view(loop), target.path, whole, one.destination)
    return _elsewhere(ask, one)


def _elsewhere(ask: Ask, one: ImportLocation) -> Elsewhere:
    """Find files of other storage for somebody who may register them, before anything is looked at there."""
    loop, _ = find_repository(ask.request, ask.names[0], REGISTER)
    scheme, _, rest = one.path.partition("://")
    if scheme not in _AWAY or (scheme == "local" and not rest.startswith("/")):
        raise Fault(400, f"{one.path[:200]!r} is not read here: name lakefs://, s3://, gs://, az:// or local:///")
    place, only = (rest if scheme == "local" else one.path), ""
    if one.type == "object":
        place, _, only = place.rpartition("/")
        check_path(only)
    return Elsewhere(allowed(loop, place or "/"), only, one.destination)


def below(folder: str) -> str:
    """Give what the path of each file in a folder begins with; "" is the folder at the top."""
    return f"{folder.rstrip('/')}/" if folder.rstrip("/") else ""
