"""together: some calls at a time. At the interpreter's end, where no thread can begin, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

Task = Callable[[], None]


def together(tasks: Sequence[Task], *, at_once: int) -> None:
    """Call each, up to `at_once` at a time, and return when all have returned. Raise what the first of them raised.

    After one has raised, none is begun any more; those that run are waited for.
    """
    queue: SimpleQueue[Task] = SimpleQueue()
    for task in tasks:
        queue.put(task)
    wrong: list[BaseException] = []

    def work() -> None:
        while not wrong:
            try:
                task = queue.get_nowait()
            except Empty:
                return
            try:
                task()
            except BaseException as error:  # noqa: BLE001 (it is raised where the calls were asked for)
                wrong.append(error)

    threads = []
    for number in range(min(at_once, len(tasks)) - 1):
        thread = threading.Thread(target=work, name=f"loopline-transfer-{number}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads
            break
        threads.append(thread)
    work()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]
