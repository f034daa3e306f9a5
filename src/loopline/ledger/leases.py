"""leases: who may act on something, until when (table leases).

A holder that was paused past its time finds a greater fence when it comes back, and whatever it tries with its old one is
refused (Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

from loopline.errors import Conflict
from loopline.store.database import Rows


@dataclass(frozen=True, slots=True)
class Lease:
    """A right to act that ends by itself."""

    name: str
    holder: str
    fence: int
    """Grows with every taking, and never comes back."""
    until: int


class Leases:
    """All leases by name."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def take(self, name: str, holder: str, *, lasting: int) -> Lease:
        """Take a free or expired lease for `lasting` microseconds. Raise Conflict while another holds it.

        The same holder gets a new fence too: a restarted process is another one.
        """
        row = self._rows.one(  # one statement: two who ask at the same moment cannot both see it free
            "INSERT INTO leases (name, holder, fence, until) VALUES (?, ?, 1, ?) ON CONFLICT (name) DO UPDATE SET"
            " holder = excluded.holder, fence = leases.fence + 1, until = excluded.until"
            " WHERE leases.until <= ? OR leases.holder = excluded.holder RETURNING fence",
            name, holder, self._now + lasting, self._now,
        )  # fmt: skip
        if row is None:
            held = self._rows.one("SELECT holder, until FROM leases WHERE name = ?", name) or ("somebody", 0)
            raise Conflict(
                f"{held[0]} is at work on {name}", kind="lease-held", hint="wait until it is done", name=name, holder=held[0],
                until=held[1],
            )  # fmt: skip
        return Lease(name, holder, int(row[0]), self._now + lasting)

    def renew(self, lease: Lease, *, lasting: int) -> Lease:
        """Hold on to it for longer. Raise Conflict when somebody else has it by now."""
        self.check(lease)
        self._rows.do(
            "UPDATE leases SET until = ? WHERE name = ? AND fence = ?", self._now + lasting, lease.name, lease.fence
        )
        return Lease(lease.name, lease.holder, lease.fence, self._now + lasting)

    def check(self, lease: Lease) -> None:
        """Raise Conflict unless this very lease is the newest and has not run out."""
        row = self._rows.one("SELECT fence, until FROM leases WHERE name = ?", lease.name)
        if row is None or row[0] != lease.fence or row[1] <= self._now:
            raise Conflict(
                f"{lease.holder} has lost {lease.name}", kind="lease-lost", hint="stop, and read again what became of it",
                name=lease.name, fence=lease.fence,
            )  # fmt: skip

    def held(self, name: str) -> bool:
        """Tell whether anybody has it now."""
        return self._rows.one("SELECT 1 FROM leases WHERE name = ? AND until > ?", name, self._now) is not None

    def give_back(self, lease: Lease) -> None:
        """Let go of it; nothing happens if it was lost already."""
        self._rows.do("UPDATE leases SET until = 0 WHERE name = ? AND fence = ?", lease.name, lease.fence)
