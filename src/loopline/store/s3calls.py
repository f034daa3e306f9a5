"""s3calls: the few requests of S3 that obstore does not offer one by one: those of a multipart upload that outlives a process.

Signed by Signature Version 4 in the header, with the hash of what is sent, so that the store refuses what was damaged on the way.
Only keys that are written down are known here (environment, AWS's shared file); a machine's role is obstore's affair.
"""

from __future__ import annotations

import hmac
import html
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from loopline.store.addresses import refusal, shared_keys
from loopline.store.system import SystemClock, SystemIds

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

_TRIES: Final = 7
_FIRST_S: Final = 0.1
_MOST_S: Final = 5.0
_PATIENCE_S: Final = 60.0
"""So long at most a store is waited for that says when to come again."""
_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_OTHER: Final = (
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "AWS_S3_EXPRESS", "AWS_SKIP_SIGNATURE", "AWS_REQUEST_PAYER", "AWS_S3_ACCESS_POINT",
    "AWS_SERVER_SIDE_ENCRYPTION", "AWS_PROXY_URL", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy",
    "ALL_PROXY", "all_proxy",
)  # fmt: skip
"""Ways of reaching a store that only obstore knows."""
_CLOCK: Final = SystemClock()
_IDS: Final = SystemIds()


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the store has."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload that was begun and neither completed nor aborted."""

    key: str
    upload: str
    at: float
    """Seconds since the epoch."""


class Gone(Exception):  # noqa: N818 - an answer that is expected
    """The store does not know the upload any more."""


@dataclass(frozen=True)
class Calls:
    """Requests to one bucket, below a prefix. Any number of threads may use it at once."""

    url: str
    """As people know it, for errors."""
    endpoint: str
    """With the bucket, without a slash at the end."""
    prefix: str
    region: str
    key: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    _pools: list[PoolManager] = field(default_factory=list, repr=False)

    def begin(self, key: str) -> str:
        """Begin an upload; give its id."""
        answer = self._ask("POST", key, {"uploads": ""})
        with self._understood():
            return _texts(answer.data, "UploadId")[0]

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Send a part; give its ETag. Sent again it is replaced. Raise Gone."""
        answer = self._ask("PUT", key, {"partNumber": str(number), "uploadId": upload}, data)
        with self._understood():
            return answer.headers["ETag"]

    def parts(self, key: str, upload: str) -> Iterator[Part]:
        """Give the parts that have arrived whole. Raise Gone."""
        marker = ""
        while True:
            more = {"part-number-marker": marker} if marker else {}
            data = self._ask("GET", key, {"uploadId": upload, **more}).data
            with self._understood():
                found = [
                    Part(int(_texts(one, "PartNumber")[0]), _texts(one, "ETag")[0], int(_texts(one, "Size")[0]))
                    for one in _blocks(data, "Part")
                ]
                marker = _texts(data, "NextPartNumberMarker")[0] if _texts(data, "IsTruncated") == ["true"] else ""
            yield from found
            if not marker:
                return

    def complete(self, key: str, upload: str, parts: Sequence[tuple[int, str]]) -> None:
        """Make the object of its parts. Raise Gone, also where it was made before."""
        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{html.escape(etag)}</ETag></Part>" for number, etag in parts
        )
        body = (
            f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{rows}</CompleteMultipartUpload>'
        )
        self._ask("POST", key, {"uploadId": upload}, body.encode())

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload with its parts, if it is there."""
        try:
            self._ask("DELETE", key, {"uploadId": upload})
        except Gone:
            return

    def look(self, key: str) -> Part | None:
        """Give ETag and size of an object; None where there is none."""
        try:
            headers = self._ask("HEAD", key, {}).headers
        except Gone:
            return None
        with self._understood():
            return Part(0, headers.get("ETag", ""), int(headers.get("Content-Length", "0")))

    def begun(self, folder: str) -> Iterator[Begun]:
        """Give the uploads below a folder that are under way, or were left."""
        marker: dict[str, str] = {}
        while True:
            words = {"uploads": "", "prefix": self.prefix + folder + "/", **marker}
            data = self._ask("GET", None, words).data
            with self._understood():
                found = [
                    Begun(key[len(self.prefix) :], _texts(one, "UploadId")[0], _seconds(_texts(one, "Initiated")[0]))
                    for one in _blocks(data, "Upload")
                    if (key := _texts(one, "Key")[0]).startswith(words["prefix"])
                ]
                marker = {}
                if _texts(data, "IsTruncated") == ["true"]:
                    keys, ids = _texts(data, "NextKeyMarker"), _texts(data, "NextUploadIdMarker")
                    marker = {"key-marker": keys[0], "upload-id-marker": ids[0]}
            yield from found
            if not marker:
                return

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Tell of an answer that no S3 gives, such as the page of whoever stands between."""
        try:
            yield
        except (LookupError, ValueError):
            raise refusal(self.url, "200", "", doing="read") from None

    def _ask(self, method: str, key: str | None, query: Mapping[str, str], body: bytes = b"") -> BaseHTTPResponse:
        """Ask until there is an answer that is none of the moment, a minute or so."""
        from urllib3.exceptions import HTTPError

        doing, status, code = "read" if method in ("GET", "HEAD") else "write", "", ""
        for attempt in range(_TRIES):
            wait = min(_MOST_S, _FIRST_S * 2**attempt) * (0.5 + _IDS.chance(1)[0] / 512)  # not all at the same moment
            try:
                answer = self._once(method, key, query, body)
            except HTTPError:
                status = code = ""
            else:
                status, code = str(answer.status), (_texts(answer.data, "Code") or [""])[0]
                if answer.status == 404 and (
                    method == "HEAD" or ("uploadId" in query and code in ("NoSuchUpload", ""))
                ):
                    raise Gone
                if answer.status < 300 and code in ("", "SlowDown", "InternalError", "ServiceUnavailable"):
                    if not code:
                        return answer
                elif answer.status not in _AGAIN and code not in ("RequestTimeout", "SlowDown"):
                    break
                said = answer.headers.get("Retry-After", "")
                wait = max(wait, min(float(said), _PATIENCE_S)) if said.isascii() and said.isdigit() else wait
            if attempt < _TRIES - 1:
                time.sleep(wait)
        raise refusal(self.url, status, code, doing=doing)

    def _once(self, method: str, key: str | None, query: Mapping[str, str], body: bytes) -> BaseHTTPResponse:
        path = self.endpoint + ("" if key is None else "/" + quote(self.prefix + key, safe="/-._~"))
        words = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items()))
        where = urlsplit(path)
        headers = {
            "host": where.netloc, "x-amz-content-sha256": sha256(body).hexdigest(),
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(_CLOCK.now() / 1e6)),
        }  # fmt: skip
        if self.token:
            headers["x-amz-security-token"] = self.token
        headers["authorization"] = self._signed(method, where.path, words, headers)
        return self._pool().request(
            method, f"{path}?{words}" if words else path, body=body or None, headers=headers, redirect=False
        )

    def _signed(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
        names, at = sorted(headers), headers["x-amz-date"]
        lines = "".join(f"{name}:{headers[name]}\n" for name in names)
        asked = "\n".join((method, path, query, lines, ";".join(names), headers["x-amz-content-sha256"]))
        scope = f"{at[:8]}/{self.region}/s3/aws4_request"
        words = "\n".join(("AWS4-HMAC-SHA256", at, scope, sha256(asked.encode()).hexdigest()))
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, words.encode(), "sha256").hex()
        return f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"

    def _pool(self) -> PoolManager:
        if not self._pools:
            from urllib3 import PoolManager, Retry, Timeout

            self._pools.append(PoolManager(maxsize=16, retries=Retry(0), timeout=Timeout(connect=5, read=120)))
        return self._pools[0]


def calls_to(url: str) -> Calls | None:
    """Give requests to an address; None where it is not S3, or its keys or its way there are not known here."""
    scheme, _, rest = url.partition("://")
    if scheme != "s3" or any(os.environ.get(name) for name in _OTHER):
        return None
    bucket, _, prefix = rest.partition("/")
    names = {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
    }
    keys = shared_keys(url) or {ours: os.environ[name] for ours, name in names.items() if os.environ.get(name)}
    if not ("access_key_id" in keys and "secret_access_key" in keys and bucket):
        return None
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    given = (os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"))
    endpoint = next((one for one in given if one), f"https://s3.{region}.amazonaws.com")
    prefix = prefix.strip("/")
    return Calls(
        url, f"{endpoint.rstrip('/')}/{bucket}", prefix + "/" if prefix else "", region, keys["access_key_id"],
        keys["secret_access_key"], keys.get("session_token", ""),
    )  # fmt: skip


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")


def _texts(data: bytes, name: str) -> list[str]:
    found = re.findall(rf"<{name}>([^<]*)</{name}>".encode(), data)
    return [html.unescape(one.decode()) for one in found]


def _blocks(data: bytes, name: str) -> list[bytes]:
    return re.findall(rf"<{name}>(.*?)</{name}>".encode(), data, re.DOTALL)


def _seconds(text: str) -> float:
    from calendar import timegm

    return timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
