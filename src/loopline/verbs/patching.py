"""patching: texts that differ, line by line, for `diff` and for the review of a change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from difflib import unified_diff
from typing import TYPE_CHECKING, Final, Literal

from loopline.errors import NotFound
from loopline.nouns.patch import Patch

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.entry import Difference

FILES: Final = 50
"""Texts that are compared in one answer."""
BYTES: Final = 256 * 1024
LINES: Final = 4000
"""Larger texts are not compared: how long that takes grows with the square of their lines."""


def patches(loop: Loop, differences: Iterable[Difference], *, swept: bool = False) -> tuple[Patch, ...]:
    """Compare the files of a comparison line by line; of what is no text, or too long, only say that.

    `swept`: what is not in the store is a note as well. Raise what reading a blob raises.
    """
    return tuple(_patches(loop, differences, swept=swept))


def _patches(loop: Loop, differences: Iterable[Difference], *, swept: bool) -> Iterator[Patch]:
    for count, one in enumerate(differences):
        word: Literal["added", "removed", "changed"] = (
            "added" if one.old is None else "removed" if one.new is None else "changed"
        )
        if count >= FILES:
            yield Patch(one.path, word, note=f"only the first {FILES} files are compared line by line")
            continue
        if one.old and one.new and one.old.digest == one.new.digest:
            yield Patch(one.path, word, note="only its mode differs")
            continue
        both = [side for side in (one.old, one.new) if side]
        if max(max(side.size, loop.blobs.size(side.digest) or 0) for side in both) > BYTES:  # a tree may say less
            yield Patch(one.path, word, note=f"longer than {BYTES >> 10} KiB")
            continue
        sides = (side.digest if side else None for side in (one.old, one.new))
        yield patch(loop, one.path, *sides, swept=swept)


def patch(loop: Loop, path: str, old: Digest | None, new: Digest | None, *, swept: bool = False) -> Patch:
    """Compare two blobs as texts; None is a text without lines. With `swept`, one that is not in the store is a note."""
    word: Literal["added", "removed", "changed"] = "added" if old is None else "removed" if new is None else "changed"
    try:
        before, after = (_lines(loop, side, pretty=path.lower().endswith(".json")) for side in (old, new))
    except UnicodeDecodeError:
        return Patch(path, word, note="no text")
    except NotFound as error:
        if not swept:
            raise
        return Patch(path, word, note=error.message)
    if max(len(before), len(after)) > LINES:
        return Patch(path, word, note=f"more than {LINES} lines")
    lines = list(unified_diff(before, after, lineterm=""))[2:]
    return Patch(
        path, word, "\n".join(lines), added=sum(line.startswith("+") for line in lines),
        removed=sum(line.startswith("-") for line in lines),
    )  # fmt: skip


def _lines(loop: Loop, digest: Digest | None, *, pretty: bool) -> list[str]:
    """Give the lines of a text. `pretty`: JSON that a program wrote into one line is indented first, or nobody could read it."""
    if digest is None:
        return []
    parts, size = [], 0
    for piece in loop.blobs.get(digest):
        parts.append(piece)
        size += len(piece)
        if size > BYTES:
            return [""] * (LINES + 1)
    body = b"".join(parts)
    if b"\0" in body:
        raise UnicodeDecodeError("utf-8", body, 0, 1, "a zero byte")
    text = body.decode()
    if pretty and text.count("\n") <= 1:
        with suppress(ValueError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]
