"""forking: what a background thread must not do while the program forks.

A module that is half imported by another thread at the moment of a fork stays half imported in the child for ever, and it may
be one that the child's own work needs. So our threads import inside of `importing`, and a fork waits for that, a few seconds
at the most; everything else they do, they do without importing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Final

PATIENCE_S: Final = 5.0
"""How long a fork waits: longer than any import takes."""


class _Gate:
    """A lock that belongs to whoever imports, or to a fork."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.held = False

    def before(self) -> None:
        self.held = self.lock.acquire(timeout=PATIENCE_S)

    def after_in_parent(self) -> None:
        if self.held:
            self.held = False
            self.lock.release()

    def after_in_child(self) -> None:
        self.lock, self.held = threading.RLock(), False


_gate = _Gate()


@contextmanager
def importing() -> Iterator[None]:
    """Keep the program from forking while this block imports. Do nothing slow inside."""
    gate = _gate.lock
    with gate:
        yield


_NEEDED: Final = (
    "concurrent.futures.thread",
    "hashlib",
    "subprocess",
    "loopline.environments.capture",
    "loopline.environments.lock",
    "loopline.ledger.staging",
    "loopline.sdk.capture",
    "loopline.sdk.leftovers",
    "loopline.sdk.opening",
    "loopline.sdk.shipping",
    "loopline.sdk.snapshot",
    "loopline.sdk.values",
    "loopline.store.intake",
    "loopline.store.pieces",
    "loopline.wiring",
)
"""What shipping and capturing use, and what those modules import only when they are called."""
_HERE: Final = (
    "loopline.ledger.assets",
    "loopline.ledger.ledger",
    "loopline.ledger.lineage",
    "loopline.ledger.metrics",
    "loopline.ledger.projects",
    "loopline.ledger.reclaims",
    "loopline.ledger.runs",
    "loopline.ledger.schema",
    "loopline.ledger.versions",
    "loopline.ledger.writers",
    "loopline.store.database",
    "loopline.store.sidecars",
)
"""And what a ledger in this process uses."""
_THERE: Final = (
    "encodings.idna",
    "ssl",
    "urllib3",
    "loopline.sdk.outbox",
    "loopline.sdk.remote",
    "loopline.sdk.transfer",
    "loopline.store.cached",
)
"""And what a server's client uses."""


def import_all(*, remote: bool = False) -> None:
    """Import what the threads of a run need later on."""
    with importing():
        for name in (*_NEEDED, *(_THERE if remote else _HERE)):
            import_module(name)
        if remote:
            from loopline.sdk.remote import learn

            learn()  # reading the signatures of verbs imports what they mention


os.register_at_fork(before=_gate.before, after_in_parent=_gate.after_in_parent, after_in_child=_gate.after_in_child)
