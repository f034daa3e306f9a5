"""tick: triggers and monitors look once, where no server does that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from loopline.cli.place import Place
from loopline.errors import Invalid
from loopline.nouns.firing import Firing

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.settings import Settings

ROUNDS: Final = 10
"""How often what comes of work is looked at again."""


def tick(
    where: Place,
    *,
    work: Annotated[bool, "also do what was queued for it, and go on with what comes of that"] = False,
) -> tuple[Firing, ...]:
    """Let triggers look once, and tell what was fired or has gone on; for cron, where no server runs.

    Monitors of services look first. A server (`loopline up`) does all this by itself. A trigger looks from the first tick on that
    knows it; what was missed since the last one fires now, a schedule once. With --dry-run it only tells what would be fired.

    Example:
        loopline tick --work
    """
    from loopline.verbs.ticking import declared_triggers
    from loopline.verbs.ticking import tick as look
    from loopline.wiring import open_loop

    settings = where.settings
    if settings.url:
        raise Invalid(
            "a server looks for itself", kind="server-ticks", hint="loopline triggers tells what it has seen",
            url=settings.url,
        )  # fmt: skip
    if work and where.options.dry:
        raise Invalid("work cannot be rehearsed", kind="no-dry-run", hint="leave out --work")
    loop = open_loop(settings, dry=where.options.dry)
    try:
        if not where.options.dry:
            _watch(loop)
        done = [*look(loop)]
        with loop.ledger.read() as tx:
            queues = {one.do.queue for one in declared_triggers(tx, loop)} if work else set[str]()
        for _ in range(ROUNDS if work else 0):
            _work(settings, sorted(queues))
            more = look(loop)
            done += more
            if not more:
                break
    finally:
        loop.ledger.close()
    newest = {one.id: one for one in done}
    return tuple(newest.values())


def _watch(loop: Loop) -> None:
    """Have monitors look, where anything is served: only then are numpy and DuckDB worth loading."""
    with loop.ledger.read() as tx:
        served = tx.refs.any("service")
    if served:
        from loopline.server.watching import watch

        watch(loop)


def _work(settings: Settings, queues: list[str]) -> None:
    """Do what waits in some queues, one after the other, each task in a process of its own."""
    from loopline.server.worker import Wish
    from loopline.server.worker import work as do

    for queue in queues:
        do(settings, Wish(queue, once=True))
