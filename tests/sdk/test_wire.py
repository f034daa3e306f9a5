"""A request is asked again where an answer was lost, and only there."""

from __future__ import annotations

import json
import os
import socket
import threading
import time

import pytest

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.sdk.wire import Pace, Wire, error_of, parse_url
from tests.sdk.scripted import Say, problem, result, scripted

FAST = Pace(tries=4, pause=0.01, patience=5.0, connect=1.0, read=0.5)
FINE = result("fine")


@pytest.mark.parametrize(
    "bad",
    [
        Say(cut=-1),
        Say(cut=0),
        Say(cut=20),
        Say(200, b'{"result": "fine"}', cut=45),
        Say(hang=2.0),
        Say(502, b"<html>", {"Content-Type": "text/html"}),
        Say(503, b"", {}),
        Say(504, b""),
        problem("Unavailable", 503, "ledger-busy"),
        problem("Unavailable", 429, "too-many-requests"),
    ],
    ids=["reset", "closed", "cut in the head", "cut in the body", "silent", "502", "503", "504", "busy", "429"],
)
def test_a_lost_answer_is_asked_for_again(bad: Say) -> None:
    """A connection that is reset, closed, cut or silent, and an answer that will pass, are tried again with the same request."""
    with scripted(bad, bad, FINE) as server:
        answer = Wire(server.url, pace=FAST).ask("POST", "/x", body=b"{}", headers={"Idempotency-Key": "k"})
        assert answer.json == {"result": "fine"}
        assert len(server.heard) == 3
        assert {(one.method, one.target, one.body, one.headers["idempotency-key"]) for one in server.heard} == {
            ("POST", "/x", b"{}", "k")
        }


def test_an_answer_may_be_cut_anywhere() -> None:
    """Wherever an answer ends too early, in a name, a number or between two lines of its head, it is asked for again."""
    head = "HTTP/1.1 200 X\r\nContent-Length: 18\r\nContent-Type: application/json\r\n\r\n"
    for cut in range(len(head) + len(FINE.body)):
        with scripted(Say(200, FINE.body, FINE.headers, cut=cut), FINE) as server:
            answer = Wire(server.url, pace=FAST).ask("POST", "/x", body=b"{}", headers={"Idempotency-Key": "k"})
            assert (answer.json, len(server.heard)) == ({"result": "fine"}, 2), cut


@pytest.mark.parametrize(
    "said",
    [
        problem("Invalid", 400, "bad-value", parameter="to"),
        problem("NotFound", 404, "no-such-thing", name="x"),
        problem("Conflict", 409, "ref-moved", expected=1, found=2),
        problem("Refused", 403, "policy-says-no", pending=True),
        problem("Unavailable", 503, "blob-corrupt", digest="sha256:x"),
        problem("Unavailable", 507, "disk-full"),
    ],
    ids=["Invalid", "NotFound", "Conflict", "Refused", "blob-corrupt", "disk-full"],
)
def test_what_the_server_says_no_to_is_raised_at_once(said: Say) -> None:
    """An error keeps its class, kind, hint and facts, and is not asked for twice."""
    with scripted(said, FINE) as server, pytest.raises(LooplineError) as caught:
        Wire(server.url, pace=FAST).ask("GET", "/x")
    assert len(server.heard) == 1
    body = json.loads(said.body)
    assert type(caught.value).__name__ == body["title"]
    assert (caught.value.kind, caught.value.hint, caught.value.message) == (body["kind"], body["hint"], body["detail"])
    assert caught.value.facts == body["facts"]


def test_retry_after_is_waited_for() -> None:
    """A server that says when to come back is not asked before."""
    with scripted(Say(503, b"", {"Retry-After": "1"}), FINE) as server:
        began = time.monotonic()
        Wire(server.url, pace=FAST).ask("GET", "/x")
        assert time.monotonic() - began >= 1.0


def test_patience_has_an_end() -> None:
    """A server that never recovers is given up after the tries of the pace, and the last thing it said is raised."""
    with scripted(Say(503, b"")) as server, pytest.raises(Unavailable) as caught:
        Wire(server.url, pace=FAST).ask("GET", "/x")
    assert len(server.heard) == FAST.tries
    assert (caught.value.kind, caught.value.facts["status"]) == ("not-a-loopline", 503)


def test_nobody_there() -> None:
    """Where nothing listens, the error names the address and the next step."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Unavailable) as caught:
        Wire(url, "ll_secret", pace=FAST).ask("GET", "/x")
    assert (caught.value.kind, caught.value.facts) == ("server-unreachable", {"url": url})
    assert "LOOPLINE_URL" in caught.value.hint
    assert "ll_secret" not in str(caught.value) + caught.value.hint + str(caught.value.facts)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (Say(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}), "proxy"),
        (Say(404, b"<html>", {"Content-Type": "text/html"}), "proxy"),
        (Say(301, b"", {"Location": "https://elsewhere/"}), "https://elsewhere/"),
        (Say(500, b"{}", {"Content-Type": "application/json"}), "LOOPLINE_URL"),
    ],
    ids=["login page", "404", "redirect", "another program"],
)
def test_something_else_answers(said: Say, word: str) -> None:
    """A login page, a redirect or another program is told as what it is, and nothing is sent on to where it points."""
    with scripted(said) as server:
        wire = Wire(server.url, "ll_x", pace=FAST)
        with pytest.raises(Unavailable) as caught:
            wire.ask("GET", "/x")
        assert (caught.value.kind, len(server.heard)) == ("not-a-loopline", 1)
        assert word in caught.value.hint


def test_connections_are_kept_and_shared() -> None:
    """Forty requests of four threads need no more connections than threads."""
    with scripted(FINE) as server:
        wire = Wire(server.url)
        threads = [threading.Thread(target=lambda: [wire.ask("GET", "/x") for _ in range(10)]) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(server.heard) == 40
        assert server.connections <= 4


def test_a_child_of_a_fork_opens_its_own_connections() -> None:
    """A child asks over a connection of its own, so that answers of parent and child are never mixed."""
    with scripted(FINE) as server:
        wire = Wire(server.url)
        wire.ask("GET", "/parent")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if wire.ask("GET", "/child").json == {"result": "fine"} else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        wire.ask("GET", "/parent")
        assert [one.path for one in server.heard] == ["/parent", "/child", "/parent"]
        assert server.connections == 2


def test_the_token_goes_along() -> None:
    """A token is sent as a bearer token, and is not shown by the wire itself."""
    with scripted(FINE) as server:
        wire = Wire(server.url, "ll_secret")
        wire.ask("GET", "/x")
        assert server.heard[0].headers["authorization"] == "Bearer ll_secret"
        assert "ll_secret" not in repr(wire)


@pytest.mark.parametrize(
    "text", ["", "localhost:4040", "ftp://x", "http://", "http://h:99999", "http://h?x=1", "http://h/#x"]
)
def test_an_address_that_is_none(text: str) -> None:
    """What is no address of a server is told before anything is sent."""
    with pytest.raises(Invalid) as caught:
        parse_url(text)
    assert caught.value.kind == "bad-url"


def test_an_address_holds_no_password() -> None:
    """A password in an address is refused, and not repeated."""
    with pytest.raises(Invalid) as caught:
        parse_url("https://ann:hunter2@h")
    assert "hunter2" not in str(caught.value) + str(caught.value.facts) + caught.value.hint


def test_addresses_keep_their_path() -> None:
    """A server behind a path of a proxy is asked below that path."""
    assert (
        Wire("https://h/loopline/").target("/api/v1/ls", [("a", "x y&z")]) == "https://h/loopline/api/v1/ls?a=x%20y%26z"
    )


@pytest.mark.parametrize("cls", [Invalid, NotFound, Conflict, Refused, Unavailable])
def test_errors_of_tasks_and_of_problems(cls: type[LooplineError]) -> None:
    """What a task keeps of an error and what a problem says of it both give the error again."""
    parts = {"kind": "k", "hint": "h", "facts": {"a": 1, "message": "in the way"}}
    for said in ({"title": cls.__name__, "detail": "m", **parts}, {"class": cls.__name__, "message": "m", **parts}):
        error = error_of(said)
        assert (type(error), error.message, error.kind, error.hint, error.facts) == (cls, "m", "k", "h", {"a": 1})


def test_a_class_that_this_version_does_not_know() -> None:
    """A defect of the server, or a class of a later version, is a reason to come back later."""
    assert type(error_of({"title": "Unexpected", "detail": "d", "kind": "defect"})) is Unavailable
