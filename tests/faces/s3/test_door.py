"""Who asks, and what who may not learns: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from loopline.access.secrets import signing_secret
from loopline.nouns.name import AssetName, RefName
from loopline.settings.server import ServerSettings
from loopline.verbs.bucket import bucket
from loopline.verbs.revoke import revoke
from loopline.verbs.staging import stage, written
from tests.server.serving import HOME, Served

if TYPE_CHECKING:
    import httpx

    from loopline.nouns.token import Role

KEY = b"k" * 32
OPERATIONS = (
    ("HEAD", ""), ("GET", ""), ("GET", "?list-type=2"), ("GET", "?versions"), ("GET", "?location"), ("GET", "?versioning"),
    ("GET", "?acl"), ("GET", "?uploads"), ("POST", "?delete"), ("PUT", ""), ("DELETE", ""),
    ("HEAD", "/main/a"), ("GET", "/main/a"), ("PUT", "/main/a"), ("DELETE", "/main/a"), ("GET", "/main/a?attributes"),
    ("GET", "/main/a?acl"), ("GET", "/main/a?tagging"), ("PUT", "/main/a?tagging"), ("DELETE", "/main/a?tagging"),
    ("POST", "/main/a?uploads"), ("PUT", "/main/a?uploadId=1&partNumber=1"), ("POST", "/main/a?uploadId=1"),
    ("DELETE", "/main/a?uploadId=1"), ("GET", "/main/a?uploadId=1"),
)  # fmt: skip
"""Every operation on a bucket and on a key."""


class Guarded:
    """A server that asks for tokens, with an asset that not everybody may see."""

    def __init__(self, folder: Path) -> None:
        settings = ServerSettings(s3_host="s3.localhost")
        self.served = Served(folder, settings, key=lambda: KEY)
        self.served.token("ann", "admin", everywhere=True)
        loop = self.served.loop
        self.ref = RefName(AssetName("flights", "data", "okapi"), "main")
        bucket(loop, "named-okapi", self.ref)
        stage(loop, self.ref, written("a", loop.blobs.put(b"bytes of the okapi"), 18))

    def token(self, role: Role | None, *scopes: str) -> str:
        """Make a token for somebody and give its id."""
        return self.served.token("token:ci", role, scopes=scopes).token.id

    def ask(
        self, token: str, method: str, path: str, *, host: str = "", secret: str = "", **headers: str
    ) -> httpx.Response:
        """Send a signed request to a path as it stands."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        fields |= {"host": host or HOME.removeprefix("http://")}
        request = AWSRequest(method=method, url=f"{HOME}{path}", headers=fields, data=b"")
        S3SigV4Auth(Credentials(token, secret or signing_secret(KEY, token)), "s3", "x").add_auth(request)
        signed = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
        return self.served.ask(
            method,
            path,
            headers={name: signed[name] for name in signed if name.lower() != "host"} | {"host": fields["host"]},
        )


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
    for method, path in OPERATIONS:
        said = []
        for name in ("okapi", "never", "okapi.main", "never.main", "named-okapi"):
            answer = guarded.ask(who, method, f"/s3/{name}{path}", x_amz_object_attributes="ETag")
            assert answer.status_code == 403, (method, name, path, answer.text)
            said.append(answer.text.replace(name, "").partition("<RequestId>")[0])
        assert len(set(said)) == 1, said
    assert "okapi" not in guarded.ask(who, "GET", "/s3/").text
    copied = guarded.ask(
        guarded.token("contributor", "add,bucket:flights:data/mine", "read:flights:data/mine"), "PUT", "/s3/mine"
    )
    assert copied.status_code == 200 or "BucketAlready" in copied.text


def test_a_copy_reads_only_what_its_asker_may_read(guarded: Guarded) -> None:
    """Writing to one's own bucket opens no other: the source is held against the same rights, before it is looked up."""
    loop = guarded.served.loop
    bucket(loop, "my-bucket", RefName(AssetName("flights", "data", "mine2"), "main"))
    who = guarded.token("contributor", "add,get,ls:flights:data/mine2")
    for source in ("okapi/main/a", "never/main/a", "named-okapi/a"):
        answer = guarded.ask(who, "PUT", "/s3/my-bucket/b", x_amz_copy_source=source)
        assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)


def test_what_one_may_is_done(guarded: Guarded) -> None:
    """A reader reads and lists and does not write; who writes on a condition, which tells what is there, must also read."""
    reader, writer = (
        guarded.token("contributor", "read:flights:data/okapi"),
        guarded.token("contributor", "add:flights:data/okapi"),
    )
    assert guarded.ask(reader, "GET", "/s3/okapi/main/a").content == b"bytes of the okapi"
    assert "<Key>a</Key>" in guarded.ask(reader, "GET", "/s3/named-okapi").text
    assert guarded.ask(reader, "PUT", "/s3/okapi/main/b").status_code == 403
    assert guarded.ask(writer, "PUT", "/s3/okapi/main/b").status_code == 200
    assert guarded.ask(writer, "GET", "/s3/okapi/main/b").status_code == 403
    assert guarded.ask(writer, "PUT", "/s3/okapi/main/b", if_none_match="*").status_code == 403


def test_a_key_lives_as_long_as_its_token(guarded: Guarded) -> None:
    """Revoking the token ends its key at once; a wrong secret and a key that never was are told apart from no right."""
    who = guarded.token("viewer")
    assert guarded.ask(who, "GET", "/s3/okapi/main/a").status_code == 200
    for token, secret, code in ((who, "wrong", "SignatureDoesNotMatch"), ("a" * 12, "x", "InvalidAccessKeyId")):
        answer = guarded.ask(token, "GET", "/s3/okapi/main/a", secret=secret)
        assert (answer.status_code, code in answer.text) == (403, True)
    revoke(guarded.served.loop, who)
    answer = guarded.ask(who, "GET", "/s3/okapi/main/a")
    assert "InvalidAccessKeyId" in answer.text
    shut = guarded.served.token("token:shut", "viewer").token.id
    revoke(guarded.served.loop, "token:shut")
    assert guarded.ask(shut, "GET", "/s3/okapi/main/a").status_code == 403


def test_strangers_get_xml_and_no_login(guarded: Guarded) -> None:
    """Who shows nothing is refused in the protocol's words; a bearer's token is taken, and a browser's session is none here."""
    answer = guarded.served.ask("GET", "/s3/okapi")
    assert (answer.status_code, "<Code>AccessDenied</Code>" in answer.text) == (403, True)
    assert guarded.served.ask("GET", "/s3/okapi", headers={"Cookie": "loopline=x"}).status_code == 403
    token = guarded.served.token("token:bearer", "viewer").secret
    assert guarded.served.ask("GET", "/s3/okapi/main/a", token=token).content == b"bytes of the okapi"


def test_a_host_may_name_the_bucket(guarded: Guarded) -> None:
    """With a host set apart for buckets their names stand in front of it, dots and ports included; other hosts stay unknown."""
    who = guarded.token("viewer")
    for host, path in (
        ("named-okapi.s3.localhost:4040", "/a"), ("okapi.main.s3.localhost", "/a"), ("okapi.s3.localhost", "/main/a"),
        ("s3.localhost:4040", "/okapi/main/a"),
    ):  # fmt: skip
        assert guarded.ask(who, "GET", path, host=host).content == b"bytes of the okapi", host
    assert "<Bucket>" in guarded.ask(who, "GET", "/", host="s3.localhost").text
    assert "bad-host" in guarded.ask(who, "GET", "/a", host="okapi.s3.example.org").text


def test_a_server_without_tokens_takes_any_key(tmp_path: Path) -> None:
    """On loopback, as long as no admin has a token, a made-up key is as good as none; a token's own is still looked at."""
    open_ = Guarded.__new__(Guarded)
    open_.served = Served(tmp_path, key=lambda: KEY)
    bucket(open_.served.loop, "raw-flights", RefName(AssetName("flights", "data", "raw"), "main"))
    assert open_.ask("anything", "PUT", "/s3/raw-flights/a", secret="at all").status_code == 200
    known = open_.served.token("token:ci", "viewer").token.id
    assert open_.ask(known, "PUT", "/s3/raw-flights/a", secret="wrong").status_code == 403
    open_.served.close()


def test_an_address_that_was_signed_for_a_body_takes_no_other(guarded: Guarded) -> None:
    """What an address says of the body, in its query, is held against what comes."""
    token = guarded.token("contributor")

    def put(body: bytes) -> int:
        address = f"{HOME}/s3/okapi/main/signed?X-Amz-Content-Sha256={sha256(b'right').hexdigest()}"
        request = AWSRequest(method="PUT", url=address, headers={"host": HOME.removeprefix("http://")})
        signer = S3SigV4QueryAuth(Credentials(token, signing_secret(KEY, token)), "s3", "x", expires=60)
        signer.payload = lambda _: sha256(b"right").hexdigest()
        signer.add_auth(request)
        return guarded.served.ask("PUT", request.url.removeprefix(HOME), content=body).status_code

    assert put(b"wrong") == 400
    assert put(b"right") == 200
