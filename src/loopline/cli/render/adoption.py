"""adoption: what was taken over from another tool, and what was given to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.cli.text import aligned, clean, plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.adoption import Adopted, Exported

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
        f"{screen.paint('name', clean(value.version))} {clean(value.path)} {value.value}: {plural(value.files, 'file')},"
        f" {plural(value.objects, 'object')} ({size(value.objects_bytes)}) {verb}"
    )
