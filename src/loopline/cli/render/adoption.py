"""adoption: what was taken over from another tool, and what was given to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.cli.text import aligned, clean, plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.adoption import Adopted, Exported, Handover, Takeover

_TONES: Final = {
    "adopted": "good",
    "waiting": "wait",
    "unchanged": "good",
    "lacking": "bad",
    "skipped": "wait",
    "planned": "wait",
}


def list_of_adopted(values: Sequence[Adopted], screen: Screen) -> Iterator[str]:
    """Draw a line for each, then what is lacking and what to do about it."""
    rows = []
    for one in values:
        made = f"{one.version}" + (f" ({one.versions} versions)" if one.versions > 1 else "")
        files = f"{plural(one.files, 'file')}, {size(one.bytes)}" if one.files or one.bytes else ""
        came = ", ".join(f"{count:,} from the {kind}" for kind, count in one.sources)
        rows.append([
            screen.mark(_TONES[one.state], one.state),
            clean(one.path),
            clean(made or one.asset),
            files,
            clean(came),
        ])
    yield from aligned(rows)
    for one in values:
        if one.lacks:
            yield f"{screen.paint('less', clean(one.path))} lacks {plural(one.lacks, 'file')}:"
            yield from (f"  {clean(path)}" for path in one.lacking)
            if one.lacks > len(one.lacking):
                yield f"  and {one.lacks - len(one.lacking)} more"
        if one.note:
            yield f"{screen.paint('name', '→')} {clean(one.path)}: {clean(one.note)}"


def exported(value: Exported, screen: Screen) -> Iterator[str]:
    """Draw it in a line."""
    verb = "to write" if value.dry else "written"
    yield (
        f"{screen.paint('name', clean(value.version))} {clean(value.path)} {clean(value.value)}: {plural(value.files, 'file')},"
        f" {plural(value.objects, 'object')} ({size(value.objects_bytes)}) {verb}"
    )


def takeover(value: Takeover, screen: Screen) -> Iterator[str]:
    """Draw what is there beside what is here, then what was left out and what differs."""
    tone = {"adopted": "good", "differs": "bad", "planned": "wait"}[value.state]
    yield f"{screen.mark(tone, value.state)} {clean(value.source)}"
    yield from _held(value, screen, ("there", "here"))


def handover(value: Handover, screen: Screen) -> Iterator[str]:
    """Draw what is here beside what was written, then what was left out and what differs."""
    tone = {"exported": "good", "differs": "bad", "planned": "wait"}[value.state]
    yield f"{screen.mark(tone, value.state)} {clean(value.target)}"
    yield from _held(value, screen, ("here", "there"))


def _held(value: Takeover | Handover, screen: Screen, sides: tuple[str, str]) -> Iterator[str]:
    rows = [["", *sides, ""]]
    for one in value.tallies:
        write = size if one.what == "bytes" else "{:,}".format
        counts = {"there": write(one.there), "here": write(one.here)}
        same = screen.mark("good", "same") if one.same and one.there == one.here else screen.mark("bad", "differs")
        if value.state == "planned":
            same = ""
        if one.there or one.here:
            rows.append([clean(one.what), *(counts[side] for side in sides), same])
    yield from aligned(rows)
    for left in value.left:
        names = f": {clean(', '.join(left.names))}" if left.names else ""
        more = f" and {left.count - len(left.names)} more" if left.names and left.count > len(left.names) else ""
        tone = "bad" if left.lost else "wait"
        yield f"{screen.paint(tone, 'left out')} {left.count:,} {clean(left.what)}: {clean(left.why)}{names}{more}"
    if value.state == "differs":
        yield from (f"{screen.paint('bad', 'differs')} {clean(one)}" for one in value.differing)
