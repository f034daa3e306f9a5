"""registry: the conversation with one registry of OCI images (distribution-spec 1.1): manifests by tag, bytes by digest.

What fails on the way is asked again, with pauses that double, as long as `Pace` says; large blobs go in chunks, each from where
the registry says that it is. So nothing is sent twice but a chunk. Texts of a registry are in no message: only its error codes.
"""

from __future__ import annotations

import json
import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest
from loopline.sdk.registrykeys import Key, challenges, find_key, trusted
from loopline.sdk.repository import Repository
from loopline.store.blobs import CHUNK, absent, corrupt

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

IMAGE: Final = "application/vnd.oci.image.manifest.v1+json"
BIGGEST_MANIFEST: Final = 4 << 20
"""No registry has to take more."""
PART: Final = 16 << 20
"""Bytes of one chunk. What is not larger goes in one request."""
_DOCKER: Final = "application/vnd.docker.distribution.manifest"
_ACCEPTED: Final = f"{IMAGE}, application/vnd.oci.image.index.v1+json, {_DOCKER}.v2+json, {_DOCKER}.list.v2+json"
_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTED: Final = frozenset({301, 302, 303, 307, 308})
_SMALL: Final = 1 << 20
_HOPS: Final = 5
_UNMADE: Final = 3
"""How often a connection is tried that was never made."""
_CODE: Final = re.compile(r"[A-Z_]{1,60}\Z")
_NOWHERE: Final = frozenset({"NAME_UNKNOWN", "NAME_INVALID"})
_FULL: Final = frozenset({"QUOTA_EXCEEDED", "TOO_LARGE"})


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to bear with a registry."""

    tries: int = 6
    pause: float = 0.2
    """Seconds before the second try; each later pause is twice as long, or what the registry asks for."""
    longest: float = 20.0
    connect: float = 5.0
    read: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a registry said."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def code(self) -> str:
        """Give the first error code in it; empty where there is none."""
        try:
            said = json.loads(self.body)["errors"][0]["code"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""
        return said if isinstance(said, str) and _CODE.match(said) else ""


Read = Callable[[int, int], bytes]
"""Gives bytes of what is sent: from where, and at most how many."""


class Registry:
    """One repository, for reading, and for `writing` where that is asked. Threads share it.

    `beside` is another repository of that registry from which blobs may be taken over without being sent. `folder` remembers
    uploads that were begun.
    """

    def __init__(
        self, repository: Repository, *, writing: bool = False, beside: str = "", folder: Path | None = None,
        pace: Pace | None = None,
    ) -> None:  # fmt: skip
        self.repository = repository
        self.beside = beside
        self.sent = 0
        """Bytes of blobs that were sent."""
        self._writing, self._folder, self._pace = writing, folder, pace or Pace()
        self._key: Key | None = None
        self._signed = ""
        self._guard = threading.Lock()
        self._pool: Any = None
        self._base = f"{'http' if repository.plain else 'https'}://{repository.host}/v2/"

    def manifest(self, reference: str) -> tuple[bytes, str] | None:
        """Give a manifest by tag or digest, and its media type; None where there is none.

        Raise Unavailable kind="blob-corrupt" where its bytes are not those of the digest.
        """
        answer = self._ask("GET", f"manifests/{reference}", accept=_ACCEPTED, most=BIGGEST_MANIFEST, ok=(200, 404))
        if answer.status == 404:
            return None
        found = Digest("sha256:" + sha256(answer.body).hexdigest())
        if ":" in reference and found != reference:
            raise corrupt(Digest(reference), found, len(answer.body))
        return answer.body, answer.headers.get("content-type", "").partition(";")[0].strip()

    def put_manifest(self, tag: str, data: bytes) -> None:
        """Let a tag name a manifest. Its layers must be there."""
        self._ask("PUT", f"manifests/{tag}", body=data, kind=IMAGE, ok=(200, 201, 202))

    def tags(self) -> list[str]:
        """Give some tags: the first page of them."""
        answer = self._ask("GET", "tags/list", ok=(200, 404))
        try:
            said = json.loads(answer.body)["tags"] if answer.status == 200 else None
        except (ValueError, LookupError, TypeError, RecursionError):
            said = None
        return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []

    def has(self, digest: Digest) -> bool:
        """Ask for a blob."""
        return self._ask("HEAD", f"blobs/{digest}", ok=(200, 404)).status == 200

    def put(self, digest: Digest, data: bytes) -> None:
        """Send a blob that is not there."""
        self.put_read(digest, len(data), lambda start, length: data[start : start + length])

    def put_read(self, digest: Digest, size: int, read: Read) -> None:
        """Send a blob that is not there, a large one in chunks."""
        if self.has(digest):
            return
        from loopline.sdk.upload import Upload

        Upload(self, digest, size, read, self._folder).run()

    def part(self, digest: Digest, start: int, end: int) -> bytes:
        """Give a part of a blob, unverified; it is shorter where the blob is."""
        if end <= start:
            return b""
        wanted = {"Range": f"bytes={start}-{end - 1}"}
        answer = self._ask(
            "GET", f"blobs/{digest}", headers=wanted, most=end - start, skip=start, ok=(200, 206, 404, 416)
        )
        if answer.status in {404, 416}:
            raise absent(digest)
        return answer.body

    def read(self, digest: Digest, size: int) -> bytes:
        """Give all of a small blob, verified."""
        data = b"".join(self.stream(digest, size))
        found = Digest("sha256:" + sha256(data).hexdigest())
        if found != digest or len(data) != size:
            raise corrupt(digest, found, len(data))
        return data

    def stream(self, digest: Digest, size: int) -> Iterator[bytes]:
        """Stream a blob, verified as the port of blobs says; a connection that is cut is made anew from there on."""
        state, at, behind = sha256(), 0, b""
        while at < size:
            piece = self.part(digest, at, min(at + PART, size))
            if not piece:
                break
            state.update(piece)
            at += len(piece)
            for start in range(0, len(piece), CHUNK):
                if behind:
                    yield behind
                behind = piece[start : start + CHUNK]
        found = Digest("sha256:" + state.hexdigest())
        if found != digest or at != size:
            raise corrupt(digest, found, at)
        if behind:
            yield behind

    def ask(
        self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, tries: int = 0
    ) -> Answer:
        """Send one request about an upload and give its answer, whatever it is, but for what refuses or is passing."""
        return self._ask(method, url, body=body, headers=headers, ok=(), tries=tries)

    def target(self, path: str) -> str:
        """Give the whole address of a path below the repository."""
        if "://" in path or path.startswith("/"):
            url = self._joined(self._base, path)
            same = urlsplit(url).netloc == urlsplit(self._base).netloc
            return self._base.partition("://")[0] + "://" + url.partition("://")[2] if same else url
        return f"{self._base}{self.repository.name}/{path}"

    def pause(self, number: int, answer: Answer | None = None) -> None:
        """Wait before a request is sent again after its `number`th failure."""
        said = answer.headers.get("retry-after", "") if answer else ""
        asked = float(said) if said.isascii() and said.isdigit() and len(said) < 5 else 0.0
        doubled = self._pace.pause * 2.0 ** (number - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        time.sleep(min(self._pace.longest, max(asked, doubled)))

    def unexpected(self, answer: Answer) -> Unavailable:
        """Make an error of an answer."""
        where, code = str(self.repository), answer.code
        facts = {"store": where, "status": str(answer.status), "code": code}
        if answer.status in {401, 403}:
            hint = f"log in there with what may {'push' if self._writing else 'pull'}: docker login, skopeo login or oras login"
            return Unavailable(f"the registry of {where} refuses", kind="store-refused", hint=hint, **facts)
        if answer.status == 404 and code in _NOWHERE:
            hint = "look at its name, and whether it must be made first"
            return Unavailable(f"there is no {where}", kind="store-missing", hint=hint, **facts)
        if answer.status in {413, 507} or code in _FULL:
            hint = "raise its quota or free space, then try again"
            return Unavailable(f"the registry of {where} takes no more bytes", kind="disk-full", hint=hint, **facts)
        if answer.status in _AGAIN:
            hint = "wait a while, then give the same command again: it goes on where it was"
            return Unavailable(
                f"the registry of {where} is not able to answer", kind="store-unreachable", hint=hint, **facts
            )
        said = f"the registry of {where} answers {answer.status} {code}".rstrip()
        return Unavailable(said, kind="store-broken", hint="look at what the registry says of it", **facts)

    def _ask(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, accept: str = "*/*",
        kind: str = "", most: int = _SMALL, skip: int = 0, ok: tuple[int, ...] = (200,), tries: int = 0,
    ) -> Answer:  # fmt: skip
        """Ask until there is an answer; raise for one that is not `ok` (none: for what refuses or does not pass)."""
        from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

        sent = {"Accept": accept, **({"Content-Type": kind} if kind else {}), **(headers or {})}
        tried, number = tries or self._pace.tries, 0
        while True:
            number += 1
            try:
                answer = self._signed_once(method, path, sent, body, (most, skip))
            except HTTPError as error:
                if number >= (min(tried, _UNMADE) if isinstance(error, (NewConnectionError, SSLError)) else tried):
                    raise self._silent(error) from None
                self.pause(number)
                continue
            if answer.status in ok or (not ok and answer.status not in _AGAIN | {401, 403}):
                return answer
            if answer.status not in _AGAIN or number >= tried:
                raise self.unexpected(answer)
            self.pause(number, answer)

    def _signed_once(
        self, method: str, path: str, sent: Mapping[str, str], body: bytes, cut: tuple[int, int]
    ) -> Answer:
        """Send a request; where the registry asks who it is, say so and send it again."""
        before = self._signed
        answer = self._once(method, path, sent, body, cut)
        if answer.status == 401 and self._sign(answer, before):
            answer = self._once(method, path, sent, body, cut)
        return answer

    def _once(self, method: str, path: str, sent: Mapping[str, str], body: bytes, cut: tuple[int, int]) -> Answer:
        self._connections()
        url = self.target(path)
        for _ in range(_HOPS):
            self._be_safe(url)
            headers = dict(sent)
            if self._signed and _origin(url) == _origin(
                self._base
            ):  # where bytes are elsewhere, nobody needs to know who asks
                headers["Authorization"] = self._signed
            with self._open(method, url, headers, body) as response:
                if method not in {"GET", "HEAD"} or response.status not in _REDIRECTED:
                    said = {name.lower(): value for name, value in response.headers.items()}
                    return Answer(response.status, said, b"" if method == "HEAD" else _held(response, *cut))
                url = self._joined(url, response.headers.get("Location", ""))
        raise self._misled()

    def _joined(self, base: str, place: str) -> str:
        """Make a whole address of what a registry says. Raise Unavailable where it is none."""
        try:
            return urljoin(base, place)
        except ValueError:
            raise self._misled() from None

    @contextmanager
    def _open(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Iterator[BaseHTTPResponse]:
        from urllib3 import Timeout

        response = self._connections().request(
            method, url, body=body if body or method in {"POST", "PUT", "PATCH"} else None, redirect=False, retries=False,
            headers={"User-Agent": "loopline", **headers}, preload_content=False,
            timeout=Timeout(connect=self._pace.connect, read=self._pace.read),
        )  # fmt: skip
        whole = False
        try:
            yield response
            said = response.headers.get("Content-Length") or ("0" if response.status == 204 else "-1")
            whole = method == "HEAD" or str(response.tell()) == said
        finally:
            if not whole:
                response.close()
            response.release_conn()

    def _sign(self, answer: Answer, before: str) -> bool:
        """Find out how to say who one is; tell whether that is something new."""
        with self._guard:
            if self._signed != before:
                return True  # another thread has
            if self._key is None:
                self._key = find_key(self.repository.host, self.repository.name)
            signed = ""
            for challenge in challenges(answer.headers.get("www-authenticate", "")):
                signed = signed or (
                    self._token(challenge.said, self._key) if challenge.scheme == "bearer" else self._key.basic
                )
            fresh = bool(signed) and signed != before
            self._signed = signed or before
            return fresh

    def _token(self, said: Mapping[str, str], key: Key) -> str:
        """Get a token where the registry says: with a password, or as nobody."""
        url = said.get("realm", "")
        self._be_safe(url)
        name = self.repository.name
        scopes = {f"repository:{name}:{'pull,push' if self._writing else 'pull'}": None}
        if self._writing and self.beside:
            scopes[f"repository:{self.beside}:pull"] = None
        asked = [("service", said["service"])] if "service" in said else []
        if key.identity:
            form = [("grant_type", "refresh_token"), ("client_id", "loopline"), ("refresh_token", key.identity), *asked]
            body = urlencode([*form, ("scope", " ".join(scopes))]).encode()
            answer = self._token_answer("POST", url, {"Content-Type": "application/x-www-form-urlencoded"}, body)
        else:
            query = urlencode(
                [*parse_qsl(urlsplit(url).query), *asked, *(("scope", one) for one in scopes)], quote_via=quote
            )
            url = urlsplit(url)._replace(query=query, fragment="").geturl()
            answer = self._token_answer("GET", url, {"Authorization": key.basic} if key.basic else {}, b"")
        try:
            held = json.loads(answer.body)
            token = held.get("token") or held.get("access_token") or ""
        except (ValueError, AttributeError, RecursionError):
            token = ""
        return f"Bearer {token}" if isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]+", token) else ""

    def _token_answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        with self._open(method, url, headers, body) as response:
            said = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, said, _held(response, _SMALL, 0))

    def _be_safe(self, url: str) -> None:
        """Go from TLS to nothing that has none."""
        try:
            parts = urlsplit(url)
            there = bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise self._misled() from None
        if not there or (parts.scheme != "https" and not (parts.scheme == "http" and self._base.startswith("http://"))):
            raise self._misled()

    def _misled(self) -> Unavailable:
        return Unavailable(
            f"the registry of {self.repository} points at an address that is not followed", kind="store-broken",
            hint="it leads from TLS to plain HTTP, nowhere, or in a circle: ask whoever runs it", store=str(self.repository),
        )  # fmt: skip

    def _silent(self, error: Exception) -> Unavailable:
        from urllib3.exceptions import SSLError

        where = str(self.repository)
        hint = "check its address and the network, then give the same command again: it goes on where it was"
        why = "does not answer"
        if isinstance(error, SSLError):
            why = "has a certificate that is not accepted, or no TLS"
            folder = f"~/.docker/certs.d/{self.repository.host}"
            hint = f"put its CA into {folder}/ca.crt or set SSL_CERT_FILE; oci+http:// does without TLS"
        return Unavailable(f"the registry of {where} {why}", kind="store-unreachable", hint=hint, store=where)

    def _connections(self) -> Any:
        with self._guard if self._pool is None else _NOTHING:
            if self._pool is None:
                self._pool = self._opened()
            return self._pool

    def _opened(self) -> Any:
        """Open the pool. A registry on this machine is asked first whether it speaks TLS."""
        from urllib3 import PoolManager

        if self.repository.is_here and not self.repository.plain:
            parts, unsure = urlsplit(self._base), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            unsure.check_hostname, unsure.verify_mode = False, ssl.CERT_NONE  # it is only asked whether there is TLS
            try:
                with socket.create_connection((parts.hostname, parts.port or 443), self._pace.connect) as line:
                    unsure.wrap_socket(line).close()
            except ssl.SSLError:
                self._base = "http" + self._base.removeprefix("https")
            except OSError:
                pass
        if self._base.startswith("http:"):
            return PoolManager(num_pools=4, maxsize=16)
        context = ssl.create_default_context()
        for file in trusted(self.repository.host):
            try:
                context.load_verify_locations(file)
            except (OSError, ssl.SSLError):
                continue
        return PoolManager(num_pools=4, maxsize=16, ssl_context=context)


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


_NOTHING: Final = _Nothing()


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _held(response: BaseHTTPResponse, most: int, skip: int) -> bytes:
    """Read what was asked for, and no more. What ignores a range is read over up to where it begins."""
    skip = skip if response.status == 200 else 0
    pieces, size = list[bytes](), 0
    for chunk in response.stream(CHUNK, decode_content=False):
        piece, skip = chunk[skip:], max(0, skip - len(chunk))
        pieces.append(piece[: most - size])
        size += len(pieces[-1])
        if size >= most:
            break
    return b"".join(pieces)
