"""register: what lies in a folder or a bucket as the next version of a data asset, without copying it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from loopline.datasets.tree import build
from loopline.loop import Loop
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.nouns.registration import Registration
from loopline.store.leased import hold_on
from loopline.verbs.add import add
from loopline.verbs.instants import instant
from loopline.verbs.moving import at_home
from loopline.verbs.registering import Reading, allowed

if TYPE_CHECKING:
    from collections.abc import Iterator


def register(
    loop: Loop,
    asset: Annotated[AssetName, "data/flights"],
    source: Annotated[str, "where it lies: a folder, or s3://BUCKET/PREFIX, gs://…, az://…"],
    *,
    branch: Annotated[str, "the branch that moves"] = "main",
    message: Annotated[str, "-m", "what is new"] = "",
    expect: Annotated[int | None, "version that the branch must still stand at"] = None,
    event_time: Annotated[
        int | None, "the time that the data are about: 2026-07-31, 2026-07-31T09:30 (UTC), or microseconds", instant
    ] = None,
) -> Registration:
    """Publish what lies in a folder or a bucket as the next version, without copying it.

    Each object is read once, for its digest; registered again, only what has changed there. Cut short, the same command goes on
    where it was. From then on the version is read where it lies: what is changed or removed there is damage, which is told by
    whoever reads it. A server registers only from places that its setting `server.register_from` names.

    Example:
        loopline register data/flights s3://flights/raw
    """
    at_home(loop, asset)
    reading = Reading(loop, allowed(loop, source))
    reading.look()
    told = Registration(reading.name, len(reading.seen), reading.bytes, len(reading.unread), reading.unread_bytes)
    if loop.ledger.dry:
        return replace(told, dry=True)
    hold_on(loop.blobs)
    reading.read()

    def entries() -> Iterator[Entry]:
        for at, one in enumerate(reading.seen):
            yield Entry(one.key, reading.digest(at), one.stamp.size, reading.mode(at))

    root = build(loop.blobs, entries())
    published = add(
        loop, asset, tree=root, branch=branch, message=message or f"register {reading.name}", expect=expect,
        event_time=event_time,
    )  # fmt: skip
    return replace(
        told, files=len(reading.seen), bytes=reading.bytes, version=str(published.version), change=published.change
    )
