"""The conversation with a registry goes on over whatever fails, says who asks only to whom it may, and loses nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from loopline.errors import LooplineError, NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.sdk import registry as registries
from loopline.sdk.registry import Pace, Registry
from loopline.sdk.repository import Repository, parse_repository
from tests.registries import PASSWORD, USER, registry
from tests.server.certificates import certificate
from tests.store.conftest import Between, Fault

DATA = os.urandom(70_000)
DIGEST = digest_of(DATA)
QUICK = Pace(tries=4, pause=0.002, longest=0.01, read=5)
NUMBERS = count()


@pytest.fixture
def stand(oci_host: str) -> Iterator[Between]:
    """Stand between the test and a registry."""
    between = Between(f"http://{oci_host}")
    yield between
    between.close()


def talk(
    stand: Between | str, *, name: str = "", beside: str = "", folder: Path | None = None, writing: bool = True
) -> Registry:
    host = stand if isinstance(stand, str) else stand.address.removeprefix("http://")
    where = Repository(host, name or f"flights/n{next(NUMBERS)}", plain=True)
    return Registry(where, writing=writing, beside=beside, folder=folder, pace=QUICK)


@pytest.fixture(autouse=True)
def chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chunks be small."""
    monkeypatch.setattr(registries, "PART", 16_000)


def test_a_blob_is_kept_and_read(stand: Between) -> None:
    """What is there is not sent again, what is read is verified, and a part of it is a part."""
    there = talk(stand)
    for data in (DATA, b"", b"x"):
        there.put(digest_of(data), data)
        assert there.read(digest_of(data), len(data)) == data
    sent = there.sent
    assert sent == len(DATA) + 1
    there.put(DIGEST, DATA)
    assert there.sent == sent
    assert there.part(DIGEST, 20_000, 20_010) == DATA[20_000:20_010]
    assert there.manifest("nothing") is None
    with pytest.raises(NotFound):
        there.read(digest_of(b"other"), 5)


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("HEAD", 429),
        ("POST", 503),
        ("POST", 0),
        ("PATCH", 500),
        ("PATCH", 0),
        ("PUT", 502),
        ("PUT", 0),
        ("GET", 504),
        ("GET", 0),
    ],
)
def test_what_passes_is_asked_again(stand: Between, method: str, status: int) -> None:
    """A server that is busy, or cuts the line, is asked again; what has arrived is not sent twice."""
    failed: list[str] = []

    def wrong(asked: str, path: str) -> Fault:
        if asked != method or len(failed) > 1:
            return None
        failed.append(path)
        if not status:
            return 0
        return status, b"", {"Retry-After": "0"}

    there = talk(stand)
    stand.wrong = wrong
    there.put(DIGEST, DATA)
    assert b"".join(there.stream(DIGEST, len(DATA))) == DATA
    assert failed
    assert there.sent == len(DATA)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", "store-refused"),
        (403, b'{"errors": [{"code": "DENIED", "message": "very-secret"}]}', "store-refused"),
        (404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}', "store-missing"),
        (413, b"", "disk-full"),
        (503, b"<html>", "store-unreachable"),
        (418, b'{"errors": 3}', "store-broken"),
        (400, b'{"errors": [{"code": "very-secret"}]}', "store-broken"),
    ],
)
def test_a_refusal_says_what_to_do(stand: Between, status: int, body: bytes, kind: str) -> None:
    """Each is one of the errors of stores, without the registry's own text."""
    stand.wrong = lambda method, _path: (status, body) if method == "POST" else None
    with pytest.raises(Unavailable) as caught:
        talk(stand).put(DIGEST, DATA)
    assert caught.value.kind == kind
    assert "very-secret" not in f"{caught.value} {caught.value.facts} {caught.value.hint}"


def test_who_is_stopped_goes_on_there(stand: Between, tmp_path: Path) -> None:
    """A second process sends the chunks that the first has not; where the registry forgot the upload, all of them."""
    patches: list[str] = []

    def wrong(method: str, path: str) -> Fault:
        patches.extend([path] if method == "PATCH" else [])
        return (403, b"") if len(patches) > 2 and method == "PATCH" else None

    first = talk(stand, folder=tmp_path)
    stand.wrong = wrong
    with pytest.raises(Unavailable):
        first.put(DIGEST, DATA)
    assert first.sent == 32_000
    stand.wrong = lambda _method, _path: None
    second = talk(stand, name=first.repository.name, folder=tmp_path)
    second.put(DIGEST, DATA)
    assert second.sent == len(DATA) - 32_000
    assert list((tmp_path / "uploads").iterdir()) == []
    third = talk(stand, folder=tmp_path)
    patches.clear()
    stand.wrong = wrong
    with pytest.raises(Unavailable):
        third.put(DIGEST, DATA)
    stand.wrong = lambda method, path: (404, b"") if method == "GET" and "uploads" in path else None
    fourth = talk(stand, name=third.repository.name, folder=tmp_path)
    fourth.put(DIGEST, DATA)
    assert fourth.sent == len(DATA)
    assert fourth.read(DIGEST, len(DATA)) == DATA


def test_a_neighbour_gives_its_blob(stand: Between) -> None:
    """What another repository of the registry has is taken over, and not sent."""
    first = talk(stand)
    first.put(DIGEST, DATA)
    second = talk(stand, beside=first.repository.name)
    second.put(DIGEST, DATA)
    assert (second.sent, second.read(DIGEST, len(DATA))) == (0, DATA)
    second.put(digest_of(b"new"), b"new")
    assert second.sent == 3
    stand.wrong = lambda _method, path: (401, b"") if "from=" in path else None
    third = talk(stand, beside=first.repository.name)
    third.put(DIGEST, DATA)
    assert third.sent == len(DATA), "who may not read there sends it"


def answering(answer: Fault) -> Callable[[str, str], Fault]:
    return lambda method, _path: answer if method == "GET" else None


def test_damaged_bytes_are_never_given_whole(stand: Between) -> None:
    """Bytes that are not those of the digest, or are too few or too many, raise before the last of them is given."""
    there = talk(stand)
    there.put(DIGEST, DATA)
    lies: list[Fault] = [(200, b"?" * len(DATA)), (200, DATA[:100]), (206, DATA[:16_000] + b"more"), (200, b"")]
    for lie in lies:
        stand.wrong = answering(lie)
        with pytest.raises(LooplineError) as caught:
            there.read(DIGEST, len(DATA))
        assert caught.value.kind == "blob-corrupt"
    stand.wrong = lambda method, _path: (200, DATA) if method == "GET" else None
    assert there.read(DIGEST, len(DATA)) == DATA, "a registry that gives no ranges is read as well"
    with pytest.raises(LooplineError):
        there.manifest(digest_of(b"another"))


def test_a_password_goes_only_where_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that asks gets it, a wrong one is refused unsaid, and where bytes are elsewhere, nobody learns who asks."""
    with registry(tmp_path / "registry", signed=True) as host:
        between = Between(f"http://{host}")
        asked = between.address.removeprefix("http://")
        for password in (PASSWORD, "quite-wrong"):
            monkeypatch.setenv(
                "DOCKER_AUTH_CONFIG", json.dumps({"auths": {asked: {"username": USER, "password": password}}})
            )
            there = talk(between, name="flights")
            if password == PASSWORD:
                there.put(DIGEST, DATA)
                continue
            with pytest.raises(Unavailable) as caught:
                there.put(digest_of(b"x"), b"x")
            assert caught.value.kind == "store-refused"
            assert password not in f"{caught.value!r} {caught.value} {caught.value.facts} {caught.value.hint}"
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", "{}")
        with pytest.raises(Unavailable):
            talk(between, name="flights", writing=False).has(DIGEST)
        elsewhere = Between(f"http://{host}")
        elsewhere.wrong = lambda _method, _path: (200, DATA)
        monkeypatch.setenv(
            "DOCKER_AUTH_CONFIG", json.dumps({"auths": {asked: {"username": USER, "password": PASSWORD}}})
        )
        place = {"Location": f"{elsewhere.address}/{DIGEST}"}
        between.wrong = lambda method, path: (307, b"", place) if method == "GET" and "/blobs/" in path else None
        assert talk(between, name="flights").read(DIGEST, len(DATA)) == DATA
        assert all("authorization" not in head for head in elsewhere.heads)
        elsewhere.close()
        between.close()


def test_a_token_is_got_and_renewed(stand: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tokens are asked for, one is got with the password, for this repository alone, and a new one when it has ended."""
    host = stand.address.removeprefix("http://")
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {host: {"username": USER, "password": PASSWORD}}}))
    given: list[str] = []

    def wrong(_method: str, path: str) -> Fault:
        head = stand.heads[-1].get("authorization", "")
        if path.startswith("/token"):
            assert head.startswith("Basic ")
            given.append(path)
            return 200, json.dumps({"token": f"t{len(given)}"}).encode()
        if head != f"Bearer t{max(1, len(given))}" or len(stand.seen) == 6:
            said = f'Bearer realm="{stand.address}/token",service="reg",scope="repository:x:pull"'
            return 401, b"", {"WWW-Authenticate": said}
        return None

    stand.wrong = wrong
    there = talk(stand, beside="trains")
    there.put(DIGEST, DATA)
    assert there.read(DIGEST, len(DATA)) == DATA
    assert len(given) == 2
    name = there.repository.name.replace("/", "%2F")
    assert given[0] == f"/token?service=reg&scope=repository%3A{name}%3Apull%2Cpush&scope=repository%3Atrains%3Apull"


def test_nothing_leads_from_tls_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a CA of one's own a registry is spoken to by TLS; without it, not at all; a redirect to plain HTTP is not followed."""
    _, pem = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path))
    with registry(tmp_path / "registry", certificate=pem) as host:
        where = parse_repository(f"oci://{host}/flights")
        with pytest.raises(Unavailable) as caught:
            Registry(where, writing=True, pace=QUICK).put(DIGEST, DATA)
        assert (caught.value.kind, "ca.crt" in caught.value.hint) == ("store-unreachable", True)
        folder = tmp_path / ".docker/certs.d" / host
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(pem.read_bytes())
        there = Registry(where, writing=True, pace=QUICK)
        there.put(DIGEST, DATA)
        assert there.read(DIGEST, len(DATA)) == DATA
        with pytest.raises(Unavailable) as caught:
            there.ask("PATCH", "http://127.0.0.1:1/v2/upload")
        assert caught.value.kind == "store-broken"


def test_a_registry_on_this_machine_needs_no_tls(oci_host: str) -> None:
    """There it is tried, and done without where it does not speak it."""
    there = Registry(parse_repository(f"oci://{oci_host}/flights"), writing=True, pace=QUICK)
    there.put(DIGEST, DATA)
    assert there.has(DIGEST)
    assert not there.has(Digest("sha256:" + "00" * 32))


def test_nobody_there_is_said(tmp_path: Path) -> None:
    """A host that does not answer is named, and the command may be given again."""
    with pytest.raises(Unavailable) as caught:
        talk("127.0.0.1:1", folder=tmp_path).put(DIGEST, DATA)
    assert caught.value.kind == "store-unreachable"


@pytest.mark.parametrize("place", ["http://[bad", "https://", "//[::1", "http://127.0.0.1:port/x", "ftp://127.0.0.1/x"])
def test_an_address_that_is_none_is_not_followed(stand: Between, place: str) -> None:
    """Whatever a registry points at, what is no address is an error of the registry's."""
    stand.wrong = lambda _, path: (307, b"", {"Location": place}) if "/blobs/" in path else None
    with pytest.raises(Unavailable) as caught:
        talk(stand).read(DIGEST, len(DATA))
    assert caught.value.kind == "store-broken"
    with pytest.raises(Unavailable) as caught:
        talk(stand).ask("PATCH", place)
    assert caught.value.kind == "store-broken"
