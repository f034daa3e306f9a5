"""shipper: a thread that ships a run's journal while the run goes on."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 (it hooks into the interpreter's end, and cannot any more once that has begun)
import threading
import time
from collections.abc import Callable
from typing import Final

from loopline.errors import LooplineError
from loopline.sdk.client import Client
from loopline.sdk.forking import import_all
from loopline.sdk.journal import Journal, log, remove_when_shipped
from loopline.sdk.shipping import Shipment

PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
PATIENCE_S: Final = 30.0
"""How long `finish` waits for a ledger that does not answer before it leaves the journal to the next process."""
TRIES: Final = 3


class Shipper:
    """Ships one journal. `connect` is called in its thread, so that whoever starts a run does not wait for the ledger."""

    def __init__(
        self,
        journal: Journal,
        connect: Callable[[], Client],
        *,
        first: Callable[[Client, Journal], None] | None = None,
        pause: float = PAUSE_S,
        remote: bool = False,
    ) -> None:
        self._remote = remote
        self._journal = journal
        self._connect = connect
        self._first = first
        self._pause = pause
        self._stop = threading.Event()
        self._one = threading.Lock()
        self._failed = 0
        self.shipment: Shipment | None = None
        self._thread = threading.Thread(target=self._run, name="loopline-shipper", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads: all is shipped at the end
            log.warning("loopline cannot ship while the run goes on: %s", error)

    def flush(self, patience: float = PATIENCE_S) -> bool:
        """Ship what is in the journal now. Tell whether all of it is in the ledger."""
        if self._journal.number() < 0 or not self._one.acquire(timeout=max(patience, 0.0)):
            return False
        try:
            return self._try()
        finally:
            self._one.release()

    def finish(self) -> bool:
        """Stop, ship the rest and remove the journal. False where the journal is left to the next process.

        What does not answer is waited for PATIENCE_S in all, and the one request that is under way then.
        """
        until = time.monotonic() + PATIENCE_S
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_S)
        done = False
        for wait in (0.1, 0.5, 0.0)[-TRIES:]:
            done = self.flush(until - time.monotonic())
            if done or self._journal.number() < 0 or time.monotonic() + wait >= until:
                break
            threading.Event().wait(wait)
        if done and self.shipment is not None:
            remove_when_shipped(self._journal.path, self._journal.number(), self.shipment.end)
        self._journal.close()
        return done

    def _run(self) -> None:
        import_all(remote=self._remote)
        if self._first is not None:
            self.flush()
            try:
                self._first(self._connect(), self._journal)
            except Exception as error:  # noqa: BLE001 (what was captured is a gift, never a condition)
                log.warning("loopline could not capture code and environment: %s", error)
        pause = 0.0
        while not self._stop.wait(pause):
            pause = self._pause if self.flush() else min(LONGEST_PAUSE_S, self._pause * 2**self._failed)

    def _try(self) -> bool:
        try:
            if self.shipment is None:
                self.shipment = Shipment(
                    self._connect(), self._journal.path, self._journal.number(), source=self._journal.source, fresh=True
                )
            before = self.shipment.end
            try:
                self.shipment.ship()
            finally:
                if self.shipment.end > before:
                    self._journal.append("shipped", self.shipment.end)
            if self.shipment.end > before:
                self.shipment.pass_over()
        except Exception as error:  # noqa: BLE001 (the tracker never breaks the training)
            self._failed += 1
            if self._failed == 1:
                said = error.message if isinstance(error, LooplineError) else f"{type(error).__name__}: {error}"
                log.warning(
                    "loopline cannot reach its ledger: %s. What is logged waits in %s.", said, self._journal.path
                )
            return False
        self._failed = 0
        return True
