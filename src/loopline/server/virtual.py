"""virtual: buckets as names of hosts (`raw-flights.s3.example.org`), told to everybody further in as paths below `/s3`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SENT: Final = "loopline.s3.path"
"""Where the path is kept as it was sent: that is what was signed."""


class VirtualHosts:
    """The outermost layer, where a host is set apart for buckets; without one it does nothing."""

    def __init__(self, app: ASGIApp, *, host: str = "") -> None:
        self._app = app
        self._host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the bucket in front of the path."""
        bucket = self._bucket(scope) if self._host and scope["type"] == "http" else None
        if bucket is not None:
            raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
            before = f"/s3/{bucket}" if bucket else "/s3"
            scope = {**scope, SENT: raw, "path": f"{before}{scope['path']}", "raw_path": before.encode() + raw}
        await self._app(scope, receive, send)

    def _bucket(self, scope: Scope) -> str | None:
        """Give the bucket that a host names, nothing for the host itself, None for every other host."""
        said = next((value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"), "")
        name = said.rpartition(":")[0] if said.rpartition(":")[2].isdigit() and ":" in said else said
        if name == self._host:
            return ""
        return name.removesuffix(f".{self._host}") if name.endswith(f".{self._host}") else None
