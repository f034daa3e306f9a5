"""A remote client says on the wire what was asked, and gives back what a local one would give."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any

import pytest

from loopline.errors import Invalid, NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.nouns.run import Point
from loopline.sdk.client import usage_for
from loopline.sdk.remote import Remote, pairs_of
from loopline.sdk.wire import Pace
from loopline.verbs import VERBS, load
from loopline.verbs.annotations import fields_of
from loopline.verbs.get import get
from loopline.verbs.plain import plain, restore
from tests.sdk.scripted import Say, problem, result, scripted

YES = Say(200, b'{"result": true}', {"Content-Type": "application/json"})
FAST = Pace(tries=4, pause=0.01, patience=5.0, connect=1.0, read=1.0)
DELAY = AssetName("flights", "model", "delay")
VERSION = {
    "asset": "model/delay", "number": 1, "artifact": {"digest": digest_of(b"x"), "media_type": "text/plain", "size": 1},
}  # fmt: skip


def remote(url: str, tmp_path: Path, **more: Any) -> Remote:
    """A client of project flights that loses patience soon."""
    return Remote(url, more.pop("token", ""), "flights", "person:ann", work=tmp_path, pace=FAST, **more)


def test_a_read_is_a_get(tmp_path: Path) -> None:
    """Words of a read stand in the query, names of the project without it, and nouns come back."""
    with scripted(result(VERSION)) as server:
        client = remote(server.url, tmp_path)
        version = client.do(get, Pointer(DELAY, Named("champion")))
        assert client.do("get", "model/delay@champion") == version
        assert (version.asset, version.number, str(version)) == (DELAY, 1, "model/delay@1")
        assert [(one.method, one.target) for one in server.heard] == [
            ("GET", "/api/v1/get?project=flights&pointer=model%2Fdelay%40champion")
        ] * 2
        assert server.heard[0].headers["loopline-actor"] == "person:ann"


def test_a_write_is_a_post_under_one_key(tmp_path: Path) -> None:
    """A write whose answer was cut is sent again under the same key; the next write has another one."""
    with scripted(Say(200, b'{"result":', cut=40), YES, YES) as server:
        client = remote(server.url, tmp_path)
        for _ in range(2):
            assert client.do("log", "01a2", points=(Point("loss", float("nan"), 3, 7),), tags={"a": "b"}) is True
        first, again, _ = server.heard
        assert first.body == again.body
        assert first.target == "/api/v1/log?project=flights"
        assert first.json == {
            "run": "01a2", "points": [{"key": "loss", "value": "NaN", "step": 3, "time": 7}], "tags": {"a": "b"},
        }  # fmt: skip
        keys = [one.headers["idempotency-key"] for one in server.heard]
        assert keys[0] == keys[1] != keys[2]
        assert len(keys[0]) == 32


def test_a_rehearsal_says_so(tmp_path: Path) -> None:
    """A dry client marks what writes, and only that."""
    with scripted(YES, result(VERSION)) as server:
        client = remote(server.url, tmp_path, dry=True)
        client.do("log", "01a2")
        client.do("get", "model/delay@1")
        assert [one.headers.get("loopline-dry-run") for one in server.heard] == ["true", None]


def test_who_has_a_token_claims_no_name(tmp_path: Path) -> None:
    """With a token, the token says who asks."""
    with scripted(result(VERSION)) as server:
        remote(server.url, tmp_path, token="ll_x").do("get", "model/delay@1")
        assert "loopline-actor" not in server.heard[0].headers


def test_another_project_and_actor(tmp_path: Path) -> None:
    """The same server seen from another project: its names carry no project, ours do."""
    with scripted(result({**VERSION, "asset": "flights:model/delay"})) as server:
        other = remote(server.url, tmp_path).within("weather", "token:ci")
        version = other.do(get, Pointer(DELAY, Numbered(1)))
        assert (other.project, version.asset.project) == ("weather", "flights")
        assert server.heard[0].target == "/api/v1/get?project=weather&pointer=flights%3Amodel%2Fdelay%401"
        assert server.heard[0].headers["loopline-actor"] == "token:ci"


def test_words_of_a_query() -> None:
    """Lists repeat their name, mappings carry KEY=VALUE, nothing stands for None."""
    words = {"a": [1, "x"], "b": {"k": "v", "n": 2}, "c": None, "d": True, "e": "true", "f": 0.5}
    assert list(pairs_of(words)) == [
        ("a", "1"), ("a", "x"), ("b", "k=v"), ("b", "n=2"), ("d", "true"), ("e", "true"), ("f", "0.5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda client: client.do("get", "nonsense"), Invalid),
        (lambda client: client.do("promte"), Invalid),
        (lambda client: client.do("get"), TypeError),
        (lambda client: client.do("get", "model/delay", strange=1), TypeError),
    ],
    ids=["a bad name", "no verb", "a word is missing", "a strange word"],
)
def test_what_cannot_be_asked_is_not_sent(tmp_path: Path, ask: Any, error: type[Exception]) -> None:
    """A mistake that needs no server to be seen raises what a local client raises, and nothing goes over the wire."""
    with scripted(result(None)) as server:
        with pytest.raises(error):
            ask(remote(server.url, tmp_path))
        assert server.heard == []


def test_an_answer_of_a_later_version(tmp_path: Path) -> None:
    """A field that this version does not know is told as another version, not as the caller's mistake."""
    with scripted(result({**VERSION, "shine": 3})) as server, pytest.raises(Unavailable) as caught:
        remote(server.url, tmp_path).do("get", "model/delay@1")
    assert caught.value.kind == "other-version"
    assert "loopline doctor" in caught.value.hint


def test_a_login_page_instead_of_an_answer(tmp_path: Path) -> None:
    """HTML with status 200 is no answer."""
    page = Say(200, b"<html>Sign in", {"Content-Type": "text/html"})
    with scripted(page) as server, pytest.raises(Unavailable) as caught:
        remote(server.url, tmp_path).do("get", "model/delay@1")
    assert (caught.value.kind, caught.value.facts["content_type"]) == ("not-a-loopline", "text/html")


def test_errors_of_the_server_are_raised_here(tmp_path: Path) -> None:
    """What a verb raises there is raised here, with kind, hint and facts."""
    with (
        scripted(problem("NotFound", 404, "no-such-ref", ref="model/delay@x")) as server,
        pytest.raises(NotFound) as caught,
    ):
        remote(server.url, tmp_path).do("get", "model/delay@x")
    assert (caught.value.kind, caught.value.facts) == ("no-such-ref", {"ref": "model/delay@x"})


def test_the_result_of_every_verb_comes_back() -> None:
    """Whatever a verb says that it gives, each field filled in, is the same after the wire."""
    for verb in VERBS:
        returns = usage_for(load(verb.name)).returns
        for value in samples(returns):
            back = restore(returns, plain(value, project="flights"), project="flights")
            assert back == value, verb.name
            assert type(back) is type(value), verb.name


def samples(kind: Any, depth: int = 3) -> Iterator[Any]:
    """Give a value of each arm of a type, nested ones filled in too."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, UnionType):
        for arm in args:
            yield from samples(arm, depth)
    elif origin is typing.Literal:
        yield args[0]
    elif kind is Digest:
        yield digest_of(b"x")
    elif kind in _GIVEN:
        yield _GIVEN[kind]
    elif origin is tuple:
        if args[-1] is not Ellipsis:
            yield tuple(next(samples(one, depth)) for one in args)
        else:
            yield from ((one,) for one in samples(args[0], depth - 1)) if depth > 0 else iter([()])
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield {next(samples(args[0])): next(samples(args[1], depth))}
    elif origin is list:
        yield [next(samples(args[0], depth))]
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield next(iter(kind))
    else:
        yield kind(**{name: next(samples(of, depth - 1)) for name, of in fields_of(kind).items()})


_GIVEN: dict[Any, Any] = {
    str: "text",
    int: 7,
    float: 0.5,
    bool: True,
    bytes: b"\0\xff",
    Any: {"a": [1, None]},
    object: {"a": 1},
    type(None): None,
    timedelta: timedelta(hours=1),
    AssetName: DELAY,
    RefName: RefName(AssetName("weather", "data", "rain"), "main"),
    Pointer: Pointer(DELAY, Numbered(2)),
}
