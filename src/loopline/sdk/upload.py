"""upload: one blob on its way into a registry, taken over from another repository, in one request, or chunk by chunk.

Where a large one stands is written down after each chunk, so that who is killed goes on there.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, short
from loopline.sdk import registry as registries
from loopline.store.files import locked

if TYPE_CHECKING:
    from loopline.sdk.registry import Answer, Read, Registry

_TRIES: Final = 5
"""Failures in a row, without a byte between them."""
_BYTES: Final = "application/octet-stream"


class Upload:
    """One blob that the registry lacks."""

    def __init__(self, registry: Registry, digest: Digest, size: int, read: Read, folder: Path | None) -> None:
        self._registry, self._digest, self._size, self._read = registry, digest, size, read
        name = sha256(f"{registry.repository} {digest}".encode()).hexdigest()[:32]
        large = size > registries.PART
        self._note = folder / "uploads" / name if folder is not None and large else None
        self._where = ""

    def run(self) -> None:
        """Send it. Raise Unavailable. Of two processes that send one blob, the second begins an upload of its own."""
        with contextlib.ExitStack() as held:
            if self._note is not None:
                try:
                    self._note.parent.mkdir(parents=True, exist_ok=True)
                    held.enter_context(locked(f"{self._note}.lock", make=True))
                    held.callback(self._unlock)
                except OSError:
                    self._note = None
            self._send()

    def _send(self) -> None:
        number = 0
        while True:
            number += 1
            if number > 1:
                self._registry.pause(number - 1)
            at = self._begin()
            if at is None:
                return  # taken over
            done, failed = self._go_on(at)
            if done or self._registry.has(self._digest):
                self._forget()
                return
            self._forget()
            if number == _TRIES:
                raise failed

    def _begin(self) -> int | None:
        """Go on with what was begun, or begin; give where it stands, None where nothing need be sent."""
        if self._note is not None and not self._where:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                self._where = self._note.read_text(encoding="utf-8")
                if (at := self._stands()) is not None:
                    return at
        answer = self._asked()
        if answer.status == 201:
            return None
        if answer.status != 202 or not answer.headers.get("location"):
            raise self._registry.unexpected(answer)
        self._moved(answer)
        return 0

    def _asked(self) -> Answer:
        """Ask for an upload, or for the blob of a neighbour; who may not read there does without."""
        beside = self._registry.beside
        if beside:
            try:
                return self._registry.ask("POST", f"blobs/uploads/?mount={quote(self._digest)}&from={quote(beside)}")
            except Unavailable as error:
                if error.kind != "store-refused":
                    raise
                self._registry.beside = ""
        return self._registry.ask("POST", "blobs/uploads/")

    def _go_on(self, at: int) -> tuple[bool, Unavailable]:
        """Send what is left; tell whether it is there, else why not."""
        if self._size <= registries.PART:
            answer = self._finish(self._read(0, self._size) if self._size else b"")
            return answer is not None and answer.status in {201, 204}, self._failed(answer)
        failures = 0
        while True:
            answer = self._patch(at) if at < self._size else self._finish(b"")
            if answer is not None and answer.status in {201, 204} and at == self._size:
                return True, self._failed(answer)
            if answer is not None and answer.status == 202 and at < self._size:
                self._moved(answer)
                at, failures = min(_end_of(answer, at + registries.PART), self._size), 0
                continue
            failures += 1
            if answer is None and at == self._size and self._registry.has(self._digest):
                return True, self._failed(answer)
            found = self._stands() if failures < _TRIES else None
            if found is None or found < at:
                return False, self._failed(answer)
            at = found
            self._registry.pause(failures, answer)

    def _patch(self, at: int) -> Answer | None:
        chunk = self._read(at, min(registries.PART, self._size - at))
        said = {"Content-Type": _BYTES, "Content-Range": f"{at}-{at + len(chunk) - 1}"}
        answer = self._once("PATCH", self._where, chunk, said)
        if answer is not None and answer.status == 202:
            self._registry.sent += len(chunk)
        return answer

    def _finish(self, rest: bytes) -> Answer | None:
        mark = "&" if "?" in self._where else "?"
        answer = self._once("PUT", f"{self._where}{mark}digest={quote(self._digest)}", rest, {"Content-Type": _BYTES})
        if answer is not None and answer.status < 300:
            self._registry.sent += len(rest)
        return answer

    def _once(self, method: str, url: str, body: bytes, said: dict[str, str]) -> Answer | None:
        """Send what must not be sent twice blindly; None where no answer came."""
        try:
            return self._registry.ask(method, url, body=body, headers=said, tries=1)
        except Unavailable as error:
            if error.kind != "store-unreachable":
                raise
            return None

    def _stands(self) -> int | None:
        """Ask how much of it has arrived; None where the upload is no more."""
        answer = self._registry.ask("GET", self._where) if self._where else None
        if answer is None or answer.status != 204:
            return None
        self._moved(answer)
        at = _end_of(answer, 0)
        return at if at <= self._size else None

    def _moved(self, answer: Answer) -> None:
        """Take over where the next request goes, and write it down."""
        if place := answer.headers.get("location"):
            self._where = self._registry.target(place)
        if self._note is not None:
            with contextlib.suppress(OSError):
                half = self._note.with_name(f"{self._note.name}.{os.getpid()}")
                half.write_text(self._where, encoding="utf-8")
                half.replace(self._note)

    def _forget(self) -> None:
        self._where = ""
        if self._note is not None:
            with contextlib.suppress(OSError):
                self._note.unlink()

    def _unlock(self) -> None:
        with contextlib.suppress(OSError):
            Path(f"{self._note}.lock").unlink()

    def _failed(self, answer: Answer | None) -> Unavailable:
        if answer is not None:
            return self._registry.unexpected(answer)
        where = str(self._registry.repository)
        return Unavailable(
            f"the registry of {where} takes blob {short(self._digest)} not to its end", kind="store-unreachable",
            hint="give the same command again: it goes on where it was", store=where, digest=self._digest,
        )  # fmt: skip


def _end_of(answer: Answer, otherwise: int) -> int:
    """Read `Range: 0-N`: how many bytes are there. Nothing is written as 0-0, as is a single byte: then it is nothing."""
    _, dash, last = answer.headers.get("range", "").rpartition("-")
    if not dash or not last.isascii() or not last.isdigit() or len(last) > 18:
        return otherwise
    return int(last) + 1 if int(last) else 0
