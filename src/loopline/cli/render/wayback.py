"""wayback: what a rollback would move, and why."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from loopline.cli.render.words import name, short_id, target, when, who
from loopline.cli.text import aligned, clean
from loopline.nouns.digest import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.wayback import WayBack


def wayback(value: WayBack, screen: Screen) -> Iterator[str]:
    """Draw every ref that moves with its reason, what stays, what is marked, what comes back with it, and the next step."""
    word = "would go forward again" if value.forward else "would go back"
    yield f"{screen.paint('head', clean(str(value.ref)))}  {word}, all at once or not at all"
    yield ""
    rows = []
    for one in value.moves:
        goes = screen.paint("bad", "deleted") if one.move.new is None else screen.paint("head", target(one.move.new))
        why = "" if one.move.ref == value.ref else screen.paint("dim", clean(one.why))
        rows.append([f"  {name(one.move.ref, screen)}", target(one.move.old), "→", goes, why])
    yield from (line.rstrip() for line in aligned(rows, width=screen.width))
    yield from _staying(value, screen)
    for title, versions in (("into quarantine", value.quarantines), ("out of quarantine", value.lifts)):
        if versions:
            yield ""
            yield f"{screen.paint('dim', title)}  {clean(', '.join(versions))}"
    yield from _pinned(value, screen)
    yield ""
    yield screen.paint("dim", "takes back")
    rows = [
        [f"  {screen.paint('name', short_id(one.change))}", who(one.author), when(one.at, screen), clean(one.reason)]
        for one in value.undoes
    ]
    yield from (line.rstrip() for line in aligned(rows, width=screen.width))
    yield from (f"  ends change {clean(short_id(one))}, which rolls" for one in value.aborts)
    if value.notes or value.forward:
        yield ""
    yield from (f"{screen.paint('wait', '!')} {clean(note)}" for note in value.notes)
    if value.forward:
        yield f"{screen.paint('wait', '!')} going forward is a change as any other: it waits for its policy"
    yield ""
    ref, digest = clean(quote(str(value.ref))), clean(short(value.digest))
    just = screen.paint("dim", f"(loopline rollback {ref} … --expect {digest} does just this)")
    yield f"{screen.paint('dim', 'digest')}  {digest}  {just}"


def _staying(value: WayBack, screen: Screen) -> Iterator[str]:
    if not value.stays:
        return
    yield ""
    yield screen.paint("dim", "stays")
    rows = []
    for one in value.stays:
        more = f" (--also {quote(str(one.ref))} takes it along)" if one.kind == "moved-on" else ""
        rows.append([f"  {name(one.ref, screen)}", target(one.at), clean(one.why + more)])
    yield from (line.rstrip() for line in aligned(rows, width=screen.width))


def _pinned(value: WayBack, screen: Screen) -> Iterator[str]:
    if not value.pinned:
        return
    yield ""
    yield screen.paint("dim", "comes back with the specification")
    rows = [[f"  {clean(one.name)}", clean(one.old), "→", clean(one.new)] for one in value.pinned]
    yield from (line.rstrip() for line in aligned(rows, width=screen.width))
