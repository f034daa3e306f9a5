"""Who may what, on every address that is served: a stranger and who has no role learn nothing, a viewer writes nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from loopline.faces.mlflow.operations import OPERATIONS
from loopline.verbs.revoke import revoke
from tests.server.serving import Served

from .asked_at_random import TRACE, Key, Known, address, asked, filled, furnished, written
from .conftest import V3, Tracker

if TYPE_CHECKING:
    import httpx

V2 = "/api/2.0/mlflow"
PUBLIC = {("GET", "/version")}
"""What answers strangers."""
OF_ONESELF = {
    ("GET", f"{V3}/server-info"), ("GET", f"{V3}/workspaces"), ("GET", f"{V2}/users/current"), ("GET", f"{V3}/roles/list"),
    ("GET", f"{V3}/users/current/permissions"),
}  # fmt: skip
"""What tells somebody about themself, and nothing else."""
BY_NUMBER = {key for key in OPERATIONS if key[1].startswith(f"{V3}/roles/")}
"""What looks for a role among those that one may know, and finds none."""
READS = {
    ("POST", path) for path in (
        f"{V2}/experiments/search", f"{V2}/runs/search", f"{V2}/logged-models/search",
        f"{V2}/registered-models/get-latest-versions",
        f"{V2}/experiments/search-datasets", f"{V3}/traces/search", f"{V3}/traces/batchGetInfos", f"{V3}/traces/metrics",
        f"{V2}/artifacts/presigned-download-url",
    )
}  # fmt: skip
"""What is asked with POST and changes nothing."""


MORE: Final[Known] = {
    "trace_ids": [TRACE], "role_permission_id": 7, "max_timestamp_millis": 1, "model_json": '{"artifact_path": "m"}',
    "prompt_versions": [{"name": "hello", "version": "1"}], "assessment": {"assessment_name": "good"}, "update_mask": "metadata",
}  # fmt: skip
"""What else a document must have to be taken for one."""


class Closed:
    """A server that asks for tokens, with one of everything in it."""

    def __init__(self, folder: Path, *, closed: bool = True) -> None:
        self.tracker = Tracker(Served(folder, key=lambda: b"k" * 32))
        self.root = self.bearer("root", "admin", everywhere=True) if closed else {}
        self.known: Known = {**furnished(self.tracker, **self.root), **MORE}

    def bearer(self, who: str, *role: Any, **more: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tracker.served.token(who, *role, **more).secret}"}

    def send(self, key: Key, **headers: str) -> httpx.Response:
        """Ask an operation for something that it would do for an admin."""
        method, path = key
        said = filled(key, self.known)
        target = address(path, self.known)
        if method in ("GET", "HEAD"):
            return self.tracker.ask(method, f"{target}?{asked(said)}".removesuffix("?"), **headers)
        return self.tracker.ask(method, target, written(said), **{"content_type": "application/json", **headers})

    def rows(self) -> dict[str, Any]:
        """Give everything that the ledger holds, but for when tokens were used."""
        with self.tracker.served.loop.ledger.read() as tx:
            names = [row[0] for row in tx.rows.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: list(tx.rows.all(f"SELECT * FROM {name}")) for name in names if name != "tokens"}

    def wrong(self, keys: Iterable[Key], right: Callable[[Key, httpx.Response], bool], **headers: str) -> list[object]:
        """Ask operations, and give the answers that are not right."""
        answers = {key: self.send(key, **headers) for key in keys}
        return [(key, one.status_code, one.text[:300]) for key, one in answers.items() if not right(key, one)]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Closed]:
    made = Closed(tmp_path)
    yield made
    made.tracker.served.close()


def basic(secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"ann:{secret}".encode()).decode()}


def test_a_stranger_learns_nothing(closed: Closed) -> None:
    """Without a token, or with one that is none or was revoked: 401 in the same words, wherever one asks."""
    ended = closed.tracker.served.token("eve", "admin")
    revoke(closed.tracker.served.loop, ended.token.id)
    told = set[str]()

    def unknown(key: Key, answer: httpx.Response) -> bool:
        if key in PUBLIC:
            return answer.status_code == 200
        told.add(answer.text)
        return answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Basic")

    for how in ({}, basic(ended.secret)):
        assert closed.wrong(OPERATIONS, unknown, **how) == []
    for how in ({"authorization": f"Bearer {ended.secret}"}, {"authorization": "Bearer ll_x"}):
        assert closed.wrong([("GET", f"{V2}/runs/get")], unknown, **how) == []
    assert len(told) == 1


def test_who_has_no_role_learns_nothing(closed: Closed) -> None:
    """Every operation asks for a right before it looks anything up: there is none that forgets."""
    me = closed.bearer("nobody")
    before = closed.rows()

    def refused(key: Key, answer: httpx.Response) -> bool:
        if key in PUBLIC | OF_ONESELF:
            return answer.status_code == 200 and "hello" not in answer.text and "flights" not in answer.text
        if key in BY_NUMBER:
            return answer.status_code in (403, 404)
        return answer.status_code == 403 and answer.json()["error_code"] == "PERMISSION_DENIED"

    assert closed.wrong(OPERATIONS, refused, **me) == []
    assert closed.rows() == before


def test_a_viewer_writes_nothing(closed: Closed) -> None:
    """Nor does who may do everything with a token for reading, nor an assistant that may only look."""
    who = (
        closed.bearer("vic", "viewer"),
        closed.bearer("root", scopes=("read",)),
        closed.bearer("assistant:vic", "viewer"),
    )
    before = closed.rows()
    keys = [key for key in OPERATIONS if key[0] != "GET" and key not in READS]
    closed.known["username"] = "mia"

    def refused(_: Key, answer: httpx.Response) -> bool:
        return answer.status_code in (403, 404, 501)

    for me in who:
        assert closed.wrong(keys, refused, **me) == []
        closed.wrong({*OPERATIONS} - {*keys}, refused, **me)
        assert closed.rows() == before


def test_a_token_for_another_project_opens_nothing(closed: Closed) -> None:
    """Whatever its actor may do."""
    me = closed.bearer("root", scopes=("*:elsewhere",))
    before = closed.rows()

    def refused(key: Key, answer: httpx.Response) -> bool:
        return "hello" not in answer.text if key in PUBLIC | OF_ONESELF else answer.status_code in (403, 404)

    assert closed.wrong(OPERATIONS, refused, **me) == []
    assert closed.rows() == before


def test_a_workspace_that_is_not_there_is_in_no_operation(closed: Closed) -> None:
    """Who may see every project gets 404 wherever a header names it, anybody else 403, and nobody makes it by asking."""
    boss = closed.bearer("eve", "maintainer", everywhere=True)
    keys = {*OPERATIONS} - PUBLIC - {("GET", f"{V3}/server-info")}
    here = [
        key for key in keys if not key[1].startswith((f"{V3}/workspaces/", f"{V3}/roles", f"{V3}/users", f"{V2}/users"))
    ]

    def nowhere(_: Key, answer: httpx.Response) -> bool:
        return answer.status_code == 404 and answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"

    def refused(_: Key, answer: httpx.Response) -> bool:
        return answer.status_code == 403

    assert closed.wrong(here, nowhere, **boss, x_mlflow_workspace="nothing") == []
    vic = closed.bearer("vic", "contributor")
    before = closed.rows()
    assert closed.wrong(here, refused, **vic, x_mlflow_workspace="nothing") == []
    assert closed.rows() == before


def test_another_site_moves_nothing(tmp_path: Path) -> None:
    """Not with a foreign `Origin` or `Host`, whatever type it says that it sends, on a server that is open to its machine."""
    opened = Closed(tmp_path, closed=False)
    before = opened.rows()
    keys = [key for key in OPERATIONS if key[0] != "GET"]

    def refused(_: Key, answer: httpx.Response) -> bool:
        return answer.status_code in (400, 403) and "access-control-allow-origin" not in answer.headers

    for header in ({"origin": "http://evil.example"}, {"host": "evil.example"}, {"sec_fetch_site": "cross-site"}):
        assert opened.wrong(keys, refused, **header, content_type="text/plain") == []
    assert opened.rows() == before
    opened.tracker.served.close()
