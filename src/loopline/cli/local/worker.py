"""worker: does what others have asked a server for."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid


def worker(
    where: Place,
    *,
    queue: Annotated[str, "which tasks to take"] = "default",
    slots: Annotated[int, "tasks at a time"] = 1,
    once: Annotated[bool, "leave when the queue is empty"] = False,
    lease: Annotated[timedelta, "how long a task waits for a worker that has fallen silent"] = timedelta(seconds=30),
) -> None:
    """Take tasks off a queue of this ledger and do them, one process each, until Ctrl-C.

    It needs the ledger itself: the home folder of the server, or the same LOOPLINE_DATABASE and LOOPLINE_STORE. What is under
    way when it stops is given back. A worker that was paused past its lease finds that it may not write any more.

    Example:
        loopline worker --queue gpu --slots 2
    """
    from loopline.nouns.task import queue_named
    from loopline.server.worker import Wish, work

    if where.options.dry:
        raise Invalid(
            "a worker cannot be rehearsed", kind="no-dry-run", hint="loopline find tasks --open tells what waits"
        )
    if not 1 <= slots <= 256:
        raise Invalid(f"{slots} slots make no worker", kind="bad-value", hint="write a number from 1 to 256")
    if not timedelta(seconds=1) <= lease <= timedelta(days=1):
        raise Invalid(f"a lease of {lease} is no use", kind="bad-value", hint="write a time from 1s to 1d")
    settings = where.settings
    if not where.options.quiet:
        where.screen.say(f"waiting for tasks of queue {queue_named(queue)}; Ctrl-C gives back what is under way")
        where.screen.flush()
    work(settings, Wish(queue_named(queue), slots, once, round(lease.total_seconds() * 1e6)))
