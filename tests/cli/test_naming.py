"""A command line that speaks to a server completes its names, and claims none beside a token."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopline.cli.complete import answer, candidates
from tests.cli.conftest import Said
from tests.sdk.scripted import Heard, Say, result, scripted

DIGEST = "sha256:" + "1" * 64
RUN = "01a2" + "0" * 28


def server(heard: Heard) -> Say:
    """A server with one model of two versions, and one run."""
    version = {"asset": "model/delay", "number": 2, "artifact": {"digest": DIGEST}, "message": "July\nand more"}
    ref = {"name": "model/delay@champion", "target": 1}
    match heard.path.rpartition("/")[2]:
        case "ls":
            return result([{"asset": "model/delay", "versions": 2, "refs": [ref], "newest": version}])
        case "history":
            return result([version])
    run: dict[str, Any] = {"id": RUN, "project": "flights", "name": "train", "kind": "run", "state": "finished"}
    return result([run] if "what=runs" in heard.target else [])


def words(*before: str, current: str) -> list[str]:
    """Give the candidates as they are written for a shell."""
    return list(candidates(before, current))


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        ("model/", ["model/delay\t2 versions"]),
        ("mod", ["model/delay\t2 versions"]),
        ("data/", []),
        ("model/delay@", ["model/delay@champion\t@1", "model/delay@2\tJuly and more"]),
        ("01a", [f"{RUN}\ttrain"]),
    ],
)
def test_names_come_from_the_server(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, current: str, wanted: list[str]
) -> None:
    """Assets, refs, versions and ids are those of the server that a variable or the project's file names."""
    with scripted(server) as there:
        monkeypatch.setenv("LOOPLINE_URL", there.url)
        assert words("show", current=current) == wanted
        monkeypatch.delenv("LOOPLINE_URL")
        Path("loopline.toml").write_text(f'[project]\nname = "flights"\n[store]\nurl = "{there.url}"\n')
        assert words("show", current=current) == wanted


def test_a_server_that_is_away_costs_a_moment(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no answer comes, there are soon no candidates and no words about it."""
    with scripted(Say(hang=30)) as there:
        monkeypatch.setenv("LOOPLINE_URL", there.url)
        began = time.monotonic()
        assert answer(["1", "show", "model/"]) == 0
        assert time.monotonic() - began < 4
    assert capsys.readouterr() == ("", "")


def test_nobody_claims_a_name_beside_a_token(run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """With a token, `--as` is refused before anything is sent; without one it is passed on."""
    with scripted(result([])) as there:
        monkeypatch.setenv("LOOPLINE_URL", there.url)
        assert run("ls", "--as", "bea").code == 0
        assert there.heard[-1].headers["loopline-actor"] == "person:bea"
        monkeypatch.setenv("LOOPLINE_TOKEN", "ll_x")
        before = len(there.heard)
        said = run("ls", "--as", "bea", "--json")
        assert (said.code, said.fault["kind"], len(there.heard)) == (2, "actor-by-token", before)


def test_a_token_is_never_shown(run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """`config` tells the server's address with its origin, and of the token only that there is one."""
    monkeypatch.setenv("LOOPLINE_URL", "http://loop.example:4040")
    monkeypatch.setenv("LOOPLINE_TOKEN", "ll_secret")
    said = run("config", "--show-origin")
    assert "http://loop.example:4040" in said.out
    assert "ll_secret" not in said.out + said.err


@pytest.mark.parametrize(("command", "wanted"), [("run", "train"), ("approve", "model/delay@champion\tbetter")])
def test_pipelines_and_open_changes_come_from_the_server(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, command: str, wanted: str
) -> None:
    """Behind `run` are pipelines, behind commands about changes the open ones, as with a ledger here."""
    move = {"ref": "model/delay@champion", "old": 1, "new": 2}
    change = {
        "id": RUN, "project": "flights", "author": "ann", "reason": "better", "kind": "planned", "state": "proposed",
        "moves": [move], "created_at": 0,
    }  # fmt: skip

    def say(heard: Heard) -> Say:
        return server(heard) if "what=runs" in heard.target else result([change] if "open=true" in heard.target else [])

    with scripted(say) as there:
        monkeypatch.setenv("LOOPLINE_URL", there.url)
        assert words(command, current="")[0] == wanted
