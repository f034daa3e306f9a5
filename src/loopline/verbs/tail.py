"""tail: what a run printed, also while it still prints."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

from loopline.errors import NotFound
from loopline.loop import Loop
from loopline.nouns.digest import Digest, find_digest
from loopline.nouns.ids import brief
from loopline.nouns.name import parse_ref
from loopline.nouns.run import Run, RunState
from loopline.nouns.series import Tail
from loopline.verbs.deploying import service_ref
from loopline.verbs.moving import at_home
from loopline.verbs.paging import HELD, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PIECE: Final = 64 << 10
_SPLIT: Final = 3
"""Bytes of a character that may have been cut off at the end."""


def tail(
    loop: Loop,
    run: Annotated[str, "first digits of a run, of a pipeline or of a step in it; or a deployment: service/delay@prod"],
    *,
    step: Annotated[str, "for a pipeline: whose log; the one that failed or runs, else the last, when left out"] = "",
    offset: Annotated[int, "byte to begin at; below zero: so many before the end"] = -PIECE,
    limit: Annotated[int, "bytes at most"] = PIECE,
) -> Tail:
    """Read a piece of what a run printed.

    Asking again from `next` gives what came since. A step that came from the cache shows what it printed when it ran. What a step
    prints while it runs can be read where it runs; so can what the processes of a deployment print.

    Example:
        loopline tail 019f1 --step train
    """
    at_most(limit, most=HELD, paged=False)
    if "/" in run:
        return _of_deployment(loop, run, offset, limit)
    with loop.ledger.read() as tx:
        found = tx.runs.resolve(loop.project, run)
        steps = tx.runs.children(found.id)
        chosen = _chosen(found, steps, step)
        if chosen.state is RunState.CACHED and chosen.origin:
            chosen = tx.runs.find(chosen.origin) or chosen
    kept = find_digest(chosen.tags.get("log"))
    if kept:
        size = loop.blobs.size(kept) or 0
        begin = _begin(offset, size)
        body = _read(loop, kept, begin, limit) if begin < size else b""
        return _piece(chosen, body, begin, limit, base=begin, size=size)
    return _growing(chosen, loop.work / "logs" / f"{chosen.id}.log", offset, limit)


def _of_deployment(loop: Loop, text: str, offset: int, limit: int) -> Tail:
    from loopline.serving.folders import log_of

    ref = service_ref(parse_ref(text, project=loop.project))
    at_home(loop, ref.asset)
    return _growing(Run(str(ref), loop.project, str(ref)), log_of(loop.work, loop.project, str(ref)), offset, limit)


def _chosen(run: Run, steps: Sequence[Run], name: str) -> Run:
    if name:
        for one in steps:
            if one.name == name or (len(name) >= 8 and one.id.startswith(name)):
                return one
        raise NotFound(
            f"run {brief(run.id)} has no step {name}", kind="no-step",
            hint=f"its steps are {', '.join(one.name for one in steps)}" if steps else "it has no steps",
            run=run.id, step=name,
        )  # fmt: skip
    for state in (RunState.FAILED, RunState.CRASHED, RunState.RUNNING):
        for one in steps:
            if one.state is state:
                return one
    return steps[-1] if steps and "log" not in run.tags else run


def _read(loop: Loop, log: Digest, begin: int, limit: int) -> bytes:
    """Read a piece of a log that is over, and hold no more than that. Out of a file it comes unverified: the rest is not read."""
    path = loop.blobs.path(log)
    if path is not None:
        with suppress(OSError), path.open("rb") as file:  # a copy of what is far away may go meanwhile
            file.seek(begin)
            return file.read(limit)
    found, at = bytearray(), 0
    for chunk in loop.blobs.get(log):
        found += chunk[max(0, begin - at) : max(0, begin + limit - at)]
        at += len(chunk)
        if at >= begin + limit:
            break
    return bytes(found)


def _growing(run: Run, path: Path, offset: int, limit: int) -> Tail:
    """Read a log that is still written, where this machine writes it."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            begin = _begin(offset, size)
            file.seek(begin)
            body = file.read(limit)
    except OSError:
        return Tail(run.id, run.name, 0, 0, 0, "", run.state.over)
    return _piece(run, body, begin, limit, base=begin, size=size)


def _piece(run: Run, body: bytes, offset: int, limit: int, *, base: int, size: int) -> Tail:
    begin = _begin(offset, size)
    piece = body[begin - base : begin - base + limit]
    end = begin + len(piece)
    if end < size or not run.state.over:
        piece = _whole(piece)
        end = begin + len(piece)
    return Tail(run.id, run.name, begin, end, size, piece.decode(errors="replace"), run.state.over and end >= size)


def _begin(offset: int, size: int) -> int:
    return max(0, size + offset) if offset < 0 else min(offset, size)


def _whole(piece: bytes) -> bytes:
    """Leave out the beginning of a character whose rest is yet to come (RFC 3629 §3: up to four bytes)."""
    for back in range(1, min(_SPLIT, len(piece)) + 1):
        byte = piece[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return piece[:-back] if length > back and back < len(piece) else piece
    return piece
