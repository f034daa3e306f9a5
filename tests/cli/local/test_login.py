"""Logging in to a real server, and out again."""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from loopline.sdk.credentials import find
from tests.server.serving import Served

if TYPE_CHECKING:
    from tests.cli.conftest import Said


class Site:
    """A server on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.served = Served(folder)
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(self.served.app, log_level="warning", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def close(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join(10)
        self.served.close()

    def answer(self, secret: str, code: str, answer: str) -> int:
        """Sign a browser in with a token, and answer a device there."""
        with httpx.Client(base_url=self.url, headers={"Origin": self.url}) as browser:
            assert browser.post("/login", data={"token": secret}).status_code == 303
            page = browser.get("/device", params={"code": code}).text
            csrf = re.search(r'name="csrf" value="([0-9a-f]{128})"', page)
            assert csrf
            return browser.post("/device", data={"csrf": csrf[1], "code": code, "answer": answer}).status_code


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Serve a ledger."""
    folder = tmp_path / "server"
    folder.mkdir()
    made = Site(folder)
    yield made
    made.close()


@pytest.fixture
def admin(site: Site) -> str:
    """The text of an admin's token."""
    return site.served.token("ann", "admin", everywhere=True).secret


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    """Let the server's clock run while the device waits, and the device wait no longer than needed."""

    def sleep(seconds: float) -> None:
        site.served.loop.clock.advance(seconds=seconds + 1)  # type: ignore[attr-defined]
        real(0.05)

    real = time.sleep
    monkeypatch.setattr("loopline.sdk.device.wait.__kwdefaults__", {"sleep": sleep, "clock": time.monotonic})


def by_device(run: Callable[..., Said], site: Site, secret: str, answer: str, capsys: Any) -> Said:
    """Run a login and answer it in a browser as soon as its code is there."""
    shown = io.StringIO()

    class Both(io.StringIO):
        def write(self, text: str) -> int:
            shown.write(text)
            return super().write(text)

    done = threading.Event()

    def browse() -> None:
        while not (found := re.search(r"code=([A-Z]{4}-[A-Z]{4})", shown.getvalue())):
            if done.wait(0.02):
                return
        assert site.answer(secret, found[1], answer) == 200

    browser = threading.Thread(target=browse, daemon=True)
    browser.start()
    before, sys.stderr = sys.stderr, Both()
    try:
        said = run("login", site.url, "--json")
        err = sys.stderr.getvalue()
    finally:
        sys.stderr = before
        done.set()
        browser.join(10)
    return said._replace(err=err)


@pytest.mark.usefixtures("quick")
def test_a_device_is_let_in_in_a_browser(run: Callable[..., Said], site: Site, admin: str, capsys: Any) -> None:
    """The code is shown, confirmed in a browser, and what was kept speaks for whoever confirmed it, without any variable."""
    said = by_device(run, site, admin, "allow", capsys)
    assert (said.code, said.result["actor"], said.result["verified"]) == (0, "person:ann", True), said.err
    kept = find(site.url)
    assert kept
    assert kept.actor == "person:ann"
    assert kept.token not in said.out + said.err
    answer = httpx.get(f"{site.url}/api/v1/whoami", headers={"Authorization": f"Bearer {kept.token}"})
    assert answer.json()["result"]["actor"] == "person:ann"


@pytest.mark.usefixtures("quick")
def test_a_device_that_is_denied_keeps_nothing(run: Callable[..., Said], site: Site, admin: str, capsys: Any) -> None:
    """A no in the browser ends the login here."""
    said = by_device(run, site, admin, "deny", capsys)
    assert (said.code == 0, find(site.url)) == (False, None)
    assert "login-denied" in said.err


def test_a_token_is_read_from_standard_input(
    run: Callable[..., Said], site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is checked first, then kept; later commands use it, and a logout kills it on the server."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{admin}\n"))
    said = run("login", site.url, "--token", "--json")
    assert (said.code, said.result["actor"]) == (0, "person:ann"), said.err
    assert admin not in said.out + said.err
    monkeypatch.setenv("LOOPLINE_URL", site.url)
    said = run("whoami", "--json")
    assert (said.code, said.result["actor"], said.result["embedded"]) == (0, "person:ann", False), said.err
    # another admin's token keeps the server closed once this one is dead
    site.served.token("root", "admin", everywhere=True)
    assert run("logout").code == 0
    assert find(site.url) is None
    assert httpx.get(f"{site.url}/api/v1/whoami", headers={"Authorization": f"Bearer {admin}"}).status_code == 401
    said = run("logout", "--json")
    assert (said.code == 0, said.fault["kind"]) == (False, "not-logged-in")


@pytest.mark.parametrize("typed", ["", "ll_aaaaaaaaaaaa_" + "0" * 43, "two words", "ü"])
def test_a_token_that_lets_nobody_in_is_not_kept(
    run: Callable[..., Said], site: Site, admin: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing, a dead token and what cannot be one are refused before anything is written."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed + "\n"))
    assert admin
    said = run("login", site.url, "--token", "--json")
    assert said.code != 0
    assert said.fault["kind"] in {"no-token-given", "not-signed-in"}
    assert find(site.url) is None


def test_who_types_no_token_is_told_so(site: Site, admin: str, tmp_path: Path) -> None:
    """Ctrl-D at the prompt of a terminal is no defect: it says what is missing, and exits as for any wrong request."""
    assert admin
    ours, theirs = os.openpty()
    command = [str(Path(sys.executable).with_name("loopline")), "login", site.url, "--token"]
    with subprocess.Popen(command, stdin=theirs, stderr=subprocess.PIPE, cwd=tmp_path, start_new_session=True) as login:
        assert login.stderr
        said = b""
        while not said.endswith(b"token: "):
            byte = login.stderr.read(1)
            assert byte, said
            said += byte
        os.write(ours, b"\x04")
        rest = login.stderr.read()
        assert b"loopline login URL --token < FILE" in rest, rest
    assert login.returncode == 2
    os.close(ours)
    os.close(theirs)


def test_the_variable_wins_over_what_was_kept(
    run: Callable[..., Said], site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sets LOOPLINE_TOKEN is that token's actor, whatever a login kept."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(admin))
    assert run("login", site.url, "--token").code == 0
    monkeypatch.setenv("LOOPLINE_URL", site.url)
    monkeypatch.setenv("LOOPLINE_TOKEN", site.served.token("token:ci", "viewer").secret)
    assert run("whoami", "--json").result["actor"] == "token:ci"


def test_an_open_server_needs_no_login(run: Callable[..., Said], site: Site) -> None:
    """It says so, in place of a code that nobody could confirm."""
    said = run("login", site.url, "--json")
    assert said.fault["kind"] == "login-not-needed"


def test_a_login_needs_an_address(run: Callable[..., Said]) -> None:
    """One that is given, or that of the settings; and one of http."""
    assert run("login", "--json").fault["kind"] == "missing-parameter"
    assert run("logout", "--json").fault["kind"] == "missing-parameter"
    assert run("login", "ftp://example.com", "--json").fault["kind"] == "bad-url"


def test_a_login_in_plain_text_is_warned_of(run: Callable[..., Said]) -> None:
    """A token that goes over a network without encryption may be read there; on this machine it may not."""
    assert "not encrypted" in run("login", "http://loopline.invalid:1", "--json").err
    assert "not encrypted" not in run("login", "http://127.0.0.1:1", "--json").err
