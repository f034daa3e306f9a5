"""server: a tracking store behind a running server, asked by MLflow's REST API. Nothing is written there.

It is asked as MLflow's own client would: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN. Errors
name the server and never what it is asked with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from loopline.errors import Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.faces.mlflow.moving import store
from loopline.faces.mlflow.moving.server_documents import group_of, logged_of, registered_of, run_of
from loopline.faces.mlflow.moving.store import File, Group, Told

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from loopline.faces.mlflow.moving.places import Places

API: Final = "/api/2.0/mlflow"
FILES: Final = "/api/2.0/mlflow-artifacts/artifacts"
THREADS: Final = 8
PAGE: Final = 200
CHUNK: Final = 1 << 20
_AGAIN: Final = (408, 429, 500, 502, 503, 504)


class Asking:
    """Asks one server. Threads share it."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        from urllib3 import PoolManager, Retry, make_headers

        said = urlsplit(url)
        user = said.username or environ.get("MLFLOW_TRACKING_USERNAME", "")
        password = said.password or environ.get("MLFLOW_TRACKING_PASSWORD", "")
        token = environ.get("MLFLOW_TRACKING_TOKEN", "")
        host = f"[{said.hostname}]" if said.hostname and ":" in said.hostname else said.hostname or ""
        self.url = urlunsplit((
            said.scheme,
            f"{host}:{said.port}" if said.port else host,
            said.path.rstrip("/"),
            "",
            "",
        ))
        headers = {"User-Agent": "loopline"}
        if user or password:
            headers |= make_headers(basic_auth=f"{user}:{password}")
        elif token:
            headers["Authorization"] = f"Bearer {token}"
        if environ.get("MLFLOW_WORKSPACE"):
            headers["X-MLFLOW-WORKSPACE"] = environ["MLFLOW_WORKSPACE"]
        retry = Retry(
            total=5, connect=2, status_forcelist=_AGAIN, allowed_methods=None, backoff_factor=0.2, redirect=0,
            raise_on_status=False, respect_retry_after_header=True,
        )  # fmt: skip
        self._pool = PoolManager(maxsize=THREADS, block=True, retries=retry, headers=headers)

    def get(self, at: str, **query: Any) -> dict[str, Any]:
        """Read a document."""
        return self._document(at, self.opened("GET", at, fields=query))

    def post(self, path: str, **said: Any) -> dict[str, Any]:
        """Read a document that is asked for by another: a search."""
        return self._document(path, self.opened("POST", path, json=said))

    def pages(self, method: str, path: str, key: str, **said: Any) -> Iterator[list[dict[str, Any]]]:
        """Read a listing, page by page."""
        token = ""
        while True:
            asked = {**said, "max_results": PAGE, **({"page_token": token} if token else {})}
            page = self.post(path, **asked) if method == "POST" else self.get(path, **asked)
            yield page.get(key) or []
            token = page.get("next_page_token") or ""
            if not token:
                return

    def opened(self, method: str, path: str, **given: Any) -> BaseHTTPResponse:
        """Ask, and give the answer unread. Raise NotFound, Refused, Invalid, Unavailable."""
        from urllib3.exceptions import HTTPError

        try:
            answer = self._pool.request(method, self.url + path, preload_content=False, timeout=60, **given)
        except HTTPError as error:
            raise Unavailable(
                f"{self.url} does not answer: {type(error).__name__}", kind="source-unreadable",
                hint="check the address, and that the server runs", source=self.url,
            ) from None  # fmt: skip
        if answer.status == 200:
            return answer
        said = answer.read(4096).decode(errors="replace")
        answer.release_conn()
        raise self._fault(answer.status, path, said)

    def _document(self, path: str, answer: BaseHTTPResponse) -> dict[str, Any]:
        try:
            found = msgspec.json.decode(answer.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = None
        finally:
            answer.release_conn()
        if not isinstance(found, dict):
            raise Invalid(
                f"{self.url}{path} is no document of MLflow", kind="bad-source", hint="name the address of the server itself",
                source=self.url,
            )  # fmt: skip
        return found

    def _fault(self, status: int, path: str, said: str) -> LooplineError:
        told = f"{self.url}{path} answers {status}: {said[:200]}"
        if status in (401, 403):
            hint = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            return Refused(told, kind="source-refused", hint=hint, source=self.url)
        if status == 404:
            return NotFound(told, kind="source-empty", hint="name the address of the server itself", source=self.url)
        kind, hint = "source-unreadable", "look into the server's log, then try again"
        return Unavailable(told, kind=kind, hint=hint, source=self.url)


class ServerStore:
    """A server."""

    def __init__(self, asking: Asking, places: Places) -> None:
        """Open it. Raise Refused, Unavailable, Invalid kind="bad-source"."""
        self._asking, self._places = asking, places
        self.name = asking.url
        asking.post(f"{API}/experiments/search", max_results=1, view_type="ALL")

    def groups(self) -> Iterator[Group]:
        """Give every experiment."""
        for page in self._asking.pages("POST", f"{API}/experiments/search", "experiments", view_type="ALL"):
            yield from map(group_of, page)

    def runs(self, group: Group) -> Iterator[Sequence[Told]]:
        """Give the runs of an experiment."""
        for page in self._asking.pages(
            "POST", f"{API}/runs/search", "runs", experiment_ids=[group.id], run_view_type="ALL"
        ):
            self._keys = {one["info"]["run_id"]: _keys(one) for one in page}
            if page:
                yield [run_of(one) for one in page]

    def points(self, runs: Sequence[Told]) -> Iterator[tuple[str, Sequence[store.Value]]]:
        """Give the points of some runs."""
        wanted = [(run.id, key) for run in runs for key in self._keys_of(run.id)]
        with ThreadPoolExecutor(THREADS, "loopline-history") as pool:
            for start in range(0, len(wanted), 4 * THREADS):
                some = wanted[start : start + 4 * THREADS]
                for (run, _), values in zip(some, pool.map(self._history, some), strict=True):
                    yield from store.parts(runs, ((run, value) for value in values))

    def logged(self, group: Group) -> Iterator[store.Logged]:
        """Give the logged models of an experiment; none where the server is older than they are."""
        try:
            for page in self._asking.pages("POST", f"{API}/logged-models/search", "models", experiment_ids=[group.id]):
                yield from map(logged_of, page)
        except NotFound:
            return

    def registered(self) -> Iterator[store.Registered]:
        """Give the registered models."""
        for page in self._asking.pages("GET", f"{API}/registered-models/search", "registered_models"):
            for one in page:
                name = one["name"].replace("'", "\\'")
                versions = self._asking.pages(
                    "GET", f"{API}/model-versions/search", "model_versions", filter=f"name='{name}'"
                )
                yield registered_of(one, [row for rows in versions for row in rows])

    def folder(self, location: str) -> store.Folder | None:
        """Open the artifacts at a location."""
        return self._places.open(location)

    def unread(self) -> Mapping[str, int]:
        """Count nothing: a server does not say what else it has."""
        return {}

    def close(self) -> None:
        """Let go of it."""
        self._places.close()

    def _keys_of(self, run: str) -> Sequence[str]:
        known = getattr(self, "_keys", {}).get(run)
        return known if known is not None else _keys(self._asking.get(f"{API}/runs/get", run_id=run)["run"])

    def _history(self, wanted: tuple[str, str]) -> list[store.Value]:
        run, key = wanted
        found: list[store.Value] = []
        token = ""
        while True:
            more = {"page_token": token} if token else {}
            page = self._asking.get(
                f"{API}/metrics/get-history", run_id=run, metric_key=key, max_results=25_000, **more
            )
            found += [
                (key, int(one.get("step", 0)), int(one.get("timestamp", 0)), store.number_of(one["value"]))
                for one in page.get("metrics", ())
            ]
            token = page.get("next_page_token") or ""
            if not token:
                return found


class ServerFolder:
    """Artifacts behind a server."""

    def __init__(self, asking: Asking, path: str) -> None:
        self._asking, self._path = asking, path

    def list(self) -> Iterator[File]:
        """Give every file below."""
        yield from self._files("")

    def read(self, path: str) -> Iterator[bytes]:
        """Give the bytes of a file."""
        whole = "/".join(filter(None, (self._path, path)))
        answer = self._asking.opened("GET", f"{FILES}/{quote(whole)}")
        try:
            yield from answer.stream(CHUNK)
        finally:
            answer.release_conn()

    def _files(self, below: str) -> Iterator[File]:
        whole = "/".join(filter(None, (self._path, below)))
        try:
            rows = self._asking.get(FILES, path=whole).get("files", [])
        except NotFound:
            return
        for one in sorted(rows, key=lambda row: str(row.get("path"))):
            name = str(one.get("path", "")).rstrip("/").rpartition("/")[2]
            if name in ("", ".", ".."):
                continue
            path = f"{below}/{name}" if below else name
            if one.get("is_dir"):
                yield from self._files(path)
            else:
                size = one.get("file_size")
                yield File(path, int(size) if size is not None else None)


def _keys(run: Mapping[str, Any]) -> list[str]:
    return sorted({one["key"] for one in run.get("data", {}).get("metrics", ())})
