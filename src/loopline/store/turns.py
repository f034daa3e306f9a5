"""turns: writers of one process, who take turns at one transaction and wait for the disk together.

SQLite has one writer at a time, and each commit waits for the disk. Writers who come while another one commits wait for their
turn; the first of them begins a transaction, each of the others goes on in it, and the last one commits it for all. Each returns
when that commit is on disk, and fails where it fails. Nobody waits for somebody who has not come yet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

MOST: Final = 64
"""Writers in one transaction."""
LONGEST_S: Final = 0.05
"""How old a transaction may be that somebody else joins: other processes want to write, too."""
_LOOK_S: Final = 0.1
"""How often one looks whether who should have committed has gone: an interrupt may come between any two steps."""


class Shared:
    """A transaction that several writers are in, one after the other."""

    def __init__(self, connection: Any, keep: object) -> None:
        self.connection = connection
        self._keep = keep  # the connection is open for as long as somebody needs this
        self._began = time.monotonic()
        self._done = threading.Event()
        self._error: Exception | None = None
        self.members = 0
        """Writers whose work is in it."""
        self.undone: Exception | None = None
        """What ended the transaction before its commit: a full disk, for one, undoes all of it."""

    @property
    def young(self) -> bool:
        """Whether somebody else may join."""
        return self.members < MOST and time.monotonic() - self._began < LONGEST_S

    def check(self) -> None:
        """Raise again what ended the transaction: nothing can be added to it then."""
        if self.undone is not None and not self.connection.in_transaction:
            raise again(self.undone)

    def rollback(self) -> None:
        """Undo all of it, if that has not happened."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def commit(self) -> None:
        """Make it durable, or let every member fail. An interrupt of this thread is no failure of theirs."""
        try:
            try:
                self.check()
                self.connection.execute("COMMIT")
            except Exception:
                raise
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("COMMIT")
                raise
        except Exception as error:
            self._error = error
            self.rollback()
            raise
        finally:
            self._done.set()

    def wait(self, turns: Turns) -> None:
        """Wait until it is durable. Raise what its commit raised."""
        while not self._done.wait(_LOOK_S):
            turns.look_after(self)
        if self._error is not None:
            raise again(self._error)


class Turns:
    """Whose turn it is."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held by whoever uses the connection of writers."""
        self._guard = threading.Lock()
        self._waiting = 0
        self._open: Shared | None = None

    def take(self, begin: Callable[[], Shared]) -> Shared:
        """Wait for the turn; give the transaction that is open, or one that `begin` opens. Call `leave` afterwards."""
        with self._guard:
            self._waiting += 1
        try:
            self.lock.acquire()
        finally:
            with self._guard:
                self._waiting -= 1
        try:
            shared, self._open = self._open, None
            return shared or begin()
        except BaseException:
            self.lock.release()
            raise

    def leave(self, shared: Shared) -> None:
        """Hand a transaction on to who waits, or commit it; drop one that nobody's work is in."""
        try:
            if shared.connection.in_transaction and not shared.members:
                shared.rollback()
            elif shared.members:
                with self._guard:
                    if self._waiting and shared.young and shared.connection.in_transaction:
                        self._open = shared
                        return
                shared.commit()
        finally:
            self.lock.release()

    def settle(self) -> None:
        """Commit what is open, for somebody who has the lock and wants the file for themselves."""
        shared, self._open = self._open, None
        if shared is not None:
            shared.commit()

    def look_after(self, shared: Shared) -> None:
        """Commit a transaction that whoever it was handed to has left alone."""
        if self.lock.acquire(blocking=False):
            try:
                if self._open is shared:
                    self.settle()
            finally:
                self.lock.release()


def again(error: Exception) -> Exception:
    """Give an error once more, for another thread."""
    try:
        made = type(error)(*error.args)
    except TypeError:
        return error
    made.__cause__ = error
    return made
