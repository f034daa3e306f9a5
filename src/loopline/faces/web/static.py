"""static: scripts, styles and signs of the pages, under an address that changes with their content."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from loopline.faces.web.packing import packed, packs

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Statics:
    """Every file as it was when the server began."""

    version: str
    """Hash over all of them: modules import each other by relative names, so they share one folder of the address."""
    files: dict[str, bytes]
    small: dict[str, bytes]
    """The same, compressed."""

    def url(self, name: str) -> str:
        """Give the address of a file. Raise KeyError for one that is not there."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"


@cache
def statics() -> Statics:
    """Read the folder once."""
    files = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES}
    digest = sha256(b"".join(name.encode() + b"\0" + body + b"\0" for name, body in files.items()))
    return Statics(digest.hexdigest()[:12], files, {name: packed(body, level=9) for name, body in files.items()})


async def static(request: Request) -> Response:
    """Answer with a file. Under the present version it may be kept for ever; under another one it is told where it went."""
    name = request.path_params["name"]
    body = statics().files.get(name)
    if body is None:
        return Response("there is no such file\n", 404, {"X-Content-Type-Options": "nosniff"}, "text/plain")
    current = request.path_params["version"] == statics().version
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if current else "no-store",
        "Content-Type": _TYPES[Path(name).suffix],
        "ETag": f'W/"{statics().version}"',
        "Vary": "Accept-Encoding, Sec-Fetch-Site",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; sandbox",
    }
    if current and request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if packs(request.headers):
        return Response(statics().small[name], headers={**headers, "Content-Encoding": "gzip"})
    return Response(body, headers=headers)
