"""signing: Signature Version 4 of requests, in their header or their query (AWS's "Authenticating Requests", S3 API reference).

Pure functions over what came. The canonical path is the one that was sent, never normalised: `a//b` and `a/b` are two keys.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from loopline.faces.s3.errors import Fault

ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
SKEW: Final = timedelta(minutes=15)
LONGEST: Final = 7 * 24 * 3600
"""Seconds for which an address may be signed."""
EMPTY: Final = sha256(b"").hexdigest()
_FIELDS: Final = re.compile(r"Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})\Z")
_CREDENTIAL: Final = re.compile(r"([^/]{1,128})/(\d{8})/([A-Za-z0-9-]{1,64})/s3/aws4_request\Z")
_HEADERS: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(;[a-z0-9!#$%&'*+.^_`|~-]+)*\Z")
_AT: Final = re.compile(r"\d{8}T\d{6}Z\Z")
_SPACES: Final = re.compile(rb" +")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as it came over the wire."""

    method: str
    path: bytes
    """Still percent-encoded."""
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case."""

    def header(self, name: str) -> str | None:
        """Give a header; None where there is none."""
        return next((value.decode("latin-1").strip() for key, value in self.headers if key == name.encode()), None)

    def pairs(self) -> list[tuple[str, str]]:
        """Give the query's names and values."""
        return pairs_of(self.query)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its signature."""

    key: str
    """The access key."""
    scope: str
    """`DATE/REGION/s3/aws4_request`."""
    at: str
    names: tuple[str, ...]
    """The headers that are signed."""
    signature: str
    payload: str
    """What is signed of the body: its hash, or how it comes."""
    expires: int | None = None
    """For how many seconds an address holds; None for a signature in the header."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was found to be right: what signatures of its chunks go on from."""

    key: bytes
    scope: str
    at: str
    signature: str

    def next(self, before: str, kind: str, *hashes: str) -> str:
        """Give the signature that follows another one."""
        words = "\n".join((f"{ALGORITHM}-{kind}", self.at, self.scope, before, *hashes))
        return hmac.new(self.key, words.encode(), sha256).hexdigest()


def pairs_of(query: bytes) -> list[tuple[str, str]]:
    """Give the names and values of a query; what is no UTF-8 in it keeps its bytes. Raise Fault for too many."""
    text = query.decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=1000)
    except ValueError:
        raise Fault("InvalidRequest", "The query has too many fields.") from None


def is_number(text: str) -> bool:
    """Tell whether a text is digits, as a protocol means them: other scripts have digits, too, and `²` is one to Python."""
    return text.isascii() and text.isdigit()


def claim_of(asked: Asked) -> Claim | None:
    """Read what a request says of its signature; None for one without. Raise Fault for what cannot be read."""
    said = [value.decode("latin-1").strip() for name, value in asked.headers if name == b"authorization"]
    pairs = dict(asked.pairs()) if b"X-Amz-" in asked.query else {}
    if said and "X-Amz-Signature" in pairs:
        raise Fault("InvalidArgument", "Only one way to sign a request is allowed at a time.")
    if "X-Amz-Signature" in pairs:
        return _of_query(pairs, asked)
    if not said or said[0].partition(" ")[0].lower() == "bearer":
        return None
    if said[0].startswith("AWS "):
        raise Fault("InvalidRequest", f"Please use {ALGORITHM}: older signatures are not taken.")
    word, _, rest = said[0].partition(" ")
    found = _FIELDS.match(rest.strip()) if word == ALGORITHM and len(said) == 1 else None
    if found is None:
        raise Fault(
            "AuthorizationHeaderMalformed", f"The header is not {ALGORITHM} Credential=…, SignedHeaders=…, Signature=…"
        )
    at = asked.header("x-amz-date") or ""
    if not _AT.match(at):
        raise Fault("AccessDenied", "A signed request needs a valid x-amz-date.")
    payload = asked.header("x-amz-content-sha256")
    if not payload:
        raise Fault("InvalidRequest", "A signed request needs x-amz-content-sha256.")
    return _claim(found[1], at, found[2], signature=found[3], payload=payload)


def _of_query(pairs: dict[str, str], asked: Asked) -> Claim:
    if pairs.get("X-Amz-Algorithm") != ALGORITHM or not _AT.match(pairs.get("X-Amz-Date", "")):
        raise Fault("AuthorizationQueryParametersError")
    expires = pairs.get("X-Amz-Expires", "")
    if not re.fullmatch(r"\d{1,7}", expires) or not 1 <= int(expires) <= LONGEST:
        raise Fault("AuthorizationQueryParametersError", f"X-Amz-Expires must be 1 to {LONGEST} seconds.")
    if "X-Amz-Security-Token" in pairs:
        raise Fault("InvalidToken")
    payload = asked.header("x-amz-content-sha256") or pairs.get("X-Amz-Content-Sha256", UNSIGNED)
    return _claim(
        pairs.get("X-Amz-Credential", ""), pairs["X-Amz-Date"], pairs.get("X-Amz-SignedHeaders", ""),
        signature=pairs["X-Amz-Signature"], payload=payload, expires=int(expires),
    )  # fmt: skip


def _claim(credential: str, at: str, names: str, *, signature: str, payload: str, expires: int | None = None) -> Claim:
    found = _CREDENTIAL.match(credential)
    if found is None or found[2] != at[:8] or not _HEADERS.match(names):
        raise Fault(
            "AuthorizationHeaderMalformed",
            "The credential is not KEY/DATE/REGION/s3/aws4_request of the request's date.",
        )
    return Claim(found[1], credential.partition("/")[2], at, tuple(names.split(";")), signature, payload, expires)


def prove(asked: Asked, claim: Claim, secret: str, *, now: datetime) -> Signed:
    """Raise Fault unless a request is signed with a secret and its time has not passed; give what its chunks are signed with."""
    _in_time(claim, now)
    _all_signed(asked, claim)
    key = signing_key(secret, claim.scope)
    for canonical in canonical_requests(asked, claim):
        words = "\n".join((ALGORITHM, claim.at, claim.scope, sha256(canonical).hexdigest()))
        if hmac.compare_digest(hmac.new(key, words.encode(), sha256).hexdigest(), claim.signature):
            return Signed(key, claim.scope, claim.at, claim.signature)
    raise Fault("SignatureDoesNotMatch")


def signing_key(secret: str, scope: str) -> bytes:
    """Derive the key of a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_requests(asked: Asked, claim: Claim) -> Iterator[bytes]:
    """Give what may have been signed: with the path as we write it, and as it was sent where that differs.

    Both are this request and no other; clients differ in which letters of a path they encode.
    """
    lines = []
    for name in claim.names:
        values = [_SPACES.sub(b" ", value.strip()) for key, value in asked.headers if key == name.encode()]
        lines.append(name.encode() + b":" + b",".join(values) + b"\n")
    ours = encoded(unquote_to_bytes(asked.path), safe="/").encode()
    for path in dict.fromkeys((ours, asked.path)):
        yield b"\n".join(
            (
                asked.method.encode(), path or b"/", _canonical_query(asked).encode(), b"".join(lines),
                ";".join(claim.names).encode(), claim.payload.encode(),
            )
        )  # fmt: skip


def encoded(text: str | bytes, *, safe: str = "") -> str:
    """Percent-encode as the signature has it: all but letters, digits and `-._~`."""
    return quote(text, safe=f"{safe}-._~")


def _canonical_query(asked: Asked) -> str:
    pairs = [
        (encoded(name.encode("utf-8", "surrogateescape")), encoded(value.encode("utf-8", "surrogateescape")))
        for name, value in asked.pairs()
        if name != "X-Amz-Signature"
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _in_time(claim: Claim, now: datetime) -> None:
    try:
        at = datetime.strptime(claim.at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Fault("AccessDenied", "The time of the request is none.") from None
    if claim.expires is None:
        if abs(now - at) > SKEW:
            raise Fault("RequestTimeTooSkewed", RequestTime=claim.at, ServerTime=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    elif at - now > SKEW:
        raise Fault("AccessDenied", "The address is not valid yet.")
    elif now > at + timedelta(seconds=claim.expires):
        raise Fault("AccessDenied", "Request has expired", ServerTime=now.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _all_signed(asked: Asked, claim: Claim) -> None:
    """Refuse headers that mean something and that somebody on the way could have added."""
    needed = {name for name, _ in asked.headers if name.startswith(b"x-amz-")} | {b"host"}
    if asked.header("x-amz-security-token"):
        raise Fault("InvalidToken")
    lacking = sorted(name.decode("latin-1") for name in needed - {name.encode() for name in claim.names})
    if lacking:
        raise Fault(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(lacking),
        )
