"""chunked: bodies that come in chunks of their own within the body (`aws-chunked`), with signatures, with sums at their end.

A body is `SIZE[;chunk-signature=HEX] CRLF BYTES CRLF …`, a chunk of size 0, lines `NAME:VALUE CRLF`, and CRLF. Every signature
goes on from the one before, the first from that of the request (AWS's "Signature calculations for the authorization header:
streaming").
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from hashlib import sha256
from typing import Final

from loopline.faces.s3.errors import Fault
from loopline.faces.s3.signing import EMPTY, Signed

LONGEST_LINE: Final = 1024
MOST_TRAILERS: Final = 8
_HEAD: Final = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\Z")


class Decoder:
    """Takes a body as it comes, and gives what is in it. `signed` is where signatures begin; None: none is looked at."""

    def __init__(
        self, *, signed: Signed | None = None, must_sign: bool = False, trailers: Collection[str] = ()
    ) -> None:
        self._signed, self._must_sign = signed, must_sign
        self._before = signed.signature if signed else ""
        self._trailers = frozenset(trailers)
        self._held = bytearray()
        self._left = 0
        self._state = "head"
        self._hash = sha256()
        self._said = ""
        self.trailers: dict[str, str] = {}
        """What came behind the last chunk."""

    def feed(self, data: bytes) -> list[bytes]:
        """Give the bytes that are whole by now. Raise Fault for what is no such body, or was signed by nobody."""
        self._held += data
        found: list[bytes] = []
        while True:
            if self._state == "data":
                piece = bytes(self._held[: self._left])
                del self._held[: len(piece)]
                self._left -= len(piece)
                if piece:
                    if self._signed:
                        self._hash.update(piece)
                    found.append(piece)
                if self._left:
                    return found
                self._state = "end"
            elif self._state == "end":
                if len(self._held) < 2:
                    return found
                if self._held[:2] != b"\r\n":
                    raise _broken()
                del self._held[:2]
                self._check()
                self._state = "head"
            elif self._state == "done":
                if self._held:
                    raise _broken()
                return found
            else:
                line = self._line()
                if line is None:
                    return found
                if self._state == "head":
                    self._head(line)
                else:
                    self._trailer(line)

    def finish(self) -> None:
        """Raise Fault where the end is missing."""
        if self._state != "done":
            raise Fault("IncompleteBody")

    def _line(self) -> bytes | None:
        end = self._held.find(b"\n")
        if end < 0:
            if len(self._held) > LONGEST_LINE:
                raise _broken()
            return None
        line = bytes(self._held[:end]).removesuffix(b"\r")
        if len(line) > LONGEST_LINE:
            raise _broken()
        del self._held[: end + 1]
        return line

    def _head(self, line: bytes) -> None:
        found = _HEAD.match(line)
        if found is None or (self._must_sign and not found[2]):
            raise _broken()
        self._left = int(found[1], 16)
        self._said = (found[2] or b"").decode()
        self._hash = sha256()
        if self._left:
            self._state = "data"
        else:
            self._check()
            self._state = "trailers"

    def _check(self) -> None:
        if self._signed and self._must_sign:
            right = self._signed.next(self._before, "PAYLOAD", EMPTY, self._hash.hexdigest())
            if not hmac.compare_digest(right, self._said):
                raise Fault(
                    "SignatureDoesNotMatch", "The signature of a chunk is not the one that the server calculates."
                )
            self._before = right

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._end()
            return
        name, colon, value = line.decode("latin-1").partition(":")
        name = name.strip().lower()
        wanted = name in self._trailers or (name == "x-amz-trailer-signature" and self._must_sign)
        if not colon or not wanted or name in self.trailers or len(self.trailers) >= MOST_TRAILERS:
            raise _broken()
        self.trailers[name] = value.strip()

    def _end(self) -> None:
        self._state = "done"
        lacking = self._trailers - set(self.trailers)
        if lacking:
            raise Fault("InvalidRequest", f"The body ended without {', '.join(sorted(lacking))}.")
        if self._trailers and self._signed and self._must_sign:
            lines = "".join(f"{name}:{self.trailers[name]}\n" for name in sorted(self._trailers))
            right = self._signed.next(self._before, "TRAILER", sha256(lines.encode("latin-1")).hexdigest())
            if not hmac.compare_digest(right, self.trailers.get("x-amz-trailer-signature", "")):
                raise Fault(
                    "SignatureDoesNotMatch", "The signature of the trailer is not the one that the server calculates."
                )


def _broken() -> Fault:
    return Fault("IncompleteBody", "The chunks of the body are not as aws-chunked has them.")
