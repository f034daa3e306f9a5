"""Doctor looks at a server: whether it is there, in this version, with this time, and knows who asks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from loopline import __version__
from loopline.nouns.finding import Finding
from loopline.sdk.checkup import SOON_S, examine
from loopline.sdk.remote import Remote
from tests.sdk.scripted import Heard, Say, problem, result, scripted

ME: dict[str, Any] = {
    "actor": "person:bea",
    "verified": True,
    "project": "flights",
    "role": "contributor",
    "token": "abc",
}


def healthy(**other: Any) -> Callable[[Heard], Say]:
    """A server that is as it should be, apart from what is said."""
    said: dict[str, Any] = {"date": time.time(), "version": __version__, "me": result(ME), "ends": None} | other

    def answer(heard: Heard) -> Say:
        match heard.path:
            case "/health":
                return Say(200, b"OK", {"Content-Type": "text/plain", "Date": formatdate(said["date"], usegmt=True)})
            case "/api/v1/openapi.json":
                body = json.dumps({"info": {"version": said["version"]}}).encode()
                return Say(200, body, {"Content-Type": "application/json"})
            case "/api/v1/whoami":
                me: Say = said["me"]
                return me
        token = {
            "id": "abc", "actor": "person:bea", "name": "laptop", "scopes": [], "created_by": "person:ann", "created_at": 1,
            "expires_at": said["ends"],
        }  # fmt: skip
        return result([token])

    return answer


def looked(answer: Callable[[Heard], Say] | Say, tmp_path: Path) -> dict[str, Finding]:
    """What doctor finds, by name."""
    with scripted(answer) as server:
        return {one.name: one for one in examine(Remote(server.url, "ll_x", "flights", "person:bea", work=tmp_path))}


def test_a_good_server(tmp_path: Path) -> None:
    """Address, version, clock and who one is are told."""
    found = looked(healthy(), tmp_path)
    assert {name: one.state for name, one in found.items()} == {
        "server": "ok", "server's clock": "ok", "server's answer": "ok",
    }  # fmt: skip
    assert __version__ in found["server"].text
    assert "person:bea, contributor in flights" in found["server's answer"].text


@pytest.mark.parametrize(("seconds", "state"), [(-60.0, "warn"), (60.0, "warn"), (1.0, "ok")])
def test_clocks_that_differ(tmp_path: Path, seconds: float, state: str) -> None:
    """A minute apart is worth a warning, a second is not."""
    assert looked(healthy(date=time.time() + seconds), tmp_path)["server's clock"].state == state


def test_another_version(tmp_path: Path) -> None:
    """Another version names the one to install."""
    found = looked(healthy(version="9.9"), tmp_path)["server"]
    assert (found.state, found.fix) == ("warn", "pip install 'loopline==9.9'")


@pytest.mark.parametrize(("left", "state"), [(SOON_S * 2, "ok"), (SOON_S / 2, "warn")])
def test_a_token_that_ends(tmp_path: Path, left: float, state: str) -> None:
    """A token is told with its end, and warned of a week before."""
    found = looked(healthy(ends=int((time.time() + left) * 1e6)), tmp_path)["server's answer"]
    assert (found.state, "valid until" in found.text) == (state, True)


def test_a_stranger(tmp_path: Path) -> None:
    """A token that the server does not know fails, with what to do."""
    found = looked(healthy(me=problem("Refused", 401, "not-signed-in")), tmp_path)["server's answer"]
    assert (found.state, found.fix) == ("fail", "do so")


def test_somebody_without_a_role(tmp_path: Path) -> None:
    """Who is known and may do nothing is told whom to ask."""
    found = looked(healthy(me=result({**ME, "role": None})), tmp_path)["server's answer"]
    assert (found.state, "admin" in found.fix) == ("warn", True)


@pytest.mark.parametrize(
    "answer",
    [
        Say(200, b"<html>", {"Content-Type": "text/html"}),
        Say(200, b"hello", {"Content-Type": "text/plain"}),
        Say(cut=-1),
    ],
    ids=["a page", "another program", "nobody"],
)
def test_no_server(tmp_path: Path, answer: Say) -> None:
    """Where no Loopline answers that is the only finding, and it fails."""
    found = looked(answer, tmp_path)
    assert [(one.name, one.state) for one in found.values()] == [("server", "fail")]
    assert "LOOPLINE_URL" in found["server"].fix
