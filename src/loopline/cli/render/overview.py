"""overview: a project on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import name, short_id, status, target, when, who
from loopline.cli.text import aligned, clean, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.overview import Current, Overview, Waiting
    from loopline.nouns.run import Run


def overview(value: Overview, screen: Screen) -> Iterator[str]:
    """Draw what is current, what is open, what runs and what failed."""
    counts = f"{plural(value.runs, 'run')}, {plural(value.assets, 'asset')}"
    yield f"{screen.paint('head', clean(value.project))}  {screen.paint('dim', counts)}"
    if value.refs:
        yield ""
        yield screen.paint("dim", "current")
        yield from aligned([_current(one, screen) for one in value.refs], width=screen.width)
        if value.more_refs:
            yield screen.paint("dim", f"  {plural(value.more_refs, 'ref')} more")
    yield from _served(value, screen)
    for one in value.changes:
        yield ""
        yield from _waiting(one, screen)
    for word, runs in (("running", value.running), ("failed", value.failed)):
        if runs:
            yield ""
            yield screen.paint("dim", word)
            yield from aligned(_runs(runs, screen), width=screen.width)
    if value.incidents:
        yield ""
        yield screen.paint("dim", "incidents")
        rows = [
            [f"  {screen.paint('name', short_id(one.id))}", one.severity, when(one.opened_at, screen), clean(one.title)]
            for one in value.incidents
        ]
        yield from aligned(rows, width=screen.width)


def _served(value: Overview, screen: Screen) -> Iterator[str]:
    """Draw the deployments that are not as they should be, and what monitors see."""
    if value.deployments:
        from loopline.cli.render.deployment import list_of_deployment

        yield ""
        yield screen.paint("dim", "services to look at")
        yield from (f"  {line}" for line in list_of_deployment(value.deployments, screen))
    if value.alerts:
        from loopline.cli.render.alert import list_of_alert

        yield ""
        yield screen.paint("dim", "open alerts")
        yield from (f"  {line}" for line in list_of_alert(value.alerts, screen))


def _current(one: Current, screen: Screen) -> list[str]:
    ref, moved = one.ref, one.moved
    why = f"{who(moved.author)}: {clean(moved.reason)}" if moved else ""
    return [
        f"  {name(ref.name, screen)}",
        screen.paint("head", target(ref.target)),
        clean(ref.tier),
        when(ref.moved_at, screen),
        why,
    ]


def _waiting(one: Waiting, screen: Screen) -> Iterator[str]:
    change = one.change
    mine = f"  {screen.paint('wait', 'waits for you')}" if one.mine else ""
    yield f"{screen.paint('dim', 'change')} {screen.paint('name', short_id(change.id))}  {status(change.state, screen)}{mine}"
    moves = ", ".join(f"{name(move.ref, screen)} {target(move.old)} → {target(move.new)}" for move in change.moves)
    yield f"  {moves}  {who(change.author)}: {clean(change.reason)}"
    for need in one.lacks:
        yield f"  {screen.paint('bad', 'lacks')} {clean(need.text)}  {screen.paint('dim', clean(need.observed))}"


def _runs(runs: Sequence[Run], screen: Screen) -> list[list[str]]:
    return [
        [
            f"  {screen.paint('name', short_id(one.id))}", clean(one.name), status(one.state, screen),
            when(one.ended_at or one.started_at or one.recorded_at, screen), clean(one.error or ""),
        ]
        for one in runs
    ]  # fmt: skip
