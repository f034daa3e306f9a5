"""Who asks, and what who may not learns: nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import pytest

from loopline.access.secrets import signing_secret
from loopline.checks.document import Document, dump_document
from loopline.faces.lakefs.door import PUBLIC
from loopline.faces.lakefs.routes import OPERATIONS as SERVED
from loopline.nouns.actor import parse_actor
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.verbs.bucket import bucket
from loopline.verbs.policy import policy
from loopline.verbs.revoke import revoke
from loopline.verbs.staging import stage, written
from tests.server.serving import HOME, Served

from .conftest import API, Lake

if TYPE_CHECKING:
    import httpx

    from loopline.nouns.token import Role

KEY = b"k" * 32
COMMIT = {"message": "x"}
BRING = {"staging": {"physical_address": "loopline://uploads/1"}, "checksum": "x", "size_bytes": 1}
BRANCH, REF = "/branches/main", "/refs/main"
OPERATIONS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "", None), ("DELETE", "", None), ("GET", "/metadata", None), ("GET", "/branches", None),
    ("POST", "/branches", {"name": "new", "source": "main"}), ("GET", BRANCH, None), ("PUT", BRANCH, {"type": "reset"}),
    ("DELETE", BRANCH, None), ("GET", f"{BRANCH}/diff", None), ("POST", f"{BRANCH}/revert", {"ref": "main"}),
    ("POST", f"{BRANCH}/cherry-pick", {"ref": "main"}), ("POST", f"{BRANCH}/commits", COMMIT), ("GET", "/commits/main", None),
    ("GET", f"{REF}/commits", None), ("GET", f"{REF}/diff/main", None), ("POST", f"{REF}/merge/main", {}),
    ("GET", f"{REF}/merge/main", None), ("GET", f"{REF}/objects/ls", None), ("GET", f"{REF}/objects/stat?path=a", None),
    ("GET", f"{REF}/objects?path=a", None), ("HEAD", f"{REF}/objects?path=a", None), ("POST", f"{BRANCH}/objects?path=a", b"x"),
    ("DELETE", f"{BRANCH}/objects?path=a", None), ("POST", f"{BRANCH}/objects/delete", {"paths": ["a"]}),
    ("POST", f"{BRANCH}/objects/copy?dest_path=b", {"src_path": "a"}), ("GET", f"{BRANCH}/staging/backing?path=a", None),
    ("PUT", f"{BRANCH}/staging/backing?path=a", BRING), ("PUT", f"{BRANCH}/staging/bytes?upload=1", b"x"), ("GET", "/tags", None),
    ("GET", f"{BRANCH}/import?id=1", None), ("DELETE", f"{BRANCH}/import?id=1", None),
    ("POST", f"{BRANCH}/import", {"paths": [{"type": "object", "path": "s3://x/a", "destination": "a"}], "commit": COMMIT}),
    ("GET", f"{BRANCH}/import?id=1", None), ("DELETE", f"{BRANCH}/import?id=1", None),
    ("POST", f"{BRANCH}/import", {"paths": [{"type": "object", "path": "s3://x/a", "destination": "a"}], "commit": COMMIT}),
    ("POST", "/tags", {"id": "v1", "ref": "main"}), ("GET", "/tags/v1", None), ("DELETE", "/tags/v1", None),
    ("GET", f"{BRANCH}/objects/stage_allowed?path=a", None),
)  # fmt: skip
"""Every operation on a repository."""


class Guarded:
    """A server that asks for keys, with a data asset that not everybody may see."""

    def __init__(self, folder: Path) -> None:
        self.served = Served(folder, key=lambda: KEY)
        self.served.token("ann", "admin", everywhere=True)
        loop = self.served.loop
        self.ref = RefName(AssetName("flights", "data", "okapi"), "main")
        bucket(loop, "named-okapi", self.ref)
        stage(loop, self.ref, written("a", loop.blobs.put(b"bytes of the okapi"), 18))

    def token(self, role: Role | None, *scopes: str) -> str:
        """Make a token for somebody and give its id."""
        return self.served.token("token:ci", role, scopes=scopes).token.id

    def ask(
        self, key: str, method: str, path: str, body: Any = None, *, secret: str = "", **asked: Any
    ) -> httpx.Response:
        """Send a request with an access key."""
        pair = b64encode(f"{key}:{secret or signing_secret(KEY, key)}".encode()).decode()
        sent = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        return self.served.ask(method, f"{API}/{path}", headers={"Authorization": f"Basic {pair}"}, **sent, **asked)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give the server."""
    made = Guarded(tmp_path_factory.mktemp("guarded"))
    yield made
    made.served.close()


@pytest.mark.parametrize("scope", [None, "read:flights:data/quagga"])
def test_who_may_not_learns_nothing(guarded: Guarded, scope: str | None) -> None:
    """Each operation answers somebody without the right the same for what is there and for what is not, and no name is listed."""
    who = guarded.token("contributor", scope) if scope else guarded.served.token("token:stranger").token.id
    for method, path, body in OPERATIONS:
        said = []
        for name in ("okapi", "never", "named-okapi"):
            answer = guarded.ask(who, method, f"repositories/{name}{path}", body)
            assert answer.status_code == 403, (method, name, path, answer.text)
            said.append(answer.text.replace(name, ""))
        assert len(set(said)) == 1, said
    assert guarded.ask(who, "GET", "repositories").json()["results"] == []


def test_who_may_not_register_imports_from_no_storage(guarded: Guarded) -> None:
    """To write and to commit is not enough to have the server read a bucket: that is asked before which buckets it may read."""
    who = guarded.token("contributor", "read:flights:data/okapi", "write:flights:data/okapi")
    body = {"paths": [{"type": "object", "path": "gs://elsewhere/x", "destination": "y"}], "commit": {}}
    answer = guarded.ask(who, "POST", "repositories/okapi/branches/main/import", body)
    assert (answer.status_code, "you may not register" in answer.text) == (403, True), answer.text


def test_what_one_may_is_done(guarded: Guarded) -> None:
    """A reader reads and does not write; who writes on a condition, which tells what is there, must also read."""
    reader = guarded.token("contributor", "read:flights:data/okapi")
    writer = guarded.token("contributor", "add:flights:data/okapi")
    where = "repositories/okapi/branches/main/objects?path=b"
    assert (
        guarded.ask(reader, "GET", "repositories/named-okapi/refs/main/objects?path=a").content == b"bytes of the okapi"
    )
    assert [one["id"] for one in guarded.ask(reader, "GET", "repositories").json()["results"]] == [
        "named-okapi",
        "okapi",
    ]
    assert guarded.ask(reader, "POST", where, b"x").status_code == 403
    assert guarded.ask(writer, "POST", where, b"x").status_code == 201
    assert guarded.ask(writer, "GET", "repositories/okapi/refs/main/objects?path=b").status_code == 403
    assert guarded.ask(writer, "POST", "repositories", {"name": "zebra"}).status_code == 403


def test_a_key_lives_as_long_as_its_token(guarded: Guarded) -> None:
    """A wrong secret, an unknown key and a revoked one are 401; a token stands for its own secret, whatever the key says."""
    who, where = guarded.token("viewer"), "repositories/okapi/refs/main/objects?path=a"
    assert guarded.ask(who, "GET", where).status_code == 200
    for key, secret in ((who, "wrong"), ("a" * 12, "x")):
        assert guarded.ask(key, "GET", where, secret=secret).status_code == 401
    issued = guarded.served.token("token:bearer", "viewer")
    assert guarded.ask("anything", "GET", where, secret=issued.secret).content == b"bytes of the okapi"
    assert guarded.served.ask("GET", f"{API}/{where}", token=issued.secret).status_code == 200
    revoke(guarded.served.loop, who)
    assert guarded.ask(who, "GET", where).status_code == 401
    for header in ("Basic !", "Basic YQ==", "Digest x"):
        assert guarded.served.ask("GET", f"{API}/config", headers={"Authorization": header}).status_code == 401


def test_a_session_ends_with_its_token(guarded: Guarded) -> None:
    """A session is as good as its key, is signed, and ends when the token is revoked; a wrong secret opens none."""
    issued = guarded.served.token("token:session", "viewer")
    pairs = ((issued.token.id, signing_secret(KEY, issued.token.id)), ("any", issued.secret))
    said: dict[str, str] = {}
    for key, secret in pairs:
        body = {"access_key_id": key, "secret_access_key": secret}
        said = guarded.served.ask("POST", f"{API}/auth/login", json=body).json()
        assert guarded.served.ask("GET", f"{API}/repositories/okapi", token=said["token"]).status_code == 200
        changed = said["token"][:-1] + ("0" if said["token"][-1] != "0" else "1")
        assert guarded.served.ask("GET", f"{API}/repositories/okapi", token=changed).status_code == 401
    for key, secret in ((issued.token.id, "wrong"), ("never", "x"), ("any", issued.secret[:-1] + "_")):
        body = {"access_key_id": key, "secret_access_key": secret}
        assert guarded.served.ask("POST", f"{API}/auth/login", json=body).status_code == 401
    revoke(guarded.served.loop, issued.token.id)
    assert guarded.served.ask("GET", f"{API}/repositories/okapi", token=said["token"]).status_code == 401


def test_a_signed_address_opens_one_thing(guarded: Guarded) -> None:
    """It reads what it was made for, by whoever has it, for an hour; another path, method or end is 401."""
    who = guarded.token("viewer")
    url = guarded.ask(who, "GET", "repositories/okapi/refs/main/objects/stat?path=a&presign=true").json()[
        "physical_address"
    ]
    address = url.removeprefix(HOME)
    assert guarded.served.ask("GET", address).content == b"bytes of the okapi"
    assert guarded.served.ask("HEAD", address).status_code == 200
    for method, wrong in (
        ("GET", address.replace("path=a", "path=b")), ("GET", address.replace("until=1", "until=2")), ("DELETE", address),
        ("GET", address[:-1]), ("GET", address.replace("/main/", "/other/")),
    ):  # fmt: skip
        assert guarded.served.ask(method, wrong).status_code == 401, (method, wrong)


@pytest.mark.parametrize("key", ["%ff", "%00", "a%0Ab"])
def test_a_key_that_no_ledger_can_hold_is_nobodys(guarded: Guarded, key: str) -> None:
    """Bytes that are no text are 401 in an address and in a header, and no defect that a stranger writes into the log."""
    path = f"{API}/repositories/okapi/refs/main/objects?path=a&loopline-signature=x&loopline-key={key}"
    assert guarded.served.ask("GET", path).status_code == 401
    pair = b64encode(unquote_to_bytes(key) + b":x").decode()
    assert guarded.served.ask("GET", f"{API}/config", headers={"Authorization": f"Basic {pair}"}).status_code == 401


def test_strangers_get_json_and_no_login_page(guarded: Guarded) -> None:
    """Who shows nothing is 401 in the protocol's words, also with a browser's session; health and login answer anybody."""
    answer = guarded.served.ask("GET", f"{API}/repositories")
    assert (answer.status_code, "authenticating" in answer.json()["message"]) == (401, True)
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert guarded.served.ask("GET", f"{API}/config", headers={"Cookie": "loopline=x"}).status_code == 401
    let_in = set()
    for method, pattern in SERVED:
        if guarded.served.ask(method, f"{API}/{pattern.replace('{}', 'x')}", json={}).status_code != 401:
            let_in.add(pattern)
    assert let_in == {path.removeprefix(f"{API}/") for path in PUBLIC}
    assert guarded.served.ask("GET", f"{API}/healthcheck").status_code == 204


def test_an_open_server_takes_any_key(lake: Lake) -> None:
    """On loopback, as long as no admin has a token, made-up keys and sessions of them are as good as none."""
    pair = b64encode(b"AKIA:any thing").decode()
    assert lake.ask("GET", "repositories/flights", Authorization=f"Basic {pair}").status_code == 200
    said = lake.say("POST", "auth/login", {"access_key_id": "AK/IA", "secret_access_key": "x"})
    assert lake.ask("GET", "repositories/flights", Authorization=f"Bearer {said['token']}").status_code == 200


def test_a_protected_branch_says_what_is_missing(lake: Lake) -> None:
    """Commits, merges, reverts and deletions of a branch that a policy speaks of are 403 with its demands; the branch stays."""
    lake.put("main", "a")
    head = lake.commit("main", "first")
    lake.branch("dev")
    lake.put("dev", "b")
    lake.commit("dev", "second")
    loop = replace(lake.served.loop, actor=parse_actor("ann"))
    asked = Policy("data", ("data/*@*",), approvals=Approvals(count=1, not_author=True))
    policy(loop, document=dump_document(Document((asked,), ())).decode(), why="test")
    lake.put("main", "c")
    main = "repositories/flights/branches/main"
    for method, path, body in (
        ("POST", f"{main}/commits", {"message": "third"}), ("POST", "repositories/flights/refs/dev/merge/main", {}),
        ("POST", f"{main}/revert", {"ref": head, "parent_number": 0}), ("POST", f"{main}/cherry-pick", {"ref": "dev"}),
        ("DELETE", "repositories/flights/branches/dev", None), ("DELETE", "repositories/flights", None),
        ("POST", "repositories/flights/branches", {"name": "new", "source": "main"}),
    ):  # fmt: skip
        answer = lake.ask(method, path, body)
        assert (answer.status_code, bool(answer.json()["missing"])) == (403, True), (path, answer.text)
    assert lake.say("GET", f"{main}")["commit_id"] == head
    assert lake.paths("refs/main/objects/ls") == ["a", "c"]
