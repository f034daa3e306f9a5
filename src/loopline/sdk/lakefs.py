"""lakefs: what a server of lakeFS is asked, by its API: branches, tags, commits, what differs, objects. Nothing is written there.

Errors name the server and never the key with which it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import msgspec

from loopline.errors import Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.sdk.wire import parse_url

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

API: Final = "/api/v1"
PAGE: Final = 1000
PIECE: Final = 1 << 20
TRIES: Final = 5
_AGAIN: Final = (429, 500, 502, 503, 504)
_LINE: Final = re.compile(r"^(\s*)([A-Za-z0-9_]+):\s*(.*?)\s*(?:\s#.*)?$")
_VARIABLES: Final = {
    "credentials.access_key_id": "LAKECTL_CREDENTIALS_ACCESS_KEY_ID",
    "credentials.secret_access_key": "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY",
    "server.endpoint_url": "LAKECTL_SERVER_ENDPOINT_URL",
}


class Login(msgspec.Struct, frozen=True):
    """Where a server is, and how it is asked."""

    url: str
    key: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        """Keep the secret out of logs and tracebacks."""
        return f"Login({self.url!r})"


def find_login(environ: Mapping[str, str], *, endpoint: str = "") -> Login:
    """Read what lakeFS's own command line reads: variables, else `~/.lakectl.yaml`. Raise Invalid where no server is named."""
    held = _file(Path(environ.get("LAKECTL_CONFIG_FILE") or Path(environ.get("HOME", "/")) / ".lakectl.yaml"))
    said = {name: environ.get(variable) or held.get(name, "") for name, variable in _VARIABLES.items()}
    url = endpoint or said["server.endpoint_url"]
    if not url:
        raise Invalid(
            "which lakeFS server?", kind="missing-parameter",
            hint="add --endpoint https://lakefs.example.org, or set LAKECTL_SERVER_ENDPOINT_URL", missing=["endpoint"],
        )  # fmt: skip
    url = parse_url(url)
    return Login(
        url if url.endswith(API) else url + API,
        said["credentials.access_key_id"],
        said["credentials.secret_access_key"],
    )


def _file(path: Path) -> dict[str, str]:
    """Read the two levels of names that the file of `lakectl` has."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    found: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        said = _LINE.match(line)
        if said is None or line.lstrip().startswith("#"):
            continue
        indent, name, value = said.groups()
        if not indent:
            section = name
        if value:
            found[f"{section}.{name}" if indent else name] = value.strip("'\"")
    return found


class Lake:
    """One repository of a server. Threads share it."""

    def __init__(self, login: Login, repository: str) -> None:
        from urllib3 import PoolManager, Retry, make_headers

        retry = Retry(
            total=TRIES, connect=min(TRIES, 2), status_forcelist=_AGAIN, allowed_methods={"GET"}, backoff_factor=0.2,
            redirect=0, raise_on_status=False, respect_retry_after_header=True,
        )  # fmt: skip
        signed = make_headers(basic_auth=f"{login.key}:{login.secret}") if login.key else {}
        self._pool = PoolManager(
            maxsize=16, block=True, retries=retry, headers={**signed, "X-Lakefs-Client": "loopline"}
        )
        self._url, self.repository = login.url, repository

    @property
    def address(self) -> str:
        """Say what is read."""
        return f"{self._url.removesuffix(API)} lakefs://{self.repository}"

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Read a document of the repository; `path` is what stands behind its name."""
        with self._opened(path, query or {}) as answer:
            try:
                return msgspec.json.decode(answer.data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise self._odd(f"{path} is no JSON") from None

    def pages(self, path: str, **query: str) -> Iterator[list[dict[str, Any]]]:
        """Read a listing, page by page."""
        after = ""
        while True:
            page = self.get(path, {**query, "amount": str(PAGE), "after": after})
            try:
                rows, told = page["results"], page["pagination"]
                more, behind = told["has_more"], told["next_offset"]
            except (KeyError, TypeError):
                raise self._odd(f"{path} is no listing") from None
            yield rows
            if not more:
                return
            if behind == after:
                raise self._odd(f"{path} does not go on")
            after = behind

    def rows(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Read a listing, row by row."""
        return (row for page in self.pages(path, **query) for row in page)

    def read(self, ref: str, path: str) -> Iterator[bytes]:
        """Read an object in pieces."""
        with self._opened(f"refs/{named(ref)}/objects", {"path": path}, whole=False) as answer:
            from urllib3.exceptions import HTTPError

            try:
                yield from answer.stream(PIECE)
            except HTTPError as error:
                raise self._away(type(error).__name__) from None

    def _opened(self, path: str, query: Mapping[str, str], *, whole: bool = True) -> _Answer:
        from urllib3.exceptions import HTTPError

        where = f"{self._url}/repositories/{named(self.repository)}" + (f"/{path}" if path else "")
        said = {name: value for name, value in query.items() if value}
        try:
            answer = self._pool.request(
                "GET", f"{where}?{urlencode(said)}", preload_content=whole, redirect=False, timeout=60.0
            )
        except HTTPError as error:
            raise self._away(type(error).__name__) from None
        if answer.status != 200:
            raise self._refusal(answer, path)
        return _Answer(answer)

    def _refusal(self, answer: BaseHTTPResponse, path: str) -> LooplineError:
        with _Answer(answer):
            try:
                said = str(msgspec.json.decode(answer.read(64 << 10) if not answer.data else answer.data)["message"])[
                    :300
                ]
            except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
                said = ""
        facts = {"server": self.address, "path": path, "status": answer.status}
        if answer.status in (401, 403):
            return Refused(
                f"{self.address} refuses to be read: {said or answer.status}", kind="source-refused",
                hint="set LAKECTL_CREDENTIALS_ACCESS_KEY_ID and LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", **facts,
            )  # fmt: skip
        if answer.status in (404, 410):
            return NotFound(
                f"{self.address}: {said or 'not found'}", kind="source-missing", hint="look there with lakectl", **facts
            )
        return Unavailable(
            f"{self.address} answers {answer.status}: {said}",
            kind="source-unreachable",
            hint="try again later",
            **facts,
        )

    def _away(self, why: str) -> Unavailable:
        return Unavailable(
            f"{self.address} cannot be reached ({why})", kind="source-unreachable", hint="the same command goes on where it was",
            server=self.address,
        )  # fmt: skip

    def _odd(self, why: str) -> Unavailable:
        return Unavailable(
            f"{self.address} does not answer as lakeFS: {why}", kind="source-unreachable", hint="look at the endpoint",
            server=self.address,
        )  # fmt: skip


class _Answer:
    """An answer that is let go of at its end."""

    def __init__(self, answer: BaseHTTPResponse) -> None:
        self._answer = answer

    def __enter__(self) -> BaseHTTPResponse:
        return self._answer

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._answer.drain_conn()
        else:  # what is left of it may be large
            self._answer.close()
        self._answer.release_conn()


def named(name: str) -> str:
    """Write a name as one part of a path."""
    return quote(name, safe="")
