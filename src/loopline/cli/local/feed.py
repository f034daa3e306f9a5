"""feed: what has happened, and with --follow what happens from now on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

from loopline.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopline.cli.place import Place
    from loopline.nouns.event import Event

PAUSE_S: Final = 0.5
"""Between two looks: a look costs a read by index, and nobody reads faster."""
PAGE: Final = 200


def feed(
    where: Place,
    *,
    after: Annotated[int | None, "only events behind this number, oldest first"] = None,
    before: Annotated[int | None, "only events in front of this number"] = None,
    kind: Annotated[str, "only this kind, or a pattern: change.*"] = "",
    subject: Annotated[str, "only events about this: a ref, a version, a run's or change's whole id"] = "",
    actor: Annotated[str, "only what this actor did: ann, token:ci"] = "",
    limit: Annotated[int, "how many at most"] = 50,
    follow: Annotated[
        bool, "-f", "go on with what happens from now on, until Ctrl-C; with --json one object a line"
    ] = False,
) -> tuple[Event, ...]:
    """Tell what has happened, newest first; with --after oldest first, to go on from an event that is known.

    With --follow the newest are told oldest first, and then whatever happens, within a second, here or at a server; a server
    that is restarted in between is waited for.

    Example:
        loopline feed --kind "change.*"
    """
    asked = {"kind": kind, "subject": subject, "actor": actor}
    if not follow:
        return _ask(where, limit=limit, after=after, before=before, **asked)
    if before is not None:
        raise Invalid("what happens from now on has no end", kind="two-ways", hint="leave --before out")
    if after is None:
        newest = _ask(where, limit=1)  # before the others are read: nothing may fall in between
        there = _ask(where, limit=limit, **asked)
        _tell(where, there[::-1])
        after = max((one.seq for one in (*there[:1], *newest)), default=0)
    return _follow(where, after, asked)


def _follow(where: Place, after: int, asked: dict[str, str]) -> NoReturn:
    """Tell page after page. Ctrl-C ends it, and a pipe that nobody reads any more."""
    waiting = False
    while True:
        try:
            page = _ask(where, after=after, limit=PAGE, **asked)
        except Unavailable as error:
            if not waiting:
                where.screen.say(f"{where.screen.paint_err('wait', 'waiting:')} {error}")
            page, waiting = (), True
        else:
            waiting = False
        _tell(where, page)
        after = page[-1].seq if page else after
        if len(page) < PAGE:
            time.sleep(PAUSE_S)


def _ask(where: Place, **asked: Any) -> tuple[Event, ...]:
    from loopline.verbs.feed import feed as verb

    found: tuple[Event, ...] = where.client.do(verb, **asked)
    return found


def _tell(where: Place, events: Sequence[Event]) -> None:
    screen = where.screen
    if not events:
        return
    if where.options.json:
        import json

        from loopline.verbs.plain import plain

        for one in events:
            screen.write(json.dumps(plain(one, project=where.settings.project), ensure_ascii=False) + "\n")
    else:
        from loopline.cli.render.event import list_of_event

        screen.find_zone = lambda: where.zone
        screen._now = None  # noqa: SLF001 (this command outlives the moment that others tell ages by)
        screen.write("".join(f"{line}\n" for line in list_of_event(events, screen)))
    screen.out.flush()
