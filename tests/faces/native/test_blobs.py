from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Unavailable
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.digest import digest_of
from loopline.nouns.token import Scope
from loopline.store.blobs import CHUNK
from loopline.store.pieces import decode

if TYPE_CHECKING:
    from loopline.loop import Loop

    from .conftest import Face

BODY = bytes(range(256)) * 40
DIGEST = digest_of(BODY)


def frame(*items: bytes) -> bytes:
    """Write a pack."""
    return b"".join(len(item).to_bytes(8, "big") + item for item in items)


def put(face: Face, body: bytes = BODY, project: str = "flights") -> str:
    """Upload a blob."""
    digest = digest_of(body)
    answer = face.ask("PUT", f"/blobs/{digest}?project={project}", content=body)
    assert answer.status_code in (200, 201), answer.text
    return digest


def test_a_blob_comes_and_goes(face: Face) -> None:
    """What was put is given back, with headers that let it be cached for ever and never run."""
    assert face.ask("PUT", f"/blobs/{DIGEST}", content=BODY).status_code == 201
    assert face.ask("PUT", f"/blobs/{DIGEST}", content=BODY).status_code == 200
    answer = face.get(f"/blobs/{DIGEST}")
    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["etag"] == f'"{DIGEST}"'
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment"
    assert "sandbox" in answer.headers["content-security-policy"]
    head = face.ask("HEAD", f"/blobs/{DIGEST}")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(BODY)), b"")


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 7])
def test_blobs_of_any_size_pass(face: Face, size: int) -> None:
    """Empty, small and large bodies, by length or in chunks, come back as they were."""
    body = os.urandom(size)
    digest = digest_of(body)

    async def chunks() -> object:
        for at in range(0, size, 100_000):
            yield body[at : at + 100_000]

    assert face.ask("PUT", f"/blobs/{digest}", content=chunks()).status_code == 201
    assert face.get(f"/blobs/{digest}").content == body
    assert face.ask("PUT", f"/blobs/{digest}", content=body).status_code == 200


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_other_bytes_are_not_taken(face: Face, size: int) -> None:
    """Bytes that are not those of the digest are refused and kept under no name."""
    body = os.urandom(size)
    answer = face.ask("PUT", f"/blobs/{DIGEST}", content=body)
    assert (answer.status_code, answer.json()["kind"]) == (400, "digest-mismatch")
    assert list(face.loop.blobs.iter()) == []
    assert face.get(f"/blobs/{DIGEST}").status_code == 404


def test_too_much_is_refused(face: Face) -> None:
    """More than the limit is a 413, announced or not, and nothing stays."""
    limit = face.desk.upload_limit
    answer = face.ask("PUT", f"/blobs/{DIGEST}", content=b"", headers={"Content-Length": str(limit + 1)})
    assert (answer.status_code, answer.json()["kind"]) == (413, "body-too-large")

    async def endless() -> object:
        for _ in range(limit // (1 << 20) + 2):
            yield bytes(1 << 20)

    assert face.ask("PUT", f"/blobs/{DIGEST}", content=endless()).status_code == 413
    assert face.post("/uploads", {"digest": DIGEST, "size": limit + 1}).status_code == 413
    assert list(face.loop.blobs.iter()) == []


def test_only_what_is_missing_is_asked_for(face: Face) -> None:
    """A project is asked for what it does not hold, also where another project has it."""
    mine, theirs, nobodys = put(face), put(face, b"theirs", "secret"), digest_of(b"nobody's")
    answer = face.post("/blobs/missing", {"digests": [mine, theirs, nobodys, theirs]})
    assert answer.json() == {"missing": [theirs, nobodys]}
    face.loop.blobs.delete(mine)  # type: ignore[arg-type]
    assert face.post("/blobs/missing", {"digests": [mine]}).json() == {"missing": [mine]}


@pytest.mark.parametrize(
    "body", [{}, {"digests": "x"}, {"digests": [1]}, {"digests": ["sha256:x"]}, {"digests": [], "x": 1}]
)
def test_what_is_no_list_of_digests_is_refused(face: Face, body: object) -> None:
    """Anything else than a list of digests is a 400, for both questions."""
    assert face.post("/blobs/missing", body).status_code == 400
    assert face.post("/blobs/fetch", body).status_code == 400


def test_many_small_ones_travel_together(face: Face) -> None:
    """A pack is named in its order; a fetch gives the bytes in the order asked, each as often as asked."""
    items = [b"", b"a", os.urandom(2 << 20), b"a", b"b" * 1000]
    digests = face.ask("POST", "/blobs/pack", content=frame(*items)).json()["digests"]
    assert digests == [digest_of(item) for item in items]
    wanted = [4, 0, 2, 2, 1]
    answer = face.post("/blobs/fetch", {"digests": [digests[at] for at in wanted]})
    assert answer.content == frame(*(items[at] for at in wanted))
    assert answer.headers["content-length"] == str(len(answer.content))
    assert face.post("/blobs/fetch", {"digests": []}).content == b""


@pytest.mark.parametrize("body", [b"\x00", b"\x00" * 7 + b"\x02a", b"\xff" * 8, frame(b"a") + b"\x00"])
def test_a_pack_that_ends_early_is_refused(face: Face, body: bytes) -> None:
    """A frame that is cut, or promises more than there is, is a 400 and keeps nothing."""
    answer = face.ask("POST", "/blobs/pack", content=body)
    assert (answer.status_code, answer.json()["kind"]) == (400, "bad-pack")
    assert list(face.loop.blobs.iter()) == []


def test_sums_of_a_large_blob(face: Face) -> None:
    """Who asks for ranges gets the sums by which they are verified; a small blob has none, and what is not held is not there."""
    body = os.urandom((8 << 20) + 5)
    digest = put(face, body)
    answer = face.get(f"/blobs/{digest}/pieces")
    found = decode(answer.content, bytes.fromhex(digest[7:]))
    assert found is not None
    assert (found.size, found.holds(8, body[8 << 20 :]), found.holds(0, body[1 : 1 + (1 << 20)])) == (
        len(body),
        True,
        False,
    )
    assert face.get(f"/blobs/{put(face)}/pieces").status_code == 204
    assert face.get(f"/blobs/{digest_of(b'none')}/pieces").status_code == 404
    assert face.get("/blobs/sha256:x/pieces").status_code == 400


def test_what_has_changed_where_it_lies_is_told_with_its_place(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blob that the store does not keep, and whose source is another now, is told as the store tells it to who reads here."""
    digest = put(face)

    def changed(_: object) -> object:
        raise Unavailable("it has changed", kind="blob-corrupt", hint="put it back", source="/srv/data/jan.csv")

    monkeypatch.setattr(face.loop.blobs, "size", lambda _: None)
    monkeypatch.setattr(face.loop.blobs, "get", changed)
    answer = face.get(f"/blobs/{digest}")
    assert (answer.json()["kind"], answer.json()["facts"]["source"]) == ("blob-corrupt", "/srv/data/jan.csv")


def test_a_damaged_blob_is_never_given_as_whole(face: Face) -> None:
    """Bytes that rotted on the disk are a 503 that names what it touches, and sending them again mends them."""
    put(face)
    path = face.loop.blobs.path(DIGEST)
    assert path
    path.chmod(0o644)
    path.write_bytes(b"x" + BODY[1:])
    answer = face.get(f"/blobs/{DIGEST}")
    assert (answer.status_code, answer.json()["kind"]) == (503, "blob-corrupt")
    assert face.post("/blobs/fetch", {"digests": [DIGEST]}).status_code == 503
    face.result("put", {"asset": "report/x", "digest": DIGEST})
    for answer in (face.get(f"/blobs/{DIGEST}"), face.get("/preview?version=report/x")):
        assert (answer.json()["kind"], answer.json()["facts"]["touches"]) == ("blob-corrupt", ["report/x@1"])
    path.unlink()
    for answer in (face.get(f"/blobs/{DIGEST}"), face.get("/preview?version=report/x")):
        assert (answer.json()["kind"], answer.json()["facts"]["touches"]) == ("blob-missing", ["report/x@1"])
    put(face)
    assert face.get(f"/blobs/{DIGEST}").content == BODY


def test_small_blobs_of_a_pack_are_given_as_others(face: Face) -> None:
    """What was sent in a pack and rests in one comes alone, together, in part, and by HEAD."""
    items = [str(number).encode() * 50 for number in range(30)]
    digests = face.ask("POST", "/blobs/pack", content=frame(*items)).json()["digests"]
    assert face.loop.blobs.path(digests[3]) is None
    assert face.get(f"/blobs/{digests[3]}").content == items[3]
    assert face.post("/blobs/fetch", {"digests": digests}).content == frame(*items)
    answer = face.ask("GET", f"/blobs/{digests[3]}", headers={"Range": "bytes=5-9"})
    assert (answer.status_code, answer.content) == (206, items[3][5:10])
    assert face.ask("HEAD", f"/blobs/{digests[3]}").headers["content-length"] == "50"
    assert face.post("/blobs/missing", {"digests": [*digests, DIGEST]}).json() == {"missing": [DIGEST]}


@pytest.mark.parametrize("size", [5000, (9 << 20) + 5])
def test_a_part_of_a_damaged_blob_is_refused(face: Face, size: int) -> None:
    """A range is as good as the whole: rotten bytes are a 503 that names the blob."""
    body = os.urandom(size)
    put(face, body)
    path = face.loop.blobs.path(digest_of(body))
    assert path
    path.chmod(0o644)
    path.write_bytes(bytes([body[0] ^ 1]) + body[1:])
    answer = face.ask("GET", f"/blobs/{digest_of(body)}", headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.json()["kind"]) == (503, "blob-corrupt")


def test_damage_behind_the_first_chunk_is_looked_up_for_nobody(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once an answer has begun, its error reaches nobody, and what it touches is not searched for."""
    searched: list[str] = []

    def touched(_: Loop, digest: str) -> tuple[str, ...]:
        searched.append(digest)
        return ()

    monkeypatch.setattr("loopline.verbs.lacking.touched", touched)
    body = b"x" * (3 * CHUNK)
    put(face, body)
    path = face.loop.blobs.path(digest_of(body))
    assert path
    path.chmod(0o644)
    path.write_bytes(body[:-1] + b"y")
    answer = face.get(f"/blobs/{digest_of(body)}")
    assert (answer.status_code, answer.content != body, searched) == (200, True, [])


@pytest.mark.parametrize(
    "spelling",
    [
        "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/ledger.db", "sha256:../x", "sha256%3A" + "0" * 63 + "%2f",
        "/etc/passwd", "sha256:" + "A" * 64, "sha512:" + "0" * 64, "sha256:" + "0" * 64 + "%00", "sha256:" + "0" * 64 + "%0a",
        "sha256:" + "0" * 64 + "/..", "..;/..;/x", "%c0%ae%c0%ae/x", "\\..\\..\\x", "sha256:" + "\uff10" * 64, "~root", ".", "",
    ],
)  # fmt: skip
def test_a_path_is_read_as_a_digest_and_nothing_else(face: Face, spelling: str) -> None:
    """Every spelling of a way out of the store meets the parser of digests: nothing is opened."""
    for method in ("GET", "HEAD", "PUT"):
        status, body = face.raw(method, f"/api/v1/blobs/{spelling}", b"x" if method == "PUT" else b"")
        assert status in (400, 404), (method, status)
        assert json.loads(body)["kind"] in ("bad-digest", "blob-missing", "digest-mismatch")
    assert list(face.loop.blobs.iter()) == []


def test_header_tricks_do_nothing(face: Face) -> None:
    """No header field of a request comes back in one of the answer."""
    put(face)
    tricks = {"Range": "bytes=0-1\r\nX-Evil: 1", "If-None-Match": '"a"\r\nX-Evil: 1'}
    for name, value in tricks.items():
        answer = face.get(f"/blobs/{DIGEST}", headers={name: value.encode()})
        assert "x-evil" not in answer.headers


def test_who_is_kept_to_some_assets_reads_only_theirs(face: Face) -> None:
    """A token for `model/*` downloads what is a version of a model or below one, and may upload."""
    face.caller = Caller(Actor("person", "ann", verified=True), roles={"flights": "contributor"})
    model, data = put(face, b"model"), put(face, b"data")
    face.result("put", {"asset": "model/delay", "digest": model})
    face.result("put", {"asset": "data/x", "digest": data})
    face.caller = replace(face.caller, scopes=(Scope(("get", "put"), "flights", "model/*"),))
    assert face.get(f"/blobs/{model}").content == b"model"
    assert face.get(f"/blobs/{data}").status_code == 404
    assert face.post("/blobs/fetch", {"digests": [model, data]}).status_code == 404
    assert face.ask("PUT", f"/blobs/{digest_of(b'n')}", content=b"n").status_code == 201
    assert face.get(f"/blobs/{model}?project=other").status_code == 403


def test_who_may_only_read_does_not_upload(face: Face) -> None:
    """A viewer's upload is refused in every form."""
    face.caller = Caller(Actor("person", "eve", verified=True), roles={"flights": "viewer"})
    assert face.ask("PUT", f"/blobs/{DIGEST}", content=BODY).status_code == 403
    assert face.ask("POST", "/blobs/pack", content=frame(b"a")).status_code == 403
    assert face.post("/uploads", {"digest": DIGEST, "size": 1}).status_code == 403
    assert list(face.loop.blobs.iter()) == []


def test_a_stranger_gets_nothing(face: Face) -> None:
    """Without a caller every address is a 401 that names no thing."""
    put(face)
    face.caller = None
    for method, path in (
        ("GET", f"/blobs/{DIGEST}"), ("PUT", f"/blobs/{DIGEST}"), ("POST", "/blobs/missing"), ("POST", "/blobs/pack"),
        ("POST", "/uploads"), ("GET", "/find"), ("POST", "/start"), ("GET", "/nope"), ("GET", "/a/b/c"), ("PATCH", "/find"),
        ("GET", "/tasks/x"), ("GET", "/feed/events"),
    ):  # fmt: skip
        answer = face.ask(method, path)
        assert (answer.status_code, answer.json()["kind"]) == (401, "not-signed-in"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")
