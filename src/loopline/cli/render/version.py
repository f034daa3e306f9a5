"""version: one version, what was just published, and the list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loopline.cli.render.plainly import cell
from loopline.cli.render.words import name, short_id, when, who
from loopline.cli.text import aligned, clean, facts, size
from loopline.nouns.digest import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.change import Published
    from loopline.nouns.version import Version


_COLUMNS: Final = 8


def version(value: Version, screen: Screen) -> Iterator[str]:
    """Draw one version with what it says about itself."""
    yield f"{name(value.asset, screen)}{screen.paint('head', f'@{value.number}')}{_marks(value, screen)}"
    if value.message:
        yield clean(value.message)
    if value.text and value.text != value.message:
        yield clean(value.text)
    yield ""
    pairs: list[tuple[str, Any]] = [
        ("digest", str(value.artifact.digest)),
        ("kind", value.artifact.media_type),
        ("size", size(value.artifact.size) if value.artifact.size else ""),
        ("by", who(value.author)),
        ("recorded", when(value.recorded_at, screen)),
        ("about", when(value.event_time, screen) if value.event_time else ""),
        ("run", short_id(value.run) if value.run else ""),
        ("after", ", ".join(f"@{parent}" for parent in value.parents)),
        ("tags", ", ".join(f"{key}={text}" for key, text in value.tags.items())),
    ]
    yield from facts([(screen.paint("dim", key), clean(text)) for key, text in pairs if text])
    if value.metadata:
        yield ""
        told = [
            (str(key), _signature(one) if key == "signature" else cell(one, screen, str(key)))
            for key, one in value.metadata.items()
        ]
        yield from facts([(screen.paint("dim", clean(key)), text) for key, text in told])


def published(value: Published, screen: Screen) -> Iterator[str]:
    """Draw a new version and where the ref stands."""
    one = value.version
    made = f"{name(one.asset, screen)}{screen.paint('head', f'@{one.number}')}"
    line = f"{made}  {short(one.artifact.digest)}  {clean(one.message)}".rstrip()
    if value.change is None:
        yield f"{screen.mark('dim', 'unchanged')}  {line}"
        return
    yield line
    from loopline.cli.render.change import change, moves

    if value.change.state == "applied":
        yield from moves(value.change, screen)
    else:
        yield ""
        yield from change(value.change, screen)


def list_of_version(values: Sequence[Version], screen: Screen) -> Iterator[str]:
    """Draw one line a version."""
    rows = [
        [
            f"{name(one.asset, screen)}{screen.paint('head', f'@{one.number}')}",
            short(one.artifact.digest),
            who(one.author),
            when(one.recorded_at, screen),
            f"{clean(one.message)}{_marks(one, screen)}",
        ]
        for one in values
    ]
    yield from aligned(rows, width=screen.width)


def _signature(value: Any) -> str:
    """Write what goes in and what comes out: `km FP64 → predict FP64`; `--json` and the card say more of each column."""
    try:
        sides = [[f"{one['name']} {one['type']}" for one in value[side]] for side in ("inputs", "outputs")]
    except (KeyError, TypeError):  # metadata is anybody's
        return clean(str(value))
    shown = [
        ", ".join([*side[:_COLUMNS], *([f"{len(side) - _COLUMNS} more"] if side[_COLUMNS:] else [])]) for side in sides
    ]
    return clean(" → ".join(shown))


def _marks(value: Version, screen: Screen) -> str:
    marks = []
    if value.quarantined:
        marks.append(screen.paint("bad", "✗ quarantined"))
    if value.deleted_at:
        marks.append(screen.paint("dim", "– deleted"))
    return "".join(f"  {mark}" for mark in marks)
