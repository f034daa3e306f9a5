"""sessions: browsers that are signed in, and devices that wait for somebody to let them (tables sessions, devices).

Both are known by the hash of a secret that the browser or the device keeps. A device's login is that of RFC 8628.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from loopline.errors import NotFound
from loopline.store.database import Row, Rows

LASTING: Final = 12 * 3600 * 1_000_000
"""Microseconds for which a session lasts without being used."""
LONGEST: Final = 7 * 24 * 3600 * 1_000_000
"""Microseconds after which a session ends, however much it is used."""
WAITING: Final = 600 * 1_000_000
"""Microseconds for which a device may wait."""
PAUSE: Final = 5_000_000
"""Microseconds that a device leaves between two questions."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in."""

    actor: str
    csrf: str
    created_at: int
    expires_at: int
    token: str | None = None
    """Id of the token that it was begun with, and with which it ends."""


@dataclass(frozen=True, slots=True)
class Device:
    """A login that began on a device without a browser."""

    user_code: str
    client: str
    """What the device says of itself."""
    created_at: int
    expires_at: int
    actor: str | None
    state: Literal["waiting", "allowed", "denied", "used"]
    token: str | None = None
    """Id of the token that whoever answered was let in with: the device gets no more than that."""


class Sessions:
    """Every session and every device."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def begin(self, hashed: str, actor: str, *, csrf: str, token: str | None = None) -> None:
        """Sign a browser in."""
        self._rows.do(
            "INSERT INTO sessions (hash, actor, csrf, created_at, expires_at, token) VALUES (?, ?, ?, ?, ?, ?)",
            hashed, actor, csrf, self._now, self._now + LASTING, token,
        )  # fmt: skip

    def find(self, hashed: str) -> Session | None:
        """Look a session up; None where it is over."""
        row = self._rows.one("SELECT actor, csrf, created_at, expires_at, token FROM sessions WHERE hash = ?", hashed)
        found = Session(*row) if row else None
        return found if found and min(found.expires_at, found.created_at + LONGEST) > self._now else None

    def slide(self, hashed: str) -> None:
        """Let a session that is in use last on."""
        self._rows.do("UPDATE sessions SET expires_at = ? WHERE hash = ?", self._now + LASTING, hashed)

    def end(self, hashed: str) -> None:
        """Sign a browser out."""
        self._rows.do("DELETE FROM sessions WHERE hash = ?", hashed)

    def end_all(self, *, actor: str = "", token: str = "") -> int:
        """Sign out every browser of an actor, or those that were signed in with a token."""
        if token:
            return self._rows.do("DELETE FROM sessions WHERE token = ?", token)
        return self._rows.do("DELETE FROM sessions WHERE actor = ?", actor)

    def wait(self, hashed: str, user_code: str, client: str) -> Device:
        """Begin the login of a device."""
        self._rows.do(
            "INSERT INTO devices (hash, user_code, client, created_at, expires_at, state) VALUES (?, ?, ?, ?, ?, 'waiting')",
            hashed, user_code, client[:200], self._now, self._now + WAITING,
        )  # fmt: skip
        return Device(user_code, client[:200], self._now, self._now + WAITING, None, "waiting")

    def device(self, user_code: str) -> Device | None:
        """Look up what waits under a code; None where nothing does any more."""
        row = self._rows.one(f"{_DEVICE} WHERE user_code = ? AND state = 'waiting'", user_code)
        found = _device(row) if row else None
        return found if found and found.expires_at > self._now else None

    def answer(self, user_code: str, actor: str, *, allow: bool, token: str | None = None) -> None:
        """Let a device in as an actor, or not. Raise NotFound where nothing waits under that code."""
        done = self._rows.do(
            "UPDATE devices SET state = ?, actor = ?, token = ? WHERE user_code = ? AND state = 'waiting' AND expires_at > ?",
            "allowed" if allow else "denied", actor, token, user_code, self._now,
        )  # fmt: skip
        if not done:
            raise NotFound(
                "nothing waits under this code",
                kind="no-device",
                hint="look at the code again, or begin anew: loopline login",
            )

    def asked(self, hashed: str) -> tuple[Device | None, bool]:
        """Give how a device's login stands, None where it is over, and whether it asks too soon after its last question."""
        found, before = self._known(hashed)
        return found, found is not None and self._now - before < PAUSE

    def ask(self, hashed: str) -> tuple[Device | None, bool]:
        """Give what `asked` does, and write the question down unless it came too soon. An allowed login is so for one answer."""
        found, before = self._known(hashed)
        if found is None or self._now - before < PAUSE:
            return found, found is not None
        after = "used" if found.state == "allowed" else found.state
        told = self._rows.do(
            "UPDATE devices SET asked_at = ?, state = ? WHERE hash = ? AND asked_at = ? AND state = ?",
            self._now, after, hashed, before, found.state,
        )  # fmt: skip
        return found, not told

    def _known(self, hashed: str) -> tuple[Device | None, int]:
        row = self._rows.one(f"{_DEVICE} WHERE hash = ?", hashed)
        found = _device(row) if row else None
        return (found, row[7]) if row and found and found.expires_at > self._now else (None, 0)

    def sweep(self) -> int:
        """Forget what is over, and say how many went."""
        gone = self._rows.do(
            "DELETE FROM sessions WHERE expires_at < ? OR created_at < ?", self._now, self._now - LONGEST
        )
        return gone + self._rows.do("DELETE FROM devices WHERE expires_at < ?", self._now)


_DEVICE: Final = "SELECT user_code, client, created_at, expires_at, actor, state, token, asked_at FROM devices"


def _device(row: Row) -> Device:
    return Device(*row[:7])
